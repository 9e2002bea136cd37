//! Angles, to high precision.

use super::Precise::{self, Is, Near, NearInexact};
use super::Row;
use crate::high::{Exact, PI, Pair, atan, divide};
use crate::turns::sin_cos;
use crate::value::{exponent, power_of_2};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[
    Row::bounded("sin", |x| odd_periodic(x[0], |sin, _| sin)),
    Row::bounded("cos", |x| periodic(x[0], |_, cos| cos)),
    Row::bounded("tan", |x| odd_periodic(x[0], divide)),
    Row::bounded("degrees", |x| degrees(x[0])),
    Row::bounded("rad2deg", |x| degrees(x[0])),
    Row::bounded("radians", |x| radians(x[0])),
    Row::bounded("deg2rad", |x| radians(x[0])),
    Row::bounded("arctan2", |x| arctan2(x[0], x[1])),
];

/// A function of the sine and the cosine.
fn periodic(x: f64, f: impl Fn(Pair, Pair) -> Pair) -> Precise {
    if !x.is_finite() {
        return Is(f64::NAN, if x.is_nan() { FpFlags::NONE } else { FpFlags::INVALID });
    }
    let (sin, cos) = sin_cos(x);
    Near(Exact { pair: f(sin, cos), scale: 0 })
}

/// The same of one that is x itself near 0, to the last place.
fn odd_periodic(x: f64, f: impl Fn(Pair, Pair) -> Pair) -> Precise {
    match periodic(x, f) {
        _ if x == 0.0 => Is(x, FpFlags::NONE),
        // Subnormal also as an f32, which the narrow floats go through: what those lack of it is more than the cube.
        Near(exact) if x.abs() < f32::MIN_POSITIVE as f64 => NearInexact(exact),
        precise => precise,
    }
}

fn degrees(x: f64) -> Precise {
    match x {
        x if x == 0.0 || !x.is_finite() => Is(x, FpFlags::NONE),
        x => {
            let (x, scale) = mantissa(x);
            Near(Exact { pair: divide(Pair::from(x) * 180.0.into(), PI), scale })
        }
    }
}

fn radians(x: f64) -> Precise {
    match x {
        x if x == 0.0 || !x.is_finite() => Is(x, FpFlags::NONE),
        x => {
            let (x, scale) = mantissa(x);
            Near(Exact { pair: divide(Pair::from(x) * PI, 180.0.into()), scale })
        }
    }
}

/// A number in [1, 2) and a power of two, subnormal or not.
fn mantissa(x: f64) -> (f64, i32) {
    let (x, less) = if x.abs() < f64::MIN_POSITIVE { (x * power_of_2(100), 100) } else { (x, 0) };
    let e = exponent(x);
    (x * power_of_2(-e / 2) * power_of_2(-e + e / 2), e - less)
}

fn arctan2(y: f64, x: f64) -> Precise {
    let behind = x.is_sign_negative();
    let special = |magnitude: f64| Is(magnitude.copysign(y), FpFlags::NONE);
    match () {
        () if y.is_nan() || x.is_nan() => Is(f64::NAN, FpFlags::NONE),
        () if y.is_infinite() && x.is_infinite() => special(if behind { 3.0 * FRAC_PI_4 } else { FRAC_PI_4 }),
        () if y.is_infinite() || x == 0.0 && y != 0.0 => special(FRAC_PI_2),
        () if y == 0.0 || x.is_infinite() => special(if behind { std::f64::consts::PI } else { 0.0 }),
        () => near(y, x),
    }
}

/// Of a point that is neither on an axis nor infinitely far out.
fn near(y: f64, x: f64) -> Precise {
    let behind = x.is_sign_negative();
    let ((my, ey), (mx, ex)) = (mantissa(y.abs()), mantissa(x.abs()));
    let sign = Pair::from(if y < 0.0 { -1.0 } else { 1.0 });
    let apart = ey - ex;
    let right = Pair(PI.0 / 2.0, PI.1 / 2.0);
    // The arctangent of the quotient of the magnitudes: the quotient itself, a right angle less its inverse, or neither.
    let arc = match apart {
        ..-100 if !behind => return Near(Exact { pair: sign * divide(my.into(), mx.into()), scale: apart }),
        ..-100 => Pair(0.0, 0.0),
        101.. => right,
        _ => {
            let (a, b) = (my * power_of_2(apart), mx);
            if a <= b { atan(divide(a.into(), b.into())) } else { right - atan(divide(b.into(), a.into())) }
        }
    };
    Near(Exact { pair: sign * if behind { PI - arc } else { arc }, scale: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_within_an_ulp_of_the_standard_library() {
        let mut rng = crate::Rng::new(6);
        for i in 0..20_000 {
            let any = |rng: &mut crate::Rng| match i % 2 {
                0 => f64::from_bits(rng.bits()),
                _ => (rng.unit() - 0.5) * power_of_2(rng.between(0, 20) as i32 - 10),
            };
            let (y, x) = (any(&mut rng), any(&mut rng));
            let angle = y.atan2(x);
            match arctan2(y, x) {
                Is(special, _) => {
                    assert!(special.is_nan() && angle.is_nan() || special == angle, "{y:e} {x:e}")
                }
                Near(exact) | Precise::NearInexact(exact) | Precise::Sum { exact, .. } => {
                    let error = exact.error(angle, crate::values::ulp(angle, ufunx::registry::DType::F64));
                    assert!(error < 1.01, "{y:e} {x:e}: {angle:e}, {error} units off {:e}", exact.to_f64());
                }
            }
        }
    }
}
