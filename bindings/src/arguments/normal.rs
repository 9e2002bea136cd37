//! A call's arguments in normal form: which is an input, an output, a keyword. The rules are the engine's
//! (`ufunx::dispatch::arguments`), the questions about Python objects are answered here.

use super::passed::Arguments;
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use smallvec::SmallVec;
use ufunx::dispatch::arguments::{Keyword, Method, Normal, Refusal, Values, normalize};

/// Arguments in normal form.
pub type NormalArguments = Normal<*mut ffi::PyObject>;

/// Brings arguments into normal form, or says that NumPy will refuse them, or warn of them.
///
/// # Safety
/// Live arguments.
pub unsafe fn normal_form(
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> Result<NormalArguments, Refusal> {
    let deprecated = method == Method::Call && ufunc.def.is_some_and(|def| def.positional_out_deprecated);
    if deprecated && arguments.positional.len() > ufunc.target.nin {
        return Err(Refusal::Count);
    }
    let named = arguments.named().map(|(name, value)| (Keyword::of(name.to_bytes()), value));
    normalize(&PythonValues(np), ufunc.target, method, arguments.positional, named)
}

struct PythonValues<'a>(&'a NumPy);

impl Values for PythonValues<'_> {
    type Value = *mut ffi::PyObject;

    fn is_none(&self, value: Self::Value) -> bool {
        // SAFETY: None lives for ever.
        value == unsafe { ffi::Py_None() }
    }

    fn none(&self) -> Self::Value {
        // SAFETY: None lives for ever.
        unsafe { ffi::Py_None() }
    }

    fn is_ellipsis(&self, value: Self::Value) -> bool {
        // SAFETY: Ellipsis lives for ever.
        value == unsafe { ffi::Py_Ellipsis() }
    }

    fn is_no_value(&self, value: Self::Value) -> bool {
        value == self.0.no_value
    }

    fn tuple(&self, value: Self::Value) -> Option<SmallVec<[Self::Value; 2]>> {
        // SAFETY: a live object, a tuple once its type says so.
        unsafe {
            (ffi::PyTuple_CheckExact(value) != 0)
                .then(|| (0..ffi::PyTuple_GET_SIZE(value)).map(|i| ffi::PyTuple_GET_ITEM(value, i)).collect())
        }
    }

    fn knows_ellipsis_out(&self) -> bool {
        self.0.version >= (2, 3)
    }
}
