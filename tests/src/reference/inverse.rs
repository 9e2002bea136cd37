//! Inverses of the angle functions, to high precision.

use super::Precise::{self, Is, Near};
use super::Row;
use crate::high::{Exact, PI, Pair, atan, divide, sqrt, two_sum};
use std::f64::consts::FRAC_PI_2;
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[
    Row::bounded("arcsin", |x| match x[0] {
        x if x.is_nan() || x == 0.0 => Is(x, FpFlags::NONE),
        x if x.abs() > 1.0 => Is(f64::NAN, FpFlags::INVALID),
        x if x.abs() < 1e-9 => cubic(x, 1.0 / 6.0),
        x => signed(x, angle(x.abs().into(), leg(x))),
    }),
    Row::bounded("arccos", |x| match x[0] {
        x if x.is_nan() => Is(x, FpFlags::NONE),
        x if x.abs() > 1.0 => Is(f64::NAN, FpFlags::INVALID),
        1.0 => Is(0.0, FpFlags::NONE),
        x if x.abs() < 1e-40 => signed(1.0, PI.scaled(-1)),
        x => {
            let acute = angle(leg(x), x.abs().into());
            signed(1.0, if x < 0.0 { PI - acute } else { acute })
        }
    }),
    Row::bounded("arctan", |x| match x[0] {
        x if x.is_nan() || x == 0.0 => Is(x, FpFlags::NONE),
        x if x.is_infinite() => Is(FRAC_PI_2.copysign(x), FpFlags::NONE),
        x if x.abs() < 1e-9 => cubic(x, -1.0 / 3.0),
        x => signed(x, angle(x.abs().min(1e60).into(), 1.0.into())),
    }),
];

/// x + c*x^3, the first two terms of an odd function; the third is below 10^-36 of them for |x| < 10^-9.
pub fn cubic(x: f64, c: f64) -> Precise {
    let pair = Pair::from(x) * (Pair::from(1.0) + (x * x * c).into());
    Near(Exact { pair, scale: 0 })
}

/// The value with the sign of x.
pub fn signed(x: f64, magnitude: Pair) -> Precise {
    Near(Exact { pair: if x < 0.0 { -magnitude } else { magnitude }, scale: 0 })
}

/// sqrt(1 - x^2).
fn leg(x: f64) -> Pair {
    sqrt(two_sum(1.0, x) * two_sum(1.0, -x))
}

/// The angle of the point (x, y), neither of them negative.
fn angle(y: Pair, x: Pair) -> Pair {
    if y.0 <= x.0 { atan(divide(y, x)) } else { PI.scaled(-1) - atan(divide(x, y)) }
}

/// Compares rows to the standard library's functions on arguments that `sample` makes of two random numbers in [0, 1).
#[cfg(test)]
pub fn compare(name: &str, f: fn(f64) -> f64, sample: impl Fn(f64, f64) -> f64) {
    let reference = crate::reference::row(name).and_then(|row| row.bounded).expect("a row");
    let mut rng = crate::Rng::new(7);
    for _ in 0..20_000 {
        let x = sample(rng.unit(), rng.unit());
        let y = f(x);
        match reference(&[x]) {
            Is(special, _) => assert!(special.is_nan() && y.is_nan() || special == y, "{name}({x:e})"),
            Near(exact) | Precise::NearInexact(exact) | Precise::Sum { exact, .. } => {
                let error = exact.error(y, crate::values::ulp(y, ufunx::registry::DType::F64));
                assert!(error < 2.5, "{name}({x:e}) is {y:e}, {error} units off {:e}", exact.to_f64());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_standard_library_says() {
        let power = |a: f64, b: f64| (a - 0.5) * 2f64.powf(40.0 - b * 100.0);
        compare("arcsin", f64::asin, |a, b| power(a, b).clamp(-1.1, 1.1));
        compare("arccos", f64::acos, |a, b| power(a, b).clamp(-1.1, 1.1));
        compare("arcsin", f64::asin, |a, _| 2.0 * a - 1.0);
        compare("arccos", f64::acos, |a, _| 2.0 * a - 1.0);
        compare("arctan", f64::atan, power);
    }
}
