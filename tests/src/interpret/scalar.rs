//! One element of each ufunc.

use super::ieee::{Operation, operate};
use crate::value::{Value, wrap};
use ufunx::registry::{DType, FpFlags, LoopDef};

/// One element's results.
#[derive(Clone, Debug)]
pub struct Element {
    /// One value per output, in the loop's output dtypes.
    pub values: Vec<Value>,
    /// What is raised.
    pub flags: FpFlags,
}

/// Whether the interpreter knows the ufunc.
pub fn knows(name: &str) -> bool {
    let unary = "negative positive absolute fabs square reciprocal sign logical_not invert floor ceil trunc rint \
                 sqrt isnan isinf isfinite signbit";
    let binary = "add subtract multiply divide equal not_equal less less_equal greater greater_equal logical_and \
                  logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift maximum minimum \
                  fmax fmin";
    unary.split_whitespace().chain(binary.split_whitespace()).any(|known| known == name)
}

/// Whether a NaN result's sign is part of the answer.
pub fn keeps_nan_sign(name: &str) -> bool {
    matches!(name, "negative" | "positive" | "absolute" | "fabs" | "copysign")
}

/// Loop `l` of ufunc `name` on one element; `None` if it is not known.
pub fn evaluate(name: &str, l: &LoopDef, x: &[Value]) -> Option<Element> {
    if !knows(name) {
        return None;
    }
    let dtype = l.inputs[0];
    let (value, flags) = match *x {
        [Value::Bool(a)] => bool_unary(name, a)?,
        [Value::Int(a)] => int_unary(name, a, dtype)?,
        [Value::Float(a)] => float_unary(name, a, dtype)?,
        [Value::Bool(a), Value::Bool(b)] => bool_binary(name, a, b)?,
        [Value::Int(a), Value::Int(b)] => int_binary(name, a, b, dtype)?,
        [Value::Float(a), Value::Float(b)] => float_binary(name, a, b, dtype)?,
        _ => return None,
    };
    Some(Element { values: vec![value], flags })
}

type Result = Option<(Value, FpFlags)>;

fn quiet(value: Value) -> Result {
    Some((value, FpFlags::NONE))
}

fn bool_unary(name: &str, a: bool) -> Result {
    quiet(Value::Bool(match name {
        "absolute" | "floor" | "ceil" | "trunc" => a,
        "logical_not" | "invert" => !a,
        "isnan" | "isinf" => false,
        "isfinite" => true,
        _ => return None,
    }))
}

fn bool_binary(name: &str, a: bool, b: bool) -> Result {
    quiet(Value::Bool(match name {
        "add" | "logical_or" | "bitwise_or" | "maximum" | "fmax" => a || b,
        "multiply" | "logical_and" | "bitwise_and" | "minimum" | "fmin" => a && b,
        "bitwise_xor" | "logical_xor" | "not_equal" => a != b,
        "equal" => a == b,
        "less" => !a && b,
        "less_equal" => !a || b,
        "greater" => a && !b,
        "greater_equal" => a || !b,
        _ => return None,
    }))
}

fn int_unary(name: &str, a: i128, dtype: DType) -> Result {
    let int = |i: i128| quiet(Value::Int(wrap(i, dtype)));
    match name {
        "negative" => int(-a),
        "positive" | "floor" | "ceil" | "trunc" => int(a),
        "absolute" => int(a.abs()),
        "square" => int(a.wrapping_mul(a)),
        "sign" => int(a.signum()),
        "invert" => int(!a),
        // `(T)(1.0 / x)`: of zero, what the CPU makes of infinity.
        "reciprocal" if a == 0 => {
            let (value, flags) = super::cast::cast(Value::Float(f64::INFINITY), DType::F64, dtype);
            Some((value, flags | FpFlags::DIVIDE | FpFlags::INVALID))
        }
        "reciprocal" => int(if a.abs() == 1 { a } else { 0 }),
        "logical_not" => quiet(Value::Bool(a == 0)),
        "isnan" | "isinf" => quiet(Value::Bool(false)),
        "isfinite" => quiet(Value::Bool(true)),
        _ => None,
    }
}

