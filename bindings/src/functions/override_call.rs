//! `__array_function__` on Python objects: the engine's precedence (`ufunx::dispatch::function`), its questions answered
//! here.

use crate::arguments::passed::Arguments;
use crate::overrides::ask::PythonObjects;
use crate::python::class_cache::{ClassCache, Watch, standing};
use crate::python::entry::attached;
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;
use ufunx::dispatch::function::{
    Classes, Decision, classes, decide, decide_like, dispatch, no_implementation,
};
use ufunx::dispatch::{Answer, Candidates, Failure};

/// The method of an argument's class, which is kept while it is called.
type Method<'py> = Bound<'py, PyAny>;

/// Asks the relevant arguments that have `__array_function__`; their answer, or `None` where there is none but `ndarray`'s.
/// `public` is the function they are told of.
///
/// # Safety
/// Live objects.
pub unsafe fn ask<'py>(
    py: Python<'py>,
    np: &NumPy,
    public: *mut ffi::PyObject,
    relevant: impl Iterator<Item = *mut ffi::PyObject> + Clone,
    arguments: &Arguments<'_>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let objects = PythonObjects(py);
    // SAFETY: live objects.
    let look_up = |object| unsafe { array_function(py, np, object) };
    let is_default = |method: &Method<'_>| method.as_ptr() == np.ndarray_array_function;
    // SAFETY: live objects.
    unsafe {
        match classes(&objects, relevant.clone(), look_up) {
            Classes::None => Ok(None),
            Classes::One(_, method) if is_default(&method) => Ok(None),
            Classes::One(object, method) => {
                let call = OverrideCall::new(py, public, &[object], arguments)?;
                match call.run(py, object, &method)? {
                    Answer::Value(value) => Ok(Some(value)),
                    Answer::Refused => Err(attached(py, || call.all_refused(py))),
                }
            }
            Classes::More => match decide(&objects, relevant, look_up, is_default).map_err(raised)? {
                Decision::Implementation => Ok(None),
                Decision::Ask(found) => answer(py, public, found, arguments).map(Some),
            },
        }
    }
}

/// Asks the object that an array is to be made like; its answer, or `None` where it is an array.
///
/// # Safety
/// Live objects.
pub unsafe fn ask_like<'py>(
    py: Python<'py>,
    np: &NumPy,
    public: *mut ffi::PyObject,
    like: *mut ffi::PyObject,
    arguments: &Arguments<'_>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: live objects.
    let look_up = |object| unsafe { array_function(py, np, object) };
    let is_default = |method: &Method<'_>| method.as_ptr() == np.ndarray_array_function;
    match decide_like::<PythonObjects<'_>, _>(like, look_up, is_default).map_err(raised)? {
        Decision::Implementation => Ok(None),
        // SAFETY: live objects.
        Decision::Ask(found) => unsafe { answer(py, public, found, arguments).map(Some) },
    }
}

/// The answer of those that are asked.
unsafe fn answer<'py>(
    py: Python<'py>,
    public: *mut ffi::PyObject,
    found: Candidates<*mut ffi::PyObject, Method<'py>>,
    arguments: &Arguments<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let instances: SmallVec<[_; 4]> = found.iter().map(|(object, _)| *object).collect();
    // SAFETY: live objects. `ndarray`'s own method knows itself when to refuse.
    unsafe {
        let call = OverrideCall::new(py, public, &instances, arguments)?;
        let run = |object, method: &Method<'_>| call.run(py, object, method);
        dispatch::<PythonObjects<'_>, _, _>(found, run).map_err(|failure| match failure {
            Failure::AllRefused { .. } => attached(py, || call.all_refused(py)),
            failure => raised(failure),
        })
    }
}

/// A call of `type(x).__array_function__(x, public, types, args, kwargs)`, but for `x`.
struct OverrideCall<'py> {
    public: *mut ffi::PyObject,
    types: Bound<'py, PyTuple>,
    args: Bound<'py, PyTuple>,
    kwargs: Bound<'py, PyDict>,
}

