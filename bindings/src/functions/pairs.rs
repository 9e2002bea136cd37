//! Functions of two or three arrays that NumPy composes of ufuncs: `array_equal`, `isclose`, `allclose`, `average`, `trapezoid`;
//! beside them `diff` and `ptp`, which are two ufuncs' work. Of exact arrays, by the same steps; what is not plain is NumPy's.

use super::bind::Slots;
use super::composed::{self, Composed, ONE_PASS, invalid_ignored};
use super::moments;
use super::nans::floats;
use super::native::Native;
use super::objects::{call_object, given, given_and_not_none, reduce};
use crate::python::number::{float, integer, is_float, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, boolean, is_false, is_true, none};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PySlice, PyTuple};
use ufunx::DType;
use ufunx::operand::broadcast_shape;

/// `array_equal`.
pub fn array_equal<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, b, equal_nan, ..] = *slots;
    let [a, b] = [np.exact_array(a?)?, np.exact_array(b?)?];
    let alike = a.dtype(np)? == b.dtype(np)? && a.dtype(np)?.numpy_number().is_some();
    if !alike || !equal_nan.is_none_or(is_false) || a.nd() == 0 {
        return None;
    }
    if a.shape() != b.shape() {
        return Some(Ok(boolean(py, false).to_owned()));
    }
    let equal = call_object(native.ufuncs.equal.bind_borrowed(py), &[a.object(), b.object()], &[]);
    Some(equal.and_then(|equal| {
        let all = reduce(py, &native.ufuncs.logical_and, &[equal.as_borrowed(), none(py)])?;
        Ok(boolean(py, all.is_truthy()?).to_owned())
    }))
}

/// `isclose`.
pub fn isclose<'py>(
    py: Python<'py>,
    np: &NumPy,
    _: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, b, relative, absolute, equal_nan, ..] = *slots;
    let [a] = floats(np, [a])?;
    let other = b?;
    // A number beside f32 is compared as NumPy computes with it, in double precision.
    let is_f64 = |object| np.exact_array(object).and_then(|array| array.dtype(np)) == Some(DType::F64);
    if floats(np, [b]).is_none() && !(is_float(other) && is_f64(a)) {
        return None;
    }
    let shape = |object| np.exact_array(object).map(|array| array.shape());
    if let (Some(one), Some(two)) = (shape(a), shape(other)) {
        broadcast_shape([&one[..], &two[..]].into_iter())?; // else NumPy says what does not fit
    }
    let defaults = [PyFloat::new(py, 1e-5), PyFloat::new(py, 1e-8)].map(Bound::into_any);
    let plain =
        |x: Object<'_, '_>| (is_int(x) && integer(x).is_some()) || float(x).is_some_and(f64::is_finite);
    let [relative, absolute] =
        [relative.unwrap_or(defaults[0].as_borrowed()), absolute.unwrap_or(defaults[1].as_borrowed())];
    let is_nan_equal = equal_nan.is_some_and(is_true);
    if ![relative, absolute].into_iter().all(plain) || !(is_nan_equal || equal_nan.is_none_or(is_false)) {
        return None;
    }
    Some(Composed::get(py).and_then(|composed| {
        let close = if is_nan_equal { &composed.close_nan } else { &composed.close };
        let all = [a, other, relative, absolute];
        invalid_ignored(py, || call_object(close.bind_borrowed(py), &all, &[]))
    }))
}

/// `allclose`.
pub fn allclose<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let close = isclose(py, np, native, slots)?;
    Some(close.and_then(|close| {
        let all = reduce(py, &native.ufuncs.logical_and, &[close.as_borrowed(), none(py)])?;
        Ok(PyBool::new(py, all.is_truthy()?).to_owned().into_any())
    }))
}

/// `average`.
pub fn average<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, axis, weights, returned, keepdims, ..] = *slots;
    if !returned.is_none_or(is_false) {
        return None;
    }
    let keepdims = given(np, keepdims);
    let Some(weights) = weights.filter(|weights| !weights.is_none()) else {
        if np.exact_array(a?)?.dims().any(|n| n == 0) {
            return None; // NumPy refuses it
        }
        let mut slots = [None; super::bind::MOST];
        [slots[0], slots[1], slots[4]] = [a, axis, keepdims];
        return moments::mean(py, np, native, &slots);
    };
    let [a, weights] = floats(np, [a, Some(weights)])?;
    let [array, weight] = [np.exact_array(a)?, np.exact_array(weights)?];
    if array.shape() != weight.shape() || array.dtype(np)? != weight.dtype(np)? {
        return None;
    }
    // Axes that are none of the array's, or lists, are NumPy's to judge.
    moments::count_items(array, axis).filter(|&n| n > 0)?;
    let run = || -> PyResult<Option<Bound<'py, PyAny>>> {
        let keep = keepdims.unwrap_or(boolean(py, false));
        let all = [weights, axis.unwrap_or(none(py)), none(py), none(py), keep];
        let scale = reduce(py, &native.ufuncs.add, &all)?;
        let nothing = call_object(
            native.ufuncs.not_equal.bind_borrowed(py),
            &[scale.as_borrowed(), zero(py).as_borrowed()],
            &[],
        )?;
        // Weights that sum up to nothing are NumPy's to refuse.
        if !nothing.call_method0(intern!(py, "all"))?.is_truthy()? {
            return Ok(None);
        }
        let sum = match array.dims().product::<usize>() < ONE_PASS {
            true => {
                let multiply = native.ufuncs.multiply.bind_borrowed(py);
                let products = call_object(multiply, &[a, weights], &[])?;
                let all = [products.as_borrowed(), all[1], none(py), none(py), keep];
                reduce(py, &native.ufuncs.add, &all)?
            }
            false => composed::fold(&Composed::get(py)?.products, py, &[a, weights], axis, keepdims)?,
        };
        Ok(Some(sum.div(scale)?))
    };
    run().transpose()
}

