//! `reduceat`: a reduction of each slice between consecutive indices along one axis.

use crate::array::{Array, View};
use crate::call::Called;
use crate::environment;
use crate::error::Error;
use crate::exec::Report;
use crate::memory;
use crate::operand::{Operand, Order, output_strides};
use crate::reduce::{Folding, Nest, check_binary, execute, normalize_axis};
use crate::registry::{DType, LoopDef, UfuncDef, resolve_reduction};

/// Reduces `input[indices[i]..indices[i + 1]]` into element `i` of a new array; where the next index is not larger, the
/// element at the index itself; the last slice goes to the end.
pub fn reduceat(
    def: &UfuncDef,
    input: &View<'_>,
    indices: &[isize],
    axis: isize,
    dtype: Option<DType>,
) -> Result<Called, Error> {
    environment::check()?;
    check_binary(def, "reduceat")?;
    let input = input.operand();
    if input.shape.is_empty() {
        return Err(Error::Scalar { method: "reduceat" });
    }
    let axis = normalize_axis(axis, input.shape.len())?;
    let l = resolve_reduction(def, input.dtype, None, dtype)?;
    let slices = check_indices(def, indices, input.shape[axis])?;
    let mut shaped = input.clone();
    shaped.shape[axis] = indices.len();
    let strides = || output_strides(&[&shaped], &shaped.shape, l.outputs[0].size(), Order::K);
    let out = Array::with_strides(l.outputs[0], &shaped.shape, strides)?;
    // SAFETY: the input is borrowed for the call; the output is new.
    let report = unsafe { run(def, l, input, &slices, axis, out.operand()) }.unless_refused(def)?;
    Ok(Called { outputs: vec![out], report })
}

/// The slices the indices mean, each with at least one element; indices count from 0 only.
pub fn check_indices(def: &UfuncDef, indices: &[isize], len: usize) -> Result<Vec<(usize, usize)>, Error> {
    if let Some(&index) = indices.iter().find(|&&i| i < 0 || i as usize >= len) {
        return Err(Error::Index { ufunc: def.name, method: "reduceat", index, len });
    }
    let ends = indices.iter().skip(1).map(|&i| i as usize).chain([len]);
    let mut slices = memory::list(indices.len(), DType::I64)?;
    slices.extend(indices.iter().zip(ends).map(|(&i, end)| (i as usize, end.max(i as usize + 1))));
    Ok(slices)
}

/// Reduces each slice into its element of `out`, which overlaps no input.
///
/// # Safety
/// Both operands are valid for the call, the slices within the input.
pub unsafe fn run(
    def: &UfuncDef,
    l: &LoopDef,
    input: &Operand,
    slices: &[(usize, usize)],
    axis: usize,
    out: &Operand,
) -> Report {
    let mut report = Report::default();
    if out.is_empty() {
        return report;
    }
    let fold = Folding::new(def, l, input.dtype, out.dtype, None);
    for (i, &(start, end)) in slices.iter().enumerate() {
        let slice = input.slice(axis, start, end);
        let nest = Nest::new(&slice, None, &out.at(axis, i), &[axis], false, false).by_runs();
        // SAFETY: the caller's promise.
        report |= unsafe { execute(&fold, &nest) };
    }
    report
}
