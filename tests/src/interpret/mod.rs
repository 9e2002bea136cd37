//! The interpreter: what every ufunc answers, one element at a time, with no thought of speed. It shares no code with
//! the engine's kernels, plans or casts.

pub mod cast;
pub mod ieee;
pub mod methods;
pub mod scalar;

use crate::layouts::{address, for_each_index};
use crate::value::{Value, read};
use ufunx::operand::Operand;
use ufunx::registry::{DType, FpFlags, LoopDef};

/// What a call should do.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Each output's elements in row-major order, in its own dtype; `None` where the mask leaves it alone.
    pub outputs: Vec<Vec<Option<Value>>>,
    /// What the loop raises.
    pub flags: FpFlags,
    /// What the casts of operands raise.
    pub cast: FpFlags,
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
/// If the interpreter does not know the ufunc.
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
        let Some(result) = scalar::evaluate(name, l, &x) else {
            panic!("the interpreter does not know {name}")
        };
        answer.flags |= result.flags;
        for (k, &dtype) in outputs.iter().enumerate() {
            let (value, flags) = cast::cast(result.values[k], l.outputs[k], dtype);
            answer.cast |= flags;
            answer.outputs[k].push(Some(value));
        }
    });
    answer
}
