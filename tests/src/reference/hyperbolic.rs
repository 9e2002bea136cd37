//! Hyperbolic functions and their inverses, to high precision.

use super::Precise::{self, Is, Near};
use super::Row;
use super::inverse::{cubic, signed};
use crate::high::{Exact, LN_2, Pair, divide, exp, log, small_exp_m1, sqrt, two_sum};
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[
    Row::bounded("sinh", |x| match x[0] {
        x if x == 0.0 || !x.is_finite() => Is(x, FpFlags::NONE),
        x if x.abs() < 1e-9 => cubic(x, 1.0 / 6.0),
        x if x.abs() < 0.35 => {
            let e = small_exp_m1(x.abs().into());
            signed(x, (e + divide(e, e + 1.0.into())).scaled(-1))
        }
        x => half_exps(x, -1.0),
    }),
    Row::bounded("cosh", |x| match x[0] {
        x if x.is_nan() => Is(x, FpFlags::NONE),
        x if x.is_infinite() => Is(f64::INFINITY, FpFlags::NONE),
        x => half_exps(x.abs(), 1.0),
    }),
    Row::bounded("tanh", |x| match x[0] {
        x if x.is_nan() || x == 0.0 => Is(x, FpFlags::NONE),
        x if x.is_infinite() => Is(x.signum(), FpFlags::NONE),
        x if x.abs() < 1e-9 => cubic(x, -1.0 / 3.0),
        x if x.abs() < 0.17 => {
            let e = small_exp_m1((2.0 * x.abs()).into());
            signed(x, divide(e, e + 2.0.into()))
        }
        x => {
            let (e, scale) = exp((2.0 * x.abs()).min(200.0).into());
            let one = Pair::from(1.0);
            signed(x, one - divide(2.0.into(), e.scaled(scale) + one))
        }
    }),
    Row::bounded("arcsinh", |x| match x[0] {
        x if x == 0.0 || !x.is_finite() => Is(x, FpFlags::NONE),
        x if x.abs() < 1e-9 => cubic(x, -1.0 / 6.0),
        x if x.abs() > 1e100 => signed(x, ln(x.abs().into()) + LN_2),
        x => {
            let a = Pair::from(x.abs());
            signed(x, ln(a + sqrt(a * a + 1.0.into())))
        }
    }),
    Row::bounded("arccosh", |x| match x[0] {
        x if x.is_nan() || x == f64::INFINITY => Is(x, FpFlags::NONE),
        x if x < 1.0 => Is(f64::NAN, FpFlags::INVALID),
        1.0 => Is(0.0, FpFlags::NONE),
        x if x > 1e100 => signed(x, ln(x.into()) + LN_2),
        x => signed(x, ln(Pair::from(x) + sqrt(two_sum(x, 1.0) * two_sum(x, -1.0)))),
    }),
    Row::bounded("arctanh", |x| match x[0] {
        x if x.is_nan() || x == 0.0 => Is(x, FpFlags::NONE),
        x if x.abs() > 1.0 => Is(f64::NAN, FpFlags::INVALID),
        x if x.abs() == 1.0 => Is(f64::INFINITY.copysign(x), FpFlags::DIVIDE),
        x if x.abs() < 1e-9 => cubic(x, 1.0 / 3.0),
        x => signed(x, ln(divide(two_sum(1.0, x.abs()), two_sum(1.0, -x.abs()))).scaled(-1)),
    }),
];

/// (e^|x| + sign*e^-|x|)/2, with the sign of x.
fn half_exps(x: f64, sign: f64) -> Precise {
    let (pair, scale) = exp(x.abs().min(1e6).into());
    // The second term is far below the last digit of the first, or neither is large.
    let (pair, scale) = match scale {
        100.. => (pair, scale),
        _ => {
            let (small, down) = exp((-x.abs()).into());
            (pair.scaled(scale) + (small * sign.into()).scaled(down), 0)
        }
    };
    Near(Exact { pair: if x < 0.0 { -pair } else { pair }, scale: scale - 1 })
}

fn ln(x: Pair) -> Pair {
    log(x, x.0.ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{inverse::compare, row};

    #[test]
    fn is_what_the_standard_library_says() {
        let power = |a: f64, b: f64| (a - 0.5) * 2f64.powf(40.0 - b * 100.0);
        let large = |a: f64, _| (a - 0.5) * 1400.0;
        compare("sinh", f64::sinh, |a, b| power(a, b).clamp(-710.0, 710.0));
        compare("sinh", f64::sinh, large);
        compare("cosh", f64::cosh, |a, b| power(a, b).clamp(-710.0, 710.0));
        compare("cosh", f64::cosh, large);
        compare("tanh", f64::tanh, power);
    }

    #[test]
    fn inverses_know_some_digits() {
        // 40-digit values, split by hand into two f64.
        let known = [
            ("arcsinh", 1.0, Pair(0.881373587019543, -2.250545892825866e-17)),
            ("arccosh", 2.0, Pair(1.3169578969248168, -8.682250844852022e-17)),
            ("arctanh", 0.5, Pair(0.5493061443340549, -4.535648617500765e-17)),
            ("arcsinh", 0.001, Pair(0.0009999998333334083, 1.0227947063237223e-19)),
        ];
        for (name, x, y) in known {
            match row(name).and_then(|row| row.bounded).unwrap()(&[x]) {
                Near(exact) => assert!((exact.pair - y).0.abs() < 1e-30, "{name}({x})"),
                other => panic!("{name}({x}) is {other:?}"),
            }
        }
    }
}
