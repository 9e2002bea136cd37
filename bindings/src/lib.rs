//! `ufunx._native`: NumPy's ufuncs as objects that run on the engine.
//!
//! The folders are the way of a call, from what Python sees down to NumPy's and CPython's API; nothing imports upwards:
//!
//! - `faces`: the ufunc object and its methods, in-place mode's entries, `explain`, `ufunx.Array`, settings
//! - `functions`: NumPy's functions with `__array_function__`
//! - `pipeline`: the order of a call: short way → override → foreign operands → ours, or NumPy's
//! - `foreign`: operands of other libraries as arrays over their memory, and results given to them
//! - `numpys`: handing a call to NumPy's own ufunc, the *twin*, before anything was written
//! - `run`: the general way of a call and of each method: parse → resolve → plan → execute in the engine → report
//! - `short`: the quick way of small calls: operands read once, for the engine's short way or its plan
//! - `overrides`: `__array_ufunc__`, and which ufunc object it is handed
//! - `results`: new results, and their type by `__array_wrap__`
//! - `arguments`: as passed, in normal form, parsed; objects as operands
//! - `ufunc`: what is behind a ufunc object
//! - `python`: entering and leaving Rust, look-ups, NumPy's C API

mod arguments {
    pub mod convert;
    pub mod ingest;
    pub mod label;
    pub mod normal;
    pub mod numpys;
    pub mod parse;
    pub mod passed;
    pub mod replace;
    pub mod resolved;
}
mod faces {
    pub mod array;
    pub mod asarray;
    pub mod define;
    pub mod explain;
    pub mod inplace;
    pub mod methods;
    pub mod object;
    pub mod records;
    pub mod settings;
    pub mod ufuncs;
}
mod foreign;
mod functions;
mod numpys {
    pub mod made;
    pub mod minis;
    pub mod registered;
    pub mod stock;
    pub mod twin;
}
mod overrides {
    pub mod ask;
    pub mod handoff;
}
mod pipeline;
mod python {
    pub mod array_class;
    pub mod array_ref;
    pub mod class_cache;
    pub mod dtypes;
    pub mod entry;
    pub mod exit;
    pub mod gil;
    pub mod heap_type;
    pub mod lookup;
    pub mod memory;
    pub mod new_array;
    pub mod number;
    pub mod numpy_api;
    pub mod object;
    pub mod sequence;
    pub mod threads;
}
mod results {
    pub mod fresh;
    pub mod scalar;
    pub mod wrap;
}
mod run {
    pub mod at;
    pub mod call;
    pub mod common;
    pub mod core;
    pub mod early;
    pub mod folded;
    pub mod outer;
    pub mod reduce;
    pub mod scans;
}
mod short {
    pub mod call;
    pub mod folds;
    pub mod labelled;
    pub mod programs;
    pub mod read;
}
mod ufunc {
    pub mod docs;
    pub mod record;
}

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The ufunx extension module. Its tables and caches are used with the GIL held (CONTRIBUTING lists them), so it says that it
/// needs one: a free-threaded interpreter switches it on.
#[pymodule(gil_used = true)]
mod _native {
    use super::*;

    #[pymodule_export]
    use super::{
        faces::asarray::aligned_rows, faces::asarray::asarray, faces::asarray::from_dlpack,
        faces::define::define, faces::define::from_definition, faces::define::nodes_of,
        faces::explain::explain, faces::inplace::enter_block, faces::inplace::install,
        faces::inplace::leave_block, faces::inplace::uninstall, faces::records::records,
        faces::settings::cap_isa, faces::settings::fail_memory_at, faces::settings::native_calls,
        faces::settings::num_threads, faces::settings::set_num_threads, faces::settings::show_config,
        faces::ufuncs::ufuncs, foreign::array::Array, functions::array_function_dispatch,
        functions::functions, numpys::stock::InPlaceError, overrides::handoff::get_handoff,
        overrides::handoff::set_handoff,
    };

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        ufunx::environment::check().map_err(|e| PyValueError::new_err(e.to_string()))?;
        // Nobody forks now: that takes the GIL.
        #[cfg(unix)]
        ufunx::threads::guard_forks();
        python::numpy_api::NumPy::load(m.py())?;
        foreign::array::class(m.py());
        m.add("thread_setting", python::threads::variable(m.py())?)?;
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
