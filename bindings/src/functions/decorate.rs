//! `array_function_dispatch`: a decorator that gives functions of others' the protocol, as NumPy's own does. Here is also
//! how such a function is called.

use super::bind::{Fit, MOST};
use super::override_call::{ask, ask_like};
use super::read_dispatcher::ReadDispatcher;
use super::{Kind, new};
use crate::arguments::passed::Arguments;
use crate::python::entry::attached;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyFunction, PyString, PyTuple};
use smallvec::SmallVec;

/// How a decorated function finds out whom to ask.
pub struct Dispatched {
    /// Called with the arguments it returns those to ask; `None` for a function with `like=`.
    dispatcher: Option<Py<PyAny>>,
    read: Option<ReadDispatcher>,
    /// The dispatcher's name, and the function's to put in its place in errors.
    names: (String, String),
}

impl Dispatched {
    fn new(implementation: &Bound<'_, PyAny>, dispatcher: Option<&Bound<'_, PyAny>>) -> PyResult<Dispatched> {
        let name = |object: &Bound<'_, PyAny>| object.getattr("__qualname__")?.extract::<String>();
        Ok(match dispatcher {
            None => Dispatched { dispatcher: None, read: None, names: Default::default() },
            Some(dispatcher) => Dispatched {
                read: ReadDispatcher::of(dispatcher)?,
                names: (name(dispatcher)?, name(implementation)?),
                dispatcher: Some(dispatcher.clone().unbind()),
            },
        })
    }

    /// Calls the function: an override, or the implementation. `public` is the object that was called.
    pub fn run<'py>(
        &self,
        public: Object<'_, 'py>,
        implementation: Object<'_, 'py>,
        arguments: &Arguments<'_, 'py>,
    ) -> Returned<'py> {
        let py = public.py();
        let np = NumPy::get(py);
        let Some(dispatcher) = &self.dispatcher else { return call_like(np, implementation, arguments) };
        let dispatcher = dispatcher.bind(py);
        let answer = match self.ask_as_read(np, dispatcher, public, arguments) {
            Some(answer) => answer?,
            None => {
                let relevant = arguments.call(dispatcher.as_borrowed());
                let relevant = relevant.map_err(|error| attached(py, || self.rename(py, error)))?;
                let text = c"dispatcher for __array_function__ did not return an iterable";
                // SAFETY: a live object and a C string; the list is owned.
                let list = unsafe {
                    let list = ffi::PySequence_Fast(relevant.as_ptr(), text.as_ptr());
                    Bound::from_owned_ptr_or_err(py, list)?
                };
                // Held, each of them: whoever is asked may empty the list.
                let items: SmallVec<[Bound<'_, PyAny>; 4]> = list.try_iter()?.collect::<PyResult<_>>()?;
                ask(np, public, items.iter().map(Bound::as_borrowed), arguments)?
            }
        };
        answer.map_or_else(|| arguments.call(implementation), Ok)
    }

    /// The same as what the dispatcher returns, without calling it; `None` if it must be called.
    fn ask_as_read<'py>(
        &self,
        np: &NumPy,
        dispatcher: &Bound<'py, PyAny>,
        public: Object<'_, 'py>,
        arguments: &Arguments<'_, 'py>,
    ) -> Option<PyResult<Option<Bound<'py, PyAny>>>> {
        let read = self.read.as_ref().filter(|read| read.holds(dispatcher))?;
        let mut slots = [None; MOST];
        let fit = read.parameters.bind(arguments, &mut slots);
        (fit == Fit::Whole).then(|| ask(np, public, read.parameters.relevant(&slots), arguments))
    }

    /// A `TypeError` that names the dispatcher names the function instead.
    fn rename(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let (dispatcher, public) = &self.names;
        let renamed = || -> Option<PyErr> {
            let args = error.value(py).getattr("args").ok()?.cast_into::<PyTuple>().ok()?;
            let text: String = args.iter().next()?.cast_into_exact::<PyString>().ok()?.extract().ok()?;
            let rest = text.strip_prefix(dispatcher.as_str()).filter(|_| args.len() == 1)?;
            Some(PyTypeError::new_err(format!("{public}{rest}")))
        };
        let renamed = if error.is_instance_of::<PyTypeError>(py) { renamed() } else { None };
        renamed.unwrap_or(error)
    }
}

/// A function with `like=`, which stands before the arguments here; it is the implementation that overrides are handed.
fn call_like<'py>(
    np: &NumPy,
    implementation: Object<'_, 'py>,
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let [like, rest @ ..] = arguments.positional else {
        return Err(PyTypeError::new_err(format!(
            "`like` argument dispatching, but first argument is not positional in call to {}.",
            implementation.str()?
        )));
    };
    let passed_on = arguments.with_positional(rest);
    match ask_like(np, implementation, *like, &passed_on)? {
        Some(answer) => Ok(answer),
        None => passed_on.call(implementation),
    }
}

