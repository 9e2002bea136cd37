//! Inputs whose dtype is another's under a name of its own (C's `long long`, dates by their units), as arrays of that other one,
//! and the names that new results have in turn.

use super::dates::{holds_dates, unlabel_dates};
use super::ingest::ingest;
use super::normal::NormalArguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, none};
use crate::ufunc::record::Ufunc;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyTuple};
use smallvec::SmallVec;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::registry::{Typed, Weak};

/// Arrays in place of inputs, with those inputs' places.
pub type Made<'py> = SmallVec<[(usize, Bound<'py, PyAny>); 3]>;

/// The descriptors of new results, one per output; none where they are called as their loops have it.
pub type Labels<'py> = SmallVec<[Bound<'py, PyAny>; 1]>;

/// Puts arrays without labels in place of inputs that have some, and says what the results are labelled.
pub fn unlabel<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
) -> PyResult<Labels<'py>> {
    let arrays = || (0..normal.inputs.len()).filter_map(|i| np.array(input(normal, made, i)));
    if arrays().any(|array| holds_dates(np, array)) {
        return unlabel_dates(np, ufunc, method, normal, made);
    }
    if !arrays().any(|array| array.labelled(np).is_some()) {
        return Ok(Labels::new());
    }
    let asked = [Keyword::Dtype, Keyword::Signature].into_iter().filter_map(|keyword| normal.get(keyword));
    let labels = match method {
        // What a dtype is asked for by name is called by it.
        _ if asked.into_iter().any(|asked| !asked.is_none()) => Labels::new(),
        Method::At => Labels::new(),
        Method::Reduce | Method::Accumulate | Method::Reduceat => {
            np.array(input(normal, made, 0)).map(|array| array.descr_object()).into_iter().collect()
        }
        Method::Call | Method::Outer => of_results(np, ufunc, normal, made)?,
    };
    for i in 0..normal.inputs.len() {
        unlabelled(np, normal, made, i)?;
    }
    Ok(labels)
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

/// What a call's results are called: as all of its inputs are, else as NumPy says. (Beside a number of Python's some ufuncs keep
/// the name and some do not.)
fn of_results<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
    made: &Made<'py>,
) -> PyResult<Labels<'py>> {
    let (py, nin, nout) = (normal.inputs[0].py(), normal.inputs.len(), ufunc.target.nout);
    let objects = || (0..nin).map(|i| input(normal, made, i));
    let number = |object| np.array(object).map(|array| array.number());
    let dtypes: Option<SmallVec<[Bound<'py, PyAny>; 4]>> =
        objects().map(|object| dtype_of(np, object)).collect();
    let Some(mut dtypes) = dtypes else { return Ok(Labels::new()) };
    if objects().all(|object| number(object).is_some() && number(object) == number(input(normal, made, 0))) {
        return Ok((0..nout).map(|_| dtypes[0].clone()).collect());
    }
    dtypes.extend((0..nout).map(|_| none(py).to_owned()));
    let resolved = ufunc.twin.bind(py).call_method1("resolve_dtypes", (PyTuple::new(py, dtypes)?,));
    // What NumPy refuses it refuses again, in the words of the call.
    let Ok(resolved) = resolved else { return Ok(Labels::new()) };
    Ok(resolved.cast::<PyTuple>()?.iter().skip(nin).collect())
}
