//! `__array_ufunc__` on Python objects: the engine's precedence (`ufunx::dispatch`), its questions answered here.

use super::handoff::handed;
use crate::arguments::normal::{NormalArguments, normal_form};
use crate::arguments::passed::Arguments;
use crate::python::array_class::array_class;
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, exact_tuple, is_not_implemented, none, vectorcall};
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::ffi::CStr;
use std::marker::PhantomData;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::dispatch::ufunc::{Override, dispatch};
use ufunx::dispatch::{Answer, Failure, Objects};

/// Asks the operands that have `__array_ufunc__`; their answer, or `None` if there is none to ask.
pub fn ask<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: Object<'_, 'py>,
    method: Method,
    normal: &NormalArguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let tuples = OnceCell::new();
    let new = || match tuples.get_or_init(|| Tuples::new(py, normal)) {
        Ok(tuples) => Ok(OverrideCall::new(py, method, normal, tuples)),
        Err(error) => Err(error.clone_ref(py)),
    };
    let mut call = None;
    let objects = PythonObjects(PhantomData);
    let look_up = |object| array_ufunc(np, object);
    let answer = dispatch(&objects, normal.operands(method), look_up, |object, array_ufunc| {
        let call = match &mut call {
            Some(call) => call,
            none => none.insert(new()?),
        };
        call.run(array_ufunc, object, handed(ufunc, face, object)?)
    });
    answer.map_err(|failure| match failure {
        Failure::Raised(error) => error,
        Failure::AllRefused { .. } => match call.map_or_else(new, Ok) {
            Ok(call) => call.all_refused(np, face),
            Err(error) => error,
        },
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
pub fn ask_plainly<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: Object<'_, 'py>,
    inputs: &[Object<'_, 'py>],
) -> PyResult<Plain<'py>> {
    const MOST_INPUTS: usize = 3;
    let mut found: Option<(Object<'_, 'py>, Bound<'_, PyAny>)> = None;
    if inputs.len() > MOST_INPUTS {
        return Ok(Plain::General);
    }
    for &object in inputs {
        if found.as_ref().is_some_and(|(known, _)| known.get_type_ptr() == object.get_type_ptr()) {
            continue;
        }
        match array_ufunc(np, object) {
            Override::Absent => {}
            Override::Method(method) if found.is_none() => found = Some((object, method)),
            _ => return Ok(Plain::General),
        }
    }
    let Some((object, method)) = found else { return Ok(Plain::Nobody) };
    let name = Names::get(py).method(py, Method::Call).as_any().as_borrowed();
    let mut all = [object, handed(ufunc, face, object)?, name, object, object, object];
    all[3..3 + inputs.len()].copy_from_slice(inputs);
    let result = vectorcall(method.as_borrowed(), &all[..3 + inputs.len()], None)?;
    if !is_not_implemented(&result) {
        return Ok(Plain::Answer(result));
    }
    let arguments = Arguments::positional(inputs);
    let Ok(normal) = normal_form(py, np, ufunc, Method::Call, &arguments) else {
        unreachable!("as many inputs as the ufunc has")
    };
    Err(OverrideCall::new(py, Method::Call, &normal, &Tuples::default()).all_refused(np, face))
}

/// Whether an operand would be asked, or opts out.
pub fn any(np: &NumPy, method: Method, normal: &NormalArguments<'_, '_>) -> bool {
    normal.operands(method).any(|object| !matches!(array_ufunc(np, object), Override::Absent))
}

/// What the class of an object says of ufuncs.
fn array_ufunc<'py>(np: &NumPy, object: Object<'_, 'py>) -> Override<Bound<'py, PyAny>> {
    let class = object.get_type_ptr();
    if class == np.array_type || class == array_class() || np.dtypes.of_scalar(class).is_some() {
        return Override::Absent;
    }
    match lookup::on_class(object, Names::get(object.py()).array_ufunc.bind(object.py())) {
        None => Override::Absent,
        Some(found) if found.is(&np.ndarray_array_ufunc) => Override::Absent,
        Some(found) if found.is_none() => Override::OptOut,
        Some(method) => Override::Method(method),
    }
}

/// What a call of overrides has besides the arguments.
#[derive(Default)]
struct Tuples<'py> {
    /// Names of keywords.
    names: Option<Bound<'py, PyTuple>>,
    /// The outputs.
    outputs: Option<Bound<'py, PyTuple>>,
}

