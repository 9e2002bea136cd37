//! Rounding, and the square root.

use super::{Row, float, ieee, quiet};
use crate::interpret::ieee::Operation;
use crate::value::Value::{Bool, Complex, Float, Int};

pub const ROWS: &[Row] = &[
    Row::exact("floor", |x, _| match *x {
        [Bool(_) | Int(_)] => quiet(x[0]),
        [Float(a)] => float(a.floor()),
        _ => None,
    }),
    Row::exact("ceil", |x, _| match *x {
        [Bool(_) | Int(_)] => quiet(x[0]),
        [Float(a)] => float(a.ceil()),
        _ => None,
    }),
    Row::exact("trunc", |x, _| match *x {
        [Bool(_) | Int(_)] => quiet(x[0]),
        [Float(a)] => float(a.trunc()),
        _ => None,
    }),
    Row::exact("rint", |x, _| match *x {
        [Float(a)] => float(a.round_ties_even()),
        [Complex(re, im)] => quiet(Complex(re.round_ties_even(), im.round_ties_even())),
        _ => None,
    }),
    Row::exact("sqrt", |x, l| match *x {
        [Float(a)] => ieee(Operation::Sqrt, a, 0.0, l),
        _ => None,
    }),
];
