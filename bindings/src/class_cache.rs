//! What was found out about classes, kept until a class changes.
//!
//! CPython gives a class a version tag when it is looked up in, never the same one twice, and takes it away when the class
//! or a base of it changes. So a tag says that what was found still holds, and keeps no class alive.

use pyo3::ffi;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Small verdicts by class.
pub struct ClassCache {
    slots: [Slot; SLOTS],
}

const SLOTS: usize = 64;

/// Half written by one thread and half by another it fits no class, as no tag is given twice.
struct Slot {
    class: AtomicUsize,
    tag_and_verdict: AtomicU64,
}

impl ClassCache {
    /// Nothing known yet.
    pub const fn new() -> ClassCache {
        ClassCache {
            slots: [const { Slot { class: AtomicUsize::new(0), tag_and_verdict: AtomicU64::new(0) } }; SLOTS],
        }
    }

    /// The verdict on a class: the one kept, or what `judge` says. Judging looks something up in the class.
    ///
    /// # Safety
    /// A live class.
    #[inline]
    pub unsafe fn get(&self, class: *mut ffi::PyTypeObject, judge: impl FnOnce() -> u8) -> u8 {
        let slot = &self.slots[(class.addr() >> 4) % SLOTS];
        // SAFETY: a live class. A tag of 0 is none, and matches nothing.
        let tag = || u64::from(unsafe { (*class).tp_version_tag });
        let (now, known) = (tag(), slot.tag_and_verdict.load(Ordering::Relaxed));
        if now != 0 && slot.class.load(Ordering::Relaxed) == class.addr() && known >> 8 == now {
            return known as u8;
        }
        let verdict = judge();
        slot.class.store(class.addr(), Ordering::Relaxed);
        slot.tag_and_verdict.store(tag() << 8 | u64::from(verdict), Ordering::Relaxed);
        verdict
    }
}
