//! A function's parameters, and which argument is which: as CPython binds a call, but into slots and without a frame.

use crate::arguments::passed::Arguments;
use crate::python::object::Object;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use smallvec::SmallVec;

/// Most parameters that are bound here.
pub const MOST: usize = 12;

/// An argument per parameter.
pub type Slots<'a, 'py> = [Option<Object<'a, 'py>>; MOST];

/// The parameters of a function.
pub struct Parameters {
    /// Interned names; those by position first.
    names: SmallVec<[Py<PyString>; MOST]>,
    /// How many may be passed by position.
    positional: usize,
    /// How many may be passed by position only.
    positional_only: usize,
    /// How many of the first must be there.
    required: usize,
    /// Whether other keywords are taken too.
    more_keywords: bool,
    /// The places of the arguments that may take the call over, in the order they are looked at.
    relevant: SmallVec<[usize; 6]>,
}

/// How arguments fit parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// They do.
    Whole,
    /// They do, and there are keywords beyond the parameters.
    MoreKeywords,
    /// They do not: Python raises.
    Not,
}

/// What [`Parameters::new`] is told of a signature besides its names.
pub struct Shape<'a> {
    /// As the fields of [`Parameters`] of these names.
    pub positional: usize,
    pub positional_only: usize,
    pub required: usize,
    pub more_keywords: bool,
    pub relevant: &'a [usize],
}

impl Parameters {
    /// `None` if there are too many.
    pub fn new<'a>(
        py: Python<'_>,
        names: impl ExactSizeIterator<Item = &'a str>,
        shape: &Shape<'_>,
    ) -> Option<Parameters> {
        (names.len() <= MOST).then(|| Parameters {
            names: names.map(|name| PyString::intern(py, name).unbind()).collect(),
            positional: shape.positional,
            positional_only: shape.positional_only,
            required: shape.required,
            more_keywords: shape.more_keywords,
            relevant: SmallVec::from_slice(shape.relevant),
        })
    }

    /// The interned name of a parameter.
    pub fn name(&self, place: usize) -> &Py<PyString> {
        &self.names[place]
    }

    /// The arguments that may take the call over.
    pub fn relevant<'s, 'a, 'py>(
        &'s self,
        bound: &'s Slots<'a, 'py>,
    ) -> impl Iterator<Item = Object<'a, 'py>> + Clone + use<'s, 'a, 'py> {
        self.relevant.iter().filter_map(|&place| bound[place])
    }

    /// Puts each argument into its slot.
    #[inline]
    pub fn bind<'a, 'py>(&self, arguments: &Arguments<'a, 'py>, bound: &mut Slots<'a, 'py>) -> Fit {
        let n = arguments.positional.len();
        if n > self.positional {
            return Fit::Not;
        }
        for (slot, &value) in bound.iter_mut().zip(arguments.positional) {
            *slot = Some(value);
        }
        let mut fit = Fit::Whole;
        for (name, value) in arguments.by_name() {
            match self.place(&name) {
                Some(place) if bound[place].is_none() => bound[place] = Some(value),
                None if self.more_keywords => fit = Fit::MoreKeywords,
                _ => return Fit::Not,
            }
        }
        if bound[..self.required].iter().any(Option::is_none) { Fit::Not } else { fit }
    }

    /// The parameter that a keyword names.
    fn place(&self, name: &Bound<'_, PyString>) -> Option<usize> {
        let named = self.positional_only..self.names.len();
        let interned = named.clone().find(|&i| name.is(&self.names[i]));
        interned.or_else(|| {
            // SAFETY: live strings, whose comparison cannot fail.
            let equal =
                |i: &usize| unsafe { ffi::PyUnicode_Compare(self.names[*i].as_ptr(), name.as_ptr()) == 0 };
            named.clone().find(equal)
        })
    }
}
