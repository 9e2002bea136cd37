//! What was found out about classes, kept until a class changes.
//!
//! CPython gives a class a version tag when it is looked up in, never the same one twice, and takes it away when the class
//! or a base of it changes. So a tag says that what was found still holds, and keeps no class alive.

use pyo3::ffi;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Numbers by class. Read and written with the GIL held.
pub struct ClassCache {
    slots: [Slot; SLOTS],
}

/// A class's slot follows from its address; two that share one push each other out.
const SLOTS: usize = 64;

struct Slot {
    class: AtomicUsize,
    tag: AtomicUsize,
    value: AtomicUsize,
}

impl Slot {
    const fn empty() -> Slot {
        Slot { class: AtomicUsize::new(0), tag: AtomicUsize::new(0), value: AtomicUsize::new(0) }
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
        let tag = unsafe { (*class).tp_version_tag } as usize;
        let known = tag != 0 && slot.class.load(Relaxed) == class.addr() && slot.tag.load(Relaxed) == tag;
        known.then(|| slot.value.load(Relaxed))
    }

    /// Keeps a number for the class, in which something was looked up just now.
    ///
    /// # Safety
    /// A live class.
    pub unsafe fn keep(&self, class: *mut ffi::PyTypeObject, value: usize) {
        let slot = self.slot(class);
        slot.class.store(class.addr(), Relaxed);
        // SAFETY: a live class.
        slot.tag.store(unsafe { (*class).tp_version_tag } as usize, Relaxed);
        slot.value.store(value, Relaxed);
    }

    fn slot(&self, class: *mut ffi::PyTypeObject) -> &Slot {
        &self.slots[(class.addr() >> 5) % SLOTS]
    }
}
