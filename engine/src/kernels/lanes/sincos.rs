//! The sine of |r| <= pi/2, which is all that sin and cos are made of (`periodic.rs`): one polynomial, and no choice
//! between two.
//!
//! `sin(r) = r*(1 - t + t*P(t))` with `t = r^2/8`. `1 - t` is held in two parts, exactly; `t*P` is never more than a tenth
//! of the whole, so that its roundings hardly count. Measured: 0.78 ULP (fused), 0.84 (unfused).

use super::horner64;
use super::pair::product_rest;
use crate::simd::level::Madd;

/// `(sin(r)/r - 1 + t)/t` in t. By Sollya's fpminimax, for the least error relative to 1: 2^-61.3.
pub const P: [f64; 8] = [
    -0.333_333_333_333_333_26,
    0.533_333_333_333_325_6,
    -0.101_587_301_587_022_12,
    0.011_287_477_949_287_87,
    -0.000_820_907_440_865_306_3,
    4.209_755_796_709_334_6e-5,
    -1.602_873_715_686_848e-6,
    4.567_183_889_885_821_6e-8,
];
/// `(sin(r)/r - 1)/r^2` in `r^2`, by the same: 2^-35.
pub const COARSE: [f64; 5] = [
    -0.166_666_666_318_066_65,
    0.008_333_331_326_761_735,
    -0.000_198_408_945_151_4,
    2.752_663_929_821_691_2e-6,
    -2.390_959_734_544_960_7e-8,
];

/// P(t), by halves of halves: in one chain it takes a ninth longer with AVX2, whose registers are too few for two chains.
#[inline(always)]
fn p<M: Madd>(m: M, t: f64) -> f64 {
    let pair = |i: usize| m.f64(t, P[i + 1], P[i]);
    let z = t * t;
    let (low, high) = (m.f64(z, pair(2), pair(0)), m.f64(z, pair(6), pair(4)));
    m.f64(z * z, high, low)
}

/// The sine of `r + low`.
#[inline(always)]
pub fn sine<M: Madd>(m: M, r: f64, low: f64) -> f64 {
    let eighth = 0.125 * r;
    let t = r * eighth;
    let head = 1.0 - t;
    let head_low = ((1.0 - head) - t) - product_rest(m, r, eighth, t);
    let more = m.f64(t, p(m, t), head_low);
    // The slope there, cos(r): right near 0, where `low` may be more than r's last place, and to a twentieth elsewhere.
    let slope = m.f64(t, -3.3, 1.0);
    let small = m.f64(r, more, low * slope);
    if M::FUSED {
        return m.f64(r, head, small);
    }
    let y = r * head;
    y + (product_rest(m, r, head, y) + small)
}

/// The sine of `r` to f32's precision, as a product, so that a negative zero keeps its sign.
#[inline(always)]
pub fn coarse_sine<M: Madd>(m: M, r: f64) -> f64 {
    let z = r * r;
    r * m.f64(z, horner64(m, z, &COARSE), 1.0)
}
