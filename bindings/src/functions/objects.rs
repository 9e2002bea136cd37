//! Small things the native ways do with Python objects: calling with keywords, numbers, what "not given" is.

use crate::arguments::passed::Arguments;
use crate::python::numpy_api::NumPy;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;

/// Whether an argument is absent, `numpy._NoValue` or `None`.
pub fn is_absent_or_none(np: &NumPy, object: *mut ffi::PyObject) -> bool {
    // SAFETY: None lives for ever.
    is_absent(np, object) || object == unsafe { ffi::Py_None() }
}

/// Whether an argument is absent or `numpy._NoValue`.
pub fn is_absent(np: &NumPy, object: *mut ffi::PyObject) -> bool {
    object.is_null() || object == np.no_value
}

/// Whether an `out` may be written to by the native way: none, or an array of no subclass.
///
/// # Safety
/// A live object or null.
pub unsafe fn is_plain_out(np: &NumPy, out: *mut ffi::PyObject) -> bool {
    // SAFETY: a live object, once it is not null.
    unsafe { out.is_null() || out == ffi::Py_None() || np.is_exact_array(out) }
}

/// Calls an object.
///
/// # Safety
/// Live objects.
pub unsafe fn call<'py>(
    py: Python<'py>,
    callable: *mut ffi::PyObject,
    positional: &[*mut ffi::PyObject],
    named: &[(&Bound<'py, PyString>, *mut ffi::PyObject)],
) -> PyResult<Bound<'py, PyAny>> {
    let values = named.iter().map(|(_, value)| *value);
    let all: SmallVec<[*mut ffi::PyObject; 8]> = positional.iter().copied().chain(values).collect();
    let names = match named {
        [] => None,
        _ => Some(PyTuple::new(py, named.iter().map(|(name, _)| *name))?),
    };
    let names = names.as_ref().map_or(std::ptr::null_mut(), Bound::as_ptr);
    // SAFETY: live objects, as many as said.
    unsafe {
        let result = ffi::PyObject_Vectorcall(callable, all.as_ptr(), positional.len(), names);
        Bound::from_owned_ptr_or_err(py, result)
    }
}

/// Calls with arguments as they came.
///
/// # Safety
/// Live objects.
pub unsafe fn call_with<'py>(
    py: Python<'py>,
    callable: *mut ffi::PyObject,
    arguments: &Arguments<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: live objects; keywords' values follow the positional arguments, where there are any.
    unsafe {
        let (args, n) = (arguments.positional.as_ptr(), arguments.positional.len());
        let result = match arguments.positional.is_empty() && !arguments.keywords.is_empty() {
            true => ffi::PyObject_Vectorcall(callable, arguments.keywords.as_ptr(), 0, arguments.names),
            false => ffi::PyObject_Vectorcall(callable, args, n, arguments.names),
        };
        Bound::from_owned_ptr_or_err(py, result)
    }
}
