//! Division with a whole quotient.

use super::{Element, Row, raising};
use crate::interpret::cast::cast;
use crate::interpret::ieee::{Operation, operate};
use crate::value::Value::{self, Float, Int};
use crate::value::{Format, wrap};
use ufunx::registry::{DType, FpFlags, LoopDef};

pub const ROWS: &[Row] = &[
    Row::exact("floor_divide", |x, l| some(divmod(x, l)?, 0)),
    Row::exact("remainder", |x, l| some(divmod(x, l)?, 1)),
    Row::exact("fmod", |x, _| match *x {
        [Int(_), Int(0)] => raising(Int(0), FpFlags::DIVIDE),
        [Int(a), Int(b)] => raising(Int(a % b), FpFlags::NONE),
        [Float(a), Float(b)] => raising(Float(a % b), rest_flags(a, b)),
        _ => None,
    }),
    Row::exact("divmod", |x, l| {
        let [(quotient, raised), (rest, raised_too)] = divmod(x, l)?;
        let flags = raised | raised_too;
        Some(Element { values: vec![quotient, rest], flags, may: FpFlags::NONE, bound: 0.0, fused: None })
    }),
];

/// A value and what it raises.
type Part = (Value, FpFlags);

fn some(parts: [Part; 2], k: usize) -> Option<Element> {
    raising(parts[k].0, parts[k].1)
}

/// The quotient rounded down and the remainder.
fn divmod(x: &[Value], l: &LoopDef) -> Option<[Part; 2]> {
    match *x {
        [Int(_), Int(0)] => Some([(Int(0), FpFlags::DIVIDE); 2]),
        [Int(a), Int(b)] => {
            let floor = a.div_euclid(b) - if b < 0 && a.rem_euclid(b) != 0 { 1 } else { 0 };
            let fits = l.outputs[0].int_range().contains(&floor);
            let quotient = (Int(wrap(floor, l.outputs[0])), FpFlags::OVERFLOW.when(!fits));
            Some([quotient, (Int(a - floor * b), FpFlags::NONE)])
        }
        [Float(a), Float(b)] => Some([floor_quotient(a, b, l.outputs[0]), floor_rest(a, b, l.outputs[0])]),
        _ => None,
    }
}

fn rest_flags(a: f64, b: f64) -> FpFlags {
    FpFlags::INVALID.when(!a.is_nan() && !b.is_nan() && (a.is_infinite() || b == 0.0))
}

/// The dtype that a loop of this one computes in.
fn computed(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// As `npy_divmod` has it, in the precision that the loop computes in.
fn floor_rest(a: f64, b: f64, dtype: DType) -> Part {
    let rest = a % b;
    let value = match () {
        () if rest == 0.0 => 0f64.copysign(b),
        () if (b < 0.0) != (rest < 0.0) => Format::of(computed(dtype)).round(rest + b),
        () => rest,
    };
    let (value, narrowing) = cast(Float(value), computed(dtype), dtype);
    (value, rest_flags(a, b) | narrowing)
}

/// As `npy_divmod` has it, in the precision that the loop computes in.
fn floor_quotient(a: f64, b: f64, dtype: DType) -> Part {
    let computed = computed(dtype);
    let round = |x: f64| Format::of(computed).round(x);
    let least = Format::of(computed).least_normal();
    let given = |x: f64, flags| {
        let (value, narrowing) = cast(Float(x), computed, dtype);
        (value, flags | narrowing)
    };
    match () {
        () if a.is_nan() || b.is_nan() => return (Float(f64::NAN), FpFlags::NONE),
        () if b == 0.0 && a == 0.0 => return given(f64::NAN, FpFlags::INVALID),
        () if b == 0.0 => return given(a / b, FpFlags::DIVIDE.when(a.is_finite())),
        () if a.is_infinite() => return given(f64::NAN, FpFlags::INVALID),
        () => {}
    }
    let rest = a % b;
    let whole = round(round(a - rest) / b);
    let quotient = if rest != 0.0 && (b < 0.0) != (rest < 0.0) { round(whole - 1.0) } else { whole };
    if quotient.is_infinite() {
        return given(quotient, FpFlags::OVERFLOW | FpFlags::INVALID);
    }
    if quotient == 0.0 {
        let (sign, raised) = operate(Operation::Divide, a, b, computed);
        let tiny = sign.abs() < least && raised.contains(FpFlags::UNDERFLOW);
        return given(0f64.copysign(sign), FpFlags::UNDERFLOW.when(tiny));
    }
    let floor = quotient.floor();
    given(if quotient - floor > 0.5 { floor + 1.0 } else { floor }, FpFlags::NONE)
}
