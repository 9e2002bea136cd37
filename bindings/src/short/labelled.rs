//! Small calls on arrays whose dtypes have labels (dates, C's `long long`), beside numbers and single dates perhaps, all of them in the units that
//! NumPy resolves them to. What does not fit returns `None`, having done nothing.

use super::call::call_resolved;
use crate::arguments::ingest::{Ingested, ingest};
use crate::arguments::label::{divides_by_one_zero, holds_dates, loop_of, takes_dates};
use crate::arguments::resolved::Resolved;
use crate::python::array_ref::ArrayRef;
use crate::python::numpy_api::NumPy;
use crate::python::object::Object;
use crate::results::fresh::{Results, returned};
use crate::results::wrap::{Wanted, Wrap};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::operand::Operand;
use ufunx::short::MOST_INPUTS;
use ufunx::{DType, Scalar};

/// Calls the short way, if it can.
pub fn call_labelled<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let arrays = || objects.iter().filter_map(|&object| np.exact_array(object));
    let is_plain = |&object: &Object<'_, '_>| {
        let is_number = || value(np, object).is_some() || np.dtypes.date_value(object).is_some();
        np.exact_array(object).is_some() || is_number()
    };
    if objects.len() != ufunc.short.nin
        || !arrays().any(|array| array.labelled(np).is_some())
        || !objects.iter().all(is_plain)
        || arrays().any(|array| holds_dates(np, array)) && !takes_dates(np, ufunc)
    {
        return Ok(None);
    }
    // NumPy's code runs here, the first time, so before any array is read.
    let Some(resolved) = Resolved::of(np, ufunc, objects.iter().copied())? else { return Ok(None) };
    let Some(l) = loop_of(np, ufunc, &resolved) else { return Ok(None) };
    if divides_by_one_zero(np, l, objects.get(1).copied())? {
        return Ok(None);
    }
    let mut cells = [0u128; MOST_INPUTS];
    let mut operands = SmallVec::<[Operand; MOST_INPUTS]>::new();
    for (((&object, dtype), cell), said) in
        objects.iter().zip(l.inputs).zip(&mut cells).zip(resolved.inputs())
    {
        let operand = match np.exact_array(object) {
            Some(array) => in_unit(np, array, *dtype, said).then(|| array.operand(*dtype)),
            None => date(np, object, said).or_else(|| bits(value(np, object), *dtype)).map(|bits| {
                *cell = bits;
                Operand::scalar(std::ptr::from_mut(cell).cast(), *dtype)
            }),
        };
        let Some(operand) = operand else { return Ok(None) };
        operands.push(operand);
    }
    let operands: SmallVec<[&Operand; MOST_INPUTS]> = operands.iter().collect();
    // SAFETY: arrays that were read just now, and cells.
    let results = unsafe { call_resolved(py, np, ufunc, l, &operands, std::iter::empty())? };
    let Some(results) = results else { return Ok(None) };
    let plain = Wrap::plain(np);
    let finished = results.into_iter().zip(resolved.outputs()).map(|(result, label)| {
        np.label(&result, label);
        plain.apply(np, result, None, None, Wanted { to_scalar: true, force: false })
    });
    returned(py, finished.collect::<PyResult<Results<'py>>>()?).map(Some)
}

/// A number of Python's.
fn value(np: &NumPy, object: Object<'_, '_>) -> Option<Scalar> {
    match ingest(np, object) {
        Ok(Ingested::Weak(value)) => Some(value),
        _ => None,
    }
}

/// Whether an array's elements are what the loop takes, in the unit that NumPy says.
fn in_unit(np: &NumPy, array: ArrayRef<'_, '_>, dtype: DType, said: Object<'_, '_>) -> bool {
    array.dtype(np).or_else(|| array.labelled(np)) == Some(dtype) && array.unit(np) == np.dtypes.unit(said)
}

/// The bits of a date in the unit that NumPy says; `None` for one in another, and for anything else.
fn date(np: &NumPy, object: Object<'_, '_>, said: Object<'_, '_>) -> Option<u128> {
    let date = np.dtypes.date_value(object)?;
    if date.unit == np.dtypes.unit(said) {
        return Some(u128::from(date.value as u64));
    }
    // A cast of NumPy's; what it refuses, it is asked again for.
    let cast = np.array_cast(object, said).ok()?;
    let array = np.exact_array(cast.as_borrowed())?;
    let is_one = array.nd() == 0 && array.unit(np) == np.dtypes.unit(said);
    // SAFETY: an element of 8 bytes, of an array that nobody else has.
    is_one.then(|| u128::from(unsafe { array.operand(DType::TimeDelta).ptr.cast::<u64>().read_unaligned() }))
}

/// A number's bits, where nothing is lost.
fn bits(value: Option<Scalar>, dtype: DType) -> Option<u128> {
    match (value?, dtype) {
        (Scalar::Int(x), DType::I64 | DType::U64) if dtype.int_range().contains(&x) => {
            Some((x as u64).into())
        }
        (Scalar::Int(x), DType::F64) if x.abs() < 1 << 53 => Some((x as f64).to_bits().into()),
        (Scalar::Float(x), DType::F64) => Some(x.to_bits().into()),
        _ => None,
    }
}
