//! What is behind a ufunc object: its memory, which the face (`faces::object`) makes and every stage of a call reads.

use crate::python::numpy_api::NumPy;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use ufunx::FpFlags;
use ufunx::dispatch::arguments::Target;
use ufunx::registry::UfuncDef;
use ufunx::short::loops::ShortLoops;

/// The object's memory.
#[repr(C)]
pub struct Ufunc {
    base: ffi::PyObject,
    /// What CPython calls.
    pub vectorcall: ffi::vectorcallfunc,
    /// Attributes that were set.
    pub dict: *mut ffi::PyObject,
    /// CPython's list of weak references.
    pub weakrefs: *mut ffi::PyObject,
    /// NumPy's ufunc of the same name.
    pub twin: *mut ffi::PyObject,
    /// Ours; `None` where the registry has none yet, and the twin does everything.
    pub def: Option<&'static UfuncDef>,
    /// How many operands it has.
    pub target: Target,
    /// NumPy's name of it.
    pub name: String,
    /// Its loops by the dtypes of inputs, for short calls.
    pub short: ShortLoops,
}

impl Ufunc {
    /// Raises or warns of what a loop raised, under that name. A refusal comes first: NumPy raises it inside the loop.
    #[inline]
    pub fn report(&self, py: Python<'_>, np: &NumPy, name: &str, flags: FpFlags) -> PyResult<()> {
        if flags.is_empty() {
            return Ok(());
        }
        match self.def.and_then(|def| def.refusal) {
            Some(why) if flags.contains(FpFlags::REFUSED) => Err(PyValueError::new_err(why)),
            _ => np.report(py, name, flags),
        }
    }

    /// NumPy's name of it, not an alias.
    pub fn own_name(&self) -> &str {
        &self.name
    }
}

static CLASS: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(std::ptr::null_mut());

/// Makes the class of the objects known, which lives as long as the process.
pub fn set_class(class: *mut ffi::PyTypeObject) {
    CLASS.store(class, Relaxed);
}

/// The ufunc behind an object of ours.
pub fn of<'a>(object: &'a Bound<'_, PyAny>) -> Option<&'a Ufunc> {
    // SAFETY: the type is checked; objects of it are `Ufunc`s, and never change once they are made.
    unsafe {
        let ours = ffi::Py_TYPE(object.as_ptr()) == CLASS.load(Relaxed);
        ours.then(|| &*object.as_ptr().cast::<Ufunc>())
    }
}
