//! Comparison.

use super::{Element, Row, truth};
use crate::value::Value::{self, Bool, Float, Int};
use std::cmp::Ordering;

pub const ROWS: &[Row] = &[
    Row::exact("equal", |x, _| compare(x, |o| o == Some(Ordering::Equal))),
    Row::exact("not_equal", |x, _| compare(x, |o| o != Some(Ordering::Equal))),
    Row::exact("less", |x, _| compare(x, |o| o == Some(Ordering::Less))),
    Row::exact("less_equal", |x, _| compare(x, |o| o.is_some_and(Ordering::is_le))),
    Row::exact("greater", |x, _| compare(x, |o| o == Some(Ordering::Greater))),
    Row::exact("greater_equal", |x, _| compare(x, |o| o.is_some_and(Ordering::is_ge))),
];

fn compare(x: &[Value], holds: fn(Option<Ordering>) -> bool) -> Option<Element> {
    truth(holds(match *x {
        [Bool(a), Bool(b)] => a.partial_cmp(&b),
        [Int(a), Int(b)] => a.partial_cmp(&b),
        [Float(a), Float(b)] => a.partial_cmp(&b),
        _ => return None,
    }))
}
