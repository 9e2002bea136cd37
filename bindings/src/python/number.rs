//! Python numbers as Rust's.

use super::object::Object;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt};
use ufunx::registry::Complex64;

/// Whether it is an `int` of no subclass.
#[inline]
pub fn is_int(object: Object<'_, '_>) -> bool {
    object.is_exact_instance_of::<PyInt>()
}

/// Whether it is a `float` of no subclass.
#[inline]
pub fn is_float(object: Object<'_, '_>) -> bool {
    object.is_exact_instance_of::<PyFloat>()
}

/// The value of an exact `int` that fits.
#[inline]
pub fn integer(object: Object<'_, '_>) -> Option<isize> {
    if !is_int(object) {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: a number, as its type says.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(object.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(value as isize)
}

/// The value of an exact `float`.
#[inline]
pub fn float(object: Object<'_, '_>) -> Option<f64> {
    // SAFETY: a number, as its type says.
    is_float(object).then(|| unsafe { ffi::PyFloat_AS_DOUBLE(object.as_ptr()) })
}

/// The value of an exact `complex`.
pub fn complex(object: Object<'_, '_>) -> Option<Complex64> {
    if !object.is_exact_instance_of::<PyComplex>() {
        return None;
    }
    // SAFETY: a number, as its type says.
    let value = unsafe { ffi::PyComplex_AsCComplex(object.as_ptr()) };
    Some(Complex64::new(value.real, value.imag))
}
