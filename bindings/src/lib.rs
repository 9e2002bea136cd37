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
mod memory;
mod methods;
mod numpy_api;
mod object;
mod overrides;
mod small_folds;
mod threads;
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
        inplace::leave_block, inplace::uninstall, memory::fail_memory_at, native_calls, show_config,
        threads::num_threads, threads::set_num_threads, ufuncs,
    };

    #[pymodule_init]
    fn init(m: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;
        ufunx::environment::check().map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))?;
        super::numpy_api::NumPy::load(m.py())?;
        m.add("thread_setting", super::threads::variable(m.py())?)?;
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
    config.set_item("threads", threads::num_threads(py))?;
    config.set_item("in_place", inplace::is_active())?;
    config.set_item("ufuncs", ufunx::table().len())?;
    config.set_item("loops", ufunx::table().iter().map(|def| def.loops().count()).sum::<usize>())?;
    Ok(config)
}
