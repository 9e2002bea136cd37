//! `accumulate` and `reduceat` on the engine.

use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::Reason;
use crate::python::gil;
use crate::python::numpy_api::NumPy;
use crate::python::object::Returned;
use crate::run::call::discards_imaginary;
use crate::run::common::{
    array, finish, given_output, integers, one_axis, optional_dtype, out_of_memory, output,
};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::{Order, output_strides};
use ufunx::overlap::{may_overlap, overlaps_itself};
use ufunx::registry::resolve_reduction;
use ufunx::{DType, FpFlags, Report};

/// Every partial result, or why it is NumPy's.
pub fn native_accumulate<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    let def = ufunc.def.filter(|d| d.nin() == 2 && d.nout() == 1).ok_or(Reason::NoUfunc)?;
    let [axis, dtype] = [Keyword::Axis, Keyword::Dtype].map(|keyword| normal.get(keyword));
    // Before the operands: it may be an object with code of its own.
    let dtype = optional_dtype(np, dtype)?;
    let input = array(np, normal.inputs[0])?;
    if input.shape.is_empty() {
        return Err(Reason::Method);
    }
    let axis = one_axis(axis, input.shape.len())?;
    let out = given_output(np, normal)?;
    let out_dtype = out.as_ref().map(|(_, out)| out.dtype);
    let l = resolve_reduction(def, input.dtype, out_dtype, dtype).map_err(|_| Reason::Resolution)?;
    let dtype = l.outputs[0];
    if discards_imaginary(input.dtype, dtype) {
        return Err(Reason::DType);
    }
    if let Some((_, out)) = &out {
        // What is computed is computed in the output's memory.
        let usable = out.dtype == dtype && out.shape == input.shape && out.is_aligned();
        if !usable || may_overlap(&input, out) || overlaps_itself(out) {
            return Err(Reason::Layout);
        }
    }
    let strides = || output_strides(&[&input], &input.shape, dtype.size(), Order::K);
    Ok(output(py, np, out, dtype, &input.shape, strides).and_then(|(result, target)| {
        // SAFETY: memory of live arrays, as it was read just now.
        let report = unsafe {
            gil::around(py, l, input.len(), || ufunx::accumulate::run(def, l, &input, &target, axis))
        };
        // NumPy copies the input, cast, before it accumulates.
        let (loop_only, cast) = (Report { cast: FpFlags::NONE, ..report }, report.cast);
        np.report(py, "cast", cast)?;
        finish(py, np, (ufunc, "accumulate"), loop_only, result, normal)
    }))
}

/// The reductions of slices, or why they are NumPy's.
pub fn native_reduceat<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    let def = ufunc.def.filter(|d| d.nin() == 2 && d.nout() == 1).ok_or(Reason::NoUfunc)?;
    let [axis, dtype] = [Keyword::Axis, Keyword::Dtype].map(|keyword| normal.get(keyword));
    // Before the operands: it may be an object with code of its own.
    let dtype = optional_dtype(np, dtype)?;
    let input = array(np, normal.inputs[0])?;
    let indices = array(np, normal.inputs[1])?;
    let plain = indices.dtype == DType::I64 && indices.shape.len() == 1 && indices.is_aligned();
    // NumPy lays the result of a permuted array out in a way of its own.
    let rows = input.strides == ufunx::operand::c_strides(&input.shape, input.dtype.size());
    if input.shape.is_empty() || normal.outputs.is_some() || !plain || !(rows || input.shape.len() == 1) {
        return Err(Reason::Method);
    }
    let axis = one_axis(axis, input.shape.len())?;
    let l = resolve_reduction(def, input.dtype, None, dtype).map_err(|_| Reason::Resolution)?;
    // NumPy casts the whole array first, what no slice holds included.
    if can_raise(input.dtype, l.inputs[1]) || discards_imaginary(input.dtype, l.inputs[1]) {
        return Err(Reason::Resolution);
    }
    // SAFETY: an aligned array of integers, which lives.
    let slices = unsafe { integers(&indices) }
        .and_then(|indices| ufunx::reduceat::check_indices(def, &indices, input.shape[axis]));
    let slices = match slices {
        Ok(slices) => slices,
        Err(error) => return out_of_memory(error).map(Err),
    };
    let dtype = l.outputs[0];
    let mut shaped = input.clone();
    shaped.shape[axis] = slices.len();
    let strides = || ufunx::operand::c_strides(&shaped.shape, dtype.size());
    Ok(output(py, np, None, dtype, &shaped.shape, strides).and_then(|(result, target)| {
        // SAFETY: memory of live arrays, as it was read just now.
        let report = unsafe {
            gil::around(py, l, input.len(), || ufunx::reduceat::run(def, l, &input, &slices, axis, &target))
        };
        finish(py, np, (ufunc, "reduceat"), report, result, normal)
    }))
}
