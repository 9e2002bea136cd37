//! `__array_ufunc__` on Python objects: the engine's precedence (`ufunx::dispatch`), its questions answered here.

use super::handoff::handed;
use crate::arguments::normal::{NormalArguments, normal_form};
use crate::arguments::passed::Arguments;
use crate::python::array_class::array_class;
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::ffi::CStr;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::dispatch::ufunc::{Override, dispatch};
use ufunx::dispatch::{Answer, Failure, Objects};

/// Asks the operands that have `__array_ufunc__`; their answer, or `None` if there is none to ask.
///
/// # Safety
/// Live arguments.
pub unsafe fn ask<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    method: Method,
    normal: &NormalArguments,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: live arguments.
    let look_up = |object| unsafe { array_ufunc(py, np, object) };
    let mut call = None;
    let answer = dispatch(&PythonObjects(py), normal.operands(method), look_up, |object, array_ufunc| {
        let call = call.get_or_insert_with(|| OverrideCall::new(py, method, normal));
        // SAFETY: live objects.
        unsafe { call.run(py, array_ufunc, object, handed(py, ufunc, face, object)) }
    });
    answer.map_err(|failure| match failure {
        Failure::Raised(error) => error,
        Failure::AllRefused { .. } => {
            let call = call.unwrap_or_else(|| OverrideCall::new(py, method, normal));
            // SAFETY: live objects.
            unsafe { call.all_refused(py, face) }
        }
        failure => PyTypeError::new_err(failure.message().unwrap_or_default()),
    })
}

/// What [`ask_plainly`] found out.
pub enum Plain<'py> {
    /// Nobody to ask.
    Nobody,
    /// The call's result.
    Answer(Bound<'py, PyAny>),
    /// More than it handles; nobody was asked.
    General,
}

/// The same for a call with nothing but its inputs, of which one class has an override: most calls with one.
///
/// # Safety
/// Live arguments.
pub unsafe fn ask_plainly<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    inputs: &[*mut ffi::PyObject],
) -> PyResult<Plain<'py>> {
    const MOST_INPUTS: usize = 3;
    let mut found: Option<(*mut ffi::PyObject, Bound<'_, PyAny>)> = None;
    if inputs.len() > MOST_INPUTS {
        return Ok(Plain::General);
    }
    // SAFETY: live objects.
    unsafe {
        for &object in inputs {
            if found.as_ref().is_some_and(|(known, _)| ffi::Py_TYPE(*known) == ffi::Py_TYPE(object)) {
                continue;
            }
            match array_ufunc(py, np, object) {
                Override::Absent => {}
                Override::Method(method) if found.is_none() => found = Some((object, method)),
                _ => return Ok(Plain::General),
            }
        }
        let Some((object, method)) = found else { return Ok(Plain::Nobody) };
        let name = Names::get(py).method(Method::Call);
        let mut all = [object, handed(py, ufunc, face, object), name, object, object, object];
        all[3..3 + inputs.len()].copy_from_slice(inputs);
        let null = std::ptr::null_mut();
        let result = ffi::PyObject_Vectorcall(method.as_ptr(), all.as_ptr(), 3 + inputs.len(), null);
        let result = Bound::from_owned_ptr_or_err(py, result)?;
        if result.as_ptr() != ffi::Py_NotImplemented() {
            return Ok(Plain::Answer(result));
        }
        let arguments = Arguments { positional: inputs, keywords: &[], names: null };
        Err(match normal_form(np, ufunc, Method::Call, &arguments) {
            Ok(normal) => OverrideCall::new(py, Method::Call, &normal).all_refused(py, face),
            Err(_) => unreachable!("as many inputs as the ufunc has"),
        })
    }
}

/// Whether an operand would be asked, or opts out.
///
/// # Safety
/// Live arguments.
pub unsafe fn any(py: Python<'_>, np: &NumPy, method: Method, normal: &NormalArguments) -> bool {
    // SAFETY: live arguments.
    normal.operands(method).any(|object| !matches!(unsafe { array_ufunc(py, np, object) }, Override::Absent))
}

/// What the class of an object says of ufuncs.
unsafe fn array_ufunc<'py>(
    py: Python<'py>,
    np: &NumPy,
    object: *mut ffi::PyObject,
) -> Override<Bound<'py, PyAny>> {
    // SAFETY: live objects; what is found is owned.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if class == np.array_type || class == array_class() || np.scalar_dtype(class).is_some() {
            return Override::Absent;
        }
        match lookup::on_class(object, Names::get(py).array_ufunc) {
            None => Override::Absent,
            Some(found) if found == np.ndarray_array_ufunc => {
                ffi::Py_DECREF(found);
                Override::Absent
            }
            Some(none) if none == ffi::Py_None() => {
                ffi::Py_DECREF(none);
                Override::OptOut
            }
            Some(method) => Override::Method(Bound::from_owned_ptr(py, method)),
        }
    }
}

/// A call of `type(x).__array_ufunc__(x, ufunc, method, *inputs, **keywords)`, but for `x` and the ufunc.
struct OverrideCall {
    /// Room for `x` and the ufunc, the method's name, inputs, keyword values.
    objects: SmallVec<[*mut ffi::PyObject; 8]>,
    positional: usize,
    /// Names of keywords, or null; owned.
    names: *mut ffi::PyObject,
    /// The tuple of outputs, or null; owned.
    outputs: *mut ffi::PyObject,
}

