//! Handing a call to NumPy: the same arguments to the twin, or to its method, through vectorcall.

use crate::inplace::{self, Way};
use crate::lookup::Names;
use crate::object::Arguments;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::Method;

/// `twin(*args, **kwargs)`, or `twin.method(...)`; NumPy's code, even while the twin's own ways in lead to ours.
pub fn call(
    py: Python<'_>,
    twin: *mut ffi::PyObject,
    method: Method,
    arguments: &Arguments<'_>,
) -> PyResult<*mut ffi::PyObject> {
    let receiver = (method != Method::Call).then_some(twin);
    let arguments_of = arguments.positional.iter().chain(arguments.keywords).copied();
    let all: Vec<*mut ffi::PyObject> = receiver.into_iter().chain(arguments_of).collect();
    let (all, positional, names) = (all.as_ptr(), all.len() - arguments.keywords.len(), arguments.names);
    // SAFETY: live objects, as many as said.
    let result = unsafe {
        match (inplace::way_past(py, method), method) {
            (Some(Way::Call(numpys)), _) => numpys(twin, all, positional, names),
            (Some(Way::Method(numpys)), _) => ffi::PyObject_Vectorcall(numpys, all, positional, names),
            (None, Method::Call) => ffi::PyObject_Vectorcall(twin, all, positional, names),
            // By the type's method, as an expression in Python would: its errors name it so.
            (None, _) => {
                ffi::PyObject_VectorcallMethod(Names::get(py).method(method), all, positional, names)
            }
        }
    };
    if result.is_null() { Err(PyErr::fetch(py)) } else { Ok(result) }
}
