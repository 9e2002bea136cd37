//! Tests of one value.

use super::{Row, truth};
use crate::value::Value::{Bool, Complex, Float, Int};

pub const ROWS: &[Row] = &[
    Row::exact("isnan", |x, _| match *x {
        [Bool(_) | Int(_)] => truth(false),
        [Float(a)] => truth(a.is_nan()),
        [Complex(re, im)] => truth(re.is_nan() || im.is_nan()),
        _ => None,
    }),
    Row::exact("isinf", |x, _| match *x {
        [Bool(_) | Int(_)] => truth(false),
        [Float(a)] => truth(a.abs() == f64::INFINITY),
        [Complex(re, im)] => truth(re.is_infinite() || im.is_infinite()),
        _ => None,
    }),
    Row::exact("isfinite", |x, _| match *x {
        [Bool(_) | Int(_)] => truth(true),
        [Float(a)] => truth(a.abs() < f64::INFINITY),
        [Complex(re, im)] => truth(re.is_finite() && im.is_finite()),
        _ => None,
    }),
    Row::exact("isnat", |_, _| None), // of dates alone
    Row::exact("signbit", |x, _| match *x {
        [Float(a)] => truth(a.to_bits() >> 63 == 1),
        _ => None,
    }),
];