impl<'py> Tuples<'py> {
    fn new(py: Python<'py>, normal: &NormalArguments<'_, 'py>) -> PyResult<Tuples<'py>> {
        if normal.keywords.is_empty() {
            return Ok(Tuples::default());
        }
        let names = normal.keywords.iter().map(|&(keyword, _)| Names::get(py).keyword(py, keyword));
        let outputs = match (normal.get(Keyword::Out), &normal.outputs) {
            (Some(passed), Some(outputs)) => Some(output_tuple(passed, outputs)?),
            _ => None,
        };
        Ok(Tuples { names: Some(PyTuple::new(py, names)?), outputs })
    }
}

/// The outputs as a tuple: the one that was passed, if it was one.
fn output_tuple<'py>(passed: Object<'_, 'py>, outputs: &[Object<'_, 'py>]) -> PyResult<Bound<'py, PyTuple>> {
    let same = exact_tuple(passed).filter(|&tuple| {
        let mut all = entries(tuple);
        all.len() == outputs.len() && all.next().is_some_and(|first| first.is(outputs[0]))
    });
    match same {
        Some(tuple) => Ok(tuple.to_owned()),
        None => PyTuple::new(passed.py(), outputs),
    }
}

/// A call of `type(x).__array_ufunc__(x, ufunc, method, *inputs, **keywords)`, but for `x` and the ufunc.
struct OverrideCall<'a, 'py> {
    /// Room for `x` and the ufunc, the method's name, inputs, keyword values.
    objects: SmallVec<[Object<'a, 'py>; 8]>,
    /// Names of keywords.
    names: Option<Borrowed<'a, 'py, PyTuple>>,
}

impl<'a, 'py: 'a> OverrideCall<'a, 'py> {
    fn new(
        py: Python<'py>,
        method: Method,
        normal: &'a NormalArguments<'_, 'py>,
        tuples: &'a Tuples<'py>,
    ) -> OverrideCall<'a, 'py> {
        let mut objects: SmallVec<[Object<'a, 'py>; 8]> = SmallVec::new();
        let name = Names::get(py).method(py, method).as_any().as_borrowed();
        objects.extend_from_slice(&[none(py), none(py), name]);
        objects.extend_from_slice(&normal.inputs);
        objects.extend(normal.keywords.iter().map(|&(keyword, value)| match (keyword, &tuples.outputs) {
            (Keyword::Out, Some(outputs)) => outputs.as_any().as_borrowed(),
            _ => value,
        }));
        OverrideCall { objects, names: tuples.names.as_ref().map(Bound::as_borrowed) }
    }

    /// One override's answer.
    fn run(
        &mut self,
        array_ufunc: &Bound<'py, PyAny>,
        object: Object<'a, 'py>,
        ufunc: Object<'a, 'py>,
    ) -> PyResult<Answer<Bound<'py, PyAny>>> {
        (self.objects[0], self.objects[1]) = (object, ufunc);
        let result = vectorcall(array_ufunc.as_borrowed(), &self.objects, self.names)?;
        Ok(if is_not_implemented(&result) { Answer::Refused } else { Answer::Value(result) })
    }

    /// The error when all refused, in NumPy's words.
    fn all_refused(mut self, np: &NumPy, ufunc: Object<'a, 'py>) -> PyErr {
        let py = ufunc.py();
        (self.objects[0], self.objects[1]) = (none(py), ufunc);
        match vectorcall(np.refusal_formatter.bind_borrowed(py), &self.objects, self.names) {
            Ok(text) => PyTypeError::new_err(text.unbind()),
            Err(error) => error,
        }
    }
}

/// Python objects to the engine's precedence.
pub struct PythonObjects<'a, 'py>(pub PhantomData<Object<'a, 'py>>);

impl<'a, 'py> Objects for PythonObjects<'a, 'py> {
    type Object = Object<'a, 'py>;
    type Error = PyErr;

    #[inline]
    fn same_class(&self, a: Self::Object, b: Self::Object) -> bool {
        a.get_type_ptr() == b.get_type_ptr()
    }

    fn is_instance(&self, a: Self::Object, class_of: Self::Object) -> PyResult<bool> {
        a.is_instance(&class_of.get_type())
    }

    fn class_name(&self, object: Self::Object) -> String {
        // SAFETY: a live object's class has a name.
        unsafe { CStr::from_ptr((*object.get_type_ptr()).tp_name) }.to_string_lossy().into_owned()
    }
}
