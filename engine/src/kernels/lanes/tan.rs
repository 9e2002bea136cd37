//! The tangent of |r| <= pi/4, and its inverse, which but for a sign are all that tan is made of (`periodic.rs`).
//!
//! `tan(r) = r*N(t) / D(t)` with `t = r^2/2`: a rational function needs half of a polynomial's terms, and the inverse is
//! had for the same division. `N = 1 + t*A(t)` and `D = 1 - t + t*B(t)` are held in two parts, as sums whose second terms
//! are small, and so is the quotient: its second part comes from the remainder. Measured: 0.89 ULP.

use super::horner64;
use super::pair::{product_rest, quick_sum};
use crate::simd::level::Madd;

/// A and B. A weighted linear fit of `N - D*tan(r)/r` at Chebyshev nodes, the weights mended until the errors were level
/// (80 digits): error 2^-66, and 2^-60 with the coefficients rounded.
pub const A: [f64; 3] = [-0.266_766_022_856_636_6, 0.013_699_314_060_177_076, -0.000_142_885_700_413_893_9];
pub const B: [f64; 4] = [
    0.066_567_310_476_696_74,
    0.102_654_440_409_046_16,
    -0.002_494_443_306_721_153,
    7.970_344_965_534_841e-6,
];
/// N and D in `r^2`, of lower degree, by the same method: error 2^-35. They are scaled so that D's third term has the
/// factor 1, which saves a multiplication.
pub const COARSE_N: [f64; 3] = [62.61395495480271, -6.972389283429422, 0.06729257337166586];
pub const COARSE_D: [f64; 2] = [62.61395495480271, -27.843707527137415];

/// The tangent of `r + low`, or its inverse.
#[inline(always)]
pub fn tangent<M: Madd>(m: M, r: f64, low: f64, inverse: bool) -> f64 {
    let half = 0.5 * r;
    let t = r * half;
    let t_low = m.f64(r, low, product_rest(m, r, half, t));
    // What t lacks, where it counts: in A's first term.
    let more = m.f64(t_low, A[0], t * horner64(m, t, &A));
    let above = quick_sum(r, m.f64(r, more, low));
    let head = 1.0 - t;
    let head_low = ((1.0 - head) - t) - t_low;
    let below = quick_sum(head, m.f64(t, horner64(m, t, &B), head_low));

    let ((a, a_low), (b, b_low)) = if inverse { (below, above) } else { (above, below) };
    let divisor = 1.0 / b;
    let q = a * divisor;
    let rest = if M::FUSED { m.f64(-q, b, a) } else { (a - q * b) - product_rest(m, q, b, q * b) };
    m.f64(divisor, rest + m.f64(-q, b_low, a_low), q)
}

/// The same of `r` to f32's precision.
#[inline(always)]
pub fn coarse_tangent<M: Madd>(m: M, r: f64, inverse: bool) -> f64 {
    let z = r * r;
    let above = r * horner64(m, z, &COARSE_N);
    let below = m.f64(z, z + COARSE_D[1], COARSE_D[0]);
    let (a, b) = if inverse { (below, above) } else { (above, below) };
    a / b
}
