//! Leaving the GIL to other threads while the engine works, with as many threads as the context says.

use super::threads;
use pyo3::prelude::*;
use ufunx::registry::LoopDef;

/// Calls of more elements release the GIL, as NumPy's do.
const DETACH_FROM: usize = 500;

/// Runs the work on so many elements, without the GIL if that takes long.
///
/// # Safety
/// The work touches no Python object, only memory that its caller keeps.
#[inline]
pub unsafe fn without<R>(py: Python<'_>, n: usize, work: impl FnOnce() -> R) -> R {
    if n <= DETACH_FROM {
        return work();
    }
    let work = Moved(work);
    threads::in_context(py, n, || py.detach(move || Moved((work.into_inner())()))).into_inner()
}

/// The same for a loop's work, which keeps the GIL if its code needs it.
///
/// # Safety
/// As [`without`], but for that code.
#[inline]
pub unsafe fn around<R>(py: Python<'_>, l: &LoopDef, n: usize, work: impl FnOnce() -> R) -> R {
    // SAFETY: the caller's promise.
    if l.needs_gil { work() } else { unsafe { without(py, n, work) } }
}

/// What is handed over and back.
struct Moved<T>(T);
// SAFETY: it stays on the thread; PyO3 asks for `Send` to keep Python objects out, which `without`'s caller does.
unsafe impl<T> Send for Moved<T> {}

impl<T> Moved<T> {
    fn into_inner(self) -> T {
        self.0
    }
}