/// `trapezoid`, of heights in one dimension.
pub fn trapezoid<'py>(
    py: Python<'py>,
    np: &NumPy,
    _: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [y, x, dx, axis, ..] = *slots;
    let [y] = floats(np, [y])?;
    let last = |axis| integer(axis).is_some_and(|axis| axis == 0 || axis == -1);
    let is_row = |object: Object<'_, '_>| {
        np.exact_array(object).is_some_and(|array| array.nd() == 1 && array.dim(0) > 1)
    };
    if !is_row(y) || !axis.is_none_or(last) {
        return None;
    }
    let dtype = |object| np.exact_array(object).and_then(|array| array.dtype(np));
    let length = |object| np.exact_array(object).map(|array| array.dim(0));
    let place = match x.filter(|x| !x.is_none()) {
        None if dx.is_none_or(|dx| float(dx) == Some(1.0)) => None,
        None => return None,
        Some(x) => {
            let [x] = floats(np, [Some(x)])?;
            let alike = is_row(x) && length(x) == length(y) && dtype(x) == dtype(y);
            Some(alike.then_some(x)?)
        }
    };
    Some(Composed::get(py).and_then(|composed| {
        let [low, high] = neighbours(py, y, 1)?;
        let heights = [low.as_borrowed(), high.as_borrowed()];
        let Some(place) = place else {
            return composed::fold(&composed.steps_area, py, &heights, None, None);
        };
        let [from, to] = neighbours(py, place, 1)?;
        let all = [heights[0], heights[1], from.as_borrowed(), to.as_borrowed()];
        composed::fold(&composed.area, py, &all, None, None)
    }))
}

/// `diff`, once along the last axis.
pub fn diff<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, n, axis, prepend, append, ..] = *slots;
    let array = np.exact_array(a?)?;
    let is = |given: Option<Object<'_, '_>>, wanted: i64| {
        given.is_none_or(|given| integer(given).is_some_and(|i| i as i64 == wanted))
    };
    let more = [prepend, append].into_iter().any(|given_| given(np, given_).is_some());
    let dtype = array.dtype(np).filter(|dtype| dtype.numpy_number().is_some())?;
    if array.nd() == 0 || !is(n, 1) || !is(axis, -1) || more {
        return None;
    }
    Some(neighbours(py, array.object(), array.nd()).and_then(|[low, high]| {
        let ufunc = if dtype == DType::Bool { &native.ufuncs.not_equal } else { &native.ufuncs.subtract };
        call_object(ufunc.bind_borrowed(py), &[high.as_borrowed(), low.as_borrowed()], &[])
    }))
}

/// `ptp`.
pub fn ptp<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, axis, out, keepdims, ..] = *slots;
    let array = np.exact_array(a?)?;
    let dtype = array.dtype(np).filter(|dtype| dtype.numpy_number().is_some())?;
    // Bools are NumPy's to refuse.
    if given_and_not_none(np, out).is_some() || array.nd() == 0 || dtype == DType::Bool {
        return None;
    }
    let none = none(py);
    let keepdims = given(np, keepdims).unwrap_or(boolean(py, false));
    let all = [array.object(), axis.unwrap_or(none), none, none, keepdims];
    let run = || {
        let [most, least] =
            [reduce(py, &native.ufuncs.maximum, &all)?, reduce(py, &native.ufuncs.minimum, &all)?];
        call_object(native.ufuncs.subtract.bind_borrowed(py), &[most.as_borrowed(), least.as_borrowed()], &[])
    };
    Some(run())
}

fn zero(py: Python<'_>) -> Bound<'_, PyAny> {
    PyFloat::new(py, 0.0).into_any()
}

/// An array but for its last element along the last axis, and but for its first one.
fn neighbours<'py>(py: Python<'py>, a: Object<'_, 'py>, nd: usize) -> PyResult<[Bound<'py, PyAny>; 2]> {
    let part = |slice: Bound<'py, PySlice>| {
        let all = PySlice::full(py).into_any();
        let index = (1..nd).map(|_| all.clone()).chain([slice.into_any()]);
        a.get_item(PyTuple::new(py, index.collect::<Vec<_>>())?)
    };
    let whole = isize::MAX;
    Ok([part(PySlice::new(py, 0, -1, 1))?, part(PySlice::new(py, 1, whole, 1))?])
}
