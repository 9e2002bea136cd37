//! Angles, to high precision.

use super::Precise::{Is, Near};
use super::Row;
use crate::high::{Exact, PI, Pair, divide};
use crate::value::{exponent, power_of_2};
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[Row::bounded("degrees", |x| match x[0] {
    x if x == 0.0 || !x.is_finite() => Is(x, FpFlags::NONE),
    x => {
        let (x, scale) = mantissa(x);
        Near(Exact { pair: divide(Pair::from(x) * 180.0.into(), PI), scale })
    }
})];

/// A number in [1, 2) and a power of two, subnormal or not.
fn mantissa(x: f64) -> (f64, i32) {
    let (x, less) = if x.abs() < f64::MIN_POSITIVE { (x * power_of_2(100), 100) } else { (x, 0) };
    let e = exponent(x);
    (x * power_of_2(-e / 2) * power_of_2(-e + e / 2), e - less)
}
