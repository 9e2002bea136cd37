//! `nansum` and its like, of exact arrays of f32 and f64: NumPy's own steps, as programs that make no array without NaNs. What
//! warns, and what is not plain, is NumPy's.

use super::bind::Slots;
use super::composed::{self, Composed};
use super::moments::{self, Moment};
use super::native::Native;
use super::objects::{call_object, given, given_and_not_none, reduce};
use super::reductions;
use crate::python::array_ref::known_array;
use crate::python::number::{float, integer};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, boolean, is_true, none};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyFloat;
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::registry::Kind;

/// `nansum`.
pub fn nansum<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, axis, dtype, out, keepdims, initial, mask, ..] = *slots;
    if matches!(kind(np, a?)?, Kind::Bool | Kind::Int) {
        return reductions::by(py, np, &native.ufuncs.add, &reductions::SUM, slots);
    }
    let plain = [dtype, out].into_iter().all(|x| given_and_not_none(np, x).is_none())
        && [initial, mask].into_iter().all(|x| given(np, x).is_none());
    let [a] = floats(np, [a])?;
    plain.then(|| composed::fold(&Composed::get(py)?.nan_sum, py, &[a], axis, given(np, keepdims)))
}

/// `nanmean`.
pub fn nanmean<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, axis, dtype, out, keepdims, mask, ..] = *slots;
    if matches!(kind(np, a?)?, Kind::Bool | Kind::Int) {
        return moments::mean(py, np, native, slots);
    }
    let ours = Nans::new(py, np, native, [a, axis, dtype, out, keepdims, mask])?;
    ours.mean(ours.keepdims).transpose()
}

/// `nanvar`.
pub fn nanvar<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    spread(py, np, native, slots, Moment::Var)
}

/// `nanstd`.
pub fn nanstd<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    spread(py, np, native, slots, Moment::Std)
}

fn spread<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
    moment: Moment,
) -> Option<Returned<'py>> {
    let [a, axis, dtype, out, ddof, keepdims, mask, mean, correction, ..] = *slots;
    if matches!(kind(np, a?)?, Kind::Bool | Kind::Int) {
        return if moment == Moment::Var { moments::var } else { moments::std }(py, np, native, slots);
    }
    let ours = Nans::new(py, np, native, [a, axis, dtype, out, keepdims, mask])?;
    if given(np, mean).is_some() || given(np, correction).is_some() {
        return None;
    }
    ours.spread(moment, ddof).transpose()
}

/// `nanmin`.
pub fn nanmin<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    extreme(py, np, native, slots, &native.ufuncs.fmin)
}

/// `nanmax`.
pub fn nanmax<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    extreme(py, np, native, slots, &native.ufuncs.fmax)
}

fn extreme<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
    ufunc: &Py<PyAny>,
) -> Option<Returned<'py>> {
    let kind = kind(np, slots[0]?)?;
    let found = reductions::by(py, np, ufunc, &reductions::MAX, slots)?;
    Some(found.and_then(|found| {
        if matches!(kind, Kind::Float | Kind::Complex) {
            let isnan = call_object(native.ufuncs.isnan.bind_borrowed(py), &[found.as_borrowed()], &[])?;
            if isnan.call_method0(intern!(py, "any"))?.is_truthy()? {
                let class = py.get_type::<PyRuntimeWarning>();
                PyErr::warn(py, &class, c"All-NaN slice encountered", 1)?;
            }
        }
        Ok(found)
    }))
}

/// `nan_to_num`, of a copy.
pub fn nan_to_num<'py>(
    py: Python<'py>,
    np: &NumPy,
    _: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [x, copy, nan, most, least, ..] = *slots;
    let dtype = np.exact_array(x?)?.dtype(np)?;
    let [x] = floats(np, [x])?;
    let largest = if dtype == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
    let number = |given: Option<Object<'_, 'py>>, otherwise: f64| match given.filter(|x| !x.is_none()) {
        None => Some(otherwise),
        Some(x) => float(x).filter(|x| x.is_nan() || x.is_infinite() || x.abs() <= largest),
    };
    // None stands for the default of the infinities alone.
    if nan.is_some_and(|nan| nan.is_none()) {
        return None;
    }
    let numbers = [number(nan, 0.0)?, number(most, largest)?, number(least, -largest)?];
    if !copy.is_none_or(is_true) {
        return None;
    }
    let [nan, most, least] = numbers.map(|x| PyFloat::new(py, x).into_any());
    let all = [x, nan.as_borrowed(), most.as_borrowed(), least.as_borrowed()];
    Some(Composed::get(py).and_then(|composed| call_object(composed.nan_to_num.bind_borrowed(py), &all, &[])))
}

