//! What was found out about classes, kept until a class changes.
//!
//! CPython gives a class a version tag when it is looked up in, never the same one twice, and takes it away when the class
//! or a base of it changes. So a tag says that what was found still holds, and keeps no class alive. A class's own class
//! answers look-ups too, so its tag is compared as well; one that answers by code of its own is kept nothing of.
//!
//! What is kept must follow from the dicts of the class and its bases alone: what a look-up *returned* may be made anew each
//! time, by a descriptor. [`standing`] reads those dicts.

use super::lookup::Names;
use super::object::Object;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Numbers by class. Read and written with the GIL held.
pub struct ClassCache {
    slots: [Slot; SLOTS],
}

/// A class's slot follows from its address; two that share one push each other out.
const SLOTS: usize = 64;

struct Slot {
    class: AtomicUsize,
    tags: [AtomicUsize; 2],
    value: AtomicUsize,
}

impl Slot {
    const fn empty() -> Slot {
        Slot {
            class: AtomicUsize::new(0),
            tags: [AtomicUsize::new(0), AtomicUsize::new(0)],
            value: AtomicUsize::new(0),
        }
    }
}

/// The class of an object as it was before it was judged, which is kept meanwhile.
pub struct Watch<'py> {
    class: Bound<'py, PyType>,
    tags: [usize; 2],
}

impl<'py> Watch<'py> {
    /// Begins to watch the class of an object; `None` for one of which nothing can be kept.
    pub fn new(object: Object<'_, 'py>) -> Option<Watch<'py>> {
        let class = object.get_type();
        if !answers_plainly(&class.get_type()) {
            return None;
        }
        let name = Names::get(object.py()).nothing.bind(object.py());
        // SAFETY: live objects. A look-up gives a class its tag; nobody has an attribute of this name.
        unsafe { ffi::PyObject_HasAttr(class.as_ptr(), name.as_ptr()) };
        let tags = tags_of(&class);
        tags.iter().all(|&tag| tag != 0).then_some(Watch { class, tags })
    }

    /// Whether the class is as it was.
    fn holds(&self) -> bool {
        tags_of(&self.class) == self.tags
    }
}

impl ClassCache {
    /// Nothing known yet.
    pub const fn new() -> ClassCache {
        ClassCache { slots: [const { Slot::empty() }; SLOTS] }
    }

    /// What was kept for the class of an object as it is now.
    #[inline]
    pub fn find(&self, object: Object<'_, '_>) -> Option<usize> {
        let class = object.get_type_ptr();
        let slot = self.slot(class);
        // SAFETY: the class of a live object.
        let [tag, metatag] = unsafe { tags(class) };
        // A tag of 0 is none.
        let known = tag != 0
            && slot.class.load(Relaxed) == class.addr()
            && slot.tags[0].load(Relaxed) == tag
            && slot.tags[1].load(Relaxed) == metatag;
        known.then(|| slot.value.load(Relaxed))
    }

    /// Keeps a number for the class, unless it has changed since it is watched.
    pub fn keep(&self, watch: Option<Watch<'_>>, value: usize) {
        let Some(watch) = watch.filter(Watch::holds) else { return };
        let slot = self.slot(watch.class.as_type_ptr());
        slot.class.store(watch.class.as_ptr().addr(), Relaxed);
        for (slot, tag) in slot.tags.iter().zip(watch.tags) {
            slot.store(tag, Relaxed);
        }
        slot.value.store(value, Relaxed);
    }

    fn slot(&self, class: *mut ffi::PyTypeObject) -> &Slot {
        &self.slots[(class.addr() >> 5) % SLOTS]
    }
}

/// What the dict of an object's class holds by that name, or that of the first base which has it. No descriptor and no
/// metaclass is asked.
pub fn standing<'py>(object: Object<'_, 'py>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    let class = object.get_type();
    mro(&class)?.iter().find_map(|base| dict_of(&base)?.get_item(name).ok().flatten())
}

/// The same of a class that is kept.
fn tags_of(class: &Bound<'_, PyType>) -> [usize; 2] {
    // SAFETY: a live class.
    unsafe { tags(class.as_type_ptr()) }
}

/// The tags of a class and of its class.
///
/// # Safety
/// A live class, whose class is live too.
#[inline]
unsafe fn tags(class: *mut ffi::PyTypeObject) -> [usize; 2] {
    // SAFETY: the caller's promise.
    unsafe { [(*class).tp_version_tag as usize, (*ffi::Py_TYPE(class.cast())).tp_version_tag as usize] }
}

/// A class and its bases, in the order in which they are looked through; `None` of one that is not made yet.
pub fn mro<'py>(class: &Bound<'py, PyType>) -> Option<Bound<'py, PyTuple>> {
    // SAFETY: a live class; its `__mro__` is a tuple of classes.
    unsafe {
        let mro = Bound::from_borrowed_ptr_or_opt(class.py(), (*class.as_type_ptr()).tp_mro)?;
        Some(mro.cast_into_unchecked())
    }
}

/// Whether a class is another or has it as a base, in truth, whatever it answers itself.
pub fn is_subtype(class: &Bound<'_, PyType>, base: *const ffi::PyTypeObject) -> bool {
    mro(class).is_some_and(|mro| mro.as_slice().iter().any(|known| std::ptr::eq(known.as_ptr().cast(), base)))
}

/// Whether a metaclass looks attributes up as `type` does, and has nothing of its own to say about the protocols.
fn answers_plainly(metaclass: &Bound<'_, PyType>) -> bool {
    let object_or_type = [&raw mut ffi::PyType_Type, &raw mut ffi::PyBaseObject_Type];
    if object_or_type.contains(&metaclass.as_type_ptr()) {
        return true;
    }
    // SAFETY: live classes.
    let getattro = |class: *mut ffi::PyTypeObject| unsafe { (*class).tp_getattro }.map(|f| f as usize);
    let as_type = getattro(metaclass.as_type_ptr()) == getattro(&raw mut ffi::PyType_Type);
    let (true, Some(mro)) = (as_type, mro(metaclass)) else { return false };
    mro.iter().all(|base| {
        object_or_type.contains(&base.as_ptr().cast())
            || dict_of(&base).is_some_and(|dict| !names_a_protocol(&dict))
    })
}

/// Whether a metaclass's dict has an attribute that the protocols ask its classes for.
fn names_a_protocol(dict: &Bound<'_, PyDict>) -> bool {
    let names = dict.iter();
    names.filter_map(|(name, _)| name.extract::<String>().ok()).any(|name| {
        ["__array", "__dlpack", "__ufunx"].iter().any(|start| name.starts_with(start))
            || ["is_neg", "requires_grad"].contains(&name.as_str())
    })
}

/// The dict of a class.
fn dict_of<'py>(class: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    let (py, class) = (class.py(), class.cast::<PyType>().ok()?.as_type_ptr());
    // SAFETY: a live class, whose dict is one. Since 3.12 those of CPython's own types are kept elsewhere.
    unsafe {
        #[cfg(Py_3_12)]
        let dict: Option<Bound<'py, PyAny>> = Bound::from_owned_ptr_or_opt(py, ffi::PyType_GetDict(class));
        #[cfg(not(Py_3_12))]
        let dict: Option<Bound<'py, PyAny>> = Bound::from_borrowed_ptr_or_opt(py, (*class).tp_dict);
        Some(dict?.cast_into_unchecked())
    }
}
