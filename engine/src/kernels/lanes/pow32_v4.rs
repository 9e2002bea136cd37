//! AVX-512 lanes of the f32 power: what `pair.rs` does to f64, in 16 lanes of f32, whose tables of 32 take one permute each.
//! The logarithm and the product in two parts; what they and the exponential leave is under 0.1 ULP.

use super::pair::INV as INV_64;
use core::arch::x86_64::{__m512, __m512i, _CMP_LE_OQ, _MM_CMPINT_LT};
use pulp::cast;
use pulp::x86::V4;

/// The reciprocals, all short.
const INV: [f32; 32] = {
    let (mut inv, mut i) = ([0.0; 32], 0);
    while i < 32 {
        inv[i] = INV_64[i] as f32;
        i += 1;
    }
    inv
};
/// -log(INV) to multiples of 2^-17, whose sum with k*LN2_HI is exact, and the rest. From mpmath.
const LOG_HI: [f32; 32] = [
    0.0, 0.03174591, 0.06453705, 0.08985901, 0.11582947, 0.1515503, 0.16989899, 0.19806671, 0.22705841,
    0.24685669, 0.26705933, 0.29815674, 0.3194275, 0.34117126, 0.3633957, 0.38612366, 0.40937805, 0.42121124,
    0.4453125, 0.47000122, 0.4825821, 0.5082245, 0.52129364, 0.547966, 0.5615692, 0.57536316, 0.58934784,
    0.61792755, 0.6325226, 0.64733887, 0.6623764, 0.6776428,
];
const LOG_LO: [f32; 32] = [
    0.0,
    2.7876702e-6,
    1.4727977e-6,
    -2.6796672e-6,
    2.3477517e-6,
    -3.9484155e-7,
    4.997899e-8,
    3.2023363e-6,
    -9.600092e-7,
    3.3884785e-6,
    3.459077e-6,
    -3.3659621e-6,
    3.280532e-6,
    -5.0724566e-7,
    -1.7967305e-6,
    -1.5119615e-6,
    9.556715e-7,
    2.2224006e-6,
    -1.4833446e-6,
    2.4085425e-6,
    3.1916744e-7,
    3.5476126e-7,
    3.2834967e-6,
    -8.3270254e-7,
    1.6089041e-6,
    9.857239e-7,
    2.5475229e-6,
    -3.7919472e-6,
    -2.4264303e-8,
    -1.2226589e-6,
    -8.819154e-7,
    1.7175836e-7,
];
/// ln 2 to a multiple of 2^-17, and the rest.
const LN2_HI: f32 = 0.69314575;
const LN2_LO: f32 = 1.4286068e-6;
/// ln 2 / 32 to a multiple of 2^-16, so that its product with n is exact, and the rest.
const STEP_HI: f32 = 0.02166748;
const STEP_LO: f32 = -6.6310763e-6;
/// 2^(i/32), and what its rounding left out, relative to it. From mpmath.
const POWERS: [f32; 32] = [
    1.0,
    1.0218972,
    1.0442737,
    1.0671405,
    1.0905077,
    1.1143868,
    1.1387886,
    1.1637249,
    1.1892071,
    1.2152474,
    1.2418578,
    1.269051,
    1.2968396,
    1.3252367,
    1.3542556,
    1.38391,
    std::f32::consts::SQRT_2,
    1.4451808,
    1.4768262,
    1.5091645,
    1.5422108,
    1.5759809,
    1.6104903,
    1.6457555,
    1.6817929,
    1.7186193,
    1.7562522,
    1.7947091,
    1.8340081,
    1.8741677,
    1.9152066,
    1.9571441,
];
const POWERS_REST: [f32; 32] = [
    0.0,
    -4.708458e-8,
    4.6285468e-8,
    -5.560423e-8,
    -1.19921575e-8,
    -4.8776066e-8,
    4.729782e-8,
    -3.4814427e-8,
    3.193418e-8,
    -2.6886665e-8,
    3.6210572e-8,
    1.118421e-9,
    -3.0990723e-8,
    -2.6383011e-8,
    -7.475213e-9,
    -4.2456357e-8,
    1.7114271e-8,
    2.3001967e-8,
    -3.0476834e-8,
    -1.6538538e-8,
    5.233334e-9,
    -3.592065e-8,
    6.1075918e-9,
    -3.1140544e-8,
    -1.4719606e-8,
    -2.8218102e-8,
    -5.258795e-9,
    -6.3603873e-9,
    -6.1282597e-9,
    -2.4880409e-8,
    5.1406093e-9,
    -8.697267e-9,
];
/// The bits of these, less i << 18: adding (32*k + i) << 18 gives the bits of 2^k * 2^(i/32).
const POWER_BITS: [u32; 32] = {
    let (mut bits, mut i) = ([0; 32], 0);
    while i < 32 {
        bits[i] = POWERS[i].to_bits() - ((i as u32) << 18);
        i += 1;
    }
    bits
};
/// log(1+r) = r - r^2/2 + r^3*P(r) by Sollya's fpminimax: error 2^-34 relative to r.
const P: [f32; 3] = [0.3333331, -0.25004613, 0.2013217];
/// e^r = 1 + r + r^2*Q(r) on |r| <= 0.01085, in the same way: error 2^-32.7.
const Q: [f32; 2] = [0.5000037, 0.16666764];
/// 1.5 * 2^23: a sum with it has no fraction, and its integer in the low bits.
const MAGIC: f32 = 12582912.0;
const ONE: i32 = 0x3f80_0000;
/// A field of exponents is so much too large.
const SCALE: f32 = 1.0 / 8388608.0; // 2^-23

