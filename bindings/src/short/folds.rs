//! The short way of `reduce` and `accumulate`: exact arrays, an axis perhaps, everything else at its default. What does not
//! fit returns `None`, having done nothing.

use super::read::read_array;
use crate::arguments::passed::Arguments;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::results::scalar::scalar;
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::short::fold::{Accumulation, Axis, Reduction};
use ufunx::short::head::Head;

/// Calls the method the short way, if it can.
///
/// # Safety
/// Live arguments.
pub unsafe fn call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let mut head = Head::EMPTY;
    // SAFETY: live arguments.
    unsafe {
        let (array, axis) = plain_arguments(np, method, arguments)?;
        read_array(np, array.cast(), &mut head)?;
        match (method, axis_of(axis)?) {
            (Method::Reduce, axis) => {
                let reduction = Reduction::new(&ufunc.short, head, axis)?;
                Some(reduce(py, np, ufunc, &reduction))
            }
            (_, Axis::One(axis)) => {
                let accumulation = Accumulation::new(&ufunc.short, head, axis)?;
                Some(accumulate(py, np, ufunc, &accumulation, &head))
            }
            _ => None,
        }
    }
}

/// # Safety
/// The array is live.
unsafe fn reduce<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    reduction: &Reduction<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let (dtype, shape) = (reduction.dtype(), reduction.shape());
    // SAFETY: a cell holds one element, a new array as many as there are results.
    unsafe {
        if shape.is_empty() {
            let mut cell = [0u128];
            let target = cell.as_mut_ptr().cast();
            ufunc.report(py, np, "reduce", reduction.run(target))?;
            return scalar(py, np, dtype, target);
        }
        let (array, target) = np.new_array(py, dtype, shape, None)?;
        ufunc.report(py, np, "reduce", reduction.run(target))?;
        Ok(array)
    }
}

/// # Safety
/// The array is live.
unsafe fn accumulate<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    accumulation: &Accumulation<'_>,
    head: &Head<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let (array, target) = np.new_array(py, head.dtype, head.dims, None)?;
    // SAFETY: the new array has as many elements.
    ufunc.report(py, np, "accumulate", unsafe { accumulation.run(target) })?;
    Ok(array)
}

const REDUCE: [Keyword; 6] =
    [Keyword::Axis, Keyword::Dtype, Keyword::Out, Keyword::Keepdims, Keyword::Initial, Keyword::Where];
const ACCUMULATE: [Keyword; 3] = [Keyword::Axis, Keyword::Dtype, Keyword::Out];

/// The array and the axis (or null), if nothing else is asked for. `numpy.sum` and its like pass every parameter by
/// position, most at their defaults.
unsafe fn plain_arguments(
    np: &NumPy,
    method: Method,
    arguments: &Arguments<'_>,
) -> Option<(*mut ffi::PyObject, *mut ffi::PyObject)> {
    let parameters = match method {
        Method::Reduce => &REDUCE[..],
        Method::Accumulate => &ACCUMULATE[..],
        _ => return None,
    };
    let [object, rest @ ..] = arguments.positional else { return None };
    // SAFETY: a live object.
    if unsafe { ffi::Py_TYPE(*object) } != np.array_type || rest.len() > parameters.len() {
        return None;
    }
    let mut axis = std::ptr::null_mut();
    let by_position = parameters.iter().copied().zip(rest.iter().copied());
    let by_name = arguments.named().map(|(name, value)| (Keyword::of(name.to_bytes()), value));
    for (keyword, value) in by_position {
        if !is_default(np, keyword, value, &mut axis) {
            return None;
        }
    }
    for (keyword, value) in by_name {
        let keyword = keyword.filter(|k| parameters[rest.len()..].contains(k))?;
        if !is_default(np, keyword, value, &mut axis) {
            return None;
        }
    }
    Some((*object, axis))
}

/// Whether a parameter says what is so anyway. The axis is only kept.
fn is_default(
    np: &NumPy,
    keyword: Keyword,
    value: *mut ffi::PyObject,
    axis: &mut *mut ffi::PyObject,
) -> bool {
    // SAFETY: singletons that live for ever.
    let (none, falsehood, truth) = unsafe { (ffi::Py_None(), ffi::Py_False(), ffi::Py_True()) };
    match keyword {
        Keyword::Axis => {
            *axis = value;
            true
        }
        Keyword::Dtype | Keyword::Out => value == none,
        Keyword::Keepdims => value == falsehood,
        Keyword::Initial => value == np.no_value,
        Keyword::Where => value == truth,
        _ => false,
    }
}

/// `axis=`; the first where it is absent. `None` for what is no number.
///
/// # Safety
/// A live object or null.
unsafe fn axis_of(axis: *mut ffi::PyObject) -> Option<Axis> {
    // SAFETY: a live object once it is not null; None lives for ever.
    unsafe {
        if axis.is_null() {
            return Some(Axis::One(0));
        }
        if axis == ffi::Py_None() { Some(Axis::All) } else { integer(axis).map(Axis::One) }
    }
}
