//! The ufunc methods: folds in plain order, one element after the other.

use super::cast::cast;
use super::{Expected, element, evaluate};
use crate::layouts::for_each_index;
use crate::value::{Format, Value};
use ufunx::operand::Operand;
use ufunx::registry::{DType, Identity, Kind, LoopDef, UfuncDef};

/// What a reduction over nothing gives.
pub fn identity(def: &UfuncDef, dtype: DType) -> Option<Value> {
    let number = match def.identity {
        Identity::None => return None,
        Identity::Zero => 0.0,
        Identity::One => 1.0,
        Identity::MinusOne => -1.0,
        Identity::NegInfinity if dtype.kind() == Kind::Float && !Format::of(dtype).infinite => return None,
        Identity::NegInfinity => f64::NEG_INFINITY,
    };
    Some(match dtype.kind() {
        Kind::Bool => Value::Bool(number != 0.0),
        Kind::Int | Kind::Date => Value::Int(crate::value::wrap(number as i128, dtype)),
        Kind::Float => Value::Float(number),
        Kind::Complex => Value::Complex(number, 0.0),
    })
}

/// One step of a fold.
///
/// # Panics
/// As [`evaluate`].
pub fn step(name: &str, l: &LoopDef, a: Value, b: Value) -> Value {
    evaluate(name, l, &[a, b]).values[0]
}

/// Element `index` of `input`, in the loop's dtype.
fn load(l: &LoopDef, input: &Operand, index: &[usize]) -> Value {
    cast(element(input, index), input.dtype, l.inputs[1]).0
}

/// The loop a fold steps through: narrow floats are folded in f32 and rounded once, at the end.
fn fold_loop(name: &str, l: &'static LoopDef) -> &'static LoopDef {
    let wide = ufunx::table().get(name).and_then(|def| def.loop_for(&[DType::F32; 2]));
    wide.filter(|_| l.outputs[0].is_narrow_float()).unwrap_or(l)
}

/// Folds `input` over `axes`, in index order, from `start` or else the first element; the results in row-major order of
/// the axes left. `None` where there is neither.
pub fn reduce(
    name: &str,
    l: &'static LoopDef,
    input: &Operand,
    axes: &[usize],
    mask: Option<&Operand>,
    start: Option<Value>,
) -> Vec<Option<Value>> {
    let (shape, out, l) = (&input.shape, l.outputs[0], fold_loop(name, l));
    let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
    let folded: Vec<usize> = (0..shape.len()).filter(|a| axes.contains(a)).collect();
    let lengths = |axes: &[usize]| -> Vec<usize> { axes.iter().map(|&a| shape[a]).collect() };
    let mut results = vec![];
    for_each_index(&lengths(&kept), |outer| {
        let mut acc = start.map(|start| cast(start, out, l.inputs[0]).0);
        for_each_index(&lengths(&folded), |inner| {
            let mut index = vec![0; shape.len()];
            kept.iter().zip(outer).chain(folded.iter().zip(inner)).for_each(|(&axis, &i)| index[axis] = i);
            if mask.is_some_and(|m| !element(m, &index).truth()) {
                return;
            }
            let x = load(l, input, &index);
            acc = Some(acc.map_or(x, |acc| step(name, l, acc, x)));
        });
        results.push(acc.map(|acc| cast(acc, l.outputs[0], out).0));
    });
    results
}

/// Every partial fold along `axis`, in row-major order of the input's shape.
pub fn accumulate(name: &str, l: &LoopDef, input: &Operand, axis: usize) -> Vec<Value> {
    let mut results: Vec<Value> = vec![];
    let step_back: usize = input.shape[axis + 1..].iter().product();
    for_each_index(&input.shape, |index| {
        let x = load(l, input, index);
        results.push(match index[axis] {
            0 => x,
            _ => step(name, l, results[results.len() - step_back], x),
        });
    });
    results
}

/// A fold of each slice `indices[i]..indices[i + 1]`, or of the one element where that is empty.
pub fn reduceat(
    name: &str,
    l: &'static LoopDef,
    input: &Operand,
    indices: &[isize],
    axis: usize,
) -> Vec<Value> {
    let (out, l) = (l.outputs[0], fold_loop(name, l));
    let mut shape = input.shape.to_vec();
    shape[axis] = indices.len();
    let mut results = vec![];
    for_each_index(&shape, |index| {
        let slice = index[axis];
        let start = indices[slice] as usize;
        let end = indices.get(slice + 1).map_or(input.shape[axis], |&i| i as usize);
        let mut at = index.to_vec();
        at[axis] = start;
        let mut acc = load(l, input, &at);
        for i in start + 1..end {
            at[axis] = i;
            acc = step(name, l, acc, load(l, input, &at));
        }
        results.push(cast(acc, l.outputs[0], out).0);
    });
    results
}

/// The operands of an outer call, as operands that broadcast.
pub fn outer_operands(a: &Operand, b: &Operand) -> [Operand; 2] {
    let mut a = a.clone();
    for _ in 0..b.shape.len() {
        a.shape.push(1);
        a.strides.push(0);
    }
    [a, b.clone()]
}

/// Updates the elements of a one-dimensional `target`, given as values of dtype `dtype`.
pub fn at(
    name: &str,
    l: &LoopDef,
    target: &[Value],
    dtype: DType,
    indices: &[isize],
    values: Option<(&[Value], DType)>,
) -> Vec<Expected> {
    let mut target: Vec<Expected> = target.iter().map(|&value| value.into()).collect();
    for (k, &index) in indices.iter().enumerate() {
        let place = if index < 0 { target.len() - index.unsigned_abs() } else { index as usize };
        let mut x = vec![cast(target[place].value, dtype, l.inputs[0]).0];
        if let Some((values, dtype)) = values {
            x.push(cast(values[k % values.len()], dtype, l.inputs[1]).0);
        }
        target[place] = Expected::of(&evaluate(name, l, &x), 0, l.outputs[0], dtype).0;
    }
    target
}
