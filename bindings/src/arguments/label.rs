//! Labels: the name that a dtype has of its own where it shares another's memory and loops (C's `long long`, dates by their
//! units). What inputs are without them, and what resolution is told of inputs.

use super::ingest::ingest;
use super::normal::NormalArguments;
use crate::python::array_ref::ArrayRef;
use crate::python::numpy_api::NumPy;
use crate::python::object::Object;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt};
use smallvec::SmallVec;
use ufunx::registry::{Kind, Typed, Weak};

/// Arrays in place of inputs, with those inputs' places.
pub type Made<'py> = SmallVec<[(usize, Bound<'py, PyAny>); 3]>;

/// The descriptors of new results, one per output; none where they are called as their loops have it.
pub type Labels<'py> = SmallVec<[Bound<'py, PyAny>; 1]>;

/// Whether an array holds dates.
pub fn holds_dates(np: &NumPy, array: ArrayRef<'_, '_>) -> bool {
    array.labelled(np).is_some_and(|dtype| dtype.kind() == Kind::Date)
}

/// Puts an array without a label in place of an input, if that has one.
pub fn unlabelled<'py>(
    np: &NumPy,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
    i: usize,
) -> PyResult<()> {
    let labelled = np.array(input(normal, made, i)).and_then(|array| Some((array, array.labelled(np)?)));
    if let Some((array, dtype)) = labelled {
        let plain = np.without_label(array, dtype)?;
        made.retain(|(place, _)| *place != i);
        made.push((i, plain));
    }
    Ok(())
}

/// An input, or the array in its place.
pub fn input<'b, 'py>(
    normal: &'b NormalArguments<'_, 'py>,
    made: &'b Made<'py>,
    i: usize,
) -> Object<'b, 'py> {
    let instead = made.iter().find(|(place, _)| *place == i);
    instead.map_or(normal.inputs[i], |(_, array)| array.as_borrowed())
}

/// What resolution sees of an input that is no array.
pub fn typed(np: &NumPy, object: Object<'_, '_>) -> Option<Typed> {
    ingest(np, object).ok().map(|ingested| ingested.typed())
}

/// What NumPy's resolution is told of an input: a dtype, or the class of Python's numbers.
pub fn dtype_of<'py>(np: &NumPy, object: Object<'_, 'py>) -> Option<Bound<'py, PyAny>> {
    let py = object.py();
    match (np.array(object), typed(np, object)) {
        (Some(array), _) => Some(array.descr_object()),
        (None, Some(Typed::Strong(dtype))) => Some(np.dtypes.descr_object(py, dtype).to_owned()),
        (None, Some(Typed::Weak(Weak::Int))) => Some(PyInt::type_object(py).into_any()),
        (None, Some(Typed::Weak(Weak::Float))) => Some(PyFloat::type_object(py).into_any()),
        (None, Some(Typed::Weak(Weak::Complex))) => Some(PyComplex::type_object(py).into_any()),
        (None, None) => None,
    }
}
