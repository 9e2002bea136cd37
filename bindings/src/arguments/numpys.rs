//! Whether a call is NumPy's at first sight: something of a dtype without loops of ours, and nobody who might answer instead.

use super::passed::Arguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, exact_tuple};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyType};

/// How an argument bears on it.
enum Bearing {
    /// NumPy alone can have the call.
    NumPys,
    /// It changes nothing.
    Plain,
    /// Somebody may have a say, or NumPy must be told of the dtype: the long way.
    Open,
}

/// Whether the call is. Most calls are not: those of native arrays alone.
#[inline]
pub fn is_numpys(np: &NumPy, arguments: &Arguments<'_, '_>) -> bool {
    let ours =
        arguments.keywords.is_empty() && arguments.positional.iter().all(|&object| is_ours(np, object));
    !ours && look(np, arguments)
}

/// Whether it is an array of no subclass and of a native dtype.
#[inline]
fn is_ours(np: &NumPy, object: Object<'_, '_>) -> bool {
    np.exact_array(object).is_some_and(|array| array.dtype(np).is_some())
}

#[inline(never)]
fn look(np: &NumPy, arguments: &Arguments<'_, '_>) -> bool {
    let mut numpys = false;
    let mut settle = |bearing: Bearing| match bearing {
        Bearing::NumPys => {
            numpys = true;
            true
        }
        Bearing::Plain => true,
        Bearing::Open => false,
    };
    arguments.positional.iter().all(|&object| settle(by_position(np, object)))
        && arguments.named().all(|(name, value)| settle(by_name(np, name.to_bytes(), value)))
        && numpys
}

fn by_position(np: &NumPy, object: Object<'_, '_>) -> Bearing {
    if let Some(array) = np.exact_array(object) {
        return match array.dtype(np) {
            None if array.is_numpys(np) => Bearing::NumPys,
            // NumPy must be told of bfloat16 and float8.
            Some(dtype) if dtype.numpy_number().is_none() => Bearing::Open,
            _ => Bearing::Plain,
        };
    }
    if np.is_exact_scalar(object) {
        let is_native = !np.is_scalar(object) || np.dtypes.is_native_scalar(object);
        let is_text = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
        return if is_native && !is_text { Bearing::Plain } else { Bearing::NumPys };
    }
    // Nobody is asked among the items of a list.
    let plain = object.is_none() || object.is_exact_instance_of::<PyList>() || is_tuple_of_plain(np, object);
    if plain { Bearing::Plain } else { Bearing::Open }
}

fn by_name(np: &NumPy, name: &[u8], value: Object<'_, '_>) -> Bearing {
    match name {
        b"out" | b"where" => match by_position(np, value) {
            Bearing::NumPys => Bearing::Plain,
            bearing => bearing,
        },
        // Classes, descriptors, names, numbers: nobody looks for overrides there.
        b"dtype" if is_object(value) => Bearing::NumPys,
        _ => Bearing::Plain,
    }
}

/// Whether it is Python's `object`.
fn is_object(value: Object<'_, '_>) -> bool {
    value.cast::<PyType>().is_ok_and(|class| class.is(value.py().get_type::<PyAny>()))
}

fn is_tuple_of_plain(np: &NumPy, object: Object<'_, '_>) -> bool {
    let plain = |entry: Object<'_, '_>| {
        entry.is_none()
            || np
                .exact_array(entry)
                .is_some_and(|array| array.dtype(np).is_none_or(|dtype| dtype.numpy_number().is_some()))
            || np.is_exact_scalar(entry)
    };
    exact_tuple(object).is_some_and(|tuple| entries(tuple).all(plain))
}
