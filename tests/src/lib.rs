//! What the tests share: seeded random numbers, edge values, memory layouts, golden data, and the interpreter, a plain
//! implementation of every ufunc that takes one element at a time and knows nothing of the engine's kernels.

pub mod fuzz;
pub mod golden;
pub mod high;
pub mod interpret;
pub mod layouts;
pub mod objects;
pub mod plane;
pub mod reference;
pub mod rng;
pub mod run;
pub mod samples;
pub mod turns;
pub mod value;
pub mod values;

pub use layouts::Buf;
pub use rng::Rng;
pub use run::{run_loop, signature};
pub use value::Value;

use std::sync::{Mutex, MutexGuard, PoisonError};
use ufunx::registry::Isa;

/// Whether the CPU's IEEE flags can be read: valgrind's has none, and says so by this variable.
pub fn has_flags() -> bool {
    std::env::var_os("UFUNX_TEST_NO_FLAGS").is_none()
}

/// Holds the process-wide ISA cap; lifted again when dropped.
pub struct IsaCap(#[allow(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl IsaCap {
    /// Waits until no other test caps the level.
    pub fn lock() -> IsaCap {
        static CAP: Mutex<()> = Mutex::new(());
        IsaCap(CAP.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `f` at each level this CPU has, lowest first.
    pub fn each(&self, mut f: impl FnMut(Isa)) {
        for isa in Isa::ALL {
            if ufunx::cap_isa(isa) == isa {
                f(isa);
            }
        }
        ufunx::cap_isa(Isa::V4);
    }
}

impl Drop for IsaCap {
    fn drop(&mut self) {
        ufunx::cap_isa(Isa::V4);
    }
}

/// The README's Rust is run as written.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
