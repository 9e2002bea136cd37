//! A call's arguments with some of them replaced.

use crate::arguments::passed::Arguments;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyTupleMethods};
use smallvec::SmallVec;

/// The objects of a call, some of them replaced by others.
pub struct Replaced<'py> {
    objects: SmallVec<[*mut ffi::PyObject; 8]>,
    positional: usize,
    names: *mut ffi::PyObject,
    /// What keeps the new ones.
    held: SmallVec<[Bound<'py, PyAny>; 4]>,
}

impl<'py> Replaced<'py> {
    /// Replaces every argument, and every entry of a tuple, that `by` has something else for.
    ///
    /// # Safety
    /// Live arguments, which outlive it.
    pub unsafe fn new(
        py: Python<'py>,
        arguments: &Arguments<'_>,
        by: impl Fn(*mut ffi::PyObject) -> PyResult<Option<Bound<'py, PyAny>>>,
    ) -> PyResult<Replaced<'py>> {
        let mut replaced = Replaced {
            objects: arguments.positional.iter().chain(arguments.keywords).copied().collect(),
            positional: arguments.positional.len(),
            names: arguments.names,
            held: SmallVec::new(),
        };
        for object in &mut replaced.objects {
            // SAFETY: a live object, a tuple once its type says so.
            let new = unsafe {
                match ffi::PyTuple_CheckExact(*object) {
                    0 => by(*object)?,
                    _ => in_tuple(&Bound::from_borrowed_ptr(py, *object).cast_into_unchecked(), &by)?,
                }
            };
            if let Some(new) = new {
                *object = new.as_ptr();
                replaced.held.push(new);
            }
        }
        Ok(replaced)
    }

    /// The arguments as they are now.
    pub fn arguments(&self) -> Arguments<'_> {
        let (positional, keywords) = self.objects.split_at(self.positional);
        Arguments { positional, keywords, names: self.names }
    }
}

/// A tuple with other entries, if there are any.
fn in_tuple<'py>(
    tuple: &Bound<'py, PyTuple>,
    by: &impl Fn(*mut ffi::PyObject) -> PyResult<Option<Bound<'py, PyAny>>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut entries: SmallVec<[Bound<'py, PyAny>; 2]> = tuple.iter().collect();
    let mut any = false;
    for entry in &mut entries {
        if let Some(new) = by(entry.as_ptr())? {
            (*entry, any) = (new, true);
        }
    }
    if any { Ok(Some(PyTuple::new(tuple.py(), entries)?.into_any())) } else { Ok(None) }
}
