//! `sum` and its like: the reduction of an exact array by our ufunc, else what NumPy does with a foreign object. Beside
//! them the running sums and products.

use super::bind::Slots;
use super::native::{Native, Places, Reduction, Ufuncs};
use super::objects::{call_object, given, is_plain_out};
use crate::arguments::passed::Arguments;
use crate::pipeline;
use crate::python::array_ref::ArrayRef;
use crate::python::lookup;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, any, boolean, is_true, none};
use numpy::npyffi::{NPY_ORDER, PY_ARRAY_API};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};
use smallvec::SmallVec;
use ufunx::dispatch::arguments::Method;

/// Of `sum` and `prod`.
pub const SUM: Places =
    Places { dtype: Some(2), out: 3, keepdims: 4, initial: Some(5), mask: 6, truth: false };
/// Of `max` and `min`.
pub const MAX: Places = Places { dtype: None, out: 2, keepdims: 3, initial: Some(4), mask: 5, truth: false };
/// Of `any` and `all`.
pub const ANY: Places = Places { dtype: None, out: 2, keepdims: 3, initial: None, mask: 4, truth: true };

/// The native way of every reduction, of an exact array.
pub fn reduce<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let Reduction { ufunc, places, .. } = native.reduction?;
    by(py, np, ufunc(&native.ufuncs), places, slots)
}

/// The same by that ufunc.
pub fn by<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Py<PyAny>,
    places: &Places,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [out, mask] = [slots[places.out], given(np, slots[places.mask])];
    let plain_mask = mask.is_none_or(|mask| is_true(mask) || np.is_exact_array(mask));
    if !is_plain_out(np, out) || !plain_mask {
        return None;
    }
    let [dtype, initial] = [places.dtype, places.initial].map(|place| place.and_then(|place| slots[place]));
    let keepdims = given(np, slots[places.keepdims]);
    let none = none(py);
    let all = [
        slots[0]?,
        slots[1].unwrap_or(none),
        dtype.unwrap_or(none),
        out.unwrap_or(none),
        keepdims.unwrap_or(boolean(py, false)),
        initial.unwrap_or(np.no_value.bind_borrowed(py)),
        mask.unwrap_or(boolean(py, true)),
    ];
    // The short way reads every one.
    let plain = [dtype, out, keepdims, initial, mask].iter().all(Option::is_none);
    let arguments = Arguments::positional(if plain { &all[..2] } else { &all[..] });
    pipeline::run_plain(py, np, Ufuncs::inner(py, ufunc), Method::Reduce, &arguments)
}

impl Reduction {
    /// What NumPy does with an object that is no exact array and did not take the call over: its method of that name, or
    /// the reduction of the ufunc, which is ours.
    pub fn foreign<'py>(
        &self,
        np: &NumPy,
        native: &Native,
        object: Object<'_, 'py>,
        slots: &Slots<'_, 'py>,
    ) -> Returned<'py> {
        let Places { dtype, out, keepdims, initial, mask, truth } = *self.places;
        let (py, none) = (object.py(), none(object.py()));
        let named = |place: usize| native.parameters.name(place).bind(py);
        let passed = [Some(keepdims), initial, Some(mask)].into_iter().flatten();
        let passed = passed.filter_map(|place| Some((named(place), given(np, slots[place])?)));
        let passed: SmallVec<[(&Bound<'py, PyString>, Object<'_, 'py>); 6]> = passed.collect();
        let dtype = dtype.filter(|&place| slots[place].is_some_and(|dtype| !dtype.is_none()));
        if let Some(method) = lookup::on_instance(object, &PyString::intern(py, self.method))? {
            let first = [Some(1), dtype, Some(out)].into_iter().flatten();
            let first = first.map(|place| (named(place), slots[place].unwrap_or(none)));
            let all: SmallVec<[_; 6]> = first.chain(passed).collect();
            return call_object(method.as_borrowed(), &[], &all);
        }
        let boolean = py.get_type::<PyBool>();
        let dtype = match truth {
            true => any(boolean.as_borrowed()),
            false => dtype.and_then(|place| slots[place]).unwrap_or(none),
        };
        let reduce = (self.ufunc)(&native.ufuncs).bind(py).getattr(intern!(py, "reduce"))?;
        let positional = [object, slots[1].unwrap_or(none), dtype, slots[out].unwrap_or(none)];
        call_object(reduce.as_borrowed(), &positional, &passed)
    }
}

/// `cumsum`, of an exact array.
pub fn cumsum<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    accumulate(py, np, &native.ufuncs.add, slots)
}

/// `cumprod`, of an exact array.
pub fn cumprod<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    accumulate(py, np, &native.ufuncs.multiply, slots)
}

/// Along the axis, or of the flattened array.
fn accumulate<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Py<PyAny>,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let (a, out) = (slots[0]?, slots[3]);
    let [axis, dtype] = [slots[1], slots[2]].map(|given| given.unwrap_or(none(py)));
    let array = np.exact_array(a)?;
    if array.nd() == 0 || out.is_some_and(|out| !out.is_none()) {
        return None;
    }
    let flat = if axis.is_none() && array.nd() > 1 { Some(raveled(array)) } else { None };
    let flat = match flat.transpose() {
        Ok(flat) => flat,
        Err(error) => return Some(Err(error)),
    };
    let zero = PyInt::new(py, 0);
    let a = flat.as_ref().map_or(a, Bound::as_borrowed);
    let axis = if axis.is_none() { any(zero.as_borrowed()) } else { axis };
    let positional = [a, axis, dtype];
    let arguments = Arguments::positional(&positional);
    pipeline::run_plain(py, np, Ufuncs::inner(py, ufunc), Method::Accumulate, &arguments)
}

/// An array's elements in one row.
fn raveled<'py>(array: ArrayRef<'_, 'py>) -> Returned<'py> {
    let py = array.object().py();
    // SAFETY: a live array; the result is owned.
    unsafe {
        let raveled = PY_ARRAY_API.PyArray_Ravel(py, array.as_ptr(), NPY_ORDER::NPY_CORDER);
        Bound::from_owned_ptr_or_err(py, raveled)
    }
}
