//! AVX-512 lanes of the f32 cube root: `cbrt.rs`'s steps, the guess by a conversion from and to whole numbers, and a Newton
//! step whose square is rounded. 0.74 ULP. An element takes 0.25 ns, and by the generic lane 0.32.

use super::cbrt::{D32, SMALL32};
use super::real::Real;
use super::wide::Wide;
use core::arch::x86_64::{__m512, __m512i, _MM_CMPINT_LT};
use pulp::cast;
use pulp::x86::V4;

/// The guess's bits where x's are 0: 4/3 of the exponent's bias, less 0.068.
const GUESS: f32 = 2773243.0 * 512.0;

#[inline(always)]
pub fn cbrt(simd: V4, x: __m512) -> __m512 {
    let i = simd.avx512f;
    let x = Wide(simd, x);
    let a = x.abs();
    let bits = Wide(simd, i._mm512_cvtepi32_ps(cast(a.1)));
    let guess = bits.madd(x.all(-1.0 / 3.0), x.all(GUESS));
    let w = Wide(simd, cast(i._mm512_cvtps_epi32(guess.1)));

    // In this order nothing over- or underflows.
    let square = w * w;
    let e = x.all(1.0).minus_product(a * w, square);
    let v = (square * e).madd(e.polynomial(&D32), square);
    let t = a * v;
    let d = a.minus_product(t * t, t);
    (d * v).madd(x.all(1.0 / 3.0), t).copysign(x).1
}

/// Normal, and no subnormal number on the way.
#[inline(always)]
pub fn usual(simd: V4, x: __m512, ok: u16) -> u16 {
    let i = simd.avx512f;
    let min = SMALL32.to_bits() as i32;
    let above: __m512i = i._mm512_sub_epi32(cast(i._mm512_abs_ps(x)), i._mm512_set1_epi32(min));
    let room = i._mm512_set1_epi32(f32::INFINITY.to_bits() as i32 - min);
    i._mm512_mask_cmp_epu32_mask::<_MM_CMPINT_LT>(ok, above, room)
}
