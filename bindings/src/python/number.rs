//! Python numbers as Rust's.

use pyo3::ffi;

/// The value of an exact `int` that fits.
///
/// # Safety
/// A live object.
pub unsafe fn integer(object: *mut ffi::PyObject) -> Option<isize> {
    // SAFETY: a live object, a number once its type says so.
    unsafe {
        if ffi::PyLong_CheckExact(object) == 0 {
            return None;
        }
        let mut overflow = 0;
        let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow);
        (overflow == 0).then_some(value as isize)
    }
}
