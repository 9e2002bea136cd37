//! Entering Rust from Python, and leaving it: panics become exceptions, and PyO3 is told where that is worth its cost.

use super::object::{Object, Returned, lent_by_c};
use pyo3::ffi;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs `f` for a function that Python calls with this object; an error or a panic becomes the exception raised.
///
/// # Safety
/// The GIL is held, and the object lives as long as this runs.
#[inline]
pub unsafe fn guarded(
    object: *mut ffi::PyObject,
    f: impl for<'a, 'py> FnOnce(Object<'a, 'py>) -> Returned<'py>,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    unsafe { guarded_or(object, std::ptr::null_mut(), |object| f(object).map(Bound::into_ptr)) }
}

/// The same for a function that returns something else than an object, or this where an exception is raised.
///
/// PyO3 does not count this thread as attached here, which would cost as much as a tenth of a small call, and so it puts off
/// whatever `Py` is dropped until it attaches. Short ways drop `Bound`s only; the others run in [`attached`].
///
/// # Safety
/// As [`guarded`].
#[inline]
pub unsafe fn guarded_or<R>(
    object: *mut ffi::PyObject,
    failed: R,
    f: impl for<'a, 'py> FnOnce(Object<'a, 'py>) -> PyResult<R>,
) -> R {
    // SAFETY: the caller's promise.
    let object = unsafe { lent_by_c(Python::assume_attached(), object) };
    let error = match catch_unwind(AssertUnwindSafe(|| f(object))) {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            pyo3::panic::PanicException::new_err(format!("ufunx: a bug, please report it: {text}"))
        }
    };
    // An error holds `Py`s.
    attached(object.py(), || error.restore(object.py()));
    failed
}

/// Runs `f` where PyO3 counts the thread as attached, so that what it drops goes at once.
pub fn attached<R>(_: Python<'_>, f: impl FnOnce() -> R) -> R {
    // SAFETY: the thread is attached, as the token says. The checks left out refuse an interpreter that is about to end, in
    // which `__del__`s still run.
    unsafe { Python::attach_unchecked(|_| f()) }
}

static NATIVE_CALLS: AtomicU64 = AtomicU64::new(0);

/// Notes that a call ran on our kernels. Not an atomic addition, which would cost a tenth of a small call: with the GIL
/// held nothing is lost.
#[inline]
pub fn count_native() {
    NATIVE_CALLS.store(native_calls() + 1, Ordering::Relaxed);
}

/// How many calls, methods included, ran on our kernels in this process.
pub fn native_calls() -> u64 {
    NATIVE_CALLS.load(Ordering::Relaxed)
}
