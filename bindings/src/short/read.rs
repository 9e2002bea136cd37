//! The operands of a small call, read from its objects: arrays as they are, numbers in the dtype beside them.

use super::lay_out::Input;
use crate::arguments::passed::Arguments;
use crate::python::numpy_api::NumPy;
use crate::ufunc::loops::MOST_INPUTS;
use numpy::npyffi::{PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::registry::Kind;

/// The given output or null; `None` where a keyword wants the general way.
pub fn output_argument(nin: usize, arguments: &Arguments<'_>) -> Option<*mut ffi::PyObject> {
    if arguments.positional.len() != nin {
        return None;
    }
    let mut out = std::ptr::null_mut();
    if arguments.keywords.is_empty() {
        return Some(out);
    }
    for (name, value) in arguments.named() {
        // SAFETY: live objects, compared by address.
        let (truth, falsehood, none) = unsafe { (ffi::Py_True(), ffi::Py_False(), ffi::Py_None()) };
        match name.to_bytes() {
            b"out" if value == none => {}
            b"out" => out = value,
            b"where" if value == truth => {}
            b"subok" if value == truth || value == falsehood => {}
            _ => return None,
        }
    }
    Some(out)
}

/// A Python number, whose dtype is that of the array beside it.
#[derive(Clone, Copy)]
enum Number {
    Float(f64),
    Int(i64),
}

/// No inputs yet.
pub const NO_INPUTS: [Input; MOST_INPUTS] = [Input::Cell([0], DType::F64); MOST_INPUTS];

/// Every input, where it is wanted: moving what was just written stalls. `None` where one is nothing that the short way takes.
///
/// # Safety
/// Live objects, at most [`MOST_INPUTS`].
pub unsafe fn read_inputs(
    py: Python<'_>,
    np: &NumPy,
    objects: &[*mut ffi::PyObject],
    adapts: bool,
    subclasses: bool,
    inputs: &mut [Input; MOST_INPUTS],
) -> Option<()> {
    let mut numbers = [None; MOST_INPUTS];
    let mut beside = None;
    for ((input, number), &object) in inputs.iter_mut().zip(&mut numbers).zip(objects) {
        // SAFETY: live objects; each branch has checked the exact type.
        unsafe {
            let class = ffi::Py_TYPE(object);
            if class == np.array_type || (subclasses && np.is_array(object)) {
                let array = object.cast::<PyArrayObject>();
                let dtype = np.dtype_of(array)?;
                *input = Input::Array(array, dtype);
                beside = Some(dtype);
            } else if ffi::PyFloat_CheckExact(object) != 0 {
                *number = Some(Number::Float(ffi::PyFloat_AS_DOUBLE(object)));
            } else if ffi::PyLong_CheckExact(object) != 0 {
                let mut overflow = 0;
                *number = Some(Number::Int(ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow)));
                if overflow != 0 {
                    return None;
                }
            } else {
                let dtype = np.scalar_dtype(class).filter(|d| d.size() <= 8)?;
                let mut cell = [0u64];
                PY_ARRAY_API.PyArray_ScalarAsCtype(py, object, cell.as_mut_ptr().cast());
                *input = Input::Cell(cell, dtype);
                beside = Some(dtype);
            }
        }
    }
    let numbers = &numbers[..objects.len()];
    let beside = match beside {
        Some(dtype) => dtype,
        None if numbers.iter().all(|n| matches!(n, Some(Number::Float(_)))) => DType::F64,
        None => return None,
    };
    for (input, number) in inputs.iter_mut().zip(numbers) {
        if let Some(number) = number {
            if !adapts {
                return None;
            }
            *input = Input::Cell([bits(*number, beside)?], beside);
        }
    }
    Some(())
}

/// A number in the dtype beside it; `None` where NumPy warns or refuses, or has a dtype of its own for it.
fn bits(number: Number, beside: DType) -> Option<u64> {
    match (number, beside) {
        (Number::Float(x), DType::F64) => Some(x.to_bits()),
        (Number::Int(x), DType::F64) => Some((x as f64).to_bits()),
        (Number::Float(x), DType::F32) if x.abs() <= f64::from(f32::MAX) || !x.is_finite() => {
            Some(u64::from((x as f32).to_bits()))
        }
        // An integer's low bytes are its value in any dtype that holds it.
        (Number::Int(x), int) if int.kind() == Kind::Int && int.int_range().contains(&x.into()) => {
            Some(x as u64)
        }
        _ => None,
    }
}
