//! The registry's records, for tools and tests that keep no lists of their own.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufunx::registry::Accuracy;

/// What the registry records of each ufunc, by name: `types`, its loops as NumPy spells them, and `ulp`, the error bound
/// it states, `None` where it is exact; `complex_ulp` that of its complex loops.
///
/// >>> from ufunx import _native
/// >>> _native.records()["exp"]["ulp"], _native.records()["add"]["types"][0]
/// (1.0, '??->?')
#[pyfunction]
pub fn records(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let ulp = |accuracy: Accuracy| match accuracy {
        Accuracy::Exact | Accuracy::Sums => None,
        Accuracy::Ulp(bound) | Accuracy::UlpOrOf(bound, _) => Some(bound),
    };
    let records = PyDict::new(py);
    for def in ufunx::table().iter() {
        let record = PyDict::new(py);
        record.set_item("types", def.loops().map(ToString::to_string).collect::<Vec<_>>())?;
        record.set_item("ulp", ulp(def.accuracy))?;
        record.set_item("complex_ulp", ulp(def.complex))?;
        records.set_item(def.name, record)?;
    }
    Ok(records)
}
