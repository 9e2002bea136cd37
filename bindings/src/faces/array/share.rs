//! How the memory of `ufunx.Array` gets out: DLPack, the buffer protocol, `__array_interface__` and `__array__`. What a
//! protocol has no word for it does not offer, so that whoever asks goes on to the next.

use super::convert::{cast, dtype_argument};
use crate::foreign::array::Array;
use crate::foreign::export::{self, Request};
use crate::foreign::{Device, table};
use crate::numpys::minis::known_to_ml_dtypes;
use crate::python::numpy_api::NumPy;
use pyo3::exceptions::{PyAttributeError, PyBufferError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use smallvec::SmallVec;
use std::ffi::c_int;

#[pymethods]
impl Array {
    /// The memory as a DLPack capsule.
    #[pyo3(signature = (*, stream = None, max_version = None, dl_device = None, copy = None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<&Bound<'py, PyAny>>,
        dl_device: Option<&Bound<'py, PyAny>>,
        copy: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request = Request { stream, max_version, dl_device, copy };
        export::dlpack(NumPy::get(py), self.ndarray(py), &request)
    }

    /// The device type and number of the memory: always the CPU's.
    fn __dlpack_device__(&self) -> (i32, i32) {
        (Device::CPU.kind, Device::CPU.id)
    }

    #[classattr]
    fn __dlpack_c_exchange_api__(py: Python<'_>) -> PyResult<Py<PyAny>> {
        table::capsule(py)
    }

    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dtype = self.element(py);
        match dtype.numpy_number() {
            Some(_) => self.attribute(py, intern!(py, "__array_interface__")),
            None => Err(PyAttributeError::new_err(format!("__array_interface__ has no typestr for {dtype}"))),
        }
    }

    /// The elements as an ndarray over the same memory. For bfloat16 and float8 that takes the package ml_dtypes; a dtype
    /// that NumPy has, asked for, gives a copy without it.
    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let np = NumPy::get(py);
        let (own, array) = (slf.get().element(py), slf.get().ndarray(py));
        let wanted = dtype.map(|dtype| dtype_argument(np, dtype)).and_then(Result::ok);
        if own.numpy_number().is_none()
            && let Some(wanted) = wanted.filter(|dtype| dtype.numpy_number().is_some())
        {
            if copy.is_some_and(|copy| copy.is_truthy().is_ok_and(|copy| !copy)) {
                return Err(PyValueError::new_err(format!(
                    "{own} cannot be seen as {wanted} without a copy"
                )));
            }
            return cast(np, array, wanted);
        }
        let array = for_numpy(np, slf)?;
        if dtype.is_none() && copy.is_none() {
            return Ok(array);
        }
        let keywords = PyDict::new(py);
        keywords.set_item(intern!(py, "dtype"), dtype)?;
        keywords.set_item(intern!(py, "copy"), copy)?;
        py.import("numpy")?.getattr(intern!(py, "array"))?.call((array,), Some(&keywords))
    }

    /// # Safety
    /// As CPython calls it.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let dtype = this.element(py);
        if dtype.buffer_format().is_none() {
            return Err(PyBufferError::new_err(format!(
                "the buffer protocol has no format for {dtype}; __dlpack__ has one"
            )));
        }
        // SAFETY: CPython gives a view to fill. NumPy keeps shape and strides with its array, which lives as long as this.
        unsafe {
            if ffi::PyObject_GetBuffer(this.ndarray.as_ptr(), view, flags) != 0 {
                return Err(PyErr::fetch(py));
            }
            let array = std::mem::replace(&mut (*view).obj, slf.into_any().into_ptr());
            ffi::Py_DECREF(array);
        }
        Ok(())
    }
}

/// A view that NumPy can compute with: the elements' own dtype, or that of ml_dtypes. Its base is the `Array`, not the array
/// inside, which nobody else may change.
pub fn for_numpy<'py>(np: &NumPy, array: &Bound<'py, Array>) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let dtype = array.get().element(py);
    let known = match dtype.numpy_number() {
        Some(_) => None,
        None => Some(known_to_ml_dtypes(py, dtype).map_err(|error| {
            let text = format!(
                "NumPy has no {dtype}: install the package ml_dtypes, which brings it, or ask for a dtype that NumPy \
                 has, as in numpy.asarray(x, dtype='float32') or x.astype('float32')"
            );
            let refused = PyTypeError::new_err(text);
            refused.set_cause(py, Some(error));
            refused
        })?),
    };
    let view = outer_view(np, array)?;
    match known {
        None => Ok(view),
        Some(known) => view.call_method1(intern!(py, "view"), (known,)),
    }
}

/// An array over the same memory, with the `Array` as its base.
fn outer_view<'py>(np: &NumPy, array: &Bound<'py, Array>) -> PyResult<Bound<'py, PyAny>> {
    let (py, this) = (array.py(), array.get());
    let inner = this.as_array_ref(py);
    let shape: SmallVec<[isize; 8]> = inner.dims().map(|n| n as isize).collect();
    let strides: SmallVec<[isize; 8]> = inner.strides().collect();
    let (dtype, owner) = (this.element(py), array.clone().into_any());
    // SAFETY: the array has its memory as long as the `Array` has it.
    unsafe { np.view(dtype, &shape, Some(&strides), inner.data().cast(), inner.is_writable(), owner) }
}
