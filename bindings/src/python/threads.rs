//! How many threads a call may use: what the context says (`ufunx.threads`, a context variable as `np.errstate` is), else
//! the process's setting. Only calls that may be worth more than one thread ask the context.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use ufunx::registry::Cost;
use ufunx::threads::with_local_threads;
use ufunx::tuning::elements_per_thread;

/// No call of fewer elements is worth two threads.
const MAY_BE_WORTH_TWO: usize = 2 * elements_per_thread(Cost::Heavy);

/// Runs the work on so many elements with the context's number of threads.
pub fn in_context<R>(py: Python<'_>, n: usize, work: impl FnOnce() -> R) -> R {
    if n < MAY_BE_WORTH_TWO { work() } else { with_local_threads(of_context(py), work) }
}

/// The context's number of threads; 0 if it says nothing.
pub fn of_context(py: Python<'_>) -> usize {
    let Ok(variable) = variable(py) else { return 0 };
    let mut value = std::ptr::null_mut();
    // SAFETY: a live context variable; what it holds comes with a reference of its own.
    unsafe {
        ffi::PyContextVar_Get(variable.as_ptr(), std::ptr::null_mut(), &mut value);
        let value: Option<Bound<'_, PyAny>> = Bound::from_owned_ptr_or_opt(py, value);
        value.and_then(|value| value.extract().ok()).unwrap_or(0)
    }
}

/// The context variable, which holds nothing outside of `ufunx.threads`.
pub fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = || {
        // SAFETY: a C string; the new variable is ours.
        unsafe {
            let made = ffi::PyContextVar_New(c"ufunx.threads".as_ptr(), std::ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, made).map(Bound::unbind)
        }
    };
    Ok(VARIABLE.get_or_try_init(py, make)?.bind(py))
}
