//! Objects of others: what a call asks of each of them, without a reference taken.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PyNone, PyNotImplemented, PyString, PyTuple};
use std::ffi::CStr;

/// An object that somebody keeps alive for `'a`: whoever calls us its arguments, a tuple its entries.
pub type Object<'a, 'py> = Borrowed<'a, 'py, PyAny>;

/// An object that C hands over.
///
/// # Safety
/// It is one, and lives for `'a`.
#[inline]
pub unsafe fn lent_by_c<'a, 'py>(py: Python<'py>, object: *mut ffi::PyObject) -> Object<'a, 'py> {
    // SAFETY: the caller's promise, in which the compiler may trust: there is no look whether it is null.
    unsafe {
        std::hint::assert_unchecked(!object.is_null());
        Borrowed::from_ptr(py, object)
    }
}

/// What a call returns.
pub type Returned<'py> = PyResult<Bound<'py, PyAny>>;

/// `None`.
#[inline]
pub fn none(py: Python<'_>) -> Object<'_, '_> {
    any(PyNone::get(py))
}

/// `True` or `False`.
#[inline]
pub fn boolean(py: Python<'_>, value: bool) -> Object<'_, '_> {
    any(PyBool::new(py, value))
}

/// The same object, of whatever type it is.
#[inline]
pub fn any<'a, 'py, T>(object: Borrowed<'a, 'py, T>) -> Object<'a, 'py> {
    // SAFETY: the very object, for as long.
    unsafe { lent_by_c(object.py(), object.as_ptr()) }
}

/// Whether it is `True` itself.
#[inline]
pub fn is_true(object: Object<'_, '_>) -> bool {
    object.is(PyBool::new(object.py(), true))
}

/// Whether it is `False` itself.
#[inline]
pub fn is_false(object: Object<'_, '_>) -> bool {
    object.is(PyBool::new(object.py(), false))
}

/// Whether it is `...`.
pub fn is_ellipsis(object: Object<'_, '_>) -> bool {
    object.is(PyEllipsis::get(object.py()))
}

/// Whether it is `NotImplemented`.
#[inline]
pub fn is_not_implemented(object: &Bound<'_, PyAny>) -> bool {
    object.is(PyNotImplemented::get(object.py()))
}

/// It, if it is a tuple of no subclass.
#[inline]
pub fn exact_tuple<'a, 'py>(object: Object<'a, 'py>) -> Option<Borrowed<'a, 'py, PyTuple>> {
    // SAFETY: its type says that it is one.
    object.is_exact_instance_of::<PyTuple>().then(|| unsafe { object.cast_unchecked() })
}

/// The entries of a tuple, which keeps them as long as it is there itself.
#[inline]
pub fn entries<'a, 'py>(
    tuple: Borrowed<'a, 'py, PyTuple>,
) -> impl ExactSizeIterator<Item = Object<'a, 'py>> + Clone {
    (0..tuple.len()).map(move |i| {
        // SAFETY: a place that the tuple has; it never gets other entries.
        unsafe { lent_by_c(tuple.py(), ffi::PyTuple_GET_ITEM(tuple.as_ptr(), i as isize)) }
    })
}

/// A string's text, which it keeps; `None` where UTF-8 has no way to write it.
pub fn utf8<'a>(string: Borrowed<'a, '_, PyString>) -> Option<&'a CStr> {
    // SAFETY: the text lives as long as the string, which never changes it.
    unsafe {
        let text = ffi::PyUnicode_AsUTF8(string.as_ptr());
        if text.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        Some(CStr::from_ptr(text))
    }
}

/// Its text, if it is a string of no subclass.
pub fn text<'a>(object: Object<'a, '_>) -> Option<&'a str> {
    if !object.is_exact_instance_of::<PyString>() {
        return None;
    }
    // SAFETY: its type says that it is one.
    utf8(unsafe { object.cast_unchecked() })?.to_str().ok()
}

/// Calls an object with arguments in one row, the last of them by these names.
#[inline]
pub fn vectorcall<'py>(
    callable: Object<'_, 'py>,
    arguments: &[Object<'_, '_>],
    names: Option<Borrowed<'_, '_, PyTuple>>,
) -> Returned<'py> {
    let (arguments, positional, names) = row(arguments, names);
    // SAFETY: live objects, as many as said.
    unsafe {
        let result = ffi::PyObject_Vectorcall(callable.as_ptr(), arguments, positional, names);
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// Calls the method of that name of the first of the arguments, which go in one row, the last of them by these names.
#[inline]
pub fn vectorcall_method<'py>(
    method: &Bound<'py, PyString>,
    arguments: &[Object<'_, '_>],
    names: Option<Borrowed<'_, '_, PyTuple>>,
) -> Returned<'py> {
    let (arguments, positional, names) = row(arguments, names);
    assert!(positional > 0, "a method has its object");
    // SAFETY: live objects, as many as said, the method's among them.
    unsafe {
        let result = ffi::PyObject_VectorcallMethod(method.as_ptr(), arguments, positional, names);
        Bound::from_owned_ptr_or_err(method.py(), result)
    }
}

/// Arguments in one row as C takes them: where they are, how many go by position, the names of the others or null. An
/// [`Object`] is its address: pyo3 has it `repr(transparent)` over that.
#[inline]
pub fn row(
    arguments: &[Object<'_, '_>],
    names: Option<Borrowed<'_, '_, PyTuple>>,
) -> (*const *mut ffi::PyObject, usize, *mut ffi::PyObject) {
    let named = names.map_or(0, |names| names.len());
    let positional = arguments.len().checked_sub(named);
    let positional = positional.unwrap_or_else(|| unreachable!("a value for each name"));
    (arguments.as_ptr().cast(), positional, names.map_or(std::ptr::null_mut(), Borrowed::as_ptr))
}
