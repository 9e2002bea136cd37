//! Results in the library of the operand that wins: the one of the highest `__array_priority__`, the leftmost of several.
//! Numbers and NumPy scalars never win; what has no arrays of its own to give leaves the result to NumPy.

use super::abi::ExchangeApi;
use super::array;
use super::class::{Class, Container, class_of};
use super::exchange::{inherited_api, to_object};
use super::export;
use crate::python::array_ref::stood_for;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_ellipsis};
use crate::results::wrap;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use ufunx::dispatch::arguments::Method;

/// Whose results are.
pub enum Winner {
    /// Nobody's: an ndarray where NumPy has the dtype, else `ufunx.Array`.
    Nobody,
    /// NumPy's, as they come.
    NumPy,
    /// A class with the C exchange API.
    Exchange(&'static ExchangeApi),
    /// `ufunx.Array`.
    Array,
    /// The library of this object, as `ufunx._foreign` knows it.
    Library(Py<PyAny>),
}

impl Winner {
    /// Among a call's inputs.
    pub fn among(np: &NumPy, method: Method, inputs: &[Object<'_, '_>]) -> PyResult<Winner> {
        let mut best: Option<(f64, Winner)> = None;
        let inputs = match method {
            Method::At => &[],
            Method::Reduce | Method::Accumulate | Method::Reduceat => &inputs[..1],
            Method::Call | Method::Outer => inputs,
        };
        for &object in inputs {
            let (priority, winner) = match class_of(np, object) {
                Class::Plain if np.is_array(object) => (wrap::priority(np, object), Winner::NumPy),
                Class::Plain | Class::Protocol => continue,
                Class::Array => (array::PRIORITY, Winner::Array),
                Class::Exchange(exchange) => (exchange.priority, Winner::Exchange(exchange.api)),
                Class::Dlpack { container, .. } => {
                    let winner = match container {
                        Container::None => continue,
                        Container::Library => Winner::Library(object.to_owned().unbind()),
                        Container::Inherited => match inherited_api(&object.get_type()) {
                            Some(api) => Winner::Exchange(api),
                            None => continue,
                        },
                    };
                    (wrap::priority(np, object), winner)
                }
            };
            if best.as_ref().is_none_or(|(most, _)| priority > *most) {
                best = Some((priority, winner));
            }
        }
        Ok(best.map_or(Winner::Nobody, |(_, winner)| winner))
    }
}

/// The results, a given output being its own: as it was passed.
pub fn given_or<'py>(
    np: &NumPy,
    winner: &Winner,
    outputs: &[Object<'_, 'py>],
    result: Bound<'py, PyAny>,
) -> Returned<'py> {
    let py = result.py();
    let is_given = |object: Object<'_, '_>| !object.is_none() && !is_ellipsis(object);
    if !outputs.iter().copied().any(is_given) {
        return all(py, np, winner, result);
    }
    let Ok(results) = result.cast::<PyTuple>() else { return Ok(outputs[0].to_owned()) };
    let mut objects: SmallVec<[Bound<'_, PyAny>; 2]> = SmallVec::new();
    for (i, result) in results.iter().enumerate() {
        objects.push(match outputs.get(i) {
            Some(&output) if is_given(output) => output.to_owned(),
            _ => all(py, np, winner, result)?,
        });
    }
    Ok(PyTuple::new(py, objects)?.into_any())
}

/// A result, or each of several, to the winner.
pub fn all<'py>(py: Python<'py>, np: &NumPy, winner: &Winner, result: Bound<'py, PyAny>) -> Returned<'py> {
    match winner {
        Winner::NumPy | Winner::Nobody if !is_lacking(np, winner, &result) => Ok(result),
        _ if result.is_none() => Ok(result),
        _ if result.is_instance_of::<PyTuple>() => {
            let results = result.cast_into::<PyTuple>()?;
            let given = results.iter().map(|one| all(py, np, winner, one));
            Ok(PyTuple::new(py, given.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
        _ => one(py, np, winner, result),
    }
}

fn one<'py>(py: Python<'py>, np: &NumPy, winner: &Winner, result: Bound<'py, PyAny>) -> Returned<'py> {
    // A scalar is an array of no dimensions here.
    let array = if np.is_array(result.as_borrowed()) { result } else { np.array_from(result.as_borrowed())? };
    // What DLPack has no name for stays NumPy's.
    if array::dtype_of(np, &array).is_none() {
        return Ok(array);
    }
    match winner {
        // SAFETY: a new tensor.
        Winner::Exchange(api) => unsafe { to_object(py, api, export::versioned(np, &array, false)?) },
        Winner::Library(object) => by_library(py, np, object, &array),
        Winner::Array | Winner::NumPy | Winner::Nobody => array::wrap(py, np, array),
    }
}

/// Whether NumPy has no array, or should have none, of a result's dtype: one with a stand-in, or, where no array of
/// ml_dtypes wins, one of that.
fn is_lacking(np: &NumPy, winner: &Winner, result: &Bound<'_, PyAny>) -> bool {
    if let Ok(several) = result.cast::<PyTuple>() {
        return several.iter().any(|one| is_lacking(np, winner, &one));
    }
    let dtype = match np.array(result.as_borrowed()) {
        Some(array) => array.dtype(np),
        None => np.dtypes.of_mini_scalar(result.get_type_ptr()),
    };
    let lacking = dtype.is_some_and(|dtype| dtype.numpy_number().is_none());
    lacking && (matches!(winner, Winner::Nobody) || stood_for(np, result.as_borrowed()).is_some())
}

/// `ufunx._foreign.give`.
fn by_library<'py>(
    py: Python<'py>,
    np: &NumPy,
    object: &Py<PyAny>,
    array: &Bound<'py, PyAny>,
) -> Returned<'py> {
    static GIVE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let give = GIVE.import(py, "ufunx._foreign", "give")?;
    let array = super::array::wrap(py, np, array.clone())?;
    give.call1((object, array))
}