impl OverrideCall {
    fn new(py: Python<'_>, method: Method, normal: &NormalArguments) -> OverrideCall {
        let names = Names::get(py);
        let mut objects: SmallVec<[*mut ffi::PyObject; 8]> = SmallVec::new();
        objects.extend_from_slice(&[std::ptr::null_mut(), std::ptr::null_mut(), names.method(method)]);
        objects.extend_from_slice(&normal.inputs);
        let positional = objects.len();
        let mut call =
            OverrideCall { objects, positional, names: std::ptr::null_mut(), outputs: std::ptr::null_mut() };
        if normal.keywords.is_empty() {
            return call;
        }
        // SAFETY: the tuple takes over references made here.
        unsafe {
            call.names = ffi::PyTuple_New(normal.keywords.len() as isize);
            for (i, &(keyword, value)) in normal.keywords.iter().enumerate() {
                ffi::PyTuple_SET_ITEM(call.names, i as isize, ffi::Py_NewRef(names.keyword(keyword)));
                let value = match (keyword, &normal.outputs) {
                    (Keyword::Out, Some(outputs)) => {
                        call.outputs = output_tuple(value, outputs);
                        call.outputs
                    }
                    _ => value,
                };
                call.objects.push(value);
            }
        }
        call
    }

    /// One override's answer.
    unsafe fn run<'py>(
        &mut self,
        py: Python<'py>,
        array_ufunc: &Bound<'_, PyAny>,
        object: *mut ffi::PyObject,
        ufunc: *mut ffi::PyObject,
    ) -> PyResult<Answer<Bound<'py, PyAny>>> {
        (self.objects[0], self.objects[1]) = (object, ufunc);
        // SAFETY: live objects, as many as said.
        unsafe {
            let objects = self.objects.as_ptr();
            let result = ffi::PyObject_Vectorcall(array_ufunc.as_ptr(), objects, self.positional, self.names);
            let result = Bound::from_owned_ptr_or_err(py, result)?;
            let refused = result.as_ptr() == ffi::Py_NotImplemented();
            Ok(if refused { Answer::Refused } else { Answer::Value(result) })
        }
    }

    /// The error when all refused, in NumPy's words.
    unsafe fn all_refused(mut self, py: Python<'_>, ufunc: *mut ffi::PyObject) -> PyErr {
        let formatter = NumPy::get(py).refusal_formatter;
        // SAFETY: live objects, as many as said.
        let text = unsafe {
            (self.objects[0], self.objects[1]) = (ffi::Py_None(), ufunc);
            let text =
                ffi::PyObject_Vectorcall(formatter, self.objects.as_ptr(), self.positional, self.names);
            Bound::from_owned_ptr_or_err(py, text)
        };
        match text {
            Ok(text) => PyTypeError::new_err(text.unbind()),
            Err(error) => error,
        }
    }
}

impl Drop for OverrideCall {
    fn drop(&mut self) {
        // SAFETY: owned here, or null.
        unsafe {
            ffi::Py_XDECREF(self.names);
            ffi::Py_XDECREF(self.outputs);
        }
    }
}

/// The outputs as a tuple: the one that was passed, if it was one; owned.
unsafe fn output_tuple(passed: *mut ffi::PyObject, outputs: &[*mut ffi::PyObject]) -> *mut ffi::PyObject {
    // SAFETY: live objects, a tuple once its type says so.
    unsafe {
        if ffi::PyTuple_CheckExact(passed) != 0
            && ffi::PyTuple_GET_SIZE(passed) as usize == outputs.len()
            && ffi::PyTuple_GET_ITEM(passed, 0) == outputs[0]
        {
            return ffi::Py_NewRef(passed);
        }
        let tuple = ffi::PyTuple_New(outputs.len() as isize);
        for (i, &output) in outputs.iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple, i as isize, ffi::Py_NewRef(output));
        }
        tuple
    }
}

/// Python objects to the engine's precedence.
pub struct PythonObjects<'py>(pub Python<'py>);

impl Objects for PythonObjects<'_> {
    type Object = *mut ffi::PyObject;
    type Error = PyErr;

    #[inline]
    fn same_class(&self, a: *mut ffi::PyObject, b: *mut ffi::PyObject) -> bool {
        // SAFETY: live objects.
        unsafe { ffi::Py_TYPE(a) == ffi::Py_TYPE(b) }
    }

    fn is_instance(&self, a: *mut ffi::PyObject, class_of: *mut ffi::PyObject) -> PyResult<bool> {
        // SAFETY: live objects.
        match unsafe { ffi::PyObject_IsInstance(a, ffi::Py_TYPE(class_of).cast()) } {
            -1 => Err(PyErr::fetch(self.0)),
            answer => Ok(answer == 1),
        }
    }

    fn class_name(&self, object: *mut ffi::PyObject) -> String {
        // SAFETY: a live object's class has a name.
        unsafe { CStr::from_ptr((*ffi::Py_TYPE(object)).tp_name) }.to_string_lossy().into_owned()
    }
}
