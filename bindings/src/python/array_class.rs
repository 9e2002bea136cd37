//! The class `ufunx.Array`, for code below it that only needs to know it when it sees it.

use pyo3::ffi;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

static CLASS: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(std::ptr::null_mut());

/// The class; null until the module has made it.
#[inline]
pub fn array_class() -> *mut ffi::PyTypeObject {
    CLASS.load(Relaxed)
}

/// Makes the class known, which lives as long as the process.
pub fn set_array_class(class: *mut ffi::PyTypeObject) {
    CLASS.store(class, Relaxed);
}
