//! `ufunx.Array` in other dtypes, and as numbers. What NumPy has no dtype for is cast by the engine, all else by NumPy.

use crate::foreign::array::{Array, dtype_of, vehicle, wrap};
use crate::foreign::view::view;
use crate::python::array_ref::known_array;
use crate::python::gil;
use crate::python::numpy_api::NumPy;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use ufunx::cast::cast_block;
use ufunx::operand::{Order, output_strides};
use ufunx::registry::Kind;
use ufunx::{DType, current_isa};

/// A dtype of ours by its name, or from whatever NumPy takes for one.
pub fn dtype_argument(np: &NumPy, object: &Bound<'_, PyAny>) -> PyResult<DType> {
    let py = object.py();
    let named = object.cast::<PyString>().ok().and_then(|name| DType::from_name(name.to_str().ok()?));
    if let Some(dtype) = named {
        return Ok(dtype);
    }
    let empty = py.import("numpy")?.call_method1(intern!(py, "empty"), (0, object))?;
    dtype_of(np, &empty).ok_or_else(|| {
        PyTypeError::new_err(format!(
            "ufunx.Array has no elements of dtype {object}; numpy.asarray(x).astype({object}) makes an ndarray"
        ))
    })
}

/// A copy of an array in another dtype, laid out as the array is. Stand-ins are read and made.
pub fn cast<'py>(np: &NumPy, array: &Bound<'py, PyAny>, dtype: DType) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let Some(own) = dtype_of(np, array) else {
        // Strings, objects, longdouble: NumPy's to read as numbers.
        let doubles = array.call_method1(intern!(py, "astype"), ("float64",))?;
        return cast(np, &doubles, dtype);
    };
    let by_numpy = |dtype: DType| array.call_method1(intern!(py, "astype"), (dtype.name(),));
    if own.numpy_number().is_some() && dtype.numpy_number().is_some() {
        return by_numpy(dtype);
    }
    if own.kind() == Kind::Complex {
        // NumPy warns of what is lost.
        return cast(np, &by_numpy(if own == DType::C64 { DType::F32 } else { DType::F64 })?, dtype);
    }
    let source = known_array(np, array).operand(own);
    let strides = output_strides(&[&source], &source.shape, dtype.size(), Order::K);
    let (made, _) = np.new_array(py, dtype, &source.shape, Some(&strides))?;
    let target = known_array(np, &made).operand(dtype);
    // SAFETY: live arrays of those dtypes and of one shape, the second new.
    let flags = unsafe { gil::without(py, source.len(), || ufunx::call::cast_into(&source, &target)) };
    np.report(py, "cast", flags)?;
    vehicle(np, made)
}

/// An object's elements in that dtype, as an array to be assigned from: with a stand-in where NumPy lacks the dtype.
pub fn to_assign<'py>(np: &NumPy, object: &Bound<'py, PyAny>, dtype: DType) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let native = dtype.numpy_number().is_some();
    let array = match view(np, object.as_borrowed())? {
        Some(array) => array,
        // NumPy's to convert, as it goes.
        None if native => return Ok(object.clone()),
        None => py.import("numpy")?.call_method1(intern!(py, "asarray"), (object,))?,
    };
    if dtype_of(np, &array) == Some(dtype) { vehicle(np, array) } else { cast(np, &array, dtype) }
}

/// The elements as NumPy can compute with them: f32 holds every bfloat16 and float8.
pub fn values<'py>(np: &NumPy, array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match dtype_of(np, array) {
        Some(dtype) if dtype.numpy_number().is_none() => cast(np, array, DType::F32),
        _ => Ok(array.clone()),
    }
}

/// The value of an element that NumPy has no dtype for, given as its bytes.
pub fn value_of(dtype: DType, bytes: &[u8]) -> f64 {
    let (mut cell, mut value) = ([0u64; 2], 0f64);
    assert_eq!(bytes.len(), dtype.size());
    // SAFETY: an element each, aligned; the cells hold any.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), cell.as_mut_ptr().cast(), bytes.len());
        let (from, to) = (cell.as_ptr().cast(), (&raw mut value).cast());
        cast_block(dtype, DType::F64, from, to, 1, current_isa());
    }
    value
}

/// Whether that number, cast to the dtype, is the same element as the value that is one.
pub fn is_rounded_to(dtype: DType, number: f64, value: f64) -> bool {
    let mut cell = [0u64; 2];
    // SAFETY: an element each, aligned.
    unsafe {
        let (from, to) = ((&raw const number).cast(), cell.as_mut_ptr().cast());
        cast_block(DType::F64, dtype, from, to, 1, current_isa());
        let bytes = std::slice::from_raw_parts(cell.as_ptr().cast::<u8>(), dtype.size());
        value_of(dtype, bytes) == value
    }
}

#[pymethods]
impl Array {
    /// The elements in another dtype; `copy=False` gives the array itself where the dtype is its own.
    #[pyo3(signature = (dtype, *, copy = true))]
    fn astype<'py>(
        slf: &Bound<'py, Self>,
        dtype: &Bound<'py, PyAny>,
        copy: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let np = NumPy::get(py);
        let dtype = dtype_argument(np, dtype)?;
        if dtype == this.element(py) {
            return if copy { this.__copy__(py) } else { Ok(slf.clone().into_any()) };
        }
        wrap(py, np, cast(np, this.ndarray(py), dtype)?)
    }

    /// The elements as Python numbers, in lists nested as the axes are.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values(NumPy::get(py), self.ndarray(py))?.call_method0(intern!(py, "tolist"))
    }

    /// An element as a Python number: the only one, or the one at the given place.
    #[pyo3(signature = (*place))]
    pub(super) fn item<'py>(
        &self,
        py: Python<'py>,
        place: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let item = self.ndarray(py).call_method1(intern!(py, "item"), place)?;
        match item.cast::<PyBytes>() {
            Ok(bytes) => Ok(value_of(self.element(py), bytes.as_bytes()).into_pyobject(py)?.into_any()),
            Err(_) => Ok(item),
        }
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        values(NumPy::get(py), self.ndarray(py))?.is_truthy()
    }

    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.number(py, ffi::PyNumber_Long)
    }

    fn __float__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.number(py, ffi::PyNumber_Float)
    }

    fn __index__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.number(py, ffi::PyNumber_Index)
    }

    fn __complex__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values(NumPy::get(py), self.ndarray(py))?.call_method0(intern!(py, "__complex__"))
    }
}

impl Array {
    /// The only element, as NumPy converts it.
    fn number<'py>(
        &self,
        py: Python<'py>,
        convert: unsafe extern "C" fn(*mut ffi::PyObject) -> *mut ffi::PyObject,
    ) -> PyResult<Bound<'py, PyAny>> {
        let values = values(NumPy::get(py), self.ndarray(py))?;
        // SAFETY: a live object; the result is owned.
        unsafe { Bound::from_owned_ptr_or_err(py, convert(values.as_ptr())) }
    }
}
