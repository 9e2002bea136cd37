//! `__array_function__` on Python objects: the engine's precedence (`ufunx::dispatch::function`), its questions answered
//! here.

use crate::lookup::{self, Names};
use crate::numpy_api::NumPy;
use crate::object::Arguments;
use crate::overrides::PythonObjects;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ufunx::dispatch::function::{collect, dispatch, no_implementation};
use ufunx::dispatch::{Answer, Failure};

/// The method of an argument's class, which is kept while it is called.
type Method<'py> = Bound<'py, PyAny>;

/// Asks the relevant arguments that have `__array_function__`; their answer, or `None` where there is none but `ndarray`'s.
/// `public` is the function they are told of.
///
/// # Safety
/// Live objects.
pub unsafe fn ask(
    py: Python<'_>,
    np: &NumPy,
    public: *mut ffi::PyObject,
    relevant: impl Iterator<Item = *mut ffi::PyObject>,
    arguments: &Arguments<'_>,
) -> PyResult<Option<*mut ffi::PyObject>> {
    // SAFETY: live objects.
    let look_up = |object| unsafe { array_function(py, np, object) };
    let found = collect(&PythonObjects(py), relevant, look_up).map_err(raised)?;
    if found.iter().all(|(_, method)| method.as_ptr() == np.ndarray_array_function) {
        return Ok(None);
    }
    // SAFETY: live objects; types are objects.
    unsafe {
        let classes = found.iter().map(|(object, _)| ffi::Py_TYPE(*object).cast());
        let types = tuple(py, found.len(), classes)?;
        let args = tuple(py, arguments.positional.len(), arguments.positional.iter().copied())?;
        let kwargs = PyDict::new(py);
        for (i, &value) in arguments.keywords.iter().enumerate() {
            let name = ffi::PyTuple_GET_ITEM(arguments.names, i as isize);
            if ffi::PyDict_SetItem(kwargs.as_ptr(), name, value) < 0 {
                return Err(PyErr::fetch(py));
            }
        }
        let answer = dispatch::<PythonObjects<'_>, _, _>(found, |object, method| {
            let call = [object, public, types.as_ptr(), args.as_ptr(), kwargs.as_ptr()];
            let null = std::ptr::null_mut();
            let result = ffi::PyObject_Vectorcall(method.as_ptr(), call.as_ptr(), call.len(), null);
            if result.is_null() {
                Err(PyErr::fetch(py))
            } else if result == ffi::Py_NotImplemented() {
                ffi::Py_DECREF(result);
                Ok(Answer::Refused)
            } else {
                Ok(Answer::Value(result))
            }
        });
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(Failure::AllRefused { .. }) => Err(all_refused(py, public, &types)),
            Err(failure) => Err(raised(failure)),
        }
    }
}

/// What the class of an object says of functions; `ndarray`'s own method for those that inherit it.
pub unsafe fn array_function<'py>(
    py: Python<'py>,
    np: &NumPy,
    object: *mut ffi::PyObject,
) -> Option<Method<'py>> {
    // SAFETY: live objects; what is found is owned.
    unsafe {
        if ffi::Py_TYPE(object) == np.array_type {
            return Some(Bound::from_borrowed_ptr(py, np.ndarray_array_function));
        }
        let found = lookup::on_class(object, Names::get(py).array_function)?;
        Some(Bound::from_owned_ptr(py, found))
    }
}

/// The error behind a failure.
fn raised(failure: Failure<*mut ffi::PyObject, PyErr>) -> PyErr {
    match failure {
        Failure::Raised(error) => error,
        failure => PyTypeError::new_err(failure.message().unwrap_or_default()),
    }
}

/// The error when all refused.
unsafe fn all_refused(py: Python<'_>, public: *mut ffi::PyObject, types: &Bound<'_, PyTuple>) -> PyErr {
    // SAFETY: a live object.
    let function = unsafe { Bound::from_borrowed_ptr(py, public) };
    let text = || {
        let part = |name: &str| function.getattr(name)?.str().map(|text| text.to_string());
        let name = format!("{}.{}", part("__module__")?, part("__name__")?);
        Ok(no_implementation(&name, &types.to_list().repr()?.to_string()))
    };
    text().map_or_else(|error: PyErr| error, PyTypeError::new_err)
}

/// A tuple of objects.
///
/// # Safety
/// Live objects, as many as said.
unsafe fn tuple<'py>(
    py: Python<'py>,
    n: usize,
    objects: impl Iterator<Item = *mut ffi::PyObject>,
) -> PyResult<Bound<'py, PyTuple>> {
    // SAFETY: the tuple takes over references made here.
    unsafe {
        let tuple = Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(n as isize))?;
        for (i, object) in objects.enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), i as isize, ffi::Py_NewRef(object));
        }
        Ok(tuple.cast_into_unchecked())
    }
}
