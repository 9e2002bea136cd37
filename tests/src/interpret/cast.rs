//! Casts, one value at a time: C's conversions as x86 has them, which is what NumPy does there.

use crate::value::{Format, Value, wrap};
use ufunx::registry::{DType, FpFlags, Kind};

/// The value in dtype `to`, and what the conversion raises.
pub fn cast(value: Value, from: DType, to: DType) -> (Value, FpFlags) {
    if from == to {
        return (value, FpFlags::NONE);
    }
    match to.kind() {
        Kind::Bool => (Value::Bool(value.truth()), FpFlags::NONE),
        // Dates as the integers that they are.
        Kind::Int | Kind::Date => match value {
            Value::Bool(_) | Value::Int(_) => (Value::Int(wrap(value.int(), to)), FpFlags::NONE),
            Value::Float(x) | Value::Complex(x, _) => truncate(x, to),
        },
        Kind::Float => {
            let (x, flags) = match value {
                Value::Bool(_) | Value::Int(_) => from_int(value.int(), to),
                Value::Float(x) | Value::Complex(x, _) => from_float(x, to),
            };
            (Value::Float(x), flags)
        }
        Kind::Complex => {
            let ((re, a), (im, b)) = match value {
                Value::Bool(_) | Value::Int(_) => (from_int(value.int(), to), (0.0, FpFlags::NONE)),
                Value::Float(x) => (from_float(x, to), (0.0, FpFlags::NONE)),
                Value::Complex(re, im) => (from_float(re, to), from_float(im, to)),
            };
            (Value::Complex(re, im), a | b)
        }
    }
}

/// Towards zero. The CPU converts to 32 or 64 bits, signed but for u64, and gives the least integer for what does not
/// fit; narrower types keep the low bits.
fn truncate(x: f64, to: DType) -> (Value, FpFlags) {
    let whole = x.trunc();
    let through = match to {
        DType::I64 | DType::U32 | DType::DateTime | DType::TimeDelta => DType::I64,
        DType::U64 => DType::U64,
        _ => DType::I32,
    };
    let two_63 = 9_223_372_036_854_775_808.0;
    let (low, high) = match through {
        DType::I32 => (-2_147_483_648.0, 2_147_483_648.0),
        DType::I64 => (-two_63, two_63),
        _ => (-two_63, 2.0 * two_63), // negative ones convert as i64
    };
    let least = if through == DType::I32 { i32::MIN as i128 } else { i64::MIN as i128 };
    // Past 2^64 the compiled code for u64 has taken 2^63 away and flips the bit that the failed conversion left.
    let beyond = if through == DType::U64 && x >= 2.0 * two_63 { 0 } else { least };
    match whole >= low && whole < high {
        true => (Value::Int(wrap(whole as i128, to)), FpFlags::NONE),
        false => (Value::Int(wrap(beyond, to)), FpFlags::INVALID),
    }
}

/// An integer reaches the narrow floats through f32.
fn from_int(i: i128, to: DType) -> (f64, FpFlags) {
    match to.precision() {
        53 => (i as f64, FpFlags::NONE),
        _ => from_float(i as f32 as f64, to),
    }
}

fn from_float(x: f64, to: DType) -> (f64, FpFlags) {
    let format = Format::of(to);
    let y = format.round(x);
    let tiny = match to {
        DType::F32 | DType::C64 => {
            let e = crate::value::exponent(x);
            x.abs() < format.least_normal()
                && (e < -900 || format.round_unbounded(x, e).abs() < format.least_normal())
        }
        _ => x.abs() < format.least_normal(),
    };
    let flags = FpFlags::OVERFLOW.when(x.is_finite() && !y.is_finite())
        | FpFlags::UNDERFLOW.when(tiny && x != y && format.precision != 53);
    (y, flags)
}
