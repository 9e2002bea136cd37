//! Arithmetic.

use super::{Element, Row, float, ieee, int, quiet, raising, truth};
use crate::interpret::cast::cast;
use crate::interpret::ieee::{Operation, operate};
use crate::value::Format;
use crate::value::Value::{self, Bool, Complex, Float, Int};
use ufunx::registry::{DType, FpFlags};

const SIGN: u64 = 1 << 63;

pub const ROWS: &[Row] = &[
    Row::exact("add", |x, l| match *x {
        [Bool(a), Bool(b)] => truth(a || b),
        [Int(a), Int(b)] => int(a + b, l),
        [Float(a), Float(b)] => ieee(Operation::Add, a, b, l),
        [Complex(a, b), Complex(c, d)] => {
            let ((re, raised_re), (im, raised_im)) = (
                operate(Operation::Add, a, c, part(l.inputs[0])),
                operate(Operation::Add, b, d, part(l.inputs[0])),
            );
            raising(Complex(re, im), raised_re | raised_im)
        }
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
        [Complex(a, b), Complex(c, d)] => complex_product((a, b), (c, d), part(l.inputs[0])),
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
    Row::exact("conjugate", |x, _| match *x {
        [Int(_) | Float(_)] => quiet(x[0]),
        [Complex(re, im)] => quiet(Complex(re, f64::from_bits(im.to_bits() ^ SIGN))),
        _ => None,
    }),
];

/// The dtype of a complex number's parts.
fn part(dtype: DType) -> DType {
    if dtype == DType::C64 { DType::F32 } else { DType::F64 }
}

/// Each part is a product added to, or taken from, another; in one step where the level has that.
fn complex_product((a, b): (f64, f64), (c, d): (f64, f64), dtype: DType) -> Option<Element> {
    let product = |a, b| operate(Operation::Multiply, a, b, dtype);
    let single = dtype == DType::F32;
    let in_one = |a: f64, b: f64, c: f64| match single {
        true => f64::from((a as f32).mul_add(b as f32, c as f32)),
        false => a.mul_add(b, c),
    };
    // One part: ab + sign * cd.
    let sum = |(a, b): (f64, f64), (c, d): (f64, f64), operation| {
        let ((ab, raised_ab), (cd, raised_cd)) = (product(a, b), product(c, d));
        let (apart, raised) = operate(operation, ab, cd, dtype);
        let signed = if operation == Operation::Add { cd } else { -cd };
        let fused = in_one(a, b, signed);
        let (any_nan, finite) =
            (a.is_nan() || b.is_nan() || cd.is_nan(), [a, b, cd].iter().all(|x| x.is_finite()));
        let raised_fused = raised_cd
            | FpFlags::INVALID.when(fused.is_nan() && !any_nan)
            | FpFlags::OVERFLOW.when(finite && fused.is_infinite());
        (apart, fused, raised_ab | raised_cd | raised, raised_fused)
    };
    let (re, fused_re, apart_re, one_re) = sum((a, c), (b, d), Operation::Subtract);
    let (im, fused_im, apart_im, one_im) = sum((a, d), (b, c), Operation::Add);
    let (apart, one) = (apart_re | apart_im, one_re | one_im);
    let tiny = [re, im, fused_re, fused_im]
        .iter()
        .any(|x| *x != 0.0 && x.abs() < 4.0 * Format::of(dtype).least_normal());
    let certain = FpFlags(apart.0 & one.0 & !FpFlags::UNDERFLOW.0);
    Some(Element {
        values: vec![Complex(re, im)],
        flags: certain,
        may: FpFlags((apart.0 | one.0) & !certain.0) | FpFlags::UNDERFLOW.when(tiny),
        bound: 0.0,
        fused: Some(vec![Complex(fused_re, fused_im)]),
    })
}
