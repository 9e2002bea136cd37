//! Moments and spans, for all ufuncs that have loops for them: counts, the least of which is no time, as NumPy's loops
//! have them.

use super::Element;
use crate::interpret::ieee::{Operation, operate};
use crate::value::Value::{self, Bool, Float, Int};
use crate::value::wrap;
use ufunx::registry::{DType, FpFlags, Kind, LoopDef};

/// Whether a loop is one of them.
pub fn is_one(l: &LoopDef) -> bool {
    l.inputs.iter().any(|dtype| dtype.kind() == Kind::Date)
}

const NAT: i128 = i64::MIN as i128;

/// What an element must give.
pub fn evaluate(name: &str, x: &[Value], l: &LoopDef) -> Option<Element> {
    let is_nat = |(value, dtype): (&Value, &DType)| dtype.kind() == Kind::Date && *value == Int(NAT);
    let nat = x.iter().zip(l.inputs).any(is_nat);
    let mut flags = FpFlags::NONE;
    let wrapped = |i: i128| Int(wrap(i, DType::I64));
    let time = |i: i128| if nat { Int(NAT) } else { wrapped(i) };
    let values = match (name, x) {
        ("add", [Int(a), Int(b)]) => vec![time(a + b)],
        ("subtract", [Int(a), Int(b)]) => vec![time(a - b)],
        ("multiply", [Int(a), Int(b)]) => vec![time(a.wrapping_mul(*b))],
        ("multiply", [Int(a), Float(b)] | [Float(b), Int(a)]) if !nat => {
            vec![scaled(operate(Operation::Multiply, *a as f64, *b, DType::F64), &mut flags)]
        }
        ("divide" | "floor_divide", [Int(a), Float(b)]) if !nat => {
            vec![scaled(operate(Operation::Divide, *a as f64, *b, DType::F64), &mut flags)]
        }
        ("multiply" | "divide" | "floor_divide", [Int(_), Float(_)] | [Float(_), Int(_)]) => vec![Int(NAT)],
        ("divide" | "floor_divide", [Int(a), Int(b)]) if l.inputs[1] == DType::I64 => {
            vec![if nat || *b == 0 { Int(NAT) } else { wrapped(a / b) }]
        }
        ("divide", [Int(_), Int(_)]) if nat => vec![Float(f64::NAN)],
        ("divide", [Int(a), Int(b)]) => {
            let (quotient, raised) = operate(Operation::Divide, *a as f64, *b as f64, DType::F64);
            flags = raised;
            vec![Float(quotient)]
        }
        ("floor_divide" | "remainder" | "divmod", [Int(a), Int(b)]) => {
            let whole = !nat && *b != 0;
            let (mut quotient, mut rest) = if whole { (a / b, a % b) } else { (0, NAT) };
            if whole && rest != 0 && (rest < 0) != (*b < 0) {
                (quotient, rest) = (quotient - 1, rest + b);
            }
            flags = FpFlags::DIVIDE.when(!nat && *b == 0) | FpFlags::INVALID.when(nat && name != "remainder");
            match name {
                "floor_divide" => vec![Int(quotient)],
                "remainder" => vec![Int(rest)],
                _ => vec![Int(quotient), Int(rest)],
            }
        }
        ("negative", [Int(a)]) => vec![time(-a)],
        ("positive", [Int(a)]) => vec![Int(*a)],
        ("absolute", [Int(a)]) => vec![time(a.abs())],
        ("sign", [Int(a)]) => vec![Int(a.signum())],
        ("isnat" | "isnan", _) => vec![Bool(nat)],
        ("isfinite", _) => vec![Bool(!nat)],
        ("isinf", _) => vec![Bool(false)],
        ("equal", [a, b]) => vec![Bool(!nat && a == b)],
        ("not_equal", [a, b]) => vec![Bool(nat || a != b)],
        ("less", [Int(a), Int(b)]) => vec![Bool(!nat && a < b)],
        ("less_equal", [Int(a), Int(b)]) => vec![Bool(!nat && a <= b)],
        ("greater", [Int(a), Int(b)]) => vec![Bool(!nat && a > b)],
        ("greater_equal", [Int(a), Int(b)]) => vec![Bool(!nat && a >= b)],
        ("maximum", [Int(a), Int(b)]) => vec![time(*a.max(b))],
        ("minimum", [Int(a), Int(b)]) => vec![time(*a.min(b))],
        ("fmax" | "fmin", [Int(a), Int(NAT)] | [Int(NAT), Int(a)]) => vec![Int(*a)],
        ("fmax", [Int(a), Int(b)]) => vec![Int(*a.max(b))],
        ("fmin", [Int(a), Int(b)]) => vec![Int(*a.min(b))],
        ("clip", [Int(x), Int(low), Int(high)]) => vec![time(*x.max(low).min(high))],
        _ => return None,
    };
    Some(Element { values, flags, may: FpFlags::NONE, bound: 0.0, fused: None })
}

/// A scaled span: towards zero, no time where that is no number or none that a span holds.
fn scaled((x, raised): (f64, FpFlags), flags: &mut FpFlags) -> Value {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x);
    *flags = raised | FpFlags::INVALID.when(x.is_finite() && !fits);
    Int(if fits { x as i128 } else { NAT })
}
