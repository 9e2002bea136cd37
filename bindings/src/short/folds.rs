//! The short way of `reduce` and `accumulate`: exact arrays, an axis perhaps, everything else at its default. What does not
//! fit returns `None`, having done nothing.

use super::read::read_array;
use crate::arguments::passed::Arguments;
use crate::python::array_ref::ArrayRef;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_false, is_true};
use crate::results::scalar::scalar;
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::short::fold::{Accumulation, Axis, Reduction};
use ufunx::short::head::Head;

/// Calls the method the short way, if it can.
pub fn reduce_or_accumulate<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Option<Returned<'py>> {
    let (array, axis) = plain_arguments(np, method, arguments)?;
    let (mut head, axis) = (Head::EMPTY, axis_of(axis)?);
    // SAFETY: what is read is used at once.
    unsafe {
        read_array(np, array, &mut head)?;
        match (method, axis) {
            (Method::Reduce, axis) => {
                let reduction = Reduction::new(&ufunc.short, &head, axis)?;
                Some(reduce(py, np, ufunc, &reduction))
            }
            (_, Axis::One(axis)) => {
                let accumulation = Accumulation::new(&ufunc.short, &head, axis)?;
                Some(accumulate(py, np, ufunc, &accumulation, &head))
            }
            _ => None,
        }
    }
}

/// # Safety
/// What was read is there.
unsafe fn reduce<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    reduction: &Reduction<'_>,
) -> Returned<'py> {
    let (dtype, shape) = (reduction.dtype(), reduction.shape());
    // SAFETY: a cell holds one element, a new array as many as there are results.
    unsafe {
        if shape.is_empty() {
            let mut cell = [0u128];
            let target = cell.as_mut_ptr().cast();
            ufunc.report(py, np, "reduce", reduction.run(target))?;
            return scalar(py, np, dtype, target);
        }
        let (array, target) = np.new_array(py, dtype, shape, None)?;
        ufunc.report(py, np, "reduce", reduction.run(target))?;
        Ok(array)
    }
}

/// # Safety
/// What was read is there.
unsafe fn accumulate<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    accumulation: &Accumulation<'_>,
    head: &Head<'_>,
) -> Returned<'py> {
    let (array, target) = np.new_array(py, head.dtype, head.dims, None)?;
    // SAFETY: the new array has as many elements.
    ufunc.report(py, np, "accumulate", unsafe { accumulation.run(target) })?;
    Ok(array)
}

const REDUCE: [Keyword; 6] =
    [Keyword::Axis, Keyword::Dtype, Keyword::Out, Keyword::Keepdims, Keyword::Initial, Keyword::Where];
const ACCUMULATE: [Keyword; 3] = [Keyword::Axis, Keyword::Dtype, Keyword::Out];

/// The array and the axis, if nothing else is asked for. `numpy.sum` and its like pass every parameter by position, most at
/// their defaults.
fn plain_arguments<'a, 'py>(
    np: &NumPy,
    method: Method,
    arguments: &Arguments<'a, 'py>,
) -> Option<(ArrayRef<'a, 'py>, Option<Object<'a, 'py>>)> {
    let parameters = match method {
        Method::Reduce => &REDUCE[..],
        Method::Accumulate => &ACCUMULATE[..],
        _ => return None,
    };
    let [object, rest @ ..] = arguments.positional else { return None };
    let array = np.exact_array(*object)?;
    if rest.len() > parameters.len() {
        return None;
    }
    let mut axis = None;
    let by_position = parameters.iter().copied().zip(rest.iter().copied());
    let by_name = arguments.named().map(|(name, value)| (Keyword::of(name.to_bytes()), value));
    for (keyword, value) in by_position {
        if !is_default(np, keyword, value, &mut axis) {
            return None;
        }
    }
    for (keyword, value) in by_name {
        let keyword = keyword.filter(|k| parameters[rest.len()..].contains(k))?;
        if !is_default(np, keyword, value, &mut axis) {
            return None;
        }
    }
    Some((array, axis))
}

/// Whether a parameter says what is so anyway. The axis is only kept.
fn is_default<'a, 'py>(
    np: &NumPy,
    keyword: Keyword,
    value: Object<'a, 'py>,
    axis: &mut Option<Object<'a, 'py>>,
) -> bool {
    match keyword {
        Keyword::Axis => {
            *axis = Some(value);
            true
        }
        Keyword::Dtype | Keyword::Out => value.is_none(),
        Keyword::Keepdims => is_false(value),
        Keyword::Initial => np.is_no_value(value),
        Keyword::Where => is_true(value),
        _ => false,
    }
}

/// `axis=`; the first where it is absent. `None` for what is no number.
fn axis_of(axis: Option<Object<'_, '_>>) -> Option<Axis> {
    match axis {
        None => Some(Axis::One(0)),
        Some(none) if none.is_none() => Some(Axis::All),
        Some(axis) => integer(axis).map(Axis::One),
    }
}
