//! Extremes. A NaN wins in maximum and minimum, the first one, and loses in fmax and fmin; of equals, -0 and 0 among them,
//! the second is taken, of narrow floats the first.

use super::compare::order;
use super::{Element, Row, float, int, quiet, truth};
use crate::value::Value::{self, Bool, Complex, Float, Int};
use std::cmp::Ordering;
use ufunx::registry::LoopDef;

pub const ROWS: &[Row] = &[
    Row::exact("maximum", |x, l| extreme(x, l, |a, b| a > b, NaN::Wins)),
    Row::exact("minimum", |x, l| extreme(x, l, |a, b| a < b, NaN::Wins)),
    Row::exact("fmax", |x, l| extreme(x, l, |a, b| a > b, NaN::Loses)),
    Row::exact("clip", |x, l| match *x {
        [x, low, high] => {
            let raised = bounded(&[x, low], l, |a, b| a > b)?.values[0];
            bounded(&[raised, high], l, |a, b| a < b)
        }
        _ => None,
    }),
    Row::exact("fmin", |x, l| extreme(x, l, |a, b| a < b, NaN::Loses)),
];

/// A step of `clip`: of equal complex numbers the second, where the others take the first.
fn bounded(x: &[Value], l: &LoopDef, beats: fn(f64, f64) -> bool) -> Option<Element> {
    match *x {
        [Complex(a, b), Complex(c, d)] if order((a, b), (c, d)) == Some(Ordering::Equal) => quiet(x[1]),
        _ => extreme(x, l, beats, NaN::Wins),
    }
}

#[derive(PartialEq)]
enum NaN {
    Wins,
    Loses,
}

fn extreme(x: &[Value], l: &LoopDef, beats: fn(f64, f64) -> bool, nan: NaN) -> Option<Element> {
    match *x {
        [Bool(a), Bool(b)] => truth(if beats(1.0, 0.0) { a || b } else { a && b }),
        [Int(a), Int(b)] => int(if beats(1.0, 0.0) { a.max(b) } else { a.min(b) }, l),
        [Float(a), Float(b)] => float(match (a.is_nan(), b.is_nan()) {
            (true, _) if nan == NaN::Wins => a,
            (_, true) if nan == NaN::Wins => b,
            (_, true) => a,
            (true, _) => b,
            _ if a == b && l.inputs[0].is_narrow_float() => a,
            _ if beats(a, b) => a,
            _ => b,
        }),
        [Complex(a, b), Complex(c, d)] => {
            let (no, other) = (a.is_nan() || b.is_nan(), c.is_nan() || d.is_nan());
            let first = match order((a, b), (c, d)) {
                _ if nan == NaN::Wins && (no || other) => no,
                _ if no || other => other,
                Some(Ordering::Equal) => true,
                Some(order) => (order == Ordering::Greater) == beats(1.0, 0.0),
                None => unreachable!("all are numbers"),
            };
            quiet(if first { x[0] } else { x[1] })
        }
        _ => None,
    }
}
