//! `__array_function__` on Python objects: the engine's precedence (`ufunx::dispatch::function`), its questions answered
//! here.

use crate::arguments::passed::Arguments;
use crate::overrides::ask::PythonObjects;
use crate::python::class_cache::{ClassCache, Watch, standing};
use crate::python::entry::attached;
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_not_implemented};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFunction, PyTuple};
use smallvec::SmallVec;
use std::marker::PhantomData;
use ufunx::dispatch::function::{
    Classes, Decision, classes, decide, decide_like, dispatch, no_implementation,
};
use ufunx::dispatch::{Answer, Candidates, Failure};

/// The method of an argument's class, which is kept while it is called.
type Method<'py> = Bound<'py, PyAny>;

/// Asks the relevant arguments that have `__array_function__`; their answer, or `None` where there is none but `ndarray`'s.
/// `public` is the function they are told of.
pub fn ask<'a, 'py>(
    np: &NumPy,
    public: Object<'a, 'py>,
    relevant: impl Iterator<Item = Object<'a, 'py>> + Clone,
    arguments: &Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = public.py();
    let objects = PythonObjects(PhantomData);
    let look_up = |object| array_function(np, object);
    let is_default = |method: &Method<'_>| method.is(&np.ndarray_array_function);
    match classes(&objects, relevant.clone(), look_up) {
        Classes::None => Ok(None),
        Classes::One(_, method) if is_default(&method) => Ok(None),
        Classes::One(object, method) => {
            let call = OverrideCall::new(public, &[object], arguments)?;
            match call.run(object, &method)? {
                Answer::Value(value) => Ok(Some(value)),
                Answer::Refused => Err(attached(py, || call.all_refused())),
            }
        }
        Classes::More => match decide(&objects, relevant, look_up, is_default).map_err(raised)? {
            Decision::Implementation => Ok(None),
            Decision::Ask(found) => answer(public, found, arguments).map(Some),
        },
    }
}

/// Asks the object that an array is to be made like; its answer, or `None` where it is an array.
pub fn ask_like<'py>(
    np: &NumPy,
    public: Object<'_, 'py>,
    like: Object<'_, 'py>,
    arguments: &Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let look_up = |object| array_function(np, object);
    let is_default = |method: &Method<'_>| method.is(&np.ndarray_array_function);
    match decide_like::<PythonObjects<'_, 'py>, _>(like, look_up, is_default).map_err(raised)? {
        Decision::Implementation => Ok(None),
        Decision::Ask(found) => answer(public, found, arguments).map(Some),
    }
}

/// The answer of those that are asked.
fn answer<'py>(
    public: Object<'_, 'py>,
    found: Candidates<Object<'_, 'py>, Method<'py>>,
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let instances: SmallVec<[_; 4]> = found.iter().map(|(object, _)| *object).collect();
    // `ndarray`'s own method knows itself when to refuse.
    let call = OverrideCall::new(public, &instances, arguments)?;
    let run = |object, method: &Method<'py>| call.run(object, method);
    dispatch::<PythonObjects<'_, 'py>, _, _>(found, run).map_err(|failure| match failure {
        Failure::AllRefused { .. } => attached(public.py(), || call.all_refused()),
        failure => raised(failure),
    })
}

/// A call of `type(x).__array_function__(x, public, types, args, kwargs)`, but for `x`.
struct OverrideCall<'a, 'py> {
    public: Object<'a, 'py>,
    types: Bound<'py, PyTuple>,
    args: Bound<'py, PyTuple>,
    kwargs: Bound<'py, PyDict>,
}

impl<'a, 'py> OverrideCall<'a, 'py> {
    fn new(
        public: Object<'a, 'py>,
        instances: &[Object<'_, 'py>],
        arguments: &Arguments<'_, 'py>,
    ) -> PyResult<OverrideCall<'a, 'py>> {
        let py = public.py();
        let types = PyTuple::new(py, instances.iter().map(|object| object.get_type()))?;
        let args = PyTuple::new(py, arguments.positional)?;
        let kwargs = PyDict::new(py);
        for (name, value) in arguments.by_name() {
            kwargs.set_item(name, value)?;
        }
        Ok(OverrideCall { public, types, args, kwargs })
    }

    /// One override's answer.
    #[inline]
    fn run(&self, object: Object<'_, 'py>, method: &Method<'py>) -> PyResult<Answer<Bound<'py, PyAny>>> {
        // The slot before the arguments is the callee's to use.
        let null = std::ptr::null_mut();
        let [public, types, args] = [self.public.as_ptr(), self.types.as_ptr(), self.args.as_ptr()];
        let call = [null, object.as_ptr(), public, types, args, self.kwargs.as_ptr()];
        let n = (call.len() - 1) | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: live objects, as many as said; the result is owned.
        let result = unsafe {
            let result = ffi::PyObject_Vectorcall(method.as_ptr(), call.as_ptr().add(1), n, null);
            Bound::from_owned_ptr_or_err(object.py(), result)?
        };
        Ok(if is_not_implemented(&result) { Answer::Refused } else { Answer::Value(result) })
    }

    /// The error when all refused.
    fn all_refused(&self) -> PyErr {
        let text = || {
            let part = |name: &str| self.public.getattr(name)?.str().map(|text| text.to_string());
            let name = format!("{}.{}", part("__module__")?, part("__name__")?);
            Ok(no_implementation(&name, &self.types.to_list().repr()?.to_string()))
        };
        text().map_or_else(|error: PyErr| error, PyTypeError::new_err)
    }
}

/// What the class of an object says of functions; `ndarray`'s own method for those that inherit it.
fn array_function<'py>(np: &NumPy, object: Object<'_, 'py>) -> Option<Method<'py>> {
    let py = object.py();
    if np.is_exact_array(object) {
        return Some(np.ndarray_array_function.bind(py).clone());
    }
    // Looking it up costs more than all else that is done before an override is called.
    static METHODS: ClassCache = ClassCache::new();
    if let Some(method) = METHODS.find(object) {
        let method = std::ptr::with_exposed_provenance_mut::<ffi::PyObject>(method);
        // SAFETY: null, or a function that a class's dict has, as the class is what it was.
        return unsafe { Bound::from_borrowed_ptr_or_opt(py, method) };
    }
    let (watch, name) = (Watch::new(object), Names::get(py).array_function.bind(py));
    let found = lookup::on_class(object, name);
    // Only a plain function is what a look-up of it gives, each time; and only what stands in a class's dict is kept alive
    // by the class as long as the cache knows it.
    match (standing(object, name), &found) {
        (None, None) => METHODS.keep(watch, 0),
        (Some(stands), Some(found)) if stands.is(found) && found.is_instance_of::<PyFunction>() => {
            METHODS.keep(watch, found.as_ptr().expose_provenance());
        }
        _ => {}
    }
    found
}

/// The error behind a failure.
fn raised(failure: Failure<Object<'_, '_>, PyErr>) -> PyErr {
    match failure {
        Failure::Raised(error) => error,
        failure => PyTypeError::new_err(failure.message().unwrap_or_default()),
    }
}
