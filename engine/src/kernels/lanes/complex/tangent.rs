//! tan and tanh: `tanh z = (sinh x cosh x + i sin y cos y) / (sinh^2 x + cos^2 y)`, a sum of squares, which does not cancel.

use super::super::periodic::Tan;
use super::super::tanh::Tanh;
use super::wave::{hyperbolic, in_axes};
use super::{cos_of, cosh_of, exp_of, raised, sin_of, sinh_of, turned};
use crate::registry::{Complex64, FpFlags};
use crate::simd::complex::{Composed, Room, Split};
use crate::simd::level::{Level, Madd, Scalar};

/// Squares of hyperbolic functions are finite up to here, and from 20 on the real part is 1.
const MOST: f64 = 300.0;

#[inline(always)]
fn tangent<M: Madd>(m: M, [sinh, cosh, sin, cos]: [f64; 4]) -> (f64, f64) {
    let divisor = m.f64(sinh, sinh, cos * cos);
    (sinh * cosh / divisor, sin * cos / divisor)
}

/// tanh everywhere.
fn tanh_of(z: Complex64) -> (Complex64, FpFlags) {
    let (x, y) = (z.re, z.im);
    let (sin, cos) = (sin_of(y), cos_of(y));
    match () {
        () if x.is_infinite() => {
            // The sign of sin 2y, where there is one.
            let im = if y.is_finite() { 0f64.copysign(sin) * 1f64.copysign(cos) } else { 0f64.copysign(y) };
            (Complex64::new(1f64.copysign(x), im), FpFlags::NONE)
        }
        () if y == 0.0 => (Complex64::new(if x.is_nan() { x } else { real_tanh(x) }, y), FpFlags::NONE),
        () if x.is_nan() || !y.is_finite() => {
            let re = if x == 0.0 { x } else { f64::NAN };
            (Complex64::new(re, f64::NAN), FpFlags::INVALID.when(y.is_infinite()))
        }
        () if x.abs() > MOST => {
            let z = Complex64::new(1f64.copysign(x), 4.0 * sin * cos * exp_of(-2.0 * x.abs()));
            (z, raised(z) | FpFlags::UNDERFLOW.when(z.im == 0.0))
        }
        () => {
            let (re, im) = tangent(Scalar.madd(), [sinh_of(x), cosh_of(x), sin, cos]);
            let z = Complex64::new(re, im);
            (z, raised(z))
        }
    }
}

#[inline(never)]
fn real_tanh(x: f64) -> f64 {
    <Tanh as crate::simd::math::Math<f64>>::full(Scalar.madd(), x)
}

in_axes! {
    Tanh ordered: true, up to MOST, |level, sh, ch, s, c| tangent(level.madd(), [sh, ch, s, c]), full |z| tanh_of(z)
}
// tan z = -i tanh(iz), and tanh is odd: the parts change places.
in_axes! {
    Tan ordered: false, up to MOST, |level, sh, ch, s, c| tangent(level.madd(), [sh, ch, s, c]),
    full |z| {
        let (z, flags) = tanh_of(z);
        (turned(z), flags)
    }
}
