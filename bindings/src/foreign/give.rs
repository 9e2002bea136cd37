//! Results in the library of the operand that wins: the one of the highest `__array_priority__`, the leftmost of several.
//! Numbers and NumPy scalars never win; what has no arrays of its own to give leaves the result to NumPy.

use super::abi::ExchangeApi;
use super::array;
use super::class::{Class, Container, class_of};
use super::exchange::{inherited_api, to_object};
use super::export;
use crate::python::numpy_api::{NumPy, stood_for};
use crate::results::wrap;
use numpy::npyffi::PY_ARRAY_API;
use pyo3::ffi;
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
    ///
    /// # Safety
    /// Live objects.
    pub unsafe fn among(
        py: Python<'_>,
        np: &NumPy,
        method: Method,
        inputs: &[*mut ffi::PyObject],
    ) -> PyResult<Winner> {
        let mut best: Option<(f64, Winner)> = None;
        let inputs = match method {
            Method::At => &[],
            Method::Reduce | Method::Accumulate | Method::Reduceat => &inputs[..1],
            Method::Call | Method::Outer => inputs,
        };
        for &object in inputs {
            // SAFETY: live objects.
            let (priority, winner) = unsafe {
                match class_of(py, np, object) {
                    Class::Plain if np.is_array(object) => (wrap::priority(py, np, object), Winner::NumPy),
                    Class::Plain | Class::Protocol => continue,
                    Class::Array => (array::PRIORITY, Winner::Array),
                    Class::Exchange(exchange) => (exchange.priority, Winner::Exchange(exchange.api)),
                    Class::Dlpack { container, .. } => {
                        let foreign: Bound<'_, PyAny> = Bound::from_borrowed_ptr(py, object);
                        let winner = match container {
                            Container::None => continue,
                            Container::Library => Winner::Library(foreign.unbind()),
                            Container::Inherited => match inherited_api(foreign.get_type().as_any()) {
                                Some(api) => Winner::Exchange(api),
                                None => continue,
                            },
                        };
                        (wrap::priority(py, np, object), winner)
                    }
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
///
/// # Safety
/// Live objects.
pub unsafe fn given_or<'py>(
    py: Python<'py>,
    np: &NumPy,
    winner: &Winner,
    outputs: &[*mut ffi::PyObject],
    result: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let is_given = |object: *mut ffi::PyObject| {
        // SAFETY: singletons that live for ever.
        unsafe { object != ffi::Py_None() && object != ffi::Py_Ellipsis() }
    };
    // SAFETY: live objects.
    unsafe {
        if !outputs.iter().copied().any(is_given) {
            return all(py, np, winner, result);
        }
        let Ok(results) = result.cast::<PyTuple>() else {
            return Ok(Bound::from_borrowed_ptr(py, outputs[0]));
        };
        let mut objects: SmallVec<[Bound<'_, PyAny>; 2]> = SmallVec::new();
        for (i, result) in results.iter().enumerate() {
            objects.push(match outputs.get(i) {
                Some(&output) if is_given(output) => Bound::from_borrowed_ptr(py, output),
                _ => all(py, np, winner, result)?,
            });
        }
        Ok(PyTuple::new(py, objects)?.into_any())
    }
}

/// A result, or each of several, to the winner.
pub fn all<'py>(
    py: Python<'py>,
    np: &NumPy,
    winner: &Winner,
    result: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
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

fn one<'py>(
    py: Python<'py>,
    np: &NumPy,
    winner: &Winner,
    result: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let array = as_array(py, np, result)?;
    // SAFETY: an array. What DLPack has no name for stays NumPy's.
    if unsafe { np.dtype_of(array.as_ptr().cast()) }.is_none() {
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
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        let object = result.as_ptr();
        let dtype = match np.is_array(object) {
            true => np.dtype_of(object.cast()),
            false => np.mini_scalar(ffi::Py_TYPE(object)),
        };
        let lacking = dtype.is_some_and(|dtype| dtype.numpy_number().is_none());
        lacking && (matches!(winner, Winner::Nobody) || stood_for(np, object).is_some())
    }
}

/// A scalar as an array of no dimensions; an array as it is.
fn as_array<'py>(py: Python<'py>, np: &NumPy, result: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a live object.
    unsafe {
        if np.is_array(result.as_ptr()) {
            return Ok(result);
        }
        let null: *mut ffi::PyObject = std::ptr::null_mut();
        let array = PY_ARRAY_API.PyArray_FromAny(py, result.as_ptr(), null.cast(), 0, 0, 0, null);
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// `ufunx._foreign.give`.
fn by_library<'py>(
    py: Python<'py>,
    np: &NumPy,
    object: &Py<PyAny>,
    array: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static GIVE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let give = GIVE.import(py, "ufunx._foreign", "give")?;
    let array = super::array::wrap(py, np, array.clone())?;
    give.call1((object, array))
}
