//! What a program asks of the library as a whole, and sets for it: counts, threads, instruction sets.

use crate::numpys::stock;
use crate::python::{blocks, entry, threads};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufunx::threads::with_local_threads;

/// How many ufunc calls, methods included, ran on native kernels in this process so far.
///
/// >>> import numpy, ufunx
/// >>> before = ufunx.native_calls()
/// >>> _ = ufunx.sqrt(numpy.ones(3))
/// >>> ufunx.native_calls() - before
/// 1
#[pyfunction]
pub fn native_calls() -> u64 {
    entry::native_calls()
}

/// The number of threads a call may use: that of the `ufunx.threads` block it is in, else `set_num_threads`' number, or
/// what `UFUNX_NUM_THREADS` says, or the cores that the process may use.
///
/// >>> import ufunx
/// >>> with ufunx.threads(2):
/// ...     ufunx.num_threads()
/// 2
#[pyfunction]
pub fn num_threads(py: Python<'_>) -> usize {
    with_local_threads(threads::of_context(py), ufunx::num_threads)
}

/// Set the number of threads a call may use, in every Python thread. Results do not depend on it.
///
/// >>> import ufunx
/// >>> before = ufunx.num_threads()
/// >>> ufunx.set_num_threads(1)
/// >>> ufunx.num_threads()
/// 1
/// >>> ufunx.set_num_threads(before)
#[pyfunction]
pub fn set_num_threads(n: usize) -> PyResult<()> {
    if n == 0 {
        return Err(PyValueError::new_err("the number of threads must be at least 1"));
    }
    ufunx::set_num_threads(n);
    Ok(())
}

/// Give back the memory of freed results, which is kept for the next ones; how many bytes that were is returned. What is
/// kept is bounded (`keep_memory`), and goes back by itself when memory runs out or after some disuse.
///
/// >>> import numpy, ufunx
/// >>> del (_ := [ufunx.sqrt(numpy.ones(100_000))])[:]
/// >>> ufunx.release_memory() >= 800_000, ufunx.release_memory()
/// (True, 0)
#[pyfunction]
pub fn release_memory() -> usize {
    blocks::release()
}

/// Keep at most so many bytes of freed results for the next ones, in the whole process, none with 0; the bound so far is
/// returned. Without it that is a sixteenth of the memory there is, at most 256 MiB.
///
/// >>> import ufunx
/// >>> before = ufunx.keep_memory(0)
/// >>> ufunx.show_config()["memory_kept_at_most"]
/// 0
/// >>> ufunx.keep_memory(before)
/// 0
#[pyfunction]
pub fn keep_memory(at_most: usize) -> usize {
    let before = blocks::most_kept();
    blocks::keep_at_most(at_most);
    before
}

/// Make the n-th request for memory that grows with an operand fail, of those this thread makes from now on, 0 for none;
/// what was left of the last such wish is returned, 0 if it has been fulfilled. For tests.
#[pyfunction]
pub fn fail_memory_at(n: usize) -> usize {
    ufunx::memory::fail_at(n)
}

/// Let kernels use this instruction set at most: 'scalar', 'v3' (AVX2) or 'v4' (AVX-512). The one then in use is
/// returned, a lower one where the CPU lacks the one asked for.
///
/// >>> import ufunx
/// >>> before = ufunx.show_config()["isa_used"]
/// >>> ufunx.cap_isa("scalar")
/// 'scalar'
/// >>> ufunx.cap_isa(before) == before
/// True
#[pyfunction]
pub fn cap_isa(isa: &str) -> PyResult<&'static str> {
    let wanted = ufunx::Isa::from_name(isa)
        .ok_or_else(|| PyValueError::new_err(format!("'{isa}' is not one of scalar, v3, v4")))?;
    Ok(ufunx::cap_isa(wanted).name())
}

/// The facts of `ufunx.show_config` that the engine knows.
#[pyfunction]
pub fn show_config(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let config = PyDict::new(py);
    config.set_item("version", env!("CARGO_PKG_VERSION"))?;
    let found = ufunx::Isa::ALL.iter().filter(|&&isa| isa <= ufunx::detected_isa()).map(|isa| isa.name());
    config.set_item("isa_found", found.collect::<Vec<_>>())?;
    config.set_item("isa_used", ufunx::current_isa().name())?;
    config.set_item("threads", num_threads(py))?;
    config.set_item("memory_kept", blocks::kept())?;
    config.set_item("memory_kept_at_most", blocks::most_kept())?;
    config.set_item("in_place", stock::is_active())?;
    config.set_item("ufuncs", ufunx::table().len())?;
    config.set_item("loops", ufunx::table().iter().map(|def| def.loops().count()).sum::<usize>())?;
    Ok(config)
}
