//! The methods of the ufunc object: their table and their entries.

use crate::arguments::passed::Arguments;
use crate::pipeline::{self, Called};
use crate::python::entry::guarded;
use crate::python::heap_type::This;
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use std::ffi::CStr;
use ufunx::dispatch::arguments::Method;

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

/// The methods of the type.
pub fn table() -> Vec<ffi::PyMethodDef> {
    vec![
        definition(c"reduce", REDUCE_DOC, run::<{ Method::Reduce as u8 }>),
        definition(c"accumulate", ACCUMULATE_DOC, run::<{ Method::Accumulate as u8 }>),
        definition(c"reduceat", REDUCEAT_DOC, run::<{ Method::Reduceat as u8 }>),
        definition(c"outer", OUTER_DOC, run::<{ Method::Outer as u8 }>),
        definition(c"at", AT_DOC, run::<{ Method::At as u8 }>),
    ]
}

fn definition(
    name: &'static CStr,
    doc: &'static CStr,
    method: ffi::PyCFunctionFastWithKeywords,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: method },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// Runs the method of that number.
unsafe extern "C" fn run<const METHOD: u8>(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours and as many arguments as it says.
    unsafe {
        guarded(object, |object| {
            let this = This::<Ufunc>::of_own(object);
            let arguments = Arguments::new(object.py(), args, nargs as usize, names);
            let called = Called { ufunc: this.behind, face: object };
            pipeline::call_method(object.py(), called, const { numbered(METHOD) }, &arguments)
        })
    }
}

/// The method of a number.
pub const fn numbered(number: u8) -> Method {
    const METHODS: [Method; 5] =
        [Method::Outer, Method::Reduce, Method::Accumulate, Method::Reduceat, Method::At];
    let mut i = 0;
    while METHODS[i] as u8 != number {
        i += 1;
    }
    METHODS[i]
}
