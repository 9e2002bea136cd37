//! AVX-512 lanes of the f64 hyperbolic tangent.
//!
//! 16 steps an octave, as in `exp_v4.rs`: `2|x| = n*ln2/16 + r`, and `s = 2^(n/16)` comes out of a table. The polynomial in r is
//! short, and r is exact, because a last place of ln2/16 is not less than one of r. What the rounding of s and of ln2/16 left
//! out is added to the exponent. An element takes 1.14 ns, and by the generic lane over registers 1.5.

use super::exp_v4::{POWERS, REST};
use super::real::Real;
use super::tanh::of_exponential;
use super::wide::Wide;
use core::arch::x86_64::__m512d;
use pulp::cast;

/// `Q(r) = (e^r - 1 - r)/r^2` for |r| <= 0.02175. Minimax for `r*Q(r)`, coefficients rounded with regard to each other: error
/// 2^-59.7.
const Q: [f64; 6] = [
    0.5000000000000003,
    0.16666666666666677,
    0.04166666666149969,
    0.008333333332339581,
    0.0013889098899846008,
    0.00019841565003874694,
];
/// ln 2 / 16 in two parts.
const LN2: (f64, f64) = (core::f64::consts::LN_2 / 16.0, 1.4494042586539372e-18);
/// From here on the result is 1.
const ONE: f64 = 22.0;
/// 1.5 * 2^52: a sum with it has no fraction, and its integer in the low bits.
const MAGIC: f64 = 6755399441055744.0;

#[inline(always)]
pub fn tanh(x: Wide<__m512d>) -> Wide<__m512d> {
    let a = x.abs().min(x.all(ONE));
    let n = a.madd(x.all(32.0 * core::f64::consts::LOG2_E), x.all(MAGIC));
    let k = n - x.all(MAGIC);
    let r = k.madd(x.all(-LN2.0), a + a);
    let s = n.sixteenth_power(&cast(POWERS));
    let rest = k.madd(x.all(-LN2.1), n.pick(&cast(REST)));
    let rest = rest.madd(r, rest); // times e^r

    of_exponential(x, s, r, (r * r).madd(r.polynomial(&Q), rest))
}
