//! Exponentials, logarithms and the cube root, to high precision.

use super::Precise::{self, Is, Near, NearInexact};
use super::Row;
use crate::high::{Exact, LN_2, LN_10, Pair, divide, exp, log, log_1p, small_exp_m1, two_sum};
use crate::value::{exponent, power_of_2};
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[
    Row::bounded("exp", |x| match x[0] {
        x if x.is_nan() => Is(x, FpFlags::NONE),
        f64::INFINITY => Is(x[0], FpFlags::NONE),
        f64::NEG_INFINITY => Is(0.0, FpFlags::NONE),
        x => {
            let (pair, scale) = exp(x.clamp(-1e6, 1e6).into());
            NearInexact(Exact { pair, scale })
        }
    }),
    Row::bounded("exp2", |x| match x[0] {
        x if x.is_nan() => Is(x, FpFlags::NONE),
        f64::INFINITY => Is(x[0], FpFlags::NONE),
        f64::NEG_INFINITY => Is(0.0, FpFlags::NONE),
        x => {
            let x = x.clamp(-1e6, 1e6);
            let whole = x.round();
            let (pair, scale) = exp(LN_2 * (x - whole).into());
            Near(Exact { pair, scale: scale + whole as i32 })
        }
    }),
    Row::bounded("expm1", |x| match x[0] {
        x if x.is_nan() || x == 0.0 || x == f64::INFINITY => Is(x, FpFlags::NONE),
        f64::NEG_INFINITY => Is(-1.0, FpFlags::NONE),
        x if x.abs() < 1e-9 => plain(Pair::from(x) + Pair::from(x) * x.into() * Pair(0.5, x / 6.0)),
        x if x.abs() < 0.35 => plain(small_exp_m1(x.into())),
        x => {
            let (pair, scale) = exp(x.clamp(-1e6, 1e6).into());
            match scale {
                ..-200 => plain((-1.0).into()),
                201.. => Near(Exact { pair, scale }),
                scale => plain(pair.scaled(scale) - 1.0.into()),
            }
        }
    }),
    Row::bounded("log", |x| logarithm(x[0], ln)),
    Row::bounded("log2", |x| logarithm(x[0], |x| divide(ln(x), LN_2))),
    Row::bounded("log10", |x| logarithm(x[0], |x| divide(ln(x), LN_10))),
    Row::bounded("log1p", |x| match x[0] {
        x if x.is_nan() || x == 0.0 || x == f64::INFINITY => Is(x, FpFlags::NONE),
        x if x < -1.0 => Is(f64::NAN, FpFlags::INVALID),
        -1.0 => Is(f64::NEG_INFINITY, FpFlags::DIVIDE),
        x if x.abs() < 1e-9 => plain(Pair::from(x) - Pair::from(x) * x.into() * Pair(0.5, -x / 3.0)),
        x => plain(log(two_sum(1.0, x), x.ln_1p())),
    }),
    Row::bounded("cbrt", |x| match x[0] {
        x if x == 0.0 || !x.is_finite() => Is(x, FpFlags::NONE),
        x => {
            let (scaled, down) = if is_subnormal(x) { (x * 2f64.powi(180), -60) } else { (x, 0) };
            // Two thirds of the exponent taken out, so that the cube does not overflow.
            let k = -(exponent(scaled) / 3);
            let (ys, xs) = (scaled.cbrt() * 2f64.powi(k), scaled * 2f64.powi(k) * 2f64.powi(2 * k));
            let cube = Pair::from(ys) * ys.into() * ys.into();
            let correction = divide(cube - xs.into(), Pair::from(3.0 * ys) * ys.into());
            Near(Exact { pair: Pair::from(ys) - correction, scale: down - k })
        }
    }),
    Row::bounded("logaddexp", |x| logaddexp(x[0], x[1], 1.0.into(), -87.0)),
    Row::bounded("logaddexp2", |x| logaddexp(x[0], x[1], LN_2, -125.9)),
];

fn plain(pair: Pair) -> Precise {
    Near(Exact { pair, scale: 0 })
}

