//! The operands of a small call, read from its objects: arrays as they are, numbers in the dtype beside them.

use super::lay_out::Input;
use crate::arguments::passed::Arguments;
use crate::python::number::{float, integer, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, is_false, is_true};
use crate::ufunc::loops::MOST_INPUTS;
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::registry::Kind;

/// The given output, if there is one; `None` where a keyword wants the general way.
pub fn output_argument<'a, 'py>(
    nin: usize,
    arguments: &Arguments<'a, 'py>,
) -> Option<Option<Object<'a, 'py>>> {
    if arguments.positional.len() != nin {
        return None;
    }
    let mut out = None;
    if arguments.keywords.is_empty() {
        return Some(out);
    }
    for (name, value) in arguments.named() {
        match name.to_bytes() {
            b"out" if value.is_none() => {}
            b"out" => out = Some(value),
            b"where" if is_true(value) => {}
            b"subok" if is_true(value) || is_false(value) => {}
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
/// There are at most [`MOST_INPUTS`].
pub fn read_inputs(
    np: &NumPy,
    objects: &[Object<'_, '_>],
    adapts: bool,
    subclasses: bool,
    inputs: &mut [Input; MOST_INPUTS],
) -> Option<()> {
    let mut numbers = [None; MOST_INPUTS];
    let mut beside = None;
    for ((input, number), &object) in inputs.iter_mut().zip(&mut numbers).zip(objects) {
        let array = if subclasses { np.array(object) } else { np.exact_array(object) };
        if let Some(array) = array {
            let dtype = array.dtype(np)?;
            *input = Input::Array(array.as_ptr(), dtype);
            beside = Some(dtype);
        } else if let Some(value) = float(object) {
            *number = Some(Number::Float(value));
        } else if is_int(object) {
            *number = Some(Number::Int(integer(object)? as i64));
        } else {
            let (dtype, [bits]) = np.dtypes.scalar_value(object).filter(|(dtype, _)| dtype.size() <= 8)?;
            *input = Input::Cell([u64::from_ne_bytes(*bits.to_ne_bytes().first_chunk()?)], dtype);
            beside = Some(dtype);
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