/// An exact array of f32 or f64 with a dimension at least.
pub fn floats<'a, 'py, const N: usize>(
    np: &NumPy,
    arrays: [Option<Object<'a, 'py>>; N],
) -> Option<[Object<'a, 'py>; N]> {
    let is_one = |object: &Object<'_, '_>| {
        let array = np.exact_array(*object);
        array.is_some_and(|array| array.nd() > 0 && matches!(array.dtype(np), Some(DType::F32 | DType::F64)))
    };
    let all = arrays.map(|array| array.filter(is_one));
    all.iter()
        .all(Option::is_some)
        .then(|| all.map(|array| array.unwrap_or_else(|| unreachable!("just seen"))))
}

fn kind(np: &NumPy, object: Object<'_, '_>) -> Option<Kind> {
    let dtype = np.exact_array(object)?.dtype(np)?;
    dtype.numpy_number().map(|_| dtype.kind())
}

/// The arguments of a mean or a variance of what is a number.
struct Nans<'a, 'py> {
    py: Python<'py>,
    np: &'a NumPy,
    native: &'a Native,
    composed: &'a Composed,
    a: Object<'a, 'py>,
    axis: Option<Object<'a, 'py>>,
    keepdims: Option<Object<'a, 'py>>,
}

/// A result, or nothing where NumPy warns and so has the call.
type Attempt<'py> = PyResult<Option<Bound<'py, PyAny>>>;

impl<'a, 'py: 'a> Nans<'a, 'py> {
    fn new(
        py: Python<'py>,
        np: &'a NumPy,
        native: &'a Native,
        [a, axis, dtype, out, keepdims, mask]: [Option<Object<'a, 'py>>; 6],
    ) -> Option<Nans<'a, 'py>> {
        let [a] = floats(np, [a])?;
        let plain = [dtype, out].into_iter().all(|x| given_and_not_none(np, x).is_none());
        let composed = Composed::get(py).ok()?;
        let keepdims = given(np, keepdims);
        (plain && given(np, mask).is_none()).then_some(Nans { py, np, native, composed, a, axis, keepdims })
    }

    fn fold(
        &self,
        ufunc: &Py<PyAny>,
        more: &[Object<'_, 'py>],
        keepdims: Option<Object<'_, 'py>>,
    ) -> Returned<'py> {
        let inputs: SmallVec<[Object<'_, 'py>; 2]> =
            std::iter::once(self.a).chain(more.iter().copied()).collect();
        composed::fold(ufunc, self.py, &inputs, self.axis, keepdims)
    }

    /// How many numbers go into each result; nothing where there are none for one.
    fn counts(&self, keepdims: Option<Object<'_, 'py>>, least: i64) -> Attempt<'py> {
        let counts = self.fold(&self.composed.numbers, &[], keepdims)?;
        let enough = match self.np.exact_array(counts.as_borrowed()) {
            None => counts.extract::<i64>()? >= least,
            Some(_) => {
                let array = known_array(self.np, &counts);
                let all = [counts.as_borrowed(), none(self.py)];
                let fewest = || reduce(self.py, &self.native.ufuncs.minimum, &all);
                array.dims().product::<usize>() > 0 && fewest()?.extract::<i64>()? >= least
            }
        };
        Ok(enough.then_some(counts))
    }

    fn mean(&self, keepdims: Option<Object<'_, 'py>>) -> Attempt<'py> {
        let Some(counts) = self.counts(keepdims, 1)? else { return Ok(None) };
        let sum = self.fold(&self.composed.nan_sum, &[], keepdims)?;
        moments::quotient(self.py, self.np, &self.native.ufuncs, &sum, &counts).map(Some)
    }

    fn spread(&self, moment: Moment, ddof: Option<Object<'_, 'py>>) -> Attempt<'py> {
        let py = self.py;
        let keep = Some(boolean(py, true));
        let Some(ddof) = ddof.map_or(Some(0), integer).filter(|ddof| (0..1 << 31).contains(ddof)) else {
            return Ok(None);
        };
        let Some(counts) = self.counts(self.keepdims, ddof as i64 + 1)? else { return Ok(None) };
        let Some(mean) = self.mean(keep)? else { return Ok(None) };
        let squares = self.fold(&self.composed.nan_squares, &[mean.as_borrowed()], self.keepdims)?;
        let counts = if ddof == 0 { counts } else { counts.sub(ddof)? };
        moments::variance(py, self.np, &self.native.ufuncs, moment, &squares, &counts).map(Some)
    }
}
