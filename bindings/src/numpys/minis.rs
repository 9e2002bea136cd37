//! bfloat16 and float8 beside NumPy, which knows these dtypes by the package ml_dtypes only: which arrays have a stand-in,
//! and what NumPy's own ufuncs are given in their place.

use crate::arguments::passed::Arguments;
use crate::arguments::replace::Replaced;
use crate::python::array_ref::stood_for;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, exact_tuple};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use ufunx::DType;

/// The arguments of a call as NumPy can read them, where arrays with stand-ins are among them.
pub fn to_numpy<'a, 'py>(
    np: &NumPy,
    name: &str,
    arguments: &Arguments<'a, 'py>,
) -> PyResult<Option<Replaced<'a, 'py>>> {
    let stands_in = |object: Object<'_, 'py>| stood_for(np, object);
    let is_any = |object: Object<'_, 'py>| {
        stands_in(object).is_some()
            || exact_tuple(object).is_some_and(|tuple| entries(tuple).any(|entry| stands_in(entry).is_some()))
    };
    if !arguments.positional.iter().chain(arguments.keywords).any(|&object| is_any(object)) {
        return Ok(None);
    }
    let by = |object: Object<'_, 'py>| {
        let Some(dtype) = stands_in(object) else { return Ok(None) };
        let py = object.py();
        let known = known_to_ml_dtypes(py, dtype).map_err(|error| {
            let text = format!(
                "ufunx.{name} has no loop of its own for these arguments, among them an array of {dtype}, and \
                 NumPy knows that dtype by the package ml_dtypes only; install it, or convert the array first"
            );
            let refused = PyTypeError::new_err(text);
            refused.set_cause(py, Some(error));
            refused
        })?;
        object.call_method1("view", (known,)).map(Some)
    };
    Replaced::new(arguments, by).map(Some)
}

/// The dtype of that name in ml_dtypes.
pub fn known_to_ml_dtypes(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    let scalar = py.import("ml_dtypes")?.getattr(dtype.name())?;
    py.import("numpy")?.getattr("dtype")?.call1((scalar,))
}
