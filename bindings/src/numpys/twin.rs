//! Handing a call to NumPy: the same arguments to the twin, or to its method, through vectorcall.

use super::minis::to_numpy;
use super::stock::{Detour, past_entries};
use crate::arguments::passed::Arguments;
use crate::python::lookup::Names;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Returned, row, vectorcall, vectorcall_method};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::Method;

/// Calls the twin's method, or the twin itself, with the same arguments, but for arrays of dtypes that NumPy must be told
/// of. It is NumPy's code that runs, even while the twin's own ways in lead to ours.
pub fn call_twin<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let call = |arguments: &Arguments<'_, 'py>| call_as_passed(py, ufunc, method, arguments);
    match to_numpy(np, ufunc.own_name(), arguments)? {
        Some(replaced) => replaced.with(call),
        None => call(arguments),
    }
}

/// The same where there is no array of a dtype that NumPy must be told of.
pub fn call_as_passed<'py>(
    py: Python<'py>,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let twin = ufunc.twin(py)?;
    let (all, names) = (arguments.in_row((method != Method::Call).then_some(twin)), arguments.names());
    match (past_entries(py, method), method) {
        (Some(Detour::Call(numpys)), _) => {
            let (all, positional, names) = row(&all, names);
            // SAFETY: what calls NumPy's ufuncs, on one of them; live objects, as many as said.
            unsafe { Bound::from_owned_ptr_or_err(py, numpys(twin.as_ptr(), all, positional, names)) }
        }
        (Some(Detour::Method(numpys)), _) => vectorcall(numpys, &all, names),
        (None, Method::Call) => vectorcall(twin, &all, names),
        // By the type's method, as an expression in Python would: its errors name it so.
        (None, _) => vectorcall_method(Names::get(py).method(py, method), &all, names),
    }
}
