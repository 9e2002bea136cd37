//! Elements and parts of `ufunx.Array`, by NumPy's indexing. A result is always an `Array`, of no dimensions for an element.

use super::convert::to_assign;
use crate::foreign::array::{Array, inside, wrap};
use crate::python::numpy_api::NumPy;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PyTuple};
use smallvec::SmallVec;

/// An index that gives an array and never a scalar: with an ellipsis, which leaves the meaning as it is. `Array`s as indices
/// are the arrays they have.
fn index<'py>(key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = key.py();
    let mut entries: SmallVec<[Bound<'py, PyAny>; 4]> = match key.cast_exact::<PyTuple>() {
        Ok(tuple) => tuple.iter().collect(),
        Err(_) => smallvec::smallvec![key.clone()],
    };
    for entry in &mut entries {
        if let Some(array) = inside(entry) {
            *entry = array;
        }
    }
    let ellipsis = PyEllipsis::get(py);
    if !entries.iter().any(|entry| entry.is(&*ellipsis)) {
        entries.push(ellipsis.to_owned().into_any());
    }
    PyTuple::new(py, entries)
}

#[pymethods]
impl Array {
    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        wrap(py, NumPy::get(py), self.ndarray(py).get_item(index(key)?)?)
    }

    fn __setitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let np = NumPy::get(py);
        self.ndarray(py).set_item(index(key)?, to_assign(np, value, self.element(py))?)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.ndarray(py).len()
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if slf.get().ndim(py)?.extract::<usize>()? == 0 {
            return Err(PyTypeError::new_err("iteration over a 0-d array"));
        }
        // SAFETY: a live object with a length and indices.
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PySeqIter_New(slf.as_ptr())) }
    }

    fn __contains__<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<bool> {
        let py = slf.py();
        let equal = slf.rich_compare(value, pyo3::basic::CompareOp::Eq)?;
        match inside(&equal) {
            Some(array) => array.call_method0(intern!(py, "any"))?.is_truthy(),
            None if equal.hasattr(intern!(py, "any"))? => equal.call_method0(intern!(py, "any"))?.is_truthy(),
            None => equal.is_truthy(),
        }
    }
}
