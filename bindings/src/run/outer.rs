//! `outer` on the engine: a call whose operands are made to broadcast.

use super::call::native_call;
use crate::arguments::ingest::ingest;
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::Reason;
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use numpy::npyffi::{NPY_ORDER, PY_ARRAY_API, PyArray_Dims, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::operand::MAX_DIMS;

/// `outer`: a call whose first input has an axis of length 1 for each axis of the second.
///
/// # Safety
/// Live arguments in normal form.
pub unsafe fn native_outer<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    normal: &NormalArguments,
) -> Result<PyResult<Bound<'py, PyAny>>, Reason> {
    // SAFETY: live arguments; the arrays made here live until the call is over.
    unsafe {
        let (a, b) = outer_operands(py, np, normal).ok_or(Reason::Operand)?;
        let mut arrays = normal.clone();
        (arrays.inputs[0], arrays.inputs[1]) = (a.as_ptr(), b.as_ptr());
        native_call(py, np, ufunc, face, &arrays)
    }
}

/// The operands of `outer` as arrays that broadcast to its result; `None` where NumPy must look at them.
unsafe fn outer_operands<'py>(
    py: Python<'py>,
    np: &NumPy,
    normal: &NormalArguments,
) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    // SAFETY: live objects; arrays once NumPy has made them.
    unsafe {
        let array = |object: *mut ffi::PyObject| {
            ingest(py, np, object).ok()?;
            // `matrix` is refused, and what other subclasses make of new axes is theirs.
            if np.is_subclass(object) {
                return None;
            }
            let null: *mut ffi::PyObject = std::ptr::null_mut();
            let made = PY_ARRAY_API.PyArray_FromAny(py, object, null.cast(), 0, 0, 0, null);
            Bound::from_owned_ptr_or_err(py, made).ok()
        };
        let (a, b) = (array(normal.inputs[0])?, array(normal.inputs[1])?);
        let fields = |array: &Bound<'py, PyAny>| &(*array.as_ptr().cast::<PyArrayObject>()).fields;
        let mut shape: SmallVec<[isize; 8]> =
            (0..fields(&a).nd as usize).map(|i| *fields(&a).dimensions.add(i)).collect();
        shape.extend((0..fields(&b).nd).map(|_| 1));
        if shape.len() > MAX_DIMS {
            return None;
        }
        let mut dims = PyArray_Dims { ptr: shape.as_mut_ptr(), len: shape.len() as i32 };
        let reshaped = PY_ARRAY_API.PyArray_Newshape(py, a.as_ptr().cast(), &mut dims, NPY_ORDER::NPY_CORDER);
        Some((Bound::from_owned_ptr_or_err(py, reshaped).ok()?, b))
    }
}
