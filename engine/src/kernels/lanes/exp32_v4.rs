//! AVX-512 lanes of the f32 exp, exp2 and expm1: `2^k*e^r`, with the whole of `e^r` in one chain of multiply-adds, and k added
//! to the exponent. The generic lanes hold r and the result in two parts; here, where an integer is added instead of the last
//! product, rounding each of them once leaves 1 ULP.
//!
//! Measured: at most 0.93 ULP for exp and expm1, 0.84 for exp2. An element of exp2 takes 0.13 ns, and by the generic lane
//! 0.16; of expm1 0.29 and 0.34.

use super::exp::c32;
use super::real::Real;
use super::wide::Wide;
use core::arch::x86_64::{__m512, __m512i, _CMP_EQ_OQ, _CMP_LE_OQ};
use pulp::cast;
use pulp::x86::V4;

/// 1.5 * 2^23: a sum with it has no fraction, and its integer in the low bits.
const MAGIC: f32 = 12582912.0;
/// ln 2 less its f32. (k times the f32 has no more bits than x, whence their difference is exact.)
const LN2_REST: f32 = -1.904_654_2e-9;
/// `(e^r - 1)/r` on |r| <= 0.3476, by Sollya's fpminimax, as the others: error 2^-27.2 of e^r.
const EXP: [f32; 6] = [1.0, 0.5, 0.16666539, 0.04166645, 0.008367017, 0.0013936211];
/// `(2^r - 1)/r` on |r| <= 1/2: error 2^-27.3 of 2^r.
const EXP2: [f32; 6] =
    [core::f32::consts::LN_2, 0.2402265, 0.05550366, 0.009618077, 0.0013388069, 0.00015456429];
/// `(e^r - 1 - r)/r^2` on [-0.293, 0.4075]: error 2^-31 of e^r - 1.
const EXPM1: [f32; 6] = [0.5, 0.1666667, 0.041666575, 0.008332004, 0.0013919444, 0.00020952638];

/// `y * 2^k` for the k in the low bits of steps, where that is normal.
#[inline(always)]
fn scaled(y: Wide<__m512>, steps: Wide<__m512>) -> Wide<__m512> {
    let i = y.0.avx512f;
    let power: __m512i = i._mm512_slli_epi32::<23>(cast(steps.1));
    Wide(y.0, cast(i._mm512_add_epi32(cast(y.1), power)))
}

#[inline(always)]
pub fn exp(simd: V4, x: __m512) -> __m512 {
    let x = Wide(simd, x);
    let steps = x.madd(x.all(core::f32::consts::LOG2_E), x.all(MAGIC));
    let k = steps - x.all(MAGIC);
    let r = k.madd(x.all(-core::f32::consts::LN_2), x);
    let r = k.madd(x.all(-LN2_REST), r);
    scaled(r.madd(r.polynomial(&EXP), x.all(1.0)), steps).1
}

#[inline(always)]
pub fn exp2(simd: V4, x: __m512) -> __m512 {
    // To the nearest integer, ties to even, as the sum rounds too.
    let r = Wide(simd, simd.avx512dq._mm512_reduce_ps::<0>(x));
    let x = Wide(simd, x);
    scaled(r.madd(r.polynomial(&EXP2), x.all(1.0)), x + x.all(MAGIC)).1
}

#[inline(always)]
pub fn expm1(simd: V4, x: __m512) -> __m512 {
    // Below it is -1 to the last bit.
    let x = Wide(simd, x);
    let x = x.max(x.all(c32::MINUS_ONE));
    // With r between ln(3/4) and ln(3/2), `2^k*(e^r - 1)` and `2^k - 1` cancel at most by half: there is no need of a second
    // part of either.
    let steps = x.madd(x.all(core::f32::consts::LOG2_E), x.all(-0.084_962_5)) + x.all(MAGIC);
    let k = steps - x.all(MAGIC);
    let r = k.madd(x.all(-core::f32::consts::LN_2), x);
    let rest = k * x.all(-LN2_REST);
    // 2^25 is the only power whose loss of the 1 counts.
    let i = simd.avx512f;
    let lost = i._mm512_cmp_ps_mask::<_CMP_EQ_OQ>(k.1, x.all(25.0).1);
    let rest = rest.madd(r, rest).1;
    let rest = Wide(simd, i._mm512_mask_sub_ps(rest, lost, rest, x.all(f32::EPSILON / 4.0).1));
    let p = r + (r * r).madd(r.polynomial(&EXPM1), rest);
    let s = scaled(x.all(1.0), steps);
    // expm1 has the sign of x, also at zero.
    s.madd(p, s - x.all(1.0)).copysign(x).1
}

/// Neither the result nor 2^k is subnormal or infinite.
#[inline(always)]
pub fn usual(simd: V4, x: __m512, most: f32, ok: u16) -> u16 {
    let i = simd.avx512f;
    i._mm512_mask_cmp_ps_mask::<_CMP_LE_OQ>(ok, i._mm512_abs_ps(x), i._mm512_set1_ps(most))
}

/// The same of what is -1 in the end where x is very negative.
#[inline(always)]
pub fn usual_expm1(simd: V4, x: __m512, most: f32, ok: u16) -> u16 {
    let i = simd.avx512f;
    i._mm512_mask_cmp_ps_mask::<_CMP_LE_OQ>(ok, x, i._mm512_set1_ps(most))
}
