//! A call's arguments in normal form: which is an input, an output, a keyword. The rules are the engine's
//! (`ufunx::dispatch::arguments`), the questions about Python objects are answered here.

use super::passed::Arguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, exact_tuple, is_ellipsis, none};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::marker::PhantomData;
use ufunx::dispatch::arguments::{Keyword, Method, Normal, Refusal, Values, normalize};

/// Arguments in normal form.
pub type NormalArguments<'a, 'py> = Normal<Object<'a, 'py>>;

/// Brings arguments into normal form, or says that NumPy will refuse them, or warn of them.
pub fn normal_form<'a, 'py: 'a>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'a, 'py>,
) -> Result<NormalArguments<'a, 'py>, Refusal> {
    let deprecated = method == Method::Call && ufunc.def.is_some_and(|def| def.positional_out_deprecated);
    if deprecated && arguments.positional.len() > ufunc.target.nin {
        return Err(Refusal::Count);
    }
    let named = arguments.named().map(|(name, value)| (Keyword::of(name.to_bytes()), value));
    let values = PythonValues { py, np, arguments: PhantomData };
    normalize(&values, ufunc.target, method, arguments.positional, named)
}

struct PythonValues<'a, 'n, 'py> {
    py: Python<'py>,
    np: &'n NumPy,
    arguments: PhantomData<Object<'a, 'py>>,
}

impl<'a, 'py: 'a> Values for PythonValues<'a, '_, 'py> {
    type Value = Object<'a, 'py>;

    fn is_none(&self, value: Self::Value) -> bool {
        value.is_none()
    }

    fn none(&self) -> Self::Value {
        none(self.py)
    }

    fn is_ellipsis(&self, value: Self::Value) -> bool {
        is_ellipsis(value)
    }

    fn is_no_value(&self, value: Self::Value) -> bool {
        self.np.is_no_value(value)
    }

    fn tuple(&self, value: Self::Value) -> Option<SmallVec<[Self::Value; 2]>> {
        exact_tuple(value).map(|tuple| entries(tuple).collect())
    }

    fn knows_ellipsis_out(&self) -> bool {
        self.np.version >= (2, 3)
    }
}
