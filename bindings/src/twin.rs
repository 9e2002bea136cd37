//! Handing a call to NumPy: the same arguments to the twin, or to its method, through vectorcall.

use crate::object::Arguments;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::CStr;

/// `twin(*args, **kwargs)`, or `twin.method(...)`.
pub fn call(
    py: Python<'_>,
    twin: *mut ffi::PyObject,
    method: Option<&CStr>,
    arguments: &Arguments<'_>,
) -> PyResult<*mut ffi::PyObject> {
    let all: Vec<*mut ffi::PyObject> =
        arguments.positional.iter().chain(arguments.keywords).copied().collect();
    // SAFETY: live objects, as many as said; the bound method is released after the call.
    let result = unsafe {
        match method {
            None => ffi::PyObject_Vectorcall(twin, all.as_ptr(), arguments.positional.len(), arguments.names),
            Some(name) => {
                let bound = ffi::PyObject_GetAttrString(twin, name.as_ptr());
                if bound.is_null() {
                    return Err(PyErr::fetch(py));
                }
                let result = ffi::PyObject_Vectorcall(
                    bound,
                    all.as_ptr(),
                    arguments.positional.len(),
                    arguments.names,
                );
                ffi::Py_DECREF(bound);
                result
            }
        }
    };
    if result.is_null() { Err(PyErr::fetch(py)) } else { Ok(result) }
}
