//! `at` on the engine: one-dimensional arrays and indices.

use crate::arguments::ingest::{Ingested, ingest, writable};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::Reason;
use crate::arguments::passed::Arguments;
use crate::python::number::{is_float, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use crate::python::threads;
use crate::run::call::discards_imaginary;
use crate::run::common::{array, integers, out_of_memory};
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ufunx::call::cast_copy;
use ufunx::cast::can_raise;
use ufunx::operand::Operand;
use ufunx::overlap::may_overlap;
use ufunx::registry::Typed;
use ufunx::{DType, FpFlags, Scalar};

/// `at` on exact arrays and numbers, which have no override.
pub fn short_at<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    arguments: &Arguments<'_, 'py>,
) -> Option<Returned<'py>> {
    let [array, indices, value] = *arguments.positional else { return None };
    let exact = |object: Object<'_, '_>| np.is_exact_array(object);
    let plain = exact(array) && exact(indices) && (is_float(value) || is_int(value) || exact(value));
    if !plain || !arguments.keywords.is_empty() || ufunc.target.nin != 2 {
        return None;
    }
    native_at(py, np, ufunc, &NormalArguments::of_inputs(&[array, indices, value])).ok()
}

/// The call, or why it is NumPy's.
pub fn native_at<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    let (object, indices, values) = (normal.inputs[0], normal.inputs[1], normal.inputs.get(2).copied());
    // NumPy 2.4 writes into read-only arrays here; we do not.
    if np.array(object).is_some_and(|array| !array.is_writable()) {
        return Ok(Err(PyValueError::new_err("output array is read-only")));
    }
    let def = ufunc.def.filter(|def| def.core.is_none()).ok_or(Reason::NoUfunc)?;
    let target = writable(np, object).ok_or(Reason::Operand)?;
    let indices = array(np, indices)?;
    let plain = indices.dtype == DType::I64 && indices.shape.len() == 1 && indices.is_aligned();
    let fits = def.nin() == 1 + usize::from(values.is_some()) && def.nout() == 1;
    if target.shape.len() != 1 || !plain || !fits {
        return Err(Reason::Method);
    }
    let value = values.map(|value| ingest(np, value)).transpose()?;
    let strong = match &value {
        // `at` converts first, so a number is as strong as an array.
        Some(Ingested::Weak(number)) => Some(number.weak().default_dtype()),
        Some(Ingested::Strong(..)) => return Err(Reason::Operand),
        Some(Ingested::Array(operand)) => Some(operand.dtype),
        None => None,
    };
    let cell = match &value {
        Some(Ingested::Weak(Scalar::Int(x))) => [u128::from(*x as u64)],
        Some(Ingested::Weak(Scalar::Float(x))) => [u128::from(x.to_bits())],
        Some(Ingested::Weak(Scalar::Complex(_))) => return Err(Reason::DType),
        _ => [0],
    };
    let number = strong.map(|dtype| Operand::scalar(cell.as_ptr().cast_mut().cast(), dtype));
    let operand = match &value {
        Some(Ingested::Array(operand)) => Some(operand),
        _ => number.as_ref(),
    };
    // SAFETY: live arrays, of integers the indices, and a value in its cell, which nobody touches meanwhile.
    if let Some(flags) = unsafe { plainly(ufunc, &target, &indices, operand) }? {
        return Ok(ufunc.report(py, np, at_name(ufunc), flags).map(|()| py.None().into_bound(py)));
    }
    let l = ufunx::at::resolve_at(def, target.dtype, strong.map(Typed::Strong));
    let l = l.map_err(|_| Reason::Resolution)?;
    let casts = [(target.dtype, l.inputs[0]), (l.outputs[0], target.dtype)];
    let mut all = casts.into_iter().chain(strong.map(|value| (value, l.inputs[1])));
    let numpys = |(from, to)| discards_imaginary(from, to) || def.clears_flags && can_raise(from, to);
    if all.any(numpys) {
        return Err(Reason::Resolution);
    }
    // Values of another dtype, a number beside floats perhaps, are cast once.
    let own = [target.dtype; 2] == *l.inputs && [target.dtype] == *l.outputs;
    if let Some(values) = operand.filter(|v| own && v.shape.len() < 2 && !can_raise(v.dtype, target.dtype)) {
        // SAFETY: memory that nobody touches meanwhile.
        let (cast, _) = match unsafe { cast_copy(values, target.dtype) } {
            Ok(cast) => cast,
            Err(error) => return out_of_memory(error).map(Err),
        };
        // SAFETY: as above.
        if let Some(flags) = unsafe { plainly(ufunc, &target, &indices, Some(cast.operand())) }? {
            return Ok(ufunc.report(py, np, "at", flags).map(|()| py.None().into_bound(py)));
        }
    }
    // SAFETY: as above.
    unsafe { at_values(py, np, ufunc, &target, &indices, operand) }
}

/// `at` without casts on aligned memory, and the flags it raised; `None` where it is not that plain.
///
/// # Safety
/// Memory that nobody touches meanwhile: the target's of one dimension, the indices' of aligned 64-bit integers.
unsafe fn plainly(
    ufunc: &Ufunc,
    target: &Operand,
    indices: &Operand,
    values: Option<&Operand>,
) -> Result<Option<FpFlags>, Reason> {
    let (Some(values), Some(l)) = (values, ufunc.short.reducible(target.dtype)) else { return Ok(None) };
    let count = indices.shape[0];
    let plain = l.code.kernels().indexed.exists()
        && values.dtype == target.dtype
        && target.is_aligned()
        && (values.shape.is_empty() || values.shape[..] == [count])
        && values.is_aligned()
        && !may_overlap(values, target)
        && !may_overlap(indices, target);
    if !plain {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { ufunx::at::at_plain(l, target, indices, values) }.map(Some).ok_or(Reason::Layout)
}

/// Under what name NumPy reports what `at` raised on a plain array: its own for ufuncs with an indexed loop.
fn at_name(ufunc: &Ufunc) -> &'static str {
    ufunc.def.filter(|def| def.indexed).map_or("at", |def| def.name)
}

/// `at` of any dtypes.
///
/// # Safety
/// As [`plainly`].
unsafe fn at_values<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    target: &Operand,
    indices: &Operand,
    value: Option<&Operand>,
) -> Result<Returned<'py>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // SAFETY: an aligned array of 64-bit integers.
    let done = unsafe { integers(indices) }.and_then(|indices| {
        // SAFETY: target and values are the caller's for the call.
        let run = || unsafe { ufunx::at::at_operand(def, target, &indices, value) };
        threads::in_context(py, indices.len(), run)
    });
    match done {
        Ok(done) => Ok(ufunc.report(py, np, "at", done.flags | done.cast).map(|()| py.None().into_bound(py))),
        Err(error) => out_of_memory(error).map(Err),
    }
}
