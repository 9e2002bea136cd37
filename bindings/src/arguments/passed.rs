//! A call's arguments as they were passed.

use pyo3::ffi;
use std::ffi::CStr;

/// Arguments as vectorcall hands them over.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    /// Positional ones.
    pub positional: &'a [*mut ffi::PyObject],
    /// Values of keywords.
    pub keywords: &'a [*mut ffi::PyObject],
    /// Their names, a tuple, or null.
    pub names: *mut ffi::PyObject,
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// `args` holds `nargs` objects, then as many as `names` has, alive for `'a`.
    pub unsafe fn new(
        args: *const *mut ffi::PyObject,
        nargs: usize,
        names: *mut ffi::PyObject,
    ) -> Arguments<'a> {
        let slice = |start: usize, n: usize| match n {
            0 => &[][..],
            // SAFETY: the caller's promise.
            _ => unsafe { std::slice::from_raw_parts(args.add(start), n) },
        };
        // SAFETY: `names` is a tuple or null.
        let named = if names.is_null() { 0 } else { unsafe { ffi::PyTuple_GET_SIZE(names) as usize } };
        Arguments { positional: slice(0, nargs), keywords: slice(nargs, named), names }
    }

    /// Keywords as text and value.
    pub fn named(&self) -> impl Iterator<Item = (&'a CStr, *mut ffi::PyObject)> + '_ {
        self.keywords.iter().enumerate().map(|(i, &value)| {
            // SAFETY: keyword names are strings; CPython keeps their UTF-8 with them.
            let name = unsafe {
                let text = ffi::PyUnicode_AsUTF8(ffi::PyTuple_GET_ITEM(self.names, i as isize));
                match text.is_null() {
                    true => {
                        // No keyword of ours.
                        ffi::PyErr_Clear();
                        c""
                    }
                    false => CStr::from_ptr(text),
                }
            };
            (name, value)
        })
    }
}
