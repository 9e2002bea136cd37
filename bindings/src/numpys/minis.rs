//! bfloat16 and float8 beside NumPy, which knows these dtypes by the package ml_dtypes only: which arrays have a stand-in,
//! and what NumPy's own ufuncs are given in their place.

use crate::arguments::passed::Arguments;
use crate::arguments::replace::Replaced;
use crate::python::numpy_api::{NumPy, stood_for};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::DType;

/// The arguments of a call as NumPy can read them, where arrays with stand-ins are among them.
///
/// # Safety
/// Live arguments.
pub unsafe fn to_numpy<'py>(
    py: Python<'py>,
    np: &NumPy,
    name: &str,
    arguments: &Arguments<'_>,
) -> PyResult<Option<Replaced<'py>>> {
    // SAFETY: live objects.
    let stands_in = |object: *mut ffi::PyObject| unsafe { stood_for(np, object) };
    let is_any = |object: *mut ffi::PyObject| {
        // SAFETY: a live object, a tuple once its type says so.
        unsafe {
            stands_in(object).is_some()
                || (ffi::PyTuple_CheckExact(object) != 0
                    && (0..ffi::PyTuple_GET_SIZE(object))
                        .any(|i| stands_in(ffi::PyTuple_GET_ITEM(object, i)).is_some()))
        }
    };
    if !arguments.positional.iter().chain(arguments.keywords).any(|&object| is_any(object)) {
        return Ok(None);
    }
    let by = |object: *mut ffi::PyObject| match stands_in(object) {
        None => Ok(None),
        Some(dtype) => {
            let known = known_to_ml_dtypes(py, dtype).map_err(|error| {
                let text = format!(
                    "ufunx.{name} has no loop of its own for these arguments, among them an array of {dtype}, and \
                     NumPy knows that dtype by the package ml_dtypes only; install it, or convert the array first"
                );
                let refused = PyTypeError::new_err(text);
                refused.set_cause(py, Some(error));
                refused
            })?;
            // SAFETY: a live object.
            let array: Bound<'_, PyAny> = unsafe { Bound::from_borrowed_ptr(py, object) };
            array.call_method1("view", (known,)).map(Some)
        }
    };
    // SAFETY: live arguments.
    unsafe { Replaced::new(py, arguments, by) }.map(Some)
}

/// The dtype of that name in ml_dtypes.
pub fn known_to_ml_dtypes(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    let scalar = py.import("ml_dtypes")?.getattr(dtype.name())?;
    py.import("numpy")?.getattr("dtype")?.call1((scalar,))
}
