//! What the methods have in common: reading arguments as far as they are plain, making the output, finishing.

use crate::arguments::ingest::{operand_of, writable};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::{Reason, dtype};
use crate::python::memory::Raised;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::results::wrap::Wrap;
use crate::ufunc::record::Ufunc;
use numpy::npyffi::PyArrayObject;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::reduce::{Axes, normalize_axis};
use ufunx::{DType, Report};

/// The value of a keyword, null where absent.
pub fn value(normal: &NormalArguments, keyword: Keyword) -> *mut ffi::PyObject {
    normal.get(keyword).unwrap_or(std::ptr::null_mut())
}

/// An array of a native dtype.
pub unsafe fn array(np: &NumPy, object: *mut ffi::PyObject) -> Result<Operand, Reason> {
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        if !np.is_array(object) {
            return Err(Reason::Operand);
        }
        let array = object.cast::<PyArrayObject>();
        let dtype = np.dtype_of(array).ok_or(Reason::DType)?;
        Ok(operand_of(array, dtype))
    }
}

/// `axis=` of a reduction.
pub unsafe fn axes(object: *mut ffi::PyObject) -> Result<Axes, Reason> {
    // SAFETY: a live object or null, a tuple once its type says so.
    unsafe {
        let one = |object| integer(object).ok_or(Reason::Keyword);
        if object.is_null() {
            return Ok(Axes::One(0));
        }
        if object == ffi::Py_None() {
            return Ok(Axes::All);
        }
        if ffi::PyTuple_CheckExact(object) == 0 {
            return one(object).map(Axes::One);
        }
        let n = ffi::PyTuple_GET_SIZE(object);
        (0..n).map(|i| one(ffi::PyTuple_GET_ITEM(object, i))).collect::<Result<_, _>>().map(Axes::Many)
    }
}

/// `axis=` of accumulate and reduceat.
pub unsafe fn one_axis(object: *mut ffi::PyObject, ndim: usize) -> Result<usize, Reason> {
    // SAFETY: a live object or null.
    let axis = if object.is_null() { 0 } else { unsafe { integer(object) }.ok_or(Reason::Keyword)? };
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

pub fn is_absent(object: *mut ffi::PyObject) -> bool {
    // SAFETY: None lives for ever.
    object.is_null() || object == unsafe { ffi::Py_None() }
}

/// `dtype=`.
pub unsafe fn optional_dtype(
    py: Python<'_>,
    np: &NumPy,
    object: *mut ffi::PyObject,
) -> Result<Option<DType>, Reason> {
    if is_absent(object) {
        return Ok(None);
    }
    // SAFETY: a live object.
    unsafe { dtype(py, np, object) }.map(Some).ok_or(Reason::Keyword)
}

/// The given output.
pub unsafe fn given_output(
    np: &NumPy,
    normal: &NormalArguments,
) -> Result<Option<(*mut ffi::PyObject, Operand)>, Reason> {
    let Some(&object) = normal.outputs.as_ref().and_then(|outputs| outputs.first()) else { return Ok(None) };
    // SAFETY: a live object.
    unsafe { writable(np, object) }.map(|operand| Some((object, operand))).ok_or(Reason::Keyword)
}

/// The given output, or a new array.
pub fn output<'py>(
    py: Python<'py>,
    np: &NumPy,
    given: Option<(*mut ffi::PyObject, Operand)>,
    dtype: DType,
    shape: &[usize],
    strides: impl FnOnce() -> ufunx::operand::Strides,
) -> PyResult<(Bound<'py, PyAny>, Operand)> {
    if let Some((object, operand)) = given {
        // SAFETY: a live object, which becomes the result.
        return Ok((unsafe { Bound::from_borrowed_ptr(py, object) }, operand));
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
    normal: &NormalArguments,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: an array; live arguments.
    unsafe {
        ufunc.report(py, np, name, report.flags | report.cast)?;
        let original = normal.outputs.as_ref().map_or(std::ptr::null_mut(), |outputs| outputs[0]);
        let nd = (*result.as_ptr().cast::<PyArrayObject>()).fields.nd;
        let wrap = Wrap::of_inputs(py, np, &normal.inputs[..1])?;
        let to_scalar = nd == 0 && !normal.keep_arrays;
        wrap.apply(np, result, original, None, to_scalar, false)
    }
}
