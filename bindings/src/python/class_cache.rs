//! What was found out about classes, kept until a class changes.
//!
//! CPython gives a class a version tag when it is looked up in, never the same one twice, and takes it away when the class
//! or a base of it changes. So a tag says that what was found still holds, and keeps no class alive. A class's own class
//! answers look-ups too, so its tag is compared as well; one that answers by code of its own is kept nothing of.
//!
//! What is kept must follow from the dicts of the class and its bases alone: what a look-up *returned* may be made anew each
//! time, by a descriptor. [`standing`] reads those dicts.

use super::lookup::Names;
use pyo3::ffi;
use pyo3::prelude::*;
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

/// A class as it was before it was judged.
pub struct Watch {
    class: *mut ffi::PyTypeObject,
    tags: [usize; 2],
}

impl Watch {
    /// Begins to watch a class; `None` for one of which nothing can be kept.
    ///
    /// # Safety
    /// A live class.
    pub unsafe fn new(py: Python<'_>, class: *mut ffi::PyTypeObject) -> Option<Watch> {
        // SAFETY: a live class, whose class is live too; what is found is released.
        unsafe {
            if !answers_plainly(py, ffi::Py_TYPE(class.cast())) {
                return None;
            }
            // A look-up gives a class its tag; nobody has an attribute of this name.
            ffi::PyObject_HasAttr(class.cast(), Names::get(py).nothing);
            let tags = tags(class);
            tags.iter().all(|&tag| tag != 0).then_some(Watch { class, tags })
        }
    }

    /// Whether the class is as it was.
    unsafe fn holds(&self) -> bool {
        // SAFETY: a class that was live when it was judged, by its object.
        unsafe { tags(self.class) == self.tags }
    }
}

impl ClassCache {
    /// Nothing known yet.
    pub const fn new() -> ClassCache {
        ClassCache { slots: [const { Slot::empty() }; SLOTS] }
    }

    /// What was kept for the class as it is now.
    ///
    /// # Safety
    /// A live class.
    #[inline]
    pub unsafe fn find(&self, class: *mut ffi::PyTypeObject) -> Option<usize> {
        let slot = self.slot(class);
        // SAFETY: a live class. A tag of 0 is none.
        let [tag, metatag] = unsafe { tags(class) };
        let known = tag != 0
            && slot.class.load(Relaxed) == class.addr()
            && slot.tags[0].load(Relaxed) == tag
            && slot.tags[1].load(Relaxed) == metatag;
        known.then(|| slot.value.load(Relaxed))
    }

    /// Keeps a number for the class, unless it has changed since it is watched.
    ///
    /// # Safety
    /// The class is live.
    pub unsafe fn keep(&self, watch: Option<Watch>, value: usize) {
        // SAFETY: the caller's promise.
        let Some(watch) = watch.filter(|watch| unsafe { watch.holds() }) else { return };
        let slot = self.slot(watch.class);
        slot.class.store(watch.class.addr(), Relaxed);
        for (slot, tag) in slot.tags.iter().zip(watch.tags) {
            slot.store(tag, Relaxed);
        }
        slot.value.store(value, Relaxed);
    }

    fn slot(&self, class: *mut ffi::PyTypeObject) -> &Slot {
        &self.slots[(class.addr() >> 5) % SLOTS]
    }
}

/// What the dict of a class holds by that name, or that of the first base which has it. No descriptor and no metaclass is
/// asked.
///
/// # Safety
/// A live class, an interned name.
pub unsafe fn standing<'py>(
    py: Python<'py>,
    class: *mut ffi::PyTypeObject,
    name: *mut ffi::PyObject,
) -> Option<Bound<'py, PyAny>> {
    // SAFETY: a live class; its `__mro__`, which is held, is a tuple of classes with dicts.
    unsafe {
        let mro: Bound<'py, PyAny> = Bound::from_borrowed_ptr_or_opt(py, (*class).tp_mro)?;
        for i in 0..ffi::PyTuple_GET_SIZE(mro.as_ptr()) {
            let base = ffi::PyTuple_GET_ITEM(mro.as_ptr(), i).cast::<ffi::PyTypeObject>();
            let Some(dict) = dict_of(py, base) else { continue };
            let found = ffi::PyDict_GetItemWithError(dict.as_ptr(), name);
            if !found.is_null() {
                return Some(Bound::from_borrowed_ptr(py, found));
            }
            ffi::PyErr_Clear();
        }
        None
    }
}

/// The tags of a class and of its class.
#[inline]
unsafe fn tags(class: *mut ffi::PyTypeObject) -> [usize; 2] {
    // SAFETY: a live class, whose class is live too.
    unsafe { [(*class).tp_version_tag as usize, (*ffi::Py_TYPE(class.cast())).tp_version_tag as usize] }
}

/// Whether a metaclass looks attributes up as `type` does, and has nothing of its own to say about the protocols.
unsafe fn answers_plainly(py: Python<'_>, metaclass: *mut ffi::PyTypeObject) -> bool {
    let object_or_type = [&raw mut ffi::PyType_Type, &raw mut ffi::PyBaseObject_Type];
    if object_or_type.contains(&metaclass) {
        return true;
    }
    // SAFETY: a live class; its `__mro__`, which is held, is a tuple of classes with dicts.
    unsafe {
        let as_type =
            (*metaclass).tp_getattro.map(|f| f as usize) == ffi::PyType_Type.tp_getattro.map(|f| f as usize);
        let mro: Option<Bound<'_, PyAny>> = Bound::from_borrowed_ptr_or_opt(py, (*metaclass).tp_mro);
        let (true, Some(mro)) = (as_type, mro) else { return false };
        (0..ffi::PyTuple_GET_SIZE(mro.as_ptr())).all(|i| {
            let base = ffi::PyTuple_GET_ITEM(mro.as_ptr(), i).cast::<ffi::PyTypeObject>();
            object_or_type.contains(&base) || dict_of(py, base).is_some_and(|dict| !names_a_protocol(&dict))
        })
    }
}

/// Whether a metaclass's dict has an attribute that the protocols ask its classes for.
fn names_a_protocol(dict: &Bound<'_, PyAny>) -> bool {
    let names = dict.try_iter().into_iter().flatten().flatten();
    names.filter_map(|name| name.extract::<String>().ok()).any(|name| {
        ["__array", "__dlpack", "__ufunx"].iter().any(|start| name.starts_with(start))
            || ["is_neg", "requires_grad"].contains(&name.as_str())
    })
}

/// The dict of a class.
unsafe fn dict_of(py: Python<'_>, class: *mut ffi::PyTypeObject) -> Option<Bound<'_, PyAny>> {
    // SAFETY: a live class. Since 3.12 those of CPython's own types are kept elsewhere.
    unsafe {
        #[cfg(Py_3_12)]
        return Bound::from_owned_ptr_or_opt(py, ffi::PyType_GetDict(class));
        #[cfg(not(Py_3_12))]
        return Bound::from_borrowed_ptr_or_opt(py, (*class).tp_dict);
    }
}
