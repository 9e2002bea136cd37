//! What the methods have in common: reading arguments as far as they are plain, making the output, finishing.

use crate::arguments::ingest::writable;
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::Reason;
use crate::python::memory::Raised;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, entries, exact_tuple};
use crate::results::wrap::{Wanted, Wrap};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::operand::Operand;
use ufunx::reduce::{Axes, normalize_axis};
use ufunx::{DType, Report};

/// An array of a native dtype.
pub fn array(np: &NumPy, object: Object<'_, '_>) -> Result<Operand, Reason> {
    let array = np.array(object).ok_or(Reason::Operand)?;
    Ok(array.operand(array.dtype(np).ok_or(Reason::DType)?))
}

/// `axis=` of a reduction.
pub fn axes(object: Option<Object<'_, '_>>) -> Result<Axes, Reason> {
    let one = |object| integer(object).ok_or(Reason::Keyword);
    match (object, object.and_then(exact_tuple)) {
        (None, _) => Ok(Axes::One(0)),
        (Some(object), _) if object.is_none() => Ok(Axes::All),
        (Some(object), None) => one(object).map(Axes::One),
        (_, Some(tuple)) => entries(tuple).map(one).collect::<Result<_, _>>().map(Axes::Many),
    }
}

/// `axis=` of accumulate and reduceat.
pub fn one_axis(object: Option<Object<'_, '_>>, ndim: usize) -> Result<usize, Reason> {
    let axis = object.map_or(Ok(0), |object| integer(object).ok_or(Reason::Keyword))?;
    normalize_axis(axis, ndim).map_err(|_| Reason::Layout)
}

/// The error of a call that ran out of memory; another error is a reason for NumPy to have the call.
pub fn out_of_memory(error: ufunx::Error) -> Result<PyErr, Reason> {
    match error {
        ufunx::Error::OutOfMemory { .. } => Ok(Raised::from(error).into()),
        ufunx::Error::Resolve(_) => Err(Reason::Resolution),
        _ => Err(Reason::Layout),
    }
}

/// The elements of a one-dimensional array of 64-bit integers.
///
/// # Safety
/// A live, aligned one.
pub unsafe fn integers(array: &Operand) -> Result<Vec<isize>, ufunx::Error> {
    let mut list = ufunx::memory::list(array.shape[0], DType::I64)?;
    let place = |i: usize| array.ptr.wrapping_offset(i as isize * array.strides[0]).cast::<isize>();
    // SAFETY: the caller's promise.
    list.extend((0..array.shape[0]).map(|i| unsafe { *place(i) }));
    Ok(list)
}

/// `dtype=`.
pub fn optional_dtype(np: &NumPy, object: Option<Object<'_, '_>>) -> Result<Option<DType>, Reason> {
    let given = object.filter(|object| !object.is_none());
    given.map(|object| np.dtypes.said_by(object).ok_or(Reason::Keyword)).transpose()
}

/// A given output, with its memory.
pub type Given<'a, 'py> = Option<(Object<'a, 'py>, Operand)>;

/// The given output.
pub fn given_output<'a, 'py>(
    np: &NumPy,
    normal: &NormalArguments<'a, 'py>,
) -> Result<Given<'a, 'py>, Reason> {
    let given = normal.outputs.as_ref().and_then(|outputs| outputs.first().copied());
    given.map(|object| Ok((object, writable(np, object).ok_or(Reason::Keyword)?))).transpose()
}

/// The given output, or a new array.
pub fn output<'py>(
    py: Python<'py>,
    np: &NumPy,
    given: Given<'_, 'py>,
    dtype: DType,
    shape: &[usize],
    strides: impl FnOnce() -> ufunx::operand::Strides,
) -> PyResult<(Bound<'py, PyAny>, Operand)> {
    if let Some((object, operand)) = given {
        return Ok((object.to_owned(), operand));
    }
    let strides = strides();
    let (array, ptr) = np.new_array(py, dtype, shape, Some(&strides))?;
    Ok((array, Operand { ptr, dtype, shape: shape.into(), strides }))
}

/// Reports, and gives the result its type: the input's or the given output's, a scalar if it is new and has no
/// dimensions.
pub fn finish<'py>(
    py: Python<'py>,
    np: &NumPy,
    (ufunc, name): (&Ufunc, &str),
    report: Report,
    result: Bound<'py, PyAny>,
    normal: &NormalArguments<'_, 'py>,
) -> Returned<'py> {
    ufunc.report(py, np, name, report.flags | report.cast)?;
    let original = normal.outputs.as_ref().map(|outputs| outputs[0]);
    label(np, normal, 0, &result);
    let wrap = Wrap::of_inputs(np, &normal.passed()[..1])?;
    let to_scalar = has_no_axes(np, &result) && !normal.keep_arrays;
    wrap.apply(np, result, original, None, Wanted { to_scalar, force: false })
}

/// Gives a result, unless it is a given output, the name of its dtype that its inputs' names lead to.
pub fn label(np: &NumPy, normal: &NormalArguments<'_, '_>, i: usize, result: &Bound<'_, PyAny>) {
    let given = normal.outputs.as_ref().is_some_and(|outputs| !outputs[i].is_none());
    if !given && let Some(&label) = normal.labels.get(i) {
        np.label(result, label);
    }
}

/// Whether a result is an array of no dimensions.
pub fn has_no_axes(np: &NumPy, result: &Bound<'_, PyAny>) -> bool {
    np.array(result.as_borrowed()).is_some_and(|array| array.nd() == 0)
}
