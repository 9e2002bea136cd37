//! The interpreter: what every ufunc answers, one element at a time, with no thought of speed. It shares no code with
//! the engine's kernels, plans or casts.

pub mod cast;
pub mod ieee;
pub mod methods;

use crate::layouts::{address, for_each_index};
use crate::reference::{Bound, Element, row};
use crate::value::{Format, Value, read};
use crate::values::ulp;
use ufunx::operand::Operand;
use ufunx::registry::{DType, FpFlags, Kind, LoopDef};

/// What a call should do.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Each output's elements in row-major order, in its own dtype; `None` where the mask leaves it alone.
    pub outputs: Vec<Vec<Option<Expected>>>,
    /// What the loop raises.
    pub flags: FpFlags,
    /// What it may raise as well.
    pub may: FpFlags,
    /// What the casts of operands raise.
    pub cast: FpFlags,
}

/// A value, and how far off a result may be.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The value.
    pub value: Value,
    slack: f64,
    fused: Option<Value>,
}

impl From<Value> for Expected {
    fn from(value: Value) -> Expected {
        Expected { value, slack: 0.0, fused: None }
    }
}

impl Expected {
    /// Output `k` of an element, cast to a dtype; and what the cast raises.
    pub fn of(element: &Element, k: usize, from: DType, to: DType) -> (Expected, FpFlags) {
        let (value, flags) = cast::cast(element.values[k], from, to);
        if element.bound == 0.0 {
            let fused = element.fused.as_ref().map(|values| cast::cast(values[k], from, to).0);
            return (Expected { value, slack: 0.0, fused }, flags);
        }
        // The value is the exact one rounded, and where it is cast it may fall on the other side of a rounding.
        let size = |x: Value| match x {
            Value::Complex(re, im) => re.abs().max(im.abs()),
            other => other.real(),
        };
        let own = (element.bound + 0.5) * ulp(size(element.values[k]), from);
        let rounding = match to.kind() {
            Kind::Float | Kind::Complex if from != to => ulp(size(value), to),
            Kind::Int => 1.0,
            _ => 0.0,
        };
        (Expected { value, slack: own + rounding, fused: None }, flags)
    }

    /// Whether a result will do.
    pub fn admits(self, found: Value, dtype: DType) -> bool {
        if self.value.same(found) || self.fused.is_some_and(|fused| fused.same(found)) {
            return true;
        }
        if self.slack == f64::INFINITY {
            return true;
        }
        let (a, b) = match (self.value, found) {
            (Value::Float(_), Value::Float(_)) | (Value::Int(_), Value::Int(_)) => {
                (self.value.real(), found.real())
            }
            (Value::Complex(a, b), Value::Complex(c, d)) => {
                let admits = |a: f64, b: f64| {
                    Expected { value: Value::Float(a), fused: None, ..self }.admits(Value::Float(b), dtype)
                };
                return admits(a, c) && admits(b, d);
            }
            _ => return false,
        };
        // Just too large, or just not.
        let finite = |x: f64| match dtype.kind() {
            Kind::Float | Kind::Complex if x.is_infinite() => Format::of(dtype).max.copysign(x),
            _ => x,
        };
        self.slack > 0.0 && (finite(a) - finite(b)).abs() <= self.slack
    }
}

/// An element's results.
///
/// # Panics
/// If the ufunc has no reference, or it does not know the operands.
pub fn evaluate(name: &str, l: &LoopDef, x: &[Value]) -> Element {
    let bound = ufunx::table().get(name).map_or(Bound { ulps: 0.0, least: 0.0, complex: 0.0 }, Bound::of);
    let element = row(name).and_then(|row| row.evaluate(l, x, bound));
    element.unwrap_or_else(|| panic!("the reference of {name} does not know {l}"))
}

/// The shape that all broadcast to.
pub fn broadcast(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let n = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut result = vec![1; n];
    for shape in shapes {
        for (have, &want) in result.iter_mut().rev().zip(shape.iter().rev()) {
            if *have == 1 {
                *have = want;
            } else if want != 1 && want != *have {
                return None;
            }
        }
    }
    Some(result)
}

/// The element of an operand that stands at `index` of a shape it broadcasts to.
pub fn element(operand: &Operand, index: &[usize]) -> Value {
    let own: Vec<usize> = index[index.len() - operand.shape.len()..]
        .iter()
        .zip(&operand.shape)
        .map(|(&i, &n)| if n == 1 { 0 } else { i })
        .collect();
    // SAFETY: the index is within the operand, whose elements may be read.
    unsafe { read(address(operand, &own), operand.dtype) }
}

/// Calls loop `l` of ufunc `name` on every element of `shape`. `outputs` are the dtypes the results are cast to.
///
/// # Panics
/// As [`evaluate`].
pub fn call(
    name: &str,
    l: &LoopDef,
    inputs: &[Operand],
    mask: Option<&Operand>,
    outputs: &[DType],
    shape: &[usize],
) -> Answer {
    let mut answer = Answer { outputs: vec![vec![]; outputs.len()], ..Answer::default() };
    for_each_index(shape, |index| {
        if mask.is_some_and(|m| !element(m, index).truth()) {
            return answer.outputs.iter_mut().for_each(|o| o.push(None));
        }
        let mut x = vec![];
        for (operand, &dtype) in inputs.iter().zip(l.inputs) {
            let (value, flags) = cast::cast(element(operand, index), operand.dtype, dtype);
            answer.cast |= flags;
            x.push(value);
        }
        let result = evaluate(name, l, &x);
        answer.flags |= result.flags;
        answer.may |= result.may;
        for (k, &dtype) in outputs.iter().enumerate() {
            let (expected, flags) = Expected::of(&result, k, l.outputs[k], dtype);
            answer.cast |= flags;
            answer.outputs[k].push(Some(expected));
        }
    });
    answer
}
