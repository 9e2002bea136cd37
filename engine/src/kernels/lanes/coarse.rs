//! Logarithms and exponentials in f64 that are good enough for f32: polynomials of some length, as tables cost more where a
//! table is not a register.

use super::horner64;
use crate::simd::level::Madd;
use std::f64::consts::{LN_2, LOG2_E};

/// Bits of sqrt(1/2).
const ROOT: u32 = 0x3f3504f3;
/// log(1+f)/f for sqrt(1/2) <= 1 + f < sqrt(2), by Sollya's fpminimax: error 2^-35.8 of it.
const LOG: [f64; 13] = [
    0.9999999999859538,
    -0.5000000002941171,
    0.3333333433397889,
    -0.24999994080593974,
    0.19999881120622753,
    -0.16666943367708945,
    0.14290987736311786,
    -0.1249748653736725,
    0.11005073308615322,
    -0.09922825316346812,
    0.10033237859619004,
    -0.0990101475930219,
    0.05363004060350466,
];
/// log(1+e)/e for 0 <= e <= 1, in the same way: error 2^-30.3 of it.
const LOG_1P: [f64; 11] = [
    0.9999999992568215,
    -0.49999981433656965,
    0.3333255962641637,
    -0.24987270887989996,
    0.19890747854377216,
    -0.1610569199521377,
    0.1241843704938142,
    -0.08244176491793927,
    0.04147823664703882,
    -0.013407534136788279,
    0.002030242092801863,
];
/// (e^r - 1)/r for |r| <= ln 2 / 2, in the same way: error 2^-33 relative to e^r.
const EXP: [f64; 7] = [
    0.9999999999909659,
    0.5000000047312925,
    0.16666666854419898,
    0.04166635204178556,
    0.00833326841080441,
    0.0013941179018436111,
    0.00019915969303110534,
];
/// 1.5 * 2^52 plus the exponent bias: a sum with it has no fraction, and a power's exponent in the low bits.
const MAGIC: f64 = 6755399441055744.0 + 1023.0;

/// Positive normal x as `(k, f)`, x = 2^k * (1 + f).
#[inline(always)]
pub fn reduce(x: f32) -> (f32, f32) {
    let u = x.to_bits().wrapping_sub(ROOT);
    let k = (u.cast_signed() >> 23) as f32;
    (k, f32::from_bits((u & 0x7f_ffff).wrapping_add(ROOT)) - 1.0)
}

/// The natural logarithm of 2^k * (1 + f).
#[inline(always)]
pub fn log<M: Madd>(m: M, (k, f): (f32, f32)) -> f64 {
    let f = f as f64;
    m.f64(k as f64, LN_2, f * horner64(m, f, &LOG))
}

/// log(1 + e) for 0 <= e <= 1.
#[inline(always)]
pub fn log_1p<M: Madd>(m: M, e: f64) -> f64 {
    e * horner64(m, e, &LOG_1P)
}

/// e^x, where it is a normal number.
#[inline(always)]
pub fn exp<M: Madd>(m: M, x: f64) -> f64 {
    let magic = m.f64(x, LOG2_E, MAGIC);
    let r = m.f64(magic - MAGIC, -LN_2, x);
    let s = f64::from_bits(magic.to_bits() << 52);
    m.f64(s, r * horner64(m, r, &EXP), s)
}
