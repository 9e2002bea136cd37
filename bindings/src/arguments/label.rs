//! Inputs whose dtype is another's under a name of its own (C's `long long`), as arrays of that other one, and the names that
//! new results have in turn.

use super::ingest::{Ingested, ingest};
use super::normal::NormalArguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, none};
use crate::ufunc::record::Ufunc;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyTuple};
use smallvec::SmallVec;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::registry::Weak;

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
    let mut plain = Made::new();
    for i in 0..normal.inputs.len() {
        let array = np.array(input(normal, made, i));
        if let Some(array) = array
            && let Some(dtype) = array.labelled(np)
        {
            plain.push((i, np.without_label(array, dtype)?));
        }
    }
    if plain.is_empty() {
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
    made.retain(|(i, _)| !plain.iter().any(|(place, _)| place == i));
    made.extend(plain);
    Ok(labels)
}

/// An input, or the array in its place.
fn input<'b, 'py>(normal: &'b NormalArguments<'_, 'py>, made: &'b Made<'py>, i: usize) -> Object<'b, 'py> {
    let instead = made.iter().find(|(place, _)| *place == i);
    instead.map_or(normal.inputs[i], |(_, array)| array.as_borrowed())
}

/// What a call's results are called: as all of its inputs are, else as NumPy says. (Beside a number of Python's some ufuncs keep the
/// name and some do not.)
fn of_results<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
    made: &Made<'py>,
) -> PyResult<Labels<'py>> {
    let py = normal.inputs[0].py();
    let mut dtypes = SmallVec::<[Bound<'py, PyAny>; 4]>::new();
    let mut first = None;
    let mut all_alike = true;
    for i in 0..normal.inputs.len() {
        let object = input(normal, made, i);
        let dtype = match (np.array(object), ingest(np, object)) {
            (Some(array), _) => {
                let number = array.number();
                all_alike &= array.labelled(np).is_some() && *first.get_or_insert(number) == number;
                array.descr_object()
            }
            (None, Ok(Ingested::Strong(dtype, _))) => np.dtypes.descr_object(py, dtype).to_owned(),
            (None, Ok(Ingested::Weak(number))) => weak_class(py, number.weak()),
            _ => return Ok(Labels::new()),
        };
        all_alike &= np.is_array(object);
        dtypes.push(dtype);
    }
    let nout = ufunc.target.nout;
    if all_alike {
        return Ok((0..nout).map(|_| dtypes[0].clone()).collect());
    }
    dtypes.extend((0..nout).map(|_| none(py).to_owned()));
    let resolved = ufunc.twin.bind(py).call_method1("resolve_dtypes", (PyTuple::new(py, dtypes)?,));
    // What NumPy refuses it refuses again, in the words of the call.
    let Ok(resolved) = resolved else { return Ok(Labels::new()) };
    Ok(resolved.cast::<PyTuple>()?.iter().skip(normal.inputs.len()).collect())
}

/// The class of Python numbers that NumPy takes for a weak one.
fn weak_class(py: Python<'_>, weak: Weak) -> Bound<'_, PyAny> {
    match weak {
        Weak::Int => PyInt::type_object(py).into_any(),
        Weak::Float => PyFloat::type_object(py).into_any(),
        Weak::Complex => PyComplex::type_object(py).into_any(),
    }
}
