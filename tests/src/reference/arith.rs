//! Arithmetic.

use super::{Row, float, ieee, int, quiet, raising, truth};
use crate::interpret::cast::cast;
use crate::interpret::ieee::Operation;
use crate::value::Value::{self, Bool, Float, Int};
use ufunx::registry::{DType, FpFlags};

const SIGN: u64 = 1 << 63;

pub const ROWS: &[Row] = &[
    Row::exact("add", |x, l| match *x {
        [Bool(a), Bool(b)] => truth(a || b),
        [Int(a), Int(b)] => int(a + b, l),
        [Float(a), Float(b)] => ieee(Operation::Add, a, b, l),
        _ => None,
    }),
    Row::exact("subtract", |x, l| match *x {
        [Int(a), Int(b)] => int(a - b, l),
        [Float(a), Float(b)] => ieee(Operation::Subtract, a, b, l),
        _ => None,
    }),
    Row::exact("multiply", |x, l| match *x {
        [Bool(a), Bool(b)] => truth(a && b),
        [Int(a), Int(b)] => int(a.wrapping_mul(b), l),
        [Float(a), Float(b)] => ieee(Operation::Multiply, a, b, l),
        _ => None,
    }),
    Row::exact("divide", |x, l| match *x {
        [Float(a), Float(b)] => ieee(Operation::Divide, a, b, l),
        _ => None,
    }),
    Row::with_nan_sign("negative", |x, l| match *x {
        [Int(a)] => int(-a, l),
        [Float(a)] => float(f64::from_bits(a.to_bits() ^ SIGN)),
        _ => None,
    }),
    Row::with_nan_sign("positive", |x, _| match *x {
        [Int(_) | Float(_)] => quiet(x[0]),
        _ => None,
    }),
    Row::with_nan_sign("absolute", |x, l| match *x {
        [Bool(a)] => truth(a),
        [Int(a)] => int(a.abs(), l),
        [Float(a)] => float(f64::from_bits(a.to_bits() & !SIGN)),
        _ => None,
    }),
    Row::with_nan_sign("fabs", |x, _| match *x {
        [Float(a)] => float(f64::from_bits(a.to_bits() & !SIGN)),
        _ => None,
    }),
    Row::exact("square", |x, l| match *x {
        [Int(a)] => int(a.wrapping_mul(a), l),
        [Float(a)] => ieee(Operation::Multiply, a, a, l),
        _ => None,
    }),
    Row::exact("reciprocal", |x, l| match *x {
        // `(T)(1.0 / x)`: of zero, what the CPU makes of infinity.
        [Int(0)] => {
            let (value, flags) = cast(Value::Float(f64::INFINITY), DType::F64, l.outputs[0]);
            raising(value, flags | FpFlags::DIVIDE | FpFlags::INVALID)
        }
        [Int(a)] => int(if a.abs() == 1 { a } else { 0 }, l),
        [Float(a)] => ieee(Operation::Divide, 1.0, a, l),
        _ => None,
    }),
    Row::exact("sign", |x, l| match *x {
        [Int(a)] => int(a.signum(), l),
        [Float(a)] if a > 0.0 => float(1.0),
        [Float(a)] if a < 0.0 => float(-1.0),
        [Float(0.0)] => float(0.0),
        [Float(a)] => float(a),
        _ => None,
    }),
];
