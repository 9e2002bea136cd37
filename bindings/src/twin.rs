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
    let receiver = method.map(|_| twin);
    let arguments_of = arguments.positional.iter().chain(arguments.keywords).copied();
    let all: Vec<*mut ffi::PyObject> = receiver.into_iter().chain(arguments_of).collect();
    let positional = all.len() - arguments.keywords.len();
    // SAFETY: live objects, as many as said; the method's name is released after the call.
    let result = unsafe {
        match method {
            None => ffi::PyObject_Vectorcall(twin, all.as_ptr(), positional, arguments.names),
            Some(name) => {
                let name = ffi::PyUnicode_InternFromString(name.as_ptr());
                if name.is_null() {
                    return Err(PyErr::fetch(py));
                }
                // By the type's method, as an expression in Python would: its errors name it so.
                let result = ffi::PyObject_VectorcallMethod(name, all.as_ptr(), positional, arguments.names);
                ffi::Py_DECREF(name);
                result
            }
        }
    };
    if result.is_null() { Err(PyErr::fetch(py)) } else { Ok(result) }
}
