//! What a dispatcher returns, without calling it, where its code says so: `lambda a, b=None: (a, b)` and its like, which
//! most dispatchers are.

use super::bind::{Parameters, Shape};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFunction, PyTuple};
use std::collections::HashMap;

/// A dispatcher that returns some of its arguments, as its code was when it was read.
pub struct ReadDispatcher {
    /// Its parameters.
    pub parameters: Parameters,
    code: Py<PyAny>,
    defaults: Option<Py<PyAny>>,
}

impl ReadDispatcher {
    /// Reads the dispatcher's code; `None` if it does anything but return a tuple of its arguments, or if an argument
    /// that is left out is anything but `None`.
    pub fn of(dispatcher: &Bound<'_, PyAny>) -> PyResult<Option<ReadDispatcher>> {
        const VARIABLE_OR_SUSPENDED: u32 = 0x04 | 0x08 | 0x20 | 0x80 | 0x200; // *args, **kwargs, generators, coroutines
        if !dispatcher.is_instance_of::<PyFunction>() {
            return Ok(None);
        }
        let code = dispatcher.getattr("__code__")?;
        let number = |name: &str| code.getattr(name)?.extract::<usize>();
        if code.getattr("co_flags")?.extract::<u32>()? & VARIABLE_OR_SUSPENDED != 0 {
            return Ok(None);
        }
        let (positional, keyword_only) = (number("co_argcount")?, number("co_kwonlyargcount")?);
        let mut names: Vec<String> = code.getattr("co_varnames")?.extract()?;
        names.truncate(positional + keyword_only);
        let defaults = dispatcher.getattr("__defaults__")?;
        let by_keyword = dispatcher.getattr("__kwdefaults__")?;
        let optional = match defaults.cast::<PyTuple>() {
            Ok(values) if values.iter().any(|value| !value.is_none()) => return Ok(None),
            Ok(values) => values.len(),
            Err(_) => 0,
        };
        let optional_by_keyword = match by_keyword.cast::<PyDict>() {
            Ok(values) if values.iter().any(|(_, value)| !value.is_none()) => return Ok(None),
            Ok(values) => values.len(),
            Err(_) => 0,
        };
        if optional_by_keyword < keyword_only {
            return Ok(None);
        }
        let Some(returned) = returned(&code)? else { return Ok(None) };
        let places: HashMap<&str, usize> = names.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
        let relevant: Option<Vec<usize>> =
            returned.iter().map(|name| places.get(name.as_str()).copied()).collect();
        let Some(relevant) = relevant else { return Ok(None) };
        let shape = Shape {
            positional,
            positional_only: number("co_posonlyargcount")?,
            required: positional - optional,
            more_keywords: false,
            relevant: &relevant,
        };
        let parameters = Parameters::new(dispatcher.py(), names.iter().map(String::as_str), &shape);
        Ok(parameters.map(|parameters| ReadDispatcher {
            parameters,
            code: code.unbind(),
            defaults: (!defaults.is_none()).then(|| defaults.unbind()),
        }))
    }

    /// Whether the dispatcher still has that code and those defaults, and no others by keyword.
    pub fn holds(&self, dispatcher: &Bound<'_, PyAny>) -> bool {
        let dispatcher = dispatcher.as_ptr();
        // SAFETY: a live object. Of what is no function CPython gives null, and raises; it was one when it was read.
        unsafe {
            let defaults = self.defaults.as_ref().map_or(std::ptr::null_mut(), Py::as_ptr);
            ffi::PyFunction_GetCode(dispatcher) == self.code.as_ptr()
                && ffi::PyFunction_GetDefaults(dispatcher) == defaults
                && are_none(PyFunction_GetKwDefaults(dispatcher))
        }
    }
}

unsafe extern "C" {
    /// CPython's, which pyo3 does not name: a borrowed reference, or null.
    fn PyFunction_GetKwDefaults(function: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// Whether every value of a dict, which may be changed where it is, is `None`; null is as good.
///
/// # Safety
/// A live dict or null.
unsafe fn are_none(dict: *mut ffi::PyObject) -> bool {
    if dict.is_null() {
        return true;
    }
    let (mut place, mut value) = (0, std::ptr::null_mut());
    // SAFETY: a live dict, in which nothing is changed meanwhile.
    unsafe {
        while ffi::PyDict_Next(dict, &mut place, std::ptr::null_mut(), &mut value) != 0 {
            if value != ffi::Py_None() {
                return false;
            }
        }
    }
    true
}

/// The names of the variables that the code returns a tuple of, if it does nothing else.
fn returned(code: &Bound<'_, PyAny>) -> PyResult<Option<Vec<String>>> {
    let instructions = code.py().import("dis")?.call_method1("get_instructions", (code,))?;
    let mut names = vec![];
    let mut step = 0;
    for instruction in instructions.try_iter()? {
        let instruction = instruction?;
        let name: String = instruction.getattr("opname")?.extract()?;
        let value = instruction.getattr("argval")?;
        step = match (step, name.as_str()) {
            (0, "RESUME") => 1,
            (1, name) if name.starts_with("LOAD_FAST") => {
                match value.extract::<String>() {
                    Ok(name) => names.push(name),
                    Err(_) => names.extend(value.extract::<Vec<String>>()?),
                }
                1
            }
            (1, "BUILD_TUPLE") if value.extract::<usize>()? == names.len() => 2,
            (2, "RETURN_VALUE") => 3,
            _ => return Ok(None),
        };
    }
    Ok((step == 3).then_some(names))
}
