//! Comparison.

use super::{Element, Row, raising, truth};
use crate::value::Value::{self, Bool, Complex, Float, Int};
use std::cmp::Ordering;
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[
    Row::exact("equal", |x, _| compare(x, |o| o == Some(Ordering::Equal))),
    Row::exact("not_equal", |x, _| compare(x, |o| o != Some(Ordering::Equal))),
    Row::exact("less", |x, _| compare(x, |o| o == Some(Ordering::Less))),
    Row::exact("less_equal", |x, _| compare(x, |o| o.is_some_and(Ordering::is_le))),
    Row::exact("greater", |x, _| compare(x, |o| o == Some(Ordering::Greater))),
    Row::exact("greater_equal", |x, _| compare(x, |o| o.is_some_and(Ordering::is_ge))),
];

fn compare(x: &[Value], holds: fn(Option<Ordering>) -> bool) -> Option<Element> {
    if let [Complex(a, b), Complex(c, d)] = *x {
        // All but equality raise for a NaN among what they compare.
        let in_order = holds(Some(Ordering::Less)) != holds(Some(Ordering::Greater));
        let meets_nan = a.is_nan() || c.is_nan() || a == c && (b.is_nan() || d.is_nan());
        return raising(
            Value::Bool(holds(order((a, b), (c, d)))),
            FpFlags::INVALID.when(in_order && meets_nan),
        );
    }
    truth(holds(match *x {
        [Bool(a), Bool(b)] => a.partial_cmp(&b),
        [Int(a), Int(b)] => a.partial_cmp(&b),
        [Float(a), Float(b)] => a.partial_cmp(&b),
        _ => return None,
    }))
}

/// That of the real parts, or else of the imaginary ones; none if a part is no number.
pub fn order((a, b): (f64, f64), (c, d): (f64, f64)) -> Option<Ordering> {
    let numbers = [a, b, c, d].iter().all(|x| !x.is_nan());
    numbers.then(|| a.partial_cmp(&c).unwrap().then(b.partial_cmp(&d).unwrap()))
}