fn int_binary(name: &str, a: i128, b: i128, dtype: DType) -> Result {
    let int = |i: i128| quiet(Value::Int(wrap(i, dtype)));
    let truth = |t: bool| quiet(Value::Bool(t));
    let width = dtype.size() as i128 * 8;
    match name {
        "add" => int(a + b),
        "subtract" => int(a - b),
        "multiply" => int(a.wrapping_mul(b)),
        "maximum" | "fmax" => int(a.max(b)),
        "minimum" | "fmin" => int(a.min(b)),
        "bitwise_and" => int(a & b),
        "bitwise_or" => int(a | b),
        "bitwise_xor" => int(a ^ b),
        "left_shift" => int(if (0..width).contains(&b) { a << b } else { 0 }),
        "right_shift" if (0..width).contains(&b) => int(a >> b),
        "right_shift" => int(if a < 0 { -1 } else { 0 }),
        "equal" => truth(a == b),
        "not_equal" => truth(a != b),
        "less" => truth(a < b),
        "less_equal" => truth(a <= b),
        "greater" => truth(a > b),
        "greater_equal" => truth(a >= b),
        "logical_and" => truth(a != 0 && b != 0),
        "logical_or" => truth(a != 0 || b != 0),
        "logical_xor" => truth((a != 0) != (b != 0)),
        _ => None,
    }
}

fn float_unary(name: &str, a: f64, dtype: DType) -> Result {
    let float = |x: f64| quiet(Value::Float(x));
    let truth = |t: bool| quiet(Value::Bool(t));
    let ieee = |operation, a, b| {
        let (x, flags) = operate(operation, a, b, dtype);
        Some((Value::Float(x), flags))
    };
    let negative = a.to_bits() >> 63 == 1;
    match name {
        "negative" => float(f64::from_bits(a.to_bits() ^ 1 << 63)),
        "positive" => float(a),
        "absolute" | "fabs" => float(f64::from_bits(a.to_bits() & !(1 << 63))),
        "square" => ieee(Operation::Multiply, a, a),
        "reciprocal" => ieee(Operation::Divide, 1.0, a),
        "sqrt" => ieee(Operation::Sqrt, a, 0.0),
        "sign" => float(if a > 0.0 {
            1.0
        } else if a < 0.0 {
            -1.0
        } else if a == 0.0 {
            0.0
        } else {
            a
        }),
        "floor" => float(a.floor()),
        "ceil" => float(a.ceil()),
        "trunc" => float(a.trunc()),
        "rint" => float(a.round_ties_even()),
        "logical_not" => truth(a == 0.0),
        "isnan" => truth(a.is_nan()),
        "isinf" => truth(a.abs() == f64::INFINITY),
        "isfinite" => truth(a.abs() < f64::INFINITY),
        "signbit" => truth(negative),
        _ => None,
    }
}

fn float_binary(name: &str, a: f64, b: f64, dtype: DType) -> Result {
    let float = |x: f64| quiet(Value::Float(x));
    let truth = |t: bool| quiet(Value::Bool(t));
    let ieee = |operation| {
        let (x, flags) = operate(operation, a, b, dtype);
        Some((Value::Float(x), flags))
    };
    match name {
        "add" => ieee(Operation::Add),
        "subtract" => ieee(Operation::Subtract),
        "multiply" => ieee(Operation::Multiply),
        "divide" => ieee(Operation::Divide),
        // A NaN wins, the first one; of equals, -0 and 0 among them, the second; narrow floats take the first.
        "maximum" | "minimum" if a.is_nan() => float(a),
        "maximum" | "minimum" if b.is_nan() => float(b),
        "fmax" | "fmin" if b.is_nan() => float(a),
        "fmax" | "fmin" if a.is_nan() => float(b),
        "maximum" | "minimum" | "fmax" | "fmin" if a == b && dtype.is_narrow_float() => float(a),
        "maximum" | "fmax" => float(if a > b { a } else { b }),
        "minimum" | "fmin" => float(if a < b { a } else { b }),
        "equal" => truth(a == b),
        "not_equal" => truth(a != b),
        "less" => truth(a < b),
        "less_equal" => truth(a <= b),
        "greater" => truth(a > b),
        "greater_equal" => truth(a >= b),
        "logical_and" => truth(a != 0.0 && b != 0.0),
        "logical_or" => truth(a != 0.0 || b != 0.0),
        "logical_xor" => truth((a != 0.0) != (b != 0.0)),
        _ => None,
    }
}
