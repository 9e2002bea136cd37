//! The methods: reduce, accumulate, reduceat, outer, at. Each reads its arguments as far as they are plain and runs on the
//! engine (`reduce.rs`, `scans.rs`, `at.rs`; `outer` in `call.rs`), or hands the same arguments to the twin's method.

mod at;
mod common;
mod reduce;
mod scans;

pub use common::integer;

use crate::call::native_outer;
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc, attached, count_native, guarded, reduce_by_name};
use crate::overrides::{NormalArguments, Plain, dispatch_to, normal_form};
use crate::small_folds;
use at::{native_at, quick_at};
use pyo3::ffi;
use pyo3::prelude::*;
use reduce::native_reduce;
use scans::{native_accumulate, native_reduceat};
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

/// Runs a method: an override, the native half, or NumPy's method. `face` is the object whose method it is.
///
/// # Safety
/// Live arguments.
pub unsafe fn call(
    py: Python<'_>,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    method: Method,
    arguments: &Arguments<'_>,
) -> PyResult<*mut ffi::PyObject> {
    let np = NumPy::get(py);
    // SAFETY: live arguments.
    unsafe {
        let short = match method {
            Method::Call => return crate::call::call(py, ufunc, face, arguments),
            Method::At => quick_at(py, np, ufunc, arguments),
            _ => small_folds::call(py, np, ufunc, method, arguments),
        };
        if let Some(result) = short {
            count_native();
            return result;
        }
        attached(|py| {
            let native = |normal: &NormalArguments| match method {
                Method::Call | Method::Outer => native_outer(py, np, ufunc, face, normal),
                Method::Reduce => native_reduce(py, np, ufunc, normal),
                Method::Accumulate => native_accumulate(py, np, ufunc, normal),
                Method::Reduceat => native_reduceat(py, np, ufunc, normal),
                Method::At => native_at(py, np, ufunc, normal),
            };
            dispatch_to(py, (ufunc, face), method, arguments, Plain::General, native)
        })
    }
}

/// Runs `reduce` or `accumulate` on our kernels, or returns `None` having done nothing.
///
/// # Safety
/// Live arguments, which no override could take over.
pub unsafe fn run_plain(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> Option<PyResult<*mut ffi::PyObject>> {
    let general = |py: Python<'_>| {
        // SAFETY: live arguments.
        unsafe {
            let normal = normal_form(np, ufunc, method, arguments).ok()?;
            let native = if method == Method::Reduce { native_reduce } else { native_accumulate };
            native(py, np, ufunc, &normal).ok()
        }
    };
    // SAFETY: live arguments.
    let short = unsafe { small_folds::call(py, np, ufunc, method, arguments) };
    let result = short.or_else(|| attached(general))?;
    count_native();
    Some(result)
}

macro_rules! methods {
    ($($entry:ident $method:ident;)*) => {$(
        unsafe extern "C" fn $entry(
            object: *mut ffi::PyObject,
            args: *const *mut ffi::PyObject,
            nargs: ffi::Py_ssize_t,
            names: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            guarded(|py| {
                // SAFETY: CPython passes an object of ours and as many arguments as it says.
                unsafe {
                    let arguments = Arguments::new(args, nargs as usize, names);
                    call(py, &*object.cast::<Ufunc>(), object, Method::$method, &arguments)
                }
            })
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
