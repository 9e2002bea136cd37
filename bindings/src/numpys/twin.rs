//! Handing a call to NumPy: the same arguments to the twin, or to its method, through vectorcall.

use super::minis::to_numpy;
use super::stock::{Way, way_past};
use crate::arguments::passed::Arguments;
use crate::arguments::replace::Replaced;
use crate::python::lookup::Names;
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::dispatch::arguments::Method;

/// Calls the twin's method, or the twin itself, with the same arguments, but for arrays of dtypes that NumPy must be told
/// of. It is NumPy's code that runs, even while the twin's own ways in lead to ours.
///
/// # Safety
/// Live arguments.
pub unsafe fn call_twin<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: live arguments.
    let replaced = unsafe { to_numpy(py, np, ufunc.own_name(), arguments) }?;
    let arguments = replaced.as_ref().map_or(*arguments, Replaced::arguments);
    let (twin, names) = (ufunc.twin, arguments.names);
    let receiver = (method != Method::Call).then_some(twin);
    let passed = arguments.positional.iter().chain(arguments.keywords).copied();
    let all: SmallVec<[*mut ffi::PyObject; 8]> = receiver.into_iter().chain(passed).collect();
    let (all, positional) = (all.as_ptr(), all.len() - arguments.keywords.len());
    // SAFETY: live objects, as many as said.
    unsafe {
        let result = match (way_past(py, method), method) {
            (Some(Way::Call(numpys)), _) => numpys(twin, all, positional, names),
            (Some(Way::Method(numpys)), _) => ffi::PyObject_Vectorcall(numpys, all, positional, names),
            (None, Method::Call) => ffi::PyObject_Vectorcall(twin, all, positional, names),
            // By the type's method, as an expression in Python would: its errors name it so.
            (None, _) => {
                ffi::PyObject_VectorcallMethod(Names::get(py).method(method), all, positional, names)
            }
        };
        Bound::from_owned_ptr_or_err(py, result)
    }
}
