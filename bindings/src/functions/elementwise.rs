//! `clip`, `where` and `round` of exact arrays.

use super::bind::Slots;
use super::list::Native;
use super::objects::call;
use crate::methods::integer;
use crate::numpy_api::NumPy;
use numpy::npyffi::{NPY_ORDER, PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::registry::Kind;

/// `clip`.
///
/// # Safety
/// Live arguments, the first of them an exact array.
pub unsafe fn clip(_: Python<'_>, _: &NumPy, _: &Native, _: &Slots) -> Option<PyResult<*mut ffi::PyObject>> {
    None
}

/// `where`.
///
/// # Safety
/// As [`clip`].
pub unsafe fn choose(
    _: Python<'_>,
    _: &NumPy,
    _: &Native,
    _: &Slots,
) -> Option<PyResult<*mut ffi::PyObject>> {
    None
}

/// `round` to whole numbers.
///
/// # Safety
/// As [`clip`].
pub unsafe fn round(
    py: Python<'_>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<*mut ffi::PyObject>> {
    let [a, decimals, out, ..] = *slots;
    // SAFETY: live objects, the first an array.
    unsafe {
        let array = a.cast::<PyArrayObject>();
        let dtype = np.dtype_of(array).filter(|d| d.numpy_number().is_some())?;
        let decimals = if decimals.is_null() { 0 } else { integer(decimals).ok()? };
        if (*array).fields.nd == 0 || !(out.is_null() || out == ffi::Py_None()) {
            return None;
        }
        match dtype.kind() {
            Kind::Int if (0..=i32::MAX as isize).contains(&decimals) => {
                let copy = PY_ARRAY_API.PyArray_NewCopy(py, array, NPY_ORDER::NPY_KEEPORDER);
                Some(if copy.is_null() { Err(PyErr::fetch(py)) } else { Ok(copy) })
            }
            Kind::Float if decimals == 0 => {
                Some(call(py, native.ufuncs.rint.as_ptr(), &[a], &[]).map(Bound::into_ptr))
            }
            _ => None,
        }
    }
}
