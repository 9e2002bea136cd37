//! A call's arguments as they were passed.

use crate::python::object::{Object, Returned, entries, utf8, vectorcall};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;
use std::ffi::CStr;

/// Arguments as vectorcall hands them over.
#[derive(Clone, Copy)]
pub struct Arguments<'a, 'py> {
    /// Positional ones.
    pub positional: &'a [Object<'a, 'py>],
    /// Values of keywords.
    pub keywords: &'a [Object<'a, 'py>],
    /// Their names, as many strings, if there are any.
    names: Option<Borrowed<'a, 'py, PyTuple>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// The arguments of a call from C.
    ///
    /// # Safety
    /// `args` holds `nargs` objects, then as many as `names`, a tuple of strings or null, has; all of them live for `'a`.
    #[inline]
    pub unsafe fn new(
        py: Python<'py>,
        args: *const *mut ffi::PyObject,
        nargs: usize,
        names: *mut ffi::PyObject,
    ) -> Arguments<'a, 'py> {
        // An `Object` is its address, never null: pyo3 has it `repr(transparent)` over that.
        let slice = |start: usize, n: usize| match n {
            0 => &[][..],
            // SAFETY: the caller's promise.
            _ => unsafe { std::slice::from_raw_parts(args.add(start).cast::<Object<'a, 'py>>(), n) },
        };
        // SAFETY: the caller's promise.
        let names =
            unsafe { Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>()) };
        let named = names.map_or(0, |names| names.len());
        Arguments { positional: slice(0, nargs), keywords: slice(nargs, named), names }
    }

    /// Arguments by position, and by as many names, with their values.
    ///
    /// # Panics
    /// Where there are more or fewer names than values, or one is no string.
    pub fn with_names(
        positional: &'a [Object<'a, 'py>],
        keywords: &'a [Object<'a, 'py>],
        names: Borrowed<'a, 'py, PyTuple>,
    ) -> Arguments<'a, 'py> {
        assert_eq!(keywords.len(), names.len());
        assert!(entries(names).all(|name| name.is_instance_of::<PyString>()));
        Arguments { positional, keywords, names: (!keywords.is_empty()).then_some(names) }
    }

    /// Nothing but positional ones.
    #[inline]
    pub fn positional(positional: &'a [Object<'a, 'py>]) -> Arguments<'a, 'py> {
        Arguments { positional, keywords: &[], names: None }
    }

    /// Keywords and their values.
    #[inline]
    pub fn by_name(
        &self,
    ) -> impl Iterator<Item = (Borrowed<'a, 'py, PyString>, Object<'a, 'py>)> + use<'a, 'py> {
        let names = self.names.into_iter().flat_map(entries);
        // SAFETY: keyword names are strings.
        names.map(|name| unsafe { name.cast_unchecked::<PyString>() }).zip(self.keywords.iter().copied())
    }

    /// Keywords as text and value. What UTF-8 cannot write is no keyword of ours.
    #[inline]
    pub fn named(&self) -> impl Iterator<Item = (&'a CStr, Object<'a, 'py>)> + use<'a, 'py> {
        self.by_name().map(|(name, value)| (utf8(name).unwrap_or(c""), value))
    }

    /// The names of keywords, if there are any.
    #[inline]
    pub fn names(&self) -> Option<Borrowed<'a, 'py, PyTuple>> {
        self.names
    }

    /// The same but for those by position.
    pub fn with_positional(self, positional: &'a [Object<'a, 'py>]) -> Arguments<'a, 'py> {
        Arguments { positional, ..self }
    }

    /// Others in the places of all of them, and the same names.
    pub fn with_values<'b>(&self, all: &'b [Object<'b, 'py>]) -> Arguments<'b, 'py>
    where
        'a: 'b,
    {
        let (positional, keywords) = all.split_at(self.positional.len());
        Arguments { positional, keywords, names: self.names }
    }

    /// All of them in one row, after `first`.
    pub fn in_row(&self, first: Option<Object<'a, 'py>>) -> SmallVec<[Object<'a, 'py>; 8]> {
        let mut row = match first {
            None => SmallVec::from_slice(self.positional),
            Some(first) => {
                let mut row = SmallVec::from_slice(&[first]);
                row.extend_from_slice(self.positional);
                row
            }
        };
        if !self.keywords.is_empty() {
            row.extend_from_slice(self.keywords);
        }
        row
    }

    /// Calls an object with them.
    pub fn call(&self, callable: Object<'_, 'py>) -> Returned<'py> {
        match (self.positional, self.keywords) {
            (positional, []) => vectorcall(callable, positional, None),
            ([], keywords) => vectorcall(callable, keywords, self.names),
            _ => vectorcall(callable, &self.in_row(None), self.names),
        }
    }
}
