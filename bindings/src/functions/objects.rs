//! Small things the native ways do with Python objects: calling with keywords, what "not given" is.

use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, vectorcall};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;

/// An argument, unless it is `numpy._NoValue`.
pub fn given<'a, 'py>(np: &NumPy, object: Option<Object<'a, 'py>>) -> Option<Object<'a, 'py>> {
    object.filter(|&object| !np.is_no_value(object))
}

/// An argument, unless it is `numpy._NoValue` or `None`.
pub fn given_and_not_none<'a, 'py>(np: &NumPy, object: Option<Object<'a, 'py>>) -> Option<Object<'a, 'py>> {
    given(np, object).filter(|object| !object.is_none())
}

/// Whether an `out` may be written to by the native way: none, or an array of no subclass.
pub fn is_plain_out(np: &NumPy, out: Option<Object<'_, '_>>) -> bool {
    out.is_none_or(|out| out.is_none() || np.is_exact_array(out))
}

/// `ufunc.reduce(...)`.
pub fn reduce<'py>(py: Python<'py>, ufunc: &Py<PyAny>, positional: &[Object<'_, 'py>]) -> Returned<'py> {
    let reduce = ufunc.bind(py).getattr(intern!(py, "reduce"))?;
    call_object(reduce.as_borrowed(), positional, &[])
}

/// Calls an object with arguments by position and by name.
pub fn call_object<'py>(
    callable: Object<'_, 'py>,
    positional: &[Object<'_, 'py>],
    named: &[(&Bound<'py, PyString>, Object<'_, 'py>)],
) -> Returned<'py> {
    let values = named.iter().map(|(_, value)| *value);
    let all: SmallVec<[Object<'_, 'py>; 8]> = positional.iter().copied().chain(values).collect();
    let names = match named {
        [] => None,
        _ => Some(PyTuple::new(callable.py(), named.iter().map(|(name, _)| *name))?),
    };
    vectorcall(callable, &all, names.as_ref().map(Bound::as_borrowed))
}
