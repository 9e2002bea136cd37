//! AVX-512 lanes of the f64 exp.
//!
//! 16 steps an octave: `x = n*ln2/16 + r`, so that the polynomial in r is short. The powers
//! `2^(i/16)` sit in two registers and are picked by a register permute. They are rounded to f64,
//! which alone would cost half a ULP; the rest of each, relative to it, is added to r.

use core::arch::x86_64::{__m512d, __m512i, _CMP_LE_OQ};
use pulp::cast;
use pulp::x86::V4;

/// The bits of 2^(i/16) rounded to f64, less i << 48: adding (16*k + i) << 48 gives the bits
/// of 2^k * 2^(i/16). From mpmath.
pub(super) const POWERS: [[u64; 8]; 2] = [
    [
        0x3ff0000000000000,
        0x3fefb5586cf9890f,
        0x3fef72b83c7d517b,
        0x3fef387a6e756238,
        0x3fef06fe0a31b715,
        0x3feedea64c123422,
        0x3feebfdad5362a27,
        0x3feeab07dd485429,
    ],
    [
        0x3feea09e667f3bcd,
        0x3feea11473eb0187,
        0x3feeace5422aa0db,
        0x3feec49182a3f090,
        0x3feee89f995ad3ad,
        0x3fef199bdd85529c,
        0x3fef5818dcfba487,
        0x3fefa4afa2a490da,
    ],
];
/// What the rounding of 2^(i/16) left out, relative to it.
pub(super) const REST: [[f64; 8]; 2] = [
    [
        0.0,
        8.189317638195515e-17,
        -2.7939114859515733e-17,
        7.826573258636076e-17,
        3.3484623336251524e-17,
        3.750854201303127e-17,
        1.9572585293112036e-17,
        5.68648095791174e-17,
    ],
    [
        -6.835808657661922e-17,
        -2.3591094770850053e-17,
        5.1548301170786783e-17,
        1.5341410053603723e-17,
        4.875160526227062e-17,
        1.685487290628973e-17,
        1.790126907604513e-17,
        -5.545065618639427e-17,
    ],
];
/// 2^(n/16) is normal and p keeps its last bits.
const LIMIT: f64 = 650.0;
/// ln 2 / 16 in two parts.
const LN2_HI: f64 = core::f64::consts::LN_2 / 16.0;
const LN2_LO: f64 = 1.4494042586539372e-18;
/// Q on |r| <= 0.02175, fitted as the generic one: error 2^-56.2 relative to 1.
const Q: [f64; 5] = [
    0.5000000000000004,
    0.16666666664335517,
    0.04166666666071377,
    0.008333474126826692,
    0.001388911105949366,
];

#[inline(always)]
pub fn exp(simd: V4, x: __m512d) -> __m512d {
    let i = simd.avx512f;
    let set = |c| i._mm512_set1_pd(c);
    let magic = set(6755399441055744.0); // 1.5 * 2^52
    let n = i._mm512_fmadd_pd(x, set(core::f64::consts::LOG2_E * 16.0), magic);
    let k = i._mm512_sub_pd(n, magic);
    let r = i._mm512_fnmadd_pd(k, set(LN2_HI), x);
    let r = i._mm512_fnmadd_pd(k, set(LN2_LO), r);

    // The permutes look at the low four bits of n only.
    let n: __m512i = cast(n);
    let powers: [__m512d; 2] = cast(POWERS);
    let rest: [__m512d; 2] = cast(REST);
    let s: __m512i = cast(i._mm512_permutex2var_pd(powers[0], n, powers[1]));
    let s: __m512d = cast(i._mm512_add_epi64(s, i._mm512_slli_epi64::<48>(n)));
    let rest = i._mm512_permutex2var_pd(rest[0], n, rest[1]);

    let q = i._mm512_fmadd_pd(set(Q[4]), r, set(Q[3]));
    let q = i._mm512_fmadd_pd(q, r, set(Q[2]));
    let q = i._mm512_fmadd_pd(q, r, set(Q[1]));
    let q = i._mm512_fmadd_pd(q, r, set(Q[0]));
    let p = i._mm512_fmadd_pd(i._mm512_mul_pd(q, r), r, i._mm512_add_pd(r, rest));
    i._mm512_fmadd_pd(s, p, s)
}

#[inline(always)]
pub fn usual(simd: V4, x: __m512d, ok: u16) -> u16 {
    let i = simd.avx512f;
    let limit = i._mm512_set1_pd(LIMIT);
    let x = i._mm512_abs_pd(x);
    u16::from(i._mm512_mask_cmp_pd_mask::<_CMP_LE_OQ>(ok as u8, x, limit))
}