fn is_subnormal(x: f64) -> bool {
    x.abs() < f64::MIN_POSITIVE
}

fn logarithm(x: f64, f: impl Fn(f64) -> Pair) -> Precise {
    match x {
        x if x.is_nan() || x == f64::INFINITY => Is(x, FpFlags::NONE),
        x if x < 0.0 => Is(f64::NAN, FpFlags::INVALID),
        0.0 => Is(f64::NEG_INFINITY, FpFlags::DIVIDE),
        1.0 => Is(0.0, FpFlags::NONE),
        x => plain(f(x)),
    }
}

/// The natural logarithm; a subnormal's by way of a number 2^200 times larger.
fn ln(x: f64) -> Pair {
    let (normal, shift) = if is_subnormal(x) { (x * 2f64.powi(200), 200.0) } else { (x, 0.0) };
    log(normal.into(), normal.ln()) - LN_2 * shift.into()
}

/// To a base with this natural logarithm: the larger number, and the logarithm of 1 + e for e the exponential of the
/// difference. NumPy compares NaN, and computes e, which from some difference on is subnormal as an f32.
fn logaddexp(a: f64, b: f64, base: Pair, subnormal: f64) -> Precise {
    let (most, least) = if a > b { (a, b) } else { (b, a) };
    match () {
        () if a.is_nan() || b.is_nan() => return Is(f64::NAN, FpFlags::INVALID),
        () if most.is_infinite() => return Is(most, FpFlags::NONE),
        () if least.is_infinite() => return Is(most + 0.0, FpFlags::NONE),
        () => {}
    }
    let difference = least - most;
    let d = if difference > -1e5 { two_sum(least, -most) } else { (-1e5).into() };
    let (e, scale) = exp(d * base);
    let may = FpFlags::UNDERFLOW.when(difference < subnormal)
        | FpFlags::OVERFLOW.when(difference < -f64::from(f32::MAX));
    let exact = match () {
        () if scale > -900 => {
            let log = divide(log_1p(e.scaled(scale)), base);
            Exact { pair: Pair::from(most) + log, scale: 0 }
        }
        () if most.abs() > 1e-150 => Exact { pair: most.into(), scale: 0 },
        // Both may be tiny.
        () if most != 0.0 => {
            let up = most * power_of_2(500) * power_of_2(500);
            let log = if scale > -1500 { divide(e, base).scaled(scale + 1000) } else { 0.0.into() };
            Exact { pair: Pair::from(up) + log, scale: -1000 }
        }
        () => Exact { pair: divide(e, base), scale },
    };
    Precise::Sum { exact, cancels: most < 0.0, may }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_within_an_ulp_of_the_standard_library() {
        type Function = fn(f64) -> f64;
        let functions: [(&str, Function); 8] = [
            ("exp", f64::exp),
            ("exp2", f64::exp2),
            ("expm1", f64::exp_m1),
            ("log", f64::ln),
            ("log2", f64::log2),
            ("log10", f64::log10),
            ("log1p", f64::ln_1p),
            ("cbrt", f64::cbrt),
        ];
        let mut rng = crate::Rng::new(5);
        for (name, f) in functions {
            let Some(reference) = crate::reference::row(name).and_then(|row| row.bounded) else {
                panic!("{name} has no row")
            };
            for i in 0..20_000 {
                let magnitude = f64::from_bits(rng.bits() >> 1);
                let x = if i % 2 == 0 { magnitude } else { rng.unit() * 800.0 };
                let x = if name.starts_with("exp") && x > 700.0 { -x % 700.0 } else { x };
                let y = f(x);
                match reference(&[x]) {
                    Is(special, _) => {
                        assert!(special.is_nan() && y.is_nan() || special == y, "{name}({x:e})")
                    }
                    Near(exact) | NearInexact(exact) | Precise::Sum { exact, .. } => {
                        let error = exact.error(y, crate::values::ulp(y, ufunx::registry::DType::F64));
                        assert!(
                            error < 1.01,
                            "{name}({x:e}) is {y:e}, {error} units off {:e}",
                            exact.to_f64()
                        );
                    }
                }
            }
        }
    }
}
