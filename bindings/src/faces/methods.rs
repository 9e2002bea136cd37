//! The methods of the ufunc object: their table and their entries.

use crate::arguments::passed::Arguments;
use crate::pipeline::{self, Called};
use crate::python::entry::guarded;
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use std::ffi::CStr;
use ufunx::dispatch::arguments::Method;

type Entry = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

// With the signatures that `inspect.signature` reads.
const REDUCE_DOC: &CStr = c"reduce($self, array, /, axis=0, dtype=None, out=None, **kwargs)
--

Reduce the array by the ufunc along one axis, several or all; keepdims=, initial= and where= as in NumPy.";
const ACCUMULATE_DOC: &CStr = c"accumulate($self, array, /, axis=0, dtype=None, out=None)
--

Every partial result of a reduction along an axis.";
const REDUCEAT_DOC: &CStr = c"reduceat($self, array, /, indices, axis=0, dtype=None, out=None)
--

A reduction of each slice between consecutive indices along an axis.";
const OUTER_DOC: &CStr = c"outer($self, A, B, /, **kwargs)
--

The ufunc of every pair of an element of A and one of B.";
const AT_DOC: &CStr = c"at($self, a, indices, b=None, /)
--

Apply the ufunc in place to the elements indexed, one after the other, so that repeated indices count.";

/// The method table of the type; lives for ever.
pub fn table() -> *mut ffi::PyMethodDef {
    let fast = |name: &'static CStr, doc: &'static CStr, method: Entry| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: method },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    };
    let by_name = ffi::PyMethodDef {
        ml_name: c"__reduce__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce_by_name },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    };
    let methods = [
        fast(c"reduce", REDUCE_DOC, reduce),
        fast(c"accumulate", ACCUMULATE_DOC, accumulate),
        fast(c"reduceat", REDUCEAT_DOC, reduceat),
        fast(c"outer", OUTER_DOC, outer),
        fast(c"at", AT_DOC, at),
        by_name,
        ffi::PyMethodDef::zeroed(),
    ];
    Box::leak(Box::new(methods)).as_mut_ptr()
}

macro_rules! methods {
    ($($entry:ident $method:ident;)*) => {$(
        unsafe extern "C" fn $entry(
            object: *mut ffi::PyObject,
            args: *const *mut ffi::PyObject,
            nargs: ffi::Py_ssize_t,
            names: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            // SAFETY: CPython passes an object of ours and as many arguments as it says.
            unsafe {
                guarded(|py| {
                    let arguments = Arguments::new(args, nargs as usize, names);
                    let called = Called { ufunc: &*object.cast::<Ufunc>(), face: object };
                    pipeline::method(py, called, Method::$method, &arguments)
                })
            }
        }
    )*};
}
methods! {
    reduce Reduce;
    accumulate Accumulate;
    reduceat Reduceat;
    outer Outer;
    at At;
}

/// `__reduce__`: pickled and copied by name.
pub unsafe extern "C" fn reduce_by_name(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: an object of ours.
    unsafe { ffi::PyObject_GetAttrString((*object.cast::<Ufunc>()).twin, c"__name__".as_ptr()) }
}
