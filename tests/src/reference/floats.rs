//! What floats are made of, from the formats' definitions: neighbours are a last place away.

use super::{Element, Row, float, quiet, raising};
use crate::interpret::cast::cast;
use crate::interpret::ieee::{Operation, operate};
use crate::value::Format;
use crate::value::Value::{self, Float, Int};
use crate::value::{exponent, power_of_2};
use ufunx::registry::{DType, FpFlags, LoopDef};

pub const ROWS: &[Row] = &[
    Row::with_nan_sign("copysign", |x, _| match *x {
        [Float(a), Float(b)] => float(a.copysign(b)),
        _ => None,
    }),
    Row::exact("nextafter", |x, l| match *x {
        [Float(a), Float(b)] => next_after(a, b, l.inputs[0]),
        _ => None,
    }),
    Row::exact("spacing", |x, l| match *x {
        [Float(x)] => spacing(x, l.inputs[0]),
        _ => None,
    }),
    Row::exact("heaviside", |x, _| match *x {
        [Float(a), _] if a.is_nan() => float(a),
        [Float(a), Float(b)] => float(if a == 0.0 { b } else { (a > 0.0) as u8 as f64 }),
        _ => None,
    }),
    Row::exact("modf", |x, _| match *x {
        [Float(x)] if x.is_infinite() => pair(Float(0f64.copysign(x)), Float(x)),
        [Float(x)] => pair(Float((x % 1.0).copysign(x)), Float(x.trunc())),
        _ => None,
    }),
    Row::exact("frexp", |x, _| match *x {
        [Float(x)] if x == 0.0 || !x.is_finite() => pair(Float(x), Int(0)),
        [Float(x)] => {
            let (mantissa, e) = halves(x);
            pair(Float(mantissa), Int(e as i128))
        }
        _ => None,
    }),
    Row::exact("ldexp", |x, l| match *x {
        [Float(x), Int(_)] if x == 0.0 || !x.is_finite() => float(x),
        [Float(x), Int(by)] => scaled(x, by.clamp(-5000, 5000) as i32, l),
        _ => None,
    }),
];

/// Two results that raise nothing.
fn pair(first: Value, second: Value) -> Option<Element> {
    quiet(first).map(|element| Element { values: vec![first, second], ..element })
}

/// A number as one in [1/2, 1) and a power of two.
fn halves(x: f64) -> (f64, i32) {
    let (normal, less) = if x.abs() < f64::MIN_POSITIVE { (x * power_of_2(200), 200) } else { (x, 0) };
    let e = exponent(normal) + 1;
    (normal * power_of_2(-e / 2) * power_of_2(-e + e / 2), e - less)
}

/// `x` times two to the power of `by`: one product whose factors are exact, of which only the result may round.
fn scaled(x: f64, by: i32, l: &LoopDef) -> Option<Element> {
    let (mantissa, own) = halves(x);
    let (dtype, e) = (l.outputs[0], own + by);
    let computed = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    // Far enough that nothing is left, near enough that it is seen.
    let most = if computed == DType::F64 { 2000 } else { 400 };
    let e = e.clamp(-most, most);
    let (y, raised) =
        operate(Operation::Multiply, mantissa * power_of_2(e / 2), power_of_2(e - e / 2), computed);
    let (value, narrowing) = cast(Float(y), computed, dtype);
    raising(value, raised | narrowing)
}

/// The last place of a magnitude: how far the next greater one is away.
fn last_place(magnitude: f64, format: Format) -> f64 {
    power_of_2(exponent(magnitude).max(format.min_exponent) - format.precision + 1)
}

/// The next greater magnitude, not rounded to the format: it may lie past its greatest.
fn greater(magnitude: f64, format: Format) -> f64 {
    magnitude + last_place(magnitude, format)
}

/// The next smaller magnitude of a positive one.
fn smaller(magnitude: f64, format: Format) -> f64 {
    let near =
        if magnitude.is_infinite() { format.max } else { magnitude - last_place(magnitude, format) / 2.0 };
    if magnitude.is_infinite() {
        return near;
    }
    // Half a last place below lies a number only below a power of two.
    let halfway = format.round(near) == near && exponent(near) >= format.min_exponent;
    if halfway && near != magnitude { near } else { magnitude - last_place(magnitude, format) }
}

/// C's flags for f32 and f64; NumPy's f16 knows overflow only, and so do the narrow floats it lacks.
fn next_after(a: f64, b: f64, dtype: DType) -> Option<Element> {
    let format = Format::of(dtype);
    if a.is_nan() || b.is_nan() {
        return float(f64::NAN);
    }
    if a == b {
        return float(if dtype == DType::F16 { a } else { b });
    }
    let y = match () {
        () if a == 0.0 => greater(0.0, format).copysign(b),
        () if (a < b) == (a > 0.0) => greater(a.abs(), format).copysign(a),
        () => smaller(a.abs(), format).copysign(a),
    };
    let y = format.round(y);
    let tiny = y.abs() < format.least_normal() && !dtype.is_narrow_float();
    raising(Float(y), FpFlags::OVERFLOW.when(a.is_finite() && !y.is_finite()) | FpFlags::UNDERFLOW.when(tiny))
}

/// The same of spacing; NumPy's f16 measures upwards, and finds infinity and NaN invalid.
fn spacing(x: f64, dtype: DType) -> Option<Element> {
    let (format, upwards) = (Format::of(dtype), dtype == DType::F16);
    if !x.is_finite() {
        return raising(Float(f64::NAN), FpFlags::INVALID.when(upwards));
    }
    if upwards && x < 0.0 {
        return float(x.abs() - smaller(x.abs(), format));
    }
    let next = format.round(greater(x.abs(), format));
    let sign = if upwards || x == 0.0 { 1.0 } else { x };
    let tiny = x != 0.0 && next < format.least_normal() && !dtype.is_narrow_float();
    let step = if next.is_finite() { last_place(x, format) } else { next };
    raising(
        Float(step.copysign(sign)),
        FpFlags::OVERFLOW.when(!next.is_finite()) | FpFlags::UNDERFLOW.when(tiny),
    )
}
