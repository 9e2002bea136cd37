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
        [Complex(a, b), Complex(c, d)] => {
            let ((re, raised_re), (im, raised_im)) = (
                operate(Operation::Subtract, a, c, part(l.inputs[0])),
                operate(Operation::Subtract, b, d, part(l.inputs[0])),
            );
            raising(Complex(re, im), raised_re | raised_im)
        }
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
        [Complex(a, b), Complex(c, d)] => quotient((a, b), (c, d), part(l.inputs[0])),
        _ => None,
    }),
    Row::with_nan_sign("negative", |x, l| match *x {
        [Int(a)] => int(-a, l),
        [Float(a)] => float(f64::from_bits(a.to_bits() ^ SIGN)),
        [Complex(re, im)] => quiet(Complex(-re, -im)),
        _ => None,
    }),
    Row::with_nan_sign("positive", |x, _| match *x {
        [Int(_) | Float(_) | Complex(..)] => quiet(x[0]),
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
        [Complex(a, b)] => complex_product((a, b), (a, b), part(l.inputs[0])),
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
        [Complex(a, b)] => reciprocal((a, b), part(l.inputs[0])),
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

/// Steps, each rounded and judged by itself.
struct Steps(DType, FpFlags);

impl Steps {
    fn step(&mut self, operation: Operation, a: f64, b: f64) -> f64 {
        let (x, flags) = operate(operation, a, b, self.0);
        self.1 |= flags;
        x
    }
    fn times(&mut self, a: f64, b: f64) -> f64 {
        self.step(Operation::Multiply, a, b)
    }
    fn plus(&mut self, a: f64, b: f64) -> f64 {
        self.step(Operation::Add, a, b)
    }
    fn less(&mut self, a: f64, b: f64) -> f64 {
        self.step(Operation::Subtract, a, b)
    }
    fn by(&mut self, a: f64, b: f64) -> f64 {
        self.step(Operation::Divide, a, b)
    }
}

/// Smith's method, as NumPy has it.
fn quotient((a, b): (f64, f64), (c, d): (f64, f64), dtype: DType) -> Option<Element> {
    // C's comparison raises for a NaN.
    let mut s = Steps(dtype, FpFlags::INVALID.when(c.is_nan() || d.is_nan()));
    if c == 0.0 && d == 0.0 {
        let (re, im) = (s.by(a, c.abs()), s.by(b, d.abs()));
        return raising(Complex(re, im), s.1);
    }
    let (re, im, scale) = match c.abs() >= d.abs() {
        true => {
            let ratio = s.by(d, c);
            let term = s.times(d, ratio);
            let sum = s.plus(c, term);
            let scale = s.by(1.0, sum);
            let (p, q) = (s.times(b, ratio), s.times(a, ratio));
            (s.plus(a, p), s.less(b, q), scale)
        }
        false => {
            let ratio = s.by(c, d);
            let term = s.times(c, ratio);
            let sum = s.plus(d, term);
            let scale = s.by(1.0, sum);
            let (p, q) = (s.times(a, ratio), s.times(b, ratio));
            (s.plus(p, b), s.less(q, a), scale)
        }
    };
    let (re, im) = (s.times(re, scale), s.times(im, scale));
    raising(Complex(re, im), s.1)
}

/// The same of one over a number, with other roundings.
fn reciprocal((a, b): (f64, f64), dtype: DType) -> Option<Element> {
    let mut s = Steps(dtype, FpFlags::INVALID.when(a.is_nan() || b.is_nan()));
    let (re, im) = match b.abs() <= a.abs() {
        true => {
            let ratio = s.by(b, a);
            let term = s.times(b, ratio);
            let divisor = s.plus(a, term);
            (s.by(1.0, divisor), s.by(-ratio, divisor))
        }
        false => {
            let ratio = s.by(a, b);
            let term = s.times(a, ratio);
            let divisor = s.plus(term, b);
            (s.by(ratio, divisor), s.by(-1.0, divisor))
        }
    };
    raising(Complex(re, im), s.1)
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