impl<'py> OverrideCall<'py> {
    /// # Safety
    /// Live objects.
    unsafe fn new(
        py: Python<'py>,
        public: *mut ffi::PyObject,
        instances: &[*mut ffi::PyObject],
        arguments: &Arguments<'_>,
    ) -> PyResult<OverrideCall<'py>> {
        // SAFETY: live objects, whose classes are; a tuple of strings, one per keyword.
        unsafe {
            let classes = instances.iter().map(|object| ffi::Py_TYPE(*object).cast());
            let types = tuple(py, instances.len(), classes)?;
            let args = tuple(py, arguments.positional.len(), arguments.positional.iter().copied())?;
            let kwargs = PyDict::new(py);
            for (i, &value) in arguments.keywords.iter().enumerate() {
                let name = ffi::PyTuple_GET_ITEM(arguments.names, i as isize);
                if ffi::PyDict_SetItem(kwargs.as_ptr(), name, value) < 0 {
                    return Err(PyErr::fetch(py));
                }
            }
            Ok(OverrideCall { public, types, args, kwargs })
        }
    }

    /// One override's answer.
    ///
    /// # Safety
    /// A live object.
    #[inline]
    unsafe fn run(
        &self,
        py: Python<'py>,
        object: *mut ffi::PyObject,
        method: &Method<'_>,
    ) -> PyResult<Answer<Bound<'py, PyAny>>> {
        // The slot before the arguments is the callee's to use.
        let null = std::ptr::null_mut();
        let call = [null, object, self.public, self.types.as_ptr(), self.args.as_ptr(), self.kwargs.as_ptr()];
        let n = (call.len() - 1) | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: live objects.
        unsafe {
            let result = ffi::PyObject_Vectorcall(method.as_ptr(), call.as_ptr().add(1), n, null);
            let result = Bound::from_owned_ptr_or_err(py, result)?;
            let refused = result.as_ptr() == ffi::Py_NotImplemented();
            Ok(if refused { Answer::Refused } else { Answer::Value(result) })
        }
    }

    /// The error when all refused.
    fn all_refused(&self, py: Python<'_>) -> PyErr {
        // SAFETY: a live object.
        let function = unsafe { Bound::from_borrowed_ptr(py, self.public) };
        let text = || {
            let part = |name: &str| function.getattr(name)?.str().map(|text| text.to_string());
            let name = format!("{}.{}", part("__module__")?, part("__name__")?);
            Ok(no_implementation(&name, &self.types.to_list().repr()?.to_string()))
        };
        text().map_or_else(|error: PyErr| error, PyTypeError::new_err)
    }
}

/// What the class of an object says of functions; `ndarray`'s own method for those that inherit it.
unsafe fn array_function<'py>(
    py: Python<'py>,
    np: &NumPy,
    object: *mut ffi::PyObject,
) -> Option<Method<'py>> {
    // SAFETY: live objects; what is found is owned.
    unsafe {
        if ffi::Py_TYPE(object) == np.array_type {
            return Some(Bound::from_borrowed_ptr(py, np.ndarray_array_function));
        }
        // Looking it up costs more than all else that is done before an override is called.
        static METHODS: ClassCache = ClassCache::new();
        let class = ffi::Py_TYPE(object);
        if let Some(method) = METHODS.find(class) {
            let method = std::ptr::with_exposed_provenance_mut::<ffi::PyObject>(method);
            return Bound::from_borrowed_ptr_or_opt(py, method);
        }
        let (watch, name) = (Watch::new(py, class), Names::get(py).array_function);
        let found = lookup::on_class(object, name).map(|method| Bound::from_owned_ptr(py, method));
        // Only a plain function is what a look-up of it gives, each time; and only what stands in a class's dict is kept alive
        // by the class as long as the cache knows it.
        match (standing(py, class, name), &found) {
            (None, None) => METHODS.keep(watch, 0),
            (Some(stands), Some(found)) if stands.is(found) && ffi::PyFunction_Check(found.as_ptr()) != 0 => {
                METHODS.keep(watch, found.as_ptr().expose_provenance());
            }
            _ => {}
        }
        found
    }
}

/// The error behind a failure.
fn raised(failure: Failure<*mut ffi::PyObject, PyErr>) -> PyErr {
    match failure {
        Failure::Raised(error) => error,
        failure => PyTypeError::new_err(failure.message().unwrap_or_default()),
    }
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
