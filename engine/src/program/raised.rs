//! What the steps of a program raised, by step. A loop's code can only say what it raised in all; who wants to know which
//! ufunc of a program did asks here, on the thread that made the call.

use crate::registry::FpFlags;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// A ufunc's name.
pub type Name = &'static str;

/// What one program's steps raised.
#[derive(Clone, Debug, Default)]
pub struct Raised {
    program: u64,
    /// By step.
    steps: Vec<(usize, Name, FpFlags)>,
}

thread_local! {
    static RAISED: RefCell<Raised> = const { RefCell::new(Raised { program: 0, steps: vec![] }) };
}

/// A number that no other program has.
pub(super) fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Notes what a step of a program raised. What was noted of another program before is nobody's any more.
#[cold]
pub(super) fn note(program: u64, step: usize, name: Name, flags: FpFlags) {
    RAISED.with_borrow_mut(|raised| {
        if raised.program != program {
            *raised = Raised { program, steps: vec![] };
        }
        raised.add(step, name, flags);
    });
}

/// What was noted on this thread since it was last taken: each ufunc that raised something, in the program's order. It is
/// of the last program that raised anything here.
pub fn take() -> Vec<(Name, FpFlags)> {
    let mut raised = RAISED.take();
    raised.steps.sort_by_key(|(step, ..)| *step);
    raised.steps.into_iter().map(|(_, name, flags)| (name, flags)).collect()
}

/// Takes what was noted on this thread, to be [noted](Raised::hand_over) on another.
pub(crate) fn take_noted() -> Option<Raised> {
    RAISED.with_borrow(|raised| !raised.steps.is_empty()).then(|| RAISED.take())
}

impl Raised {
    /// Notes it on this thread.
    pub(crate) fn hand_over(self) {
        self.steps.into_iter().for_each(|(step, name, flags)| note(self.program, step, name, flags));
    }

    fn add(&mut self, step: usize, name: Name, flags: FpFlags) {
        match self.steps.iter_mut().find(|(known, ..)| *known == step) {
            Some((.., known)) => *known |= flags,
            None => self.steps.push((step, name, flags)),
        }
    }
}
