//! What NumPy resolves the dtypes of a call to, where names of dtypes count that our registry does not know (units of dates, C's
//! `long long`): asked once for each ufunc and its inputs' dtypes.

use super::ingest::ingest;
use crate::python::dtypes::DateUnit;
use crate::python::entry::attached;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, none};
use crate::ufunc::record::Ufunc;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyTuple};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Mutex;
use ufunx::registry::{Typed, Weak};

/// The descriptors of a call's operands.
pub struct Resolved<'py> {
    dtypes: Bound<'py, PyTuple>,
    nin: usize,
}

impl<'py> Resolved<'py> {
    /// Those of inputs.
    pub fn inputs(&self) -> impl Iterator<Item = Object<'_, 'py>> {
        entries(self.dtypes.as_borrowed()).take(self.nin)
    }

    /// Those of outputs.
    pub fn outputs(&self) -> impl Iterator<Item = Object<'_, 'py>> {
        entries(self.dtypes.as_borrowed()).skip(self.nin)
    }

    /// What NumPy says of these inputs; `None` where it refuses them, which it does again in the words of the call.
    pub fn of<'a>(
        np: &NumPy,
        ufunc: &Ufunc,
        inputs: impl Iterator<Item = Object<'a, 'py>> + Clone,
    ) -> PyResult<Option<Resolved<'py>>>
    where
        'py: 'a,
    {
        static ANSWERS: PyOnceLock<Mutex<HashMap<Question, Option<Py<PyTuple>>>>> = PyOnceLock::new();
        /// More questions than programs ask; they are all forgotten then.
        const MOST: usize = 1024;
        let seen: Option<SmallVec<[Seen; 3]>> = inputs.clone().map(|input| Seen::of(np, input)).collect();
        let (Some(seen), Some(first)) = (seen, inputs.clone().next()) else { return Ok(None) };
        let (py, nin) = (first.py(), seen.len());
        // Twins of others come and go, so that an address may be another's later.
        if ufunc.program().is_some() {
            return Ok(None);
        }
        let question = (ufunc.twin(py)?.as_ptr().addr(), seen);
        let answers = ANSWERS.get_or_init(py, Default::default);
        // Nobody's code runs while it is locked.
        let known = answers.lock().ok().and_then(|answers| {
            answers.get(&question).map(|answer| answer.as_ref().map(|answer| answer.bind(py).clone()))
        });
        let answer = match known {
            Some(answer) => answer,
            None => {
                let answer = attached(py, || ask(np, ufunc, inputs))?;
                if let Ok(mut answers) = answers.lock() {
                    if answers.len() >= MOST {
                        answers.clear();
                    }
                    answers.insert(question, answer.as_ref().map(|answer| answer.clone().unbind()));
                }
                answer
            }
        };
        Ok(answer.map(|dtypes| Resolved { dtypes, nin }))
    }
}

/// A ufunc, by its address, and its inputs.
type Question = (usize, SmallVec<[Seen; 3]>);

/// What an input is to resolution.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Seen {
    /// An array or a scalar of NumPy's, by type number and unit.
    Strong(i32, DateUnit),
    /// A number of Python's, by the name of its class.
    Weak(&'static str),
}

impl Seen {
    fn of(np: &NumPy, object: Object<'_, '_>) -> Option<Seen> {
        if let Some(array) = np.array(object) {
            return Some(Seen::Strong(array.number(), array.unit(np)));
        }
        match ingest(np, object).ok()?.typed() {
            Typed::Strong(dtype) => Some(Seen::Strong(dtype.numpy_number()?, DateUnit::NONE)),
            Typed::Weak(weak) => Some(Seen::Weak(weak.name())),
        }
    }
}

/// Asks NumPy.
fn ask<'a, 'py: 'a>(
    np: &NumPy,
    ufunc: &Ufunc,
    inputs: impl Iterator<Item = Object<'a, 'py>>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let dtypes: Option<SmallVec<[Bound<'py, PyAny>; 4]>> = inputs.map(|input| told(np, input)).collect();
    let Some(mut dtypes) = dtypes else { return Ok(None) };
    let Some(py) = dtypes.first().map(Bound::py) else { return Ok(None) };
    dtypes.extend((0..ufunc.target.nout).map(|_| none(py).to_owned()));
    match ufunc.twin(py)?.call_method1("resolve_dtypes", (PyTuple::new(py, dtypes)?,)) {
        Ok(resolved) => Ok(Some(resolved.cast_into::<PyTuple>()?)),
        Err(_) => Ok(None),
    }
}

/// What NumPy's resolution is told of an input: a dtype, or the class of Python's numbers.
fn told<'py>(np: &NumPy, object: Object<'_, 'py>) -> Option<Bound<'py, PyAny>> {
    let py = object.py();
    if let Some(array) = np.array(object) {
        return Some(array.descr_object());
    }
    Some(match ingest(np, object).ok()?.typed() {
        Typed::Strong(dtype) => np.dtypes.descr_object(py, dtype).to_owned(),
        Typed::Weak(Weak::Int) => PyInt::type_object(py).into_any(),
        Typed::Weak(Weak::Float) => PyFloat::type_object(py).into_any(),
        Typed::Weak(Weak::Complex) => PyComplex::type_object(py).into_any(),
    })
}
