//! One of NumPy's functions that runs on the engine, and the ufuncs that these are made of.

use super::bind::{Parameters, Slots};
use crate::python::heap_type::This;
use crate::python::numpy_api::NumPy;
use crate::python::object::Returned;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// One of NumPy's functions.
pub struct Native {
    /// Its parameters.
    pub parameters: Parameters,
    /// NumPy's public function.
    pub public: Py<PyAny>,
    /// Tries the native way; the first argument is an exact array.
    pub run: Run,
    /// What it folds by, if it is a reduction.
    pub reduction: Option<Reduction>,
    /// The ufuncs it is made of.
    pub ufuncs: Arc<Ufuncs>,
}

/// What a reduction folds by.
#[derive(Clone, Copy)]
pub struct Reduction {
    /// The ufunc.
    pub ufunc: fn(&Ufuncs) -> &Py<PyAny>,
    /// The method that foreign objects may have.
    pub method: &'static str,
    /// Which slot is which parameter.
    pub places: &'static Places,
}

/// The slots of a reduction's parameters; the array is the first, the axis the second.
pub struct Places {
    /// `dtype=`.
    pub dtype: Option<usize>,
    /// `out=`.
    pub out: usize,
    /// `keepdims=`.
    pub keepdims: usize,
    /// `initial=`.
    pub initial: Option<usize>,
    /// `where=`.
    pub mask: usize,
    /// Whether the result is bool, whatever the elements are.
    pub truth: bool,
}

/// A native way: the result, or `None` before anything was written.
pub type Run = for<'a, 'py> fn(Python<'py>, &NumPy, &Native, &Slots<'a, 'py>) -> Option<Returned<'py>>;

macro_rules! ufuncs {
    ($($name:ident)*) => {
        /// Ufuncs of ours, alive as long as the functions.
        pub struct Ufuncs { $(#[allow(missing_docs, reason = "the names say it")] pub $name: Py<PyAny>),* }

        impl Ufuncs {
            /// By name.
            pub fn new(named: &Bound<'_, PyDict>) -> PyResult<Ufuncs> {
                let find = |name: &str| {
                    let found = named.get_item(name)?.map(Bound::unbind);
                    found.ok_or_else(|| PySystemError::new_err(format!("no ufunc of the name {name}")))
                };
                Ok(Ufuncs { $($name: find(stringify!($name))?),* })
            }
        }
    };
}
ufuncs! {
    add multiply maximum minimum fmax fmin logical_or logical_and equal not_equal divide subtract square sqrt rint isnan
}

impl Ufuncs {
    /// What is behind one of them.
    pub fn inner<'a>(py: Python<'a>, object: &'a Py<PyAny>) -> &'a Ufunc {
        let found = This::<Ufunc>::of(object.bind_borrowed(py));
        found.unwrap_or_else(|| unreachable!("made by `ufuncs`")).behind
    }
}
