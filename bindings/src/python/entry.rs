//! Entering Rust from Python, and leaving it: panics become exceptions, and PyO3 is told where that is worth its cost.

use pyo3::ffi;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs `f` for a function that Python calls; an error or a panic becomes the exception raised.
///
/// PyO3 does not count this thread as attached here, which would cost as much as a tenth of a small call, and so it puts off
/// whatever `Py` is dropped until it attaches. Short ways drop `Bound`s only; the others run in [`attached`].
///
/// # Safety
/// The GIL is held.
#[inline]
pub unsafe fn guarded(
    f: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    let error = match catch_unwind(AssertUnwindSafe(|| f(py))) {
        Ok(Ok(object)) => return object.into_ptr(),
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            pyo3::panic::PanicException::new_err(format!("ufunx: a bug, please report it: {text}"))
        }
    };
    // An error holds `Py`s.
    attached(py, || error.restore(py));
    std::ptr::null_mut()
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