/// Decorate a function so that objects with `__array_function__` (NEP 18) may take its calls over.
///
/// As NumPy's decorator of that name: `dispatcher` is called with the arguments and returns those that are asked; without
/// one the first argument is a `like=`, asked and not passed on. With `verify` the signatures must agree, and the
/// dispatcher's defaults be None. `module` is the `__module__` that messages name.
///
/// >>> import ufunx
/// >>> @ufunx.array_function_dispatch(lambda array: (array,), module="mine")
/// ... def total(array):
/// ...     return ufunx.sum(array)
/// >>> total([1.0, 2.0])
/// np.float64(3.0)
/// >>> class Mine:
/// ...     def __array_function__(self, func, types, args, kwargs):
/// ...         return f"{func.__module__}.{func.__name__} of Mine"
/// >>> total(Mine())
/// 'mine.total of Mine'
#[pyfunction]
#[pyo3(signature = (dispatcher=None, module=None, verify=true, docs_from_dispatcher=false))]
pub fn array_function_dispatch<'py>(
    py: Python<'py>,
    dispatcher: Option<Bound<'py, PyAny>>,
    module: Option<Bound<'py, PyAny>>,
    verify: bool,
    docs_from_dispatcher: bool,
) -> PyResult<Bound<'py, PyCFunction>> {
    let (dispatcher, module) = (dispatcher.map(Bound::unbind), module.map(Bound::unbind));
    let decorator = move |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<Py<PyAny>> {
        let py = args.py();
        let (implementation,): (Bound<'_, PyAny>,) = args.extract()?;
        let dispatcher = dispatcher.as_ref().map(|object| object.bind(py));
        if verify {
            match dispatcher {
                Some(dispatcher) => verify_signatures(&implementation, dispatcher)?,
                None => verify_like(&implementation)?,
            }
        }
        if docs_from_dispatcher
            && let Some(dispatcher) = dispatcher
            && let Some(doc) = Some(dispatcher.getattr("__doc__")?).filter(|doc| !doc.is_none())
        {
            let doc = py.import("inspect")?.call_method1("cleandoc", (doc,))?;
            py.import("numpy.lib")?.call_method1("add_docstring", (&implementation, doc))?;
        }
        let made = new(&implementation, Kind::Dispatched(Dispatched::new(&implementation, dispatcher)?))?;
        py.import("functools")?.call_method1("update_wrapper", (&made, &implementation))?;
        let written =
            implementation.getattr_opt("__text_signature__")?.is_some_and(|t| t.is_truthy().unwrap_or(false));
        if !verify && !written {
            let signature = py.import("inspect")?.call_method1("signature", (dispatcher,))?;
            made.setattr("__signature__", signature)?;
        }
        if let Some(module) = &module {
            made.setattr("__module__", module)?;
        }
        Ok(made.unbind())
    };
    PyCFunction::new_closure(py, Some(c"decorator"), None, decorator)
}

/// What two signatures must have in common.
#[derive(PartialEq)]
struct Signature {
    positional: Vec<String>,
    rest: Option<String>,
    rest_by_keyword: Option<String>,
}

impl Signature {
    /// Of a Python function or method, with its defaults.
    fn of<'py>(function: &Bound<'py, PyAny>) -> PyResult<(Signature, Option<Bound<'py, PyTuple>>)> {
        let method = function.getattr_opt("__func__")?;
        let function = method.as_ref().unwrap_or(function);
        if !function.is_instance_of::<PyFunction>() {
            return Err(PyTypeError::new_err("arg is not a Python function"));
        }
        let code = function.getattr("__code__")?;
        let names: Vec<String> = code.getattr("co_varnames")?.extract()?;
        let n: usize = code.getattr("co_argcount")?.extract()?;
        let flags: u32 = code.getattr("co_flags")?.extract()?;
        let (has_rest, has_more) = (flags & 0x04 != 0, flags & 0x08 != 0);
        let signature = Signature {
            positional: names[..n].to_vec(),
            rest: has_rest.then(|| names[n].clone()),
            rest_by_keyword: has_more.then(|| names[n + usize::from(has_rest)].clone()),
        };
        Ok((signature, function.getattr("__defaults__")?.cast_into().ok()))
    }
}

fn verify_signatures(implementation: &Bound<'_, PyAny>, dispatcher: &Bound<'_, PyAny>) -> PyResult<()> {
    let (signature, defaults) = Signature::of(implementation)?;
    let (of_dispatcher, its_defaults) = Signature::of(dispatcher)?;
    let number = |defaults: &Option<Bound<'_, PyTuple>>| defaults.as_ref().map_or(0, |d| d.len());
    if signature != of_dispatcher || number(&defaults) != number(&its_defaults) {
        let name = implementation.str()?;
        return Err(PyRuntimeError::new_err(format!(
            "implementation and dispatcher for {name} have different function signatures"
        )));
    }
    if its_defaults.is_some_and(|values| values.iter().any(|value| !value.is_none())) {
        return Err(PyRuntimeError::new_err(
            "dispatcher functions can only use None for default argument values",
        ));
    }
    Ok(())
}

/// The last parameter must be `like`, by keyword only.
fn verify_like(implementation: &Bound<'_, PyAny>) -> PyResult<()> {
    let code = implementation.getattr("__code__")?;
    let names: Vec<String> = code.getattr("co_varnames")?.extract()?;
    let by_keyword: usize = code.getattr("co_kwonlyargcount")?.extract()?;
    let n = code.getattr("co_argcount")?.extract::<usize>()? + by_keyword;
    if by_keyword == 0 || names[..n].last().is_none_or(|name| name != "like") {
        return Err(PyRuntimeError::new_err(format!(
            "__array_function__ expects `like=` to be the last argument and a keyword-only argument. {} does not seem \
             to comply.",
            implementation.str()?
        )));
    }
    Ok(())
}
