//! Inputs that NumPy makes arrays of, as those arrays: lists and other sequences, objects with `__array__` and the like, arrays
//! in foreign byte order. What the result's type is remains for the inputs as they were passed to say.

use super::ingest::{Foreign, ingest};
use super::label::{Labels, Made, unlabel};
use super::normal::NormalArguments;
use super::passed::Arguments;
use super::replace::Replaced;
use crate::python::array_class::array_class;
use crate::python::number::is_int;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, exact_tuple, is_ellipsis};
use crate::python::sequence::{array_of_numbers, is_sequence};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::dispatch::arguments::{Keyword, Method};

/// Whether a method reads its positional argument at that place as an array. To `at` the first is where it writes, and a tuple
/// of indices has one for each axis.
fn is_input(method: Method, nin: usize, place: usize, object: Object<'_, '_>) -> bool {
    match method {
        Method::Call => place < nin,
        Method::Reduce | Method::Accumulate => place == 0,
        Method::Outer | Method::Reduceat => place < 2,
        Method::At => place == 2 || place == 1 && exact_tuple(object).is_none(),
    }
}

/// Whether it says places.
fn is_index(method: Method, place: usize) -> bool {
    matches!(method, Method::At | Method::Reduceat) && place == 1
}

fn is_of_integers(np: &NumPy, array: &Bound<'_, PyAny>) -> bool {
    np.exact_array(array.as_borrowed()).and_then(|array| array.dtype(np)) == Some(DType::I64)
}

/// The arguments with arrays in place of sequences of numbers, a mask's too, and of arrays in foreign byte order; `None` if there
/// are none.
pub fn plain_as_arrays<'a, 'py>(
    np: &NumPy,
    (method, nin): (Method, usize),
    arguments: &Arguments<'a, 'py>,
) -> PyResult<Option<Replaced<'a, 'py>>> {
    let mut made = SmallVec::<[(usize, Bound<'py, PyAny>); 3]>::new();
    let inputs = arguments.positional.iter().enumerate();
    for (i, &object) in inputs.filter(|&(i, &object)| is_input(method, nin, i, object)) {
        let array = match np.exact_array(object) {
            Some(array) => array.in_native_order(np),
            None if is_sequence(object) => array_of_numbers(np, object),
            None => None,
        };
        // What is no integer is no index, or a mask.
        let fits = |array: &Bound<'py, PyAny>| !is_index(method, i) || is_of_integers(np, array);
        made.extend(array.transpose()?.filter(fits).map(|array| (i, array)));
    }
    for (i, (name, value)) in arguments.named().enumerate() {
        if name.to_bytes() == b"where"
            && let Some(array) = array_of_numbers(np, value)
        {
            made.push((arguments.positional.len() + i, array?));
        }
    }
    Ok((!made.is_empty()).then(|| Replaced::at(arguments, made.into_iter())))
}

/// Arrays in place of some inputs.
pub struct Converted<'py> {
    /// With those inputs' places.
    made: Made<'py>,
    /// What new results' dtypes are called.
    labels: Labels<'py>,
}

impl<'py> Converted<'py> {
    /// Makes them, in the inputs' order, as NumPy does once nobody has taken the call; `None` if there is nothing to make.
    pub fn new(
        np: &NumPy,
        ufunc: &Ufunc,
        method: Method,
        normal: &NormalArguments<'_, 'py>,
    ) -> PyResult<Option<Converted<'py>>> {
        let mut made = Made::new();
        let inputs = normal.inputs.iter().enumerate();
        for (i, &object) in inputs.filter(|&(i, &object)| is_input(method, normal.inputs.len(), i, object)) {
            let fits = |array: &Bound<'py, PyAny>| !is_index(method, i) || is_of_integers(np, array);
            // A cast that must be none is not one between byte orders either, which is NumPy's to say.
            if np.is_array(object) && normal.get(Keyword::Casting).is_some() {
                continue;
            }
            made.extend(converted(np, object)?.filter(fits).map(|array| (i, array)));
        }
        let labels = unlabel(np, ufunc, method, normal, &mut made)?;
        Ok((!made.is_empty()).then_some(Converted { made, labels }))
    }

    /// The arguments with the arrays.
    pub fn normal<'b, 'a: 'b>(&'b self, normal: &NormalArguments<'a, 'py>) -> NormalArguments<'b, 'py> {
        let mut normal = normal.map(|object| -> Object<'b, 'py> { object });
        normal.passed = Some(normal.inputs.clone());
        for (i, array) in &self.made {
            normal.inputs[*i] = array.as_borrowed();
        }
        normal.labels = self.labels.iter().map(Bound::as_borrowed).collect();
        normal
    }

    /// Calls with the arrays in place of sequences where they change nothing but who reads those: NumPy need not do so again.
    /// Nobody among the inputs may have a say in the result's type, as an array in place of a list has one.
    pub fn call<R>(
        &self,
        np: &NumPy,
        arguments: &Arguments<'_, 'py>,
        call: impl FnOnce(&Arguments<'_, 'py>) -> R,
    ) -> R {
        let plain = |&object: &Object<'_, '_>| {
            np.is_exact_array(object) || is_number_or_sequence(np, object) || is_ellipsis(object)
        };
        if !arguments.positional.iter().all(plain) {
            return call(arguments);
        }
        let sequences =
            self.made.iter().filter(|(i, _)| arguments.positional.get(*i).is_some_and(|o| is_sequence(*o)));
        Replaced::at(arguments, sequences.cloned()).with(call)
    }
}

fn is_number_or_sequence(np: &NumPy, object: Object<'_, '_>) -> bool {
    is_sequence(object) || !matches!(ingest(np, object), Err(Foreign::Type))
}

/// The array that NumPy makes of an input, where it is none yet that our loops read, and is worth making.
fn converted<'py>(np: &NumPy, object: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(array) = np.array(object) {
        return array.in_native_order(np).transpose();
    }
    match ingest(np, object) {
        Err(Foreign::Type) if !has_no_loops(np, object) || np.dtypes.is_labelled_scalar(object) => {
            made_of(np, object).map(Some)
        }
        _ => Ok(None),
    }
}

fn made_of<'py>(np: &NumPy, object: Object<'_, 'py>) -> Returned<'py> {
    match array_of_numbers(np, object) {
        Some(array) => array,
        None => np.array_from(object),
    }
}

/// What has no array of a native dtype: text, nothing, integers that no dtype holds, scalars of NumPy's other dtypes.
fn has_no_loops(np: &NumPy, object: Object<'_, '_>) -> bool {
    object.is_none()
        || object.get_type_ptr() == array_class() // our own, beside a ufunc of NumPy's, which asks it
        || is_int(object)
        || object.is_instance_of::<PyString>()
        || object.is_instance_of::<PyBytes>()
        || np.is_scalar(object)
}
