//! Results of no dimensions.

use crate::python::numpy_api::NumPy;
use numpy::npyffi::PY_ARRAY_API;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::registry::Kind;

/// A NumPy scalar; an array of no dimensions where there is no scalar type.
///
/// # Safety
/// `data` is an element of that dtype.
pub unsafe fn scalar<'py>(
    py: Python<'py>,
    np: &NumPy,
    dtype: DType,
    data: *mut u8,
) -> PyResult<Bound<'py, PyAny>> {
    if dtype.numpy_number().is_none() && np.dtypes.stood_for(np.dtypes.descr(dtype)).is_some() {
        let (array, cell) = np.new_array(py, dtype, &[], None)?;
        // SAFETY: one element each.
        unsafe { std::ptr::copy_nonoverlapping(data, cell, dtype.size()) };
        return Ok(array);
    }
    let class = np.dtypes.scalars[dtype as usize];
    // SAFETY: the caller's promise. A number's scalar is an object's head and the value after it (NumPy's arrayscalars.h);
    // truth values are two objects that NumPy keeps, and what NumPy does not have has a type of another library's making.
    let object = unsafe {
        let plain = dtype != DType::Bool && dtype.kind() != Kind::Date && dtype.numpy_number().is_some();
        match if plain { (*class).tp_alloc } else { None } {
            Some(alloc) => {
                let object = alloc(class, 0);
                if !object.is_null() {
                    let value = object.cast::<u8>().add(size_of::<ffi::PyObject>());
                    std::ptr::copy_nonoverlapping(data, value, dtype.size());
                }
                object
            }
            None => {
                PY_ARRAY_API.PyArray_Scalar(py, data.cast(), np.dtypes.descr(dtype), std::ptr::null_mut())
            }
        }
    };
    // SAFETY: a new reference, or null with an error.
    unsafe { Bound::from_owned_ptr_or_err(py, object) }
}
