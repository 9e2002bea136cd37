//! `outer` on the engine: a call whose operands are made to broadcast.

use super::call::native_call;
use crate::arguments::ingest::ingest;
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::Reason;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use crate::ufunc::record::Ufunc;
use numpy::npyffi::{NPY_ORDER, PY_ARRAY_API, PyArray_Dims};
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::operand::MAX_DIMS;

/// `outer`: a call whose first input has an axis of length 1 for each axis of the second.
pub fn native_outer<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: Object<'_, 'py>,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    // What subclasses make of new axes is theirs, and `matrix` is refused.
    if normal.passed().iter().any(|&object| np.is_subclass(object)) {
        return Err(Reason::Operand);
    }
    let (a, b) = outer_operands(np, normal).ok_or(Reason::Operand)?;
    let mut arrays: NormalArguments<'_, 'py> = normal.map(|object| object);
    (arrays.inputs, arrays.passed) = (SmallVec::from_slice(&[a.as_borrowed(), b.as_borrowed()]), None);
    native_call(py, np, ufunc, face, &arrays)
}

/// The operands of `outer` as arrays that broadcast to its result; `None` where NumPy must look at them.
fn outer_operands<'py>(
    np: &NumPy,
    normal: &NormalArguments<'_, 'py>,
) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let array = |object: Object<'_, 'py>| {
        ingest(np, object).ok()?;
        np.array_from(object).ok()
    };
    let (a, b) = (array(normal.inputs[0])?, array(normal.inputs[1])?);
    let (first, second) = (np.array(a.as_borrowed())?, np.array(b.as_borrowed())?);
    let ones = std::iter::repeat_n(1, second.nd());
    let mut shape: SmallVec<[isize; 8]> = first.dims().map(|n| n as isize).chain(ones).collect();
    if shape.len() > MAX_DIMS {
        return None;
    }
    let mut dims = PyArray_Dims { ptr: shape.as_mut_ptr(), len: shape.len() as i32 };
    // SAFETY: a live array, and as many lengths as said; the result is owned.
    let reshaped = unsafe {
        let order = NPY_ORDER::NPY_CORDER;
        let reshaped = PY_ARRAY_API.PyArray_Newshape(a.py(), first.as_ptr(), &mut dims, order);
        Bound::from_owned_ptr_or_err(a.py(), reshaped)
    };
    Some((reshaped.ok()?, b))
}