/// Of a table, by the low five bits of `at`.
#[inline(always)]
fn pick(simd: V4, at: __m512i, table: [f32; 32]) -> __m512 {
    let [a, b]: [__m512; 2] = cast(table);
    simd.avx512f._mm512_permutex2var_ps(a, at, b)
}

/// The logarithm of a power in two parts.
#[inline(always)]
fn log_power(simd: V4, x: __m512, y: __m512) -> (__m512, __m512) {
    let i = simd.avx512f;
    let bits: __m512i = cast(x);
    let u = i._mm512_add_epi32(bits, i._mm512_set1_epi32((1 << 17) - ONE));
    let field = i._mm512_and_si512(u, i._mm512_set1_epi32(-1 << 23));
    let at = i._mm512_srli_epi32::<18>(u);
    let m: __m512 = cast(i._mm512_sub_epi32(bits, field));
    let k = i._mm512_cvtepi32_ps(field);
    let r = i._mm512_fmsub_ps(m, pick(simd, at, INV), i._mm512_set1_ps(1.0));
    let base = i._mm512_fmadd_ps(k, i._mm512_set1_ps(LN2_HI * SCALE), pick(simd, at, LOG_HI));
    let low = i._mm512_fmadd_ps(k, i._mm512_set1_ps(LN2_LO * SCALE), pick(simd, at, LOG_LO));
    let first = i._mm512_add_ps(base, r);
    let first_rest = i._mm512_add_ps(i._mm512_sub_ps(base, first), r);
    let square = i._mm512_mul_ps(r, r);
    let square_rest = i._mm512_fmsub_ps(r, r, square);
    let half = i._mm512_set1_ps(0.5);
    let second = i._mm512_fnmadd_ps(square, half, first);
    let second_rest = i._mm512_fnmadd_ps(square, half, i._mm512_sub_ps(first, second));
    let low = i._mm512_add_ps(i._mm512_add_ps(low, first_rest), second_rest);
    let low = i._mm512_fnmadd_ps(square_rest, half, low);
    let p = i._mm512_fmadd_ps(i._mm512_set1_ps(P[2]), r, i._mm512_set1_ps(P[1]));
    let p = i._mm512_fmadd_ps(p, r, i._mm512_set1_ps(P[0]));
    let low = i._mm512_fmadd_ps(i._mm512_mul_ps(square, r), p, low);
    let hi = i._mm512_add_ps(second, low);
    let lo = i._mm512_add_ps(i._mm512_sub_ps(second, hi), low);
    let e = i._mm512_mul_ps(y, hi);
    (e, i._mm512_fmadd_ps(y, lo, i._mm512_fmsub_ps(y, hi, e)))
}

/// See [`super::pow`], of f32.
#[inline(always)]
pub fn pow(simd: V4, x: __m512, y: __m512) -> __m512 {
    let i = simd.avx512f;
    let (e, rest) = log_power(simd, x, y);
    let magic = i._mm512_set1_ps(MAGIC);
    let steps = i._mm512_fmadd_ps(e, i._mm512_set1_ps(32.0 * std::f32::consts::LOG2_E), magic);
    let n = i._mm512_sub_ps(steps, magic);
    let r = i._mm512_fnmadd_ps(n, i._mm512_set1_ps(STEP_HI), e);
    let r = i._mm512_add_ps(i._mm512_fnmadd_ps(n, i._mm512_set1_ps(STEP_LO), r), rest);
    let steps: __m512i = cast(steps);
    let s: __m512i = cast(pick(simd, steps, cast(POWER_BITS)));
    let s: __m512 = cast(i._mm512_add_epi32(s, i._mm512_slli_epi32::<18>(steps)));
    let q = i._mm512_fmadd_ps(r, i._mm512_set1_ps(Q[1]), i._mm512_set1_ps(Q[0]));
    let p = i._mm512_add_ps(r, pick(simd, steps, POWERS_REST));
    let p = i._mm512_fmadd_ps(i._mm512_mul_ps(r, r), q, p);
    i._mm512_fmadd_ps(s, p, s)
}
/// x positive and normal, the result too.
#[inline(always)]
pub fn usual(simd: V4, x: __m512, y: __m512, ok: u16) -> u16 {
    let i = simd.avx512f;
    let min = f32::MIN_POSITIVE.to_bits() as i32;
    let above = i._mm512_sub_epi32(cast(x), i._mm512_set1_epi32(min));
    let room = i._mm512_set1_epi32(f32::INFINITY.to_bits() as i32 - min);
    let ok = i._mm512_mask_cmp_epu32_mask::<_MM_CMPINT_LT>(ok, above, room);
    // The logarithm is `pow`'s own.
    let (e, _) = log_power(simd, x, y);
    i._mm512_mask_cmp_ps_mask::<_CMP_LE_OQ>(ok, i._mm512_abs_ps(e), i._mm512_set1_ps(87.0))
}
