//! Every ufunc of NumPy's namespace as an object of ours.

use super::object;
use crate::numpys::{registered, stock};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// The object for each ufunc in NumPy's public namespace, and for each that a crate has registered, by name; aliases share
/// one. They are made once in a process, so
/// that `is` holds for them whoever asks.
#[pyfunction]
pub fn ufuncs(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    static MADE: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let made = MADE.get_or_try_init(py, || make_ufuncs(py).map(Bound::unbind))?;
    made.bind(py).copy()
}

/// NumPy's limit.
const MOST_OPERANDS: usize = 32;

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
                let object = object::new(&twin)?;
                by_twin.set_item(&twin, &object)?;
                object
            }
        };
        made.set_item(name, object)?;
    }
    // The ufunc behind `numpy.clip`, a function: NumPy's own module has it, ours has the function too.
    let clip = py.import("numpy._core.umath")?.getattr("clip")?;
    by_twin.set_item(&clip, object::new(&clip)?)?;
    stock::register(py, &by_twin.values().iter().collect::<Vec<_>>())?;
    for def in ufunx::table().iter().filter(|def| def.nin() + def.nout() <= MOST_OPERANDS) {
        // A name that NumPy has for something else stays NumPy's.
        if numpy.getattr_opt(def.name)?.is_none() {
            let object = object::new(&registered::twin(py, def)?)?;
            for name in std::iter::once(&def.name).chain(def.aliases) {
                made.set_item(name, &object)?;
            }
        }
    }
    Ok(made)
}
