//! A function's parameters, and which argument is which: as CPython binds a call, but into slots and without a frame.

use crate::arguments::passed::Arguments;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use smallvec::SmallVec;

/// Most parameters that are bound here.
pub const MOST: usize = 12;

/// An argument per parameter, null where absent.
pub type Slots = [*mut ffi::PyObject; MOST];

/// The parameters of a function.
pub struct Parameters {
    /// Interned names, which live for ever; those by position first.
    names: SmallVec<[*mut ffi::PyObject; MOST]>,
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
            names: names.map(|name| PyString::intern(py, name).into_ptr()).collect(),
            positional: shape.positional,
            positional_only: shape.positional_only,
            required: shape.required,
            more_keywords: shape.more_keywords,
            relevant: SmallVec::from_slice(shape.relevant),
        })
    }

    /// The interned name of a parameter.
    pub fn name(&self, place: usize) -> *mut ffi::PyObject {
        self.names[place]
    }

    /// The arguments that may take the call over.
    pub fn relevant<'a>(&'a self, bound: &'a Slots) -> impl Iterator<Item = *mut ffi::PyObject> + Clone + 'a {
        self.relevant.iter().map(|&place| bound[place]).filter(|object| !object.is_null())
    }

    /// Puts each argument into its slot.
    ///
    /// # Safety
    /// Live arguments.
    #[inline]
    pub unsafe fn bind(&self, arguments: &Arguments<'_>, bound: &mut Slots) -> Fit {
        let n = arguments.positional.len();
        if n > self.positional {
            return Fit::Not;
        }
        bound[..n].copy_from_slice(arguments.positional);
        let mut fit = Fit::Whole;
        for (i, &value) in arguments.keywords.iter().enumerate() {
            // SAFETY: a tuple of strings, one per keyword.
            let place = unsafe { self.place(ffi::PyTuple_GET_ITEM(arguments.names, i as isize)) };
            match place {
                Some(place) if bound[place].is_null() => bound[place] = value,
                None if self.more_keywords => fit = Fit::MoreKeywords,
                _ => return Fit::Not,
            }
        }
        if bound[..self.required].iter().any(|object| object.is_null()) { Fit::Not } else { fit }
    }

    /// The parameter that a keyword names.
    ///
    /// # Safety
    /// A live string.
    unsafe fn place(&self, name: *mut ffi::PyObject) -> Option<usize> {
        let named = self.positional_only..self.names.len();
        let interned = named.clone().find(|&i| self.names[i] == name);
        interned.or_else(|| {
            // SAFETY: live strings, whose comparison cannot fail.
            named.clone().find(|&i| unsafe { ffi::PyUnicode_Compare(self.names[i], name) == 0 })
        })
    }
}

// SAFETY: interned strings that live for ever, used with the GIL held.
unsafe impl Send for Parameters {}
// SAFETY: as above.
unsafe impl Sync for Parameters {}
