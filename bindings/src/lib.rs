//! `ufunx._native`: NumPy's ufuncs as objects that run on the engine.
//!
//! A call goes one way: `object` (entry; `inplace` for NumPy's own objects) → `fast`, or `overrides` (normal form,
//! `__array_ufunc__`) → `args` (parse) and `ingest` → `call` or `methods` (resolve, plan, execute in the engine) →
//! `numpy_api` (report flags) → `wrap`. What is not plain goes to NumPy's own ufunc, the *twin*, with the same arguments,
//! before anything was written; `explain` says which way a call would take.

mod args;
mod call;
mod class_cache;
mod docs;
mod early;
mod explain;
mod fast;
mod foreign;
mod functions;
mod gil;
mod handoff;
mod ingest;
mod inplace;
mod lookup;
mod loops;
mod methods;
mod numpy_api;
mod object;
mod overrides;
mod records;
mod small_folds;
mod twin;
mod walk;
mod wrap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// The ufunx extension module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{
        cap_isa, explain::explain, foreign::aligned_rows, foreign::array::Array, foreign::asarray,
        foreign::from_dlpack, functions::array_function_dispatch, functions::functions, handoff::get_handoff,
        handoff::set_handoff, inplace::InPlaceError, inplace::enter_block, inplace::install,
        inplace::leave_block, inplace::uninstall, native_calls, num_threads, records::records,
        set_local_threads, set_num_threads, show_config, ufuncs,
    };

    #[pymodule_init]
    fn init(m: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;
        super::numpy_api::NumPy::load(m.py())?;
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// The object for each ufunc in NumPy's public namespace, by name; aliases share one. They are made once in a process, so
/// that `is` holds for them whoever asks.
#[pyfunction]
fn ufuncs(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    static MADE: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let made = MADE.get_or_try_init(py, || make_ufuncs(py).map(Bound::unbind))?;
    made.bind(py).copy()
}

fn make_ufuncs(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let numpy = py.import("numpy")?;
    let class = numpy.getattr("ufunc")?;
    let made = PyDict::new(py);
    let by_twin = PyDict::new(py);
    for (name, twin) in numpy.dict().iter() {
        if !twin.get_type().is(&class) {
            continue;
        }
        let object = match by_twin.get_item(&twin)? {
            Some(object) => object,
            None => {
                let object = object::new(py, &twin)?.into_bound(py);
                by_twin.set_item(&twin, &object)?;
                object
            }
        };
        made.set_item(name, object)?;
    }
    inplace::register(py, &by_twin.values().iter().collect::<Vec<_>>())?;
    Ok(made)
}

/// How many ufunc calls, methods included, ran on native kernels in this process so far.
///
/// >>> import numpy, ufunx
/// >>> before = ufunx.native_calls()
/// >>> _ = ufunx.sqrt(numpy.ones(3))
/// >>> ufunx.native_calls() - before
/// 1
#[pyfunction]
fn native_calls() -> u64 {
    object::native_calls()
}

/// The number of threads a call may use: `set_num_threads`' number, or what `UFUNX_NUM_THREADS` says, or the cores that
/// the process may use.
///
/// >>> import ufunx
/// >>> with ufunx.threads(2):
/// ...     ufunx.num_threads()
/// 2
#[pyfunction]
fn num_threads() -> usize {
    ufunx::num_threads()
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
fn set_num_threads(n: usize) -> PyResult<()> {
    if n == 0 {
        return Err(PyValueError::new_err("the number of threads must be at least 1"));
    }
    ufunx::set_num_threads(n);
    Ok(())
}

/// Set the number of threads for this thread's calls, 0 for the common setting; what was set before is returned.
#[pyfunction]
fn set_local_threads(n: usize) -> usize {
    ufunx::threads::set_local_threads(n)
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
fn cap_isa(isa: &str) -> PyResult<&'static str> {
    let wanted = ufunx::Isa::from_name(isa)
        .ok_or_else(|| PyValueError::new_err(format!("'{isa}' is not one of scalar, v3, v4")))?;
    Ok(ufunx::cap_isa(wanted).name())
}

/// What this build is and does: version, instruction sets found on this CPU (lowest first) and the one used, threads,
/// whether in-place mode is on, ufuncs and loops.
///
/// >>> import ufunx
/// >>> config = ufunx.show_config()
/// >>> config["isa_used"] in config["isa_found"]
/// True
/// >>> config["loops"] > config["ufuncs"]
/// True
#[pyfunction]
fn show_config(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let config = PyDict::new(py);
    config.set_item("version", env!("CARGO_PKG_VERSION"))?;
    let found = ufunx::Isa::ALL.iter().filter(|&&isa| isa <= ufunx::detected_isa()).map(|isa| isa.name());
    config.set_item("isa_found", found.collect::<Vec<_>>())?;
    config.set_item("isa_used", ufunx::current_isa().name())?;
    config.set_item("threads", ufunx::num_threads())?;
    config.set_item("in_place", inplace::is_active())?;
    config.set_item("ufuncs", ufunx::table().len())?;
    config.set_item("loops", ufunx::table().iter().map(|def| def.loops().count()).sum::<usize>())?;
    Ok(config)
}
