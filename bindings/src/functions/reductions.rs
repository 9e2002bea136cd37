//! `sum` and its like: the reduction of an exact array by our ufunc, else what NumPy does with a foreign object. Beside
//! them the running sums and products.

use super::bind::Slots;
use super::native::{Native, Places, Reduction, Ufuncs};
use super::objects::{call, is_absent, is_plain_out};
use crate::arguments::passed::Arguments;
use crate::pipeline;
use crate::python::lookup;
use crate::python::numpy_api::NumPy;
use numpy::npyffi::{NPY_ORDER, PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use smallvec::SmallVec;
use ufunx::dispatch::arguments::Method;

/// Of `sum` and `prod`.
pub const SUM: Places =
    Places { dtype: Some(2), out: 3, keepdims: 4, initial: Some(5), mask: 6, truth: false };
/// Of `max` and `min`.
pub const MAX: Places = Places { dtype: None, out: 2, keepdims: 3, initial: Some(4), mask: 5, truth: false };
/// Of `any` and `all`.
pub const ANY: Places = Places { dtype: None, out: 2, keepdims: 3, initial: None, mask: 4, truth: true };

/// What a slot holds, or a default.
fn or(object: *mut ffi::PyObject, default: *mut ffi::PyObject) -> *mut ffi::PyObject {
    if object.is_null() { default } else { object }
}

/// The native way of every reduction.
///
/// # Safety
/// Live arguments, the first of them an exact array.
pub unsafe fn reduce<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let Reduction { ufunc, places, .. } = native.reduction?;
    // SAFETY: live objects; singletons that live for ever.
    unsafe {
        let (none, truth, falsehood) = (ffi::Py_None(), ffi::Py_True(), ffi::Py_False());
        let given = |object| if is_absent(np, object) { std::ptr::null_mut() } else { object };
        let [out, mask] = [slots[places.out], given(slots[places.mask])];
        if !is_plain_out(np, out) || !(mask.is_null() || mask == truth || np.is_exact_array(mask)) {
            return None;
        }
        let [dtype, initial] =
            [places.dtype, places.initial].map(|place| place.map_or(std::ptr::null_mut(), |i| slots[i]));
        let keepdims = given(slots[places.keepdims]);
        let all = [
            slots[0],
            or(slots[1], none),
            or(dtype, none),
            or(out, none),
            or(keepdims, falsehood),
            or(initial, np.no_value),
            or(mask, truth),
        ];
        // The short way reads every one.
        let plain = [dtype, out, keepdims, initial, mask].iter().all(|object| object.is_null());
        let positional = if plain { &all[..2] } else { &all[..] };
        let arguments = Arguments { positional, keywords: &[], names: std::ptr::null_mut() };
        pipeline::run_plain(py, np, Ufuncs::inner(py, ufunc(&native.ufuncs)), Method::Reduce, &arguments)
    }
}

impl Reduction {
    /// What NumPy does with an object that is no exact array and did not take the call over: its method of that name, or
    /// the reduction of the ufunc, which is ours.
    ///
    /// # Safety
    /// Live arguments.
    pub unsafe fn foreign<'py>(
        &self,
        py: Python<'py>,
        np: &NumPy,
        native: &Native,
        slots: &Slots,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Places { dtype, out, keepdims, initial, mask, truth } = *self.places;
        // SAFETY: lives for ever.
        let none = unsafe { ffi::Py_None() };
        let name = |place: usize| native.parameters.name(place);
        // SAFETY: live objects, interned names.
        unsafe {
            let named = |place: usize| {
                let name: Bound<'_, PyAny> = Bound::from_borrowed_ptr(py, name(place));
                name.cast_into_unchecked::<PyString>()
            };
            let places = [Some(keepdims), initial, Some(mask)].into_iter().flatten();
            let passed: SmallVec<[(Bound<'_, PyString>, *mut ffi::PyObject); 6]> = places
                .filter(|&place| !is_absent(np, slots[place]))
                .map(|place| (named(place), slots[place]))
                .collect();
            let method = PyString::intern(py, self.method);
            let dtype = dtype.filter(|&place| !(slots[place].is_null() || slots[place] == none));
            if let Some(method) = lookup::on_instance(py, slots[0], method.as_ptr())? {
                let method: Bound<'_, PyAny> = Bound::from_owned_ptr(py, method);
                let first = [Some(1), dtype, Some(out)].into_iter().flatten();
                let all: SmallVec<[_; 6]> =
                    first.map(|place| (named(place), or(slots[place], none))).chain(passed).collect();
                let all: SmallVec<[_; 6]> = all.iter().map(|(name, value)| (name, *value)).collect();
                return call(py, method.as_ptr(), &[], &all);
            }
            let boolean: *mut ffi::PyObject = (&raw mut ffi::PyBool_Type).cast();
            let dtype = if truth { boolean } else { dtype.map_or(none, |place| slots[place]) };
            let reduce = (self.ufunc)(&native.ufuncs).bind(py).getattr("reduce")?;
            let positional = [slots[0], or(slots[1], none), dtype, or(slots[out], none)];
            let passed: SmallVec<[_; 6]> = passed.iter().map(|(name, value)| (name, *value)).collect();
            call(py, reduce.as_ptr(), &positional, &passed)
        }
    }
}

/// `cumsum`.
///
/// # Safety
/// As [`reduce`].
pub unsafe fn cumsum<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: the caller's promise.
    unsafe { accumulate(py, np, &native.ufuncs.add, slots) }
}

/// `cumprod`.
///
/// # Safety
/// As [`reduce`].
pub unsafe fn cumprod<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: the caller's promise.
    unsafe { accumulate(py, np, &native.ufuncs.multiply, slots) }
}

/// Along the axis, or of the flattened array.
unsafe fn accumulate<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Py<PyAny>,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let [a, axis, dtype, out] = [slots[0], slots[1], slots[2], slots[3]];
    // SAFETY: live objects, the first an exact array.
    unsafe {
        let none = ffi::Py_None();
        let nd = (*a.cast::<PyArrayObject>()).fields.nd;
        if nd == 0 || !(out.is_null() || out == none) {
            return None;
        }
        let flat;
        let zero = PyInt::new(py, 0);
        let mut positional = [a, axis, or(dtype, none)];
        if axis.is_null() || axis == none {
            if nd > 1 {
                let raveled = PY_ARRAY_API.PyArray_Ravel(py, a.cast(), NPY_ORDER::NPY_CORDER);
                flat = match Bound::from_owned_ptr_or_err(py, raveled) {
                    Ok(flat) => flat,
                    Err(error) => return Some(Err(error)),
                };
                positional[0] = flat.as_ptr();
            }
            positional[1] = zero.as_ptr();
        }
        let arguments = Arguments { positional: &positional, keywords: &[], names: std::ptr::null_mut() };
        pipeline::run_plain(py, np, Ufuncs::inner(py, ufunc), Method::Accumulate, &arguments)
    }
}
