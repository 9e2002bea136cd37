//! Powers, of integers exactly, of floats and hypotenuses to high precision.

use super::Precise::{self, Is, Near, NearInexact};
use super::{Row, int, raising};
use crate::high::{Exact, LN_2, Pair, exp, log_1p, sqrt};
use crate::value::Value::Int;
use crate::value::{exponent, power_of_2};
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[
    Row {
        name: "power",
        exact: |x, l| match *x {
            [Int(_), Int(b)] if b < 0 => raising(Int(0), FpFlags::REFUSED),
            [Int(a), Int(b)] => {
                // By the digits of the exponent, the first one first, in the low 64 bits.
                let digits = (0..64).rev().map(|i| b >> i & 1);
                let power = digits.fold(1u64, |power, digit| {
                    let square = power.wrapping_mul(power);
                    if digit == 1 { square.wrapping_mul(a as u64) } else { square }
                });
                int(power as i128, l)
            }
            _ => None,
        },
        bounded: Some(|x| power(x[0], x[1])),
        keeps_nan_sign: false,
    },
    Row::bounded("float_power", |x| power(x[0], x[1])),
    Row::bounded("hypot", |x| hypot(x[0], x[1])),
];

/// As C99 has it.
fn power(x: f64, y: f64) -> Precise {
    let is = |value: f64| Is(value, FpFlags::NONE);
    let is_whole = y.abs() >= 2f64.powi(53) || y == y.round();
    let is_odd = is_whole && y.abs() < 2f64.powi(53) && y as i64 % 2 != 0;
    let sign = if x.is_sign_negative() && is_odd { -1.0 } else { 1.0 };
    match () {
        () if y == 0.0 || x == 1.0 || x == -1.0 && y.is_infinite() => is(1.0),
        () if x.is_nan() || y.is_nan() => is(f64::NAN),
        () if y.is_infinite() => is(if (x.abs() > 1.0) == (y > 0.0) { f64::INFINITY } else { 0.0 }),
        () if x == 0.0 && y < 0.0 => Is(sign * f64::INFINITY, FpFlags::DIVIDE),
        () if x == 0.0 => is(sign * 0.0),
        () if x.is_infinite() => is(sign * if y < 0.0 { 0.0 } else { f64::INFINITY }),
        () if x < 0.0 && !is_whole => Is(f64::NAN, FpFlags::INVALID),
        () => {
            // Larger exponents change nothing; and the exponential of 10^6 is infinite, or its inverse 0.
            let log = ln(x.abs()) * y.clamp(-1e30, 1e30).into();
            let log = if log.0.abs() < 1e6 { log } else { log.0.clamp(-1e6, 1e6).into() };
            let (pair, scale) = exp(log);
            let exact = Exact { pair: pair * sign.into(), scale };
            // Of a number that is no power of two only small powers are representable, or roots of 2^k-th degree.
            let (mantissa, _) = mantissa(x.abs());
            let rational = (y * 32.0).round() == y * 32.0 && y.abs() < 54.0;
            if mantissa == 1.0 || rational { Near(exact) } else { NearInexact(exact) }
        }
    }
}

/// A positive number as one in [1, 2) and a power of two, subnormal or not.
fn mantissa(x: f64) -> (f64, i32) {
    let (x, less) = if x < f64::MIN_POSITIVE { (x * power_of_2(100), 100) } else { (x, 0) };
    let e = exponent(x);
    (x * power_of_2(-e / 2) * power_of_2(-e + e / 2), e - less)
}

/// The natural logarithm, to as many digits of it near 1.
fn ln(x: f64) -> Pair {
    let (m, e) = mantissa(x);
    let (m, e) = if m > 1.4 { (m / 2.0, e + 1) } else { (m, e) };
    LN_2 * f64::from(e).into() + log_1p((m - 1.0).into())
}

fn hypot(x: f64, y: f64) -> Precise {
    match () {
        () if x.is_infinite() || y.is_infinite() => Is(f64::INFINITY, FpFlags::NONE),
        () if x.is_nan() || y.is_nan() => Is(f64::NAN, FpFlags::NONE),
        () if x == 0.0 && y == 0.0 => Is(0.0, FpFlags::NONE),
        () => {
            let (large, small) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
            let (a, scale) = mantissa(large);
            let b = match small {
                0.0 => 0.0,
                _ => {
                    let (b, e) = mantissa(small);
                    if scale - e > 200 { 0.0 } else { b * power_of_2(e - scale) }
                }
            };
            let pair = sqrt(Pair::from(a) * a.into() + Pair::from(b) * b.into());
            Near(Exact { pair, scale })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_within_an_ulp_of_the_standard_library() {
        type Function = fn(f64, f64) -> f64;
        type Reference = fn(f64, f64) -> Precise;
        let functions: [(&str, Function, Reference); 2] =
            [("power", f64::powf, power), ("hypot", f64::hypot, hypot)];
        let mut rng = crate::Rng::new(8);
        for (name, f, reference) in functions {
            for i in 0..20_000 {
                let any = f64::from_bits(rng.bits());
                let (x, y) = match i % 3 {
                    0 => (any, f64::from_bits(rng.bits())),
                    1 => (any, 700.0 * (rng.unit() - 0.5) / any.abs().ln()),
                    _ => (1.0 + rng.unit() * 1e-9, 1e12 * (rng.unit() - 0.5)),
                };
                let found = f(x, y);
                match reference(x, y) {
                    Is(special, _) => {
                        assert!(special.is_nan() && found.is_nan() || special == found, "{name} {x:e} {y:e}")
                    }
                    Near(exact) | NearInexact(exact) | Precise::Sum { exact, .. } => {
                        let near = exact.to_f64();
                        let unit = crate::values::ulp(found, ufunx::registry::DType::F64);
                        let right =
                            if found.is_infinite() { near == found } else { exact.error(found, unit) < 1.01 };
                        assert!(right, "{name} {x:e} {y:e}: {found:e}, about {near:e}");
                    }
                }
            }
        }
    }
}
