//! Which object an override is handed as "the ufunc": ours, which carries NumPy's identity, or NumPy's own.
//!
//! Ours runs our kernels inside the library. Libraries that ask with `is` would take it for an unknown ufunc, so a
//! short table names their classes; a class can say it itself (`__ufunx_handoff__ = "self"` or `"numpy"`), and a program
//! for all classes (`ufunx.config.handoff`).

use crate::python::class_cache::{ClassCache, Watch, mro, standing};
use crate::python::lookup::{self, Names};
use crate::python::object::Object;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use std::ffi::CStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// A class whose code asks for NumPy's own object.
struct Entry {
    /// The first part of the module's name.
    package: &'static str,
    /// The class's name; its subclasses are meant too.
    class: &'static str,
    /// The ufuncs concerned.
    ufuncs: &'static [&'static str],
}

/// Each entry has a test in `tests/interop` that fails without it.
const TABLE: &[Entry] = &[
    // `ufunc is power`, `ufunc is equal`, `ufunc is clip` in unyt/array.py.
    Entry { package: "unyt", class: "unyt_array", ufuncs: &["power", "equal", "clip"] },
    // `is numpy.equal`, `is numpy.not_equal`, `is numpy.matmul` in awkward/_connect/numpy.py.
    Entry { package: "awkward", class: "Array", ufuncs: &["equal", "not_equal", "matmul"] },
    Entry { package: "awkward", class: "Record", ufuncs: &["equal", "not_equal", "matmul"] },
    // `numpy_ufunc is np.matmul` in dask/array.
    Entry { package: "dask", class: "Array", ufuncs: &["matmul"] },
    // `function is np.multiply`, `is np.true_divide` in astropy/coordinates/spectral_quantity.py.
    Entry { package: "astropy", class: "SpectralQuantity", ufuncs: &["multiply", "divide"] },
    // `ufunc is np.matmul` in astropy/utils/masked/core.py.
    Entry { package: "astropy", class: "MaskedNDArray", ufuncs: &["matmul"] },
];

/// The program's choice, as `ufunx.config.handoff` sets it.
static CHOICE: AtomicU8 = AtomicU8::new(BY_TABLE);
const BY_TABLE: u8 = 0;
const ALWAYS_OURS: u8 = 1;
const ALWAYS_NUMPYS: u8 = 2;
const CHOICES: [&str; 3] = ["table", "self", "numpy"];

/// The object that `class_of.__array_ufunc__` is handed: `face`, which was called, or NumPy's.
#[inline]
pub fn handed<'a, 'py>(
    ufunc: &'a Ufunc,
    face: Object<'a, 'py>,
    class_of: Object<'_, 'py>,
) -> PyResult<Object<'a, 'py>> {
    let verdict = match CHOICE.load(Ordering::Relaxed) {
        BY_TABLE => match VERDICTS.find(class_of) {
            Some(verdict) => verdict as Verdict,
            None => judged(class_of),
        },
        ALWAYS_OURS => OURS,
        _ => NUMPYS,
    };
    let numpys = match verdict {
        OURS => false,
        NUMPYS => true,
        entry => TABLE[usize::from(entry - FIRST_ENTRY)].ufuncs.contains(&ufunc.own_name()),
    };
    if numpys { ufunc.twin(face.py()) } else { Ok(face) }
}

/// What holds for a class: ours, NumPy's, or what the table's entry of that number says.
type Verdict = u8;
const OURS: Verdict = 1;
const NUMPYS: Verdict = 2;
const FIRST_ENTRY: Verdict = 3;

static VERDICTS: ClassCache = ClassCache::new();

/// Judges the class of an object, and keeps what was found.
fn judged(object: Object<'_, '_>) -> Verdict {
    let watch = Watch::new(object);
    let verdict = judge(&object.get_type());
    // A descriptor may answer otherwise the next time; a string is what it is.
    let stands = standing(object, Names::get(object.py()).handoff.bind(object.py()));
    if stands.is_none_or(|chosen| chosen.is_exact_instance_of::<PyString>()) {
        VERDICTS.keep(watch, usize::from(verdict));
    }
    verdict
}

/// By the class's attribute, else by the table.
fn judge(class: &Bound<'_, PyType>) -> Verdict {
    if let Some(chosen) = chosen_by(class) {
        return chosen;
    }
    let place = mro(class).and_then(|mro| mro.iter().find_map(|base| place_in_table(&base)));
    place.map_or(OURS, |place| {
        let entry = Verdict::try_from(place).unwrap_or_else(|_| unreachable!("a short table"));
        FIRST_ENTRY + entry
    })
}

/// `__ufunx_handoff__` of the class.
fn chosen_by(class: &Bound<'_, PyType>) -> Option<Verdict> {
    let name = Names::get(class.py()).handoff.bind(class.py());
    let value = lookup::on_instance(class.as_any().as_borrowed(), name).ok()??;
    match value.extract::<&str>().ok()? {
        "self" => Some(OURS),
        "numpy" => Some(NUMPYS),
        _ => None,
    }
}

fn place_in_table(class: &Bound<'_, PyAny>) -> Option<usize> {
    let class = class.cast::<PyType>().ok()?;
    // SAFETY: a live class has a name.
    let name = unsafe { CStr::from_ptr((*class.as_type_ptr()).tp_name) }.to_str().ok()?;
    let name = name.rsplit('.').next().unwrap_or(name);
    if !TABLE.iter().any(|entry| entry.class == name) {
        return None;
    }
    let module: String = class.getattr("__module__").ok()?.extract().ok()?;
    let package = module.split('.').next().unwrap_or(&module);
    TABLE.iter().position(|entry| entry.class == name && entry.package == package)
}

/// Which object overrides are handed: 'table' (ours but to classes known to need NumPy's), 'self' or 'numpy'.
#[pyfunction]
pub fn get_handoff() -> &'static str {
    CHOICES[usize::from(CHOICE.load(Ordering::Relaxed))]
}

/// Choose what [`get_handoff`] says.
#[pyfunction]
pub fn set_handoff(choice: &str) -> PyResult<()> {
    let place = CHOICES.iter().position(|c| *c == choice).ok_or_else(|| {
        PyValueError::new_err(format!("handoff must be 'table', 'self' or 'numpy' (got '{choice}')"))
    })?;
    let values = [BY_TABLE, ALWAYS_OURS, ALWAYS_NUMPYS];
    CHOICE.store(values[place], Ordering::Relaxed);
    Ok(())
}
