//! A call's arguments with some of them replaced.

use crate::arguments::passed::Arguments;
use crate::python::object::{Object, exact_tuple};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyTupleMethods};
use smallvec::SmallVec;

/// The objects of a call, some of them replaced by others.
pub struct Replaced<'a, 'py> {
    passed: Arguments<'a, 'py>,
    /// The new ones, with their places among all arguments.
    new: SmallVec<[(usize, Bound<'py, PyAny>); 4]>,
}

impl<'a, 'py> Replaced<'a, 'py> {
    /// Replaces every argument, and every entry of a tuple, that `by` has something else for.
    pub fn new(
        passed: &Arguments<'a, 'py>,
        by: impl Fn(Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>>,
    ) -> PyResult<Replaced<'a, 'py>> {
        let mut new = SmallVec::new();
        for (i, &object) in passed.positional.iter().chain(passed.keywords).enumerate() {
            let other = match exact_tuple(object) {
                None => by(object)?,
                Some(tuple) => in_tuple(&tuple, &by)?,
            };
            if let Some(other) = other {
                new.push((i, other));
            }
        }
        Ok(Replaced { passed: *passed, new })
    }

    /// Replaces the arguments at these places.
    pub fn at(
        passed: &Arguments<'a, 'py>,
        new: impl Iterator<Item = (usize, Bound<'py, PyAny>)>,
    ) -> Replaced<'a, 'py> {
        Replaced { passed: *passed, new: new.collect() }
    }

    /// Runs `f` on the arguments as they are now.
    pub fn with<R>(&self, f: impl FnOnce(&Arguments<'_, 'py>) -> R) -> R {
        let mut objects = self.passed.in_row(None);
        for (i, new) in &self.new {
            objects[*i] = new.as_borrowed();
        }
        f(&self.passed.with_values(&objects))
    }
}

/// A tuple with other entries, if there are any.
fn in_tuple<'py>(
    tuple: &Bound<'py, PyTuple>,
    by: &impl Fn(Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut entries: SmallVec<[Bound<'py, PyAny>; 2]> = tuple.iter().collect();
    let mut any = false;
    for entry in &mut entries {
        if let Some(new) = by(entry.as_borrowed())? {
            (*entry, any) = (new, true);
        }
    }
    if any { Ok(Some(PyTuple::new(tuple.py(), entries)?.into_any())) } else { Ok(None) }
}
