//! What the class of an object says of functions, kept by the class's version tag: looking an attribute up costs more
//! than all else that is done before an override is called.

use crate::lookup::{self, Names};
use pyo3::ffi;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// One class's entry; all of it is written and read with the GIL held.
struct Entry {
    class: AtomicPtr<ffi::PyTypeObject>,
    tag: AtomicU32,
    /// Null where the class says nothing.
    method: AtomicPtr<ffi::PyObject>,
}

static ENTRIES: [Entry; 64] = [const {
    Entry {
        class: AtomicPtr::new(std::ptr::null_mut()),
        tag: AtomicU32::new(0),
        method: AtomicPtr::new(std::ptr::null_mut()),
    }
}; 64];

/// `type(object).__array_function__`.
///
/// # Safety
/// A live object.
pub unsafe fn array_function<'py>(py: Python<'py>, object: *mut ffi::PyObject) -> Option<Bound<'py, PyAny>> {
    // SAFETY: a live object has a live class. A method is alive as long as its class is what it was, which the version
    // tag tells: none is given twice, and 0 is none.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let entry = &ENTRIES[(class.addr() >> 5) % ENTRIES.len()];
        let tag = (*class).tp_version_tag;
        if tag != 0
            && entry.class.load(Ordering::Relaxed) == class
            && entry.tag.load(Ordering::Relaxed) == tag as u32
        {
            return Bound::from_borrowed_ptr_or_opt(py, entry.method.load(Ordering::Relaxed));
        }
        let found = lookup::on_class(object, Names::get(py).array_function);
        let found = found.map(|method| Bound::from_owned_ptr(py, method));
        let method = found.as_ref().map_or(std::ptr::null_mut(), Bound::as_ptr);
        // A metaclass may answer otherwise each time, and so may a descriptor that is no plain function.
        let plain = ffi::Py_TYPE(class.cast()) == &raw mut ffi::PyType_Type
            && (method.is_null() || ffi::PyFunction_Check(method) != 0);
        if plain {
            entry.class.store(class, Ordering::Relaxed);
            entry.tag.store((*class).tp_version_tag as u32, Ordering::Relaxed);
            entry.method.store(method, Ordering::Relaxed);
        }
        found
    }
}
