//! `ufunx.Array`: a container for what NumPy cannot hold, arrays of bfloat16 and float8, and for native dtypes as well. It
//! has one exact ndarray, which never gets out as it is: for bfloat16 and float8 the descriptor is a stand-in.
//!
//! Here is its making; `faces::array` is what Python sees of it.

use super::export;
use crate::python::array_class::{array_class, set_array_class};
use crate::python::array_ref::{ArrayRef, known_array};
use crate::python::numpy_api::NumPy;
use crate::python::object::Returned;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::sync::OnceLock;
use ufunx::DType;

/// An array of any dtype that has ufunc loops here, bfloat16 and float8 among them, for which NumPy has no array. It shares
/// its memory by DLPack (`torch.from_dlpack(a)`, `numpy.from_dlpack(a)`) and the buffer protocol, is an operand of every
/// ufunc, has NumPy's operators and indexing, and is taken by NumPy's own functions. `ufunx.asarray` and
/// `ufunx.from_dlpack` make them.
///
/// >>> import ufunx
/// >>> a = ufunx.asarray([1, 2.5, 3], dtype="bfloat16")
/// >>> isinstance(a, ufunx.Array)
/// True
/// >>> a[:2] * 2
/// Array([2, 5], dtype=bfloat16)
#[pyclass(frozen, name = "Array", module = "ufunx", weakref)]
pub struct Array {
    pub ndarray: Py<PyAny>,
    /// The strides in elements, from when they are first asked for.
    steps: OnceLock<Box<[i64]>>,
}

/// `__array_priority__`: below those of other libraries' tensors, so that beside one of them the result is theirs.
pub const PRIORITY: f64 = 50.0;

/// The class, which is known to `python::array_class` from then on.
pub fn class(py: Python<'_>) -> *mut ffi::PyTypeObject {
    let class = py.get_type::<Array>().as_ptr().cast();
    set_array_class(class);
    class
}

/// An array as an `Array`, over the same memory. One of ml_dtypes is seen by the stand-in from then on.
pub fn wrap<'py>(py: Python<'py>, np: &NumPy, array: Bound<'py, PyAny>) -> Returned<'py> {
    let ndarray = vehicle(np, array)?.unbind();
    Ok(Bound::new(py, Array { ndarray, steps: OnceLock::new() })?.into_any())
}

/// The exact array, with a stand-in's descriptor where NumPy lacks the dtype, that is what an array is.
pub fn vehicle<'py>(np: &NumPy, array: Bound<'py, PyAny>) -> Returned<'py> {
    let py = array.py();
    let Some(dtype) = dtype_of(np, &array) else {
        let found = array.getattr(intern!(py, "dtype"))?;
        return Err(PyTypeError::new_err(format!("ufunx.Array has no elements of dtype {found}")));
    };
    let stand_in = np.dtypes.stand_in_object(py, dtype);
    let has_it =
        |array: ArrayRef<'_, '_>| stand_in.is_none_or(|descr| descr.as_ptr() == array.descr().cast());
    if np.exact_array(array.as_borrowed()).is_some_and(has_it) {
        return Ok(array);
    }
    let descr = match stand_in {
        Some(stand_in) => stand_in.to_owned(),
        None => array.getattr(intern!(py, "dtype"))?,
    };
    array.call_method1(intern!(py, "view"), (descr, np.ndarray(py)))
}

/// The dtype of ours that an object has, if it is an array of one.
pub fn dtype_of(np: &NumPy, object: &Bound<'_, PyAny>) -> Option<DType> {
    np.array(object.as_borrowed())?.dtype(np)
}

/// Whether an object is the `Array` with that very array.
pub fn is_inside(object: &Bound<'_, PyAny>, array: &Bound<'_, PyAny>) -> bool {
    inside(object).is_some_and(|inner| inner.is(array))
}

/// The array in an object, if it is an `Array`.
pub fn inside<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if object.get_type_ptr() != array_class() {
        return None;
    }
    // SAFETY: its type says that it is one.
    let array = unsafe { object.cast_unchecked::<Array>() };
    Some(array.get().ndarray(object.py()).clone())
}

impl Array {
    /// The array it has.
    pub fn ndarray<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        self.ndarray.bind(py)
    }

    /// The same, to look at.
    pub fn as_array_ref<'a, 'py: 'a>(&'a self, py: Python<'py>) -> ArrayRef<'a, 'py> {
        known_array(NumPy::get(py), self.ndarray(py))
    }

    /// The dtype of its elements.
    pub fn element(&self, py: Python<'_>) -> DType {
        // `wrap` has seen it, and nobody else can change it.
        dtype_of(NumPy::get(py), self.ndarray(py))
            .unwrap_or_else(|| unreachable!("an array of a dtype of ours"))
    }

    /// Whether NumPy has its dtype.
    pub fn is_numpys(&self, py: Python<'_>) -> bool {
        self.element(py).numpy_number().is_some()
    }

    /// The same memory otherwise seen, or a copy: what a method of the array gives.
    pub fn by_method<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
        args: impl pyo3::call::PyCallArgs<'py>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> Returned<'py> {
        let array = self.ndarray(py).getattr(name)?.call(args, kwargs)?;
        wrap(py, NumPy::get(py), array)
    }

    /// An attribute of the array.
    pub fn attribute<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> Returned<'py> {
        self.ndarray(py).getattr(name)
    }
}

impl Array {
    /// Strides in elements, which live as long as the array; an error if an element's address is between two others'.
    pub fn steps(&self, py: Python<'_>) -> PyResult<&[i64]> {
        if let Some(steps) = self.steps.get() {
            return Ok(steps);
        }
        let steps = export::steps(self.as_array_ref(py), self.element(py))?;
        Ok(self.steps.get_or_init(|| steps.to_vec().into_boxed_slice()))
    }
}
