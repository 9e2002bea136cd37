//! Memory that grows with an operand. The engine and the bindings ask for it here and nowhere else, so that to have none left
//! is an error that leaves everything as it was, and not the end of the process.
//!
//! Tests let the n-th request of a thread fail ([`fail_at`]) and count what was asked for ([`asked_bytes`]).

use crate::error::Error;
use crate::operand::{Shape, checked_bytes};
use crate::registry::DType;
use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;

/// Heap memory for elements, zeroed, aligned for any kernel and for whole cache lines.
pub struct Memory {
    ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Memory {}
// SAFETY: shared access only reads.
unsafe impl Sync for Memory {}

impl Memory {
    /// For as many elements as a shape has.
    pub fn zeroed(dtype: DType, shape: &[usize]) -> Result<Memory, Error> {
        let bytes = checked_bytes(shape, dtype.size())?;
        let out_of_memory = || Error::OutOfMemory { dtype, shape: Shape::from_slice(shape) };
        let layout = Layout::from_size_align(bytes.max(1), 64).map_err(|_| out_of_memory())?;
        if !may_ask(bytes) {
            return Err(out_of_memory());
        }
        // SAFETY: the layout is not empty. Zeroed pages come from the system untouched, so large arrays cost nothing here.
        let ptr = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) });
        ptr.map(|ptr| Memory { ptr, layout }).ok_or_else(out_of_memory)
    }

    /// The first byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.ptr.as_ptr()
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and freed once.
        unsafe { std::alloc::dealloc(self.ptr.as_ptr(), self.layout) }
    }
}

/// An empty list with room for `n` items, which is never to grow past it. In words it is an array of `dtype`.
pub fn list<T>(n: usize, dtype: DType) -> Result<Vec<T>, Error> {
    let mut list = Vec::new();
    match may_ask(n.saturating_mul(size_of::<T>())) && list.try_reserve_exact(n).is_ok() {
        true => Ok(list),
        false => Err(Error::OutOfMemory { dtype, shape: smallvec::smallvec![n] }),
    }
}

thread_local! {
    /// Which of the requests to come shall fail; 0 for none.
    static FAIL_AT: Cell<usize> = const { Cell::new(0) };
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// Makes this thread's `n`-th request from now on fail, once; 0 for none. Returns what was left of the last such wish: 0 if
/// it has been fulfilled.
pub fn fail_at(n: usize) -> usize {
    FAIL_AT.replace(n)
}

/// Bytes that this thread ever asked for.
pub fn asked_bytes() -> usize {
    ASKED.get()
}

fn may_ask(bytes: usize) -> bool {
    ASKED.set(ASKED.get().wrapping_add(bytes));
    match FAIL_AT.get() {
        0 => true,
        n => {
            FAIL_AT.set(n - 1);
            n > 1
        }
    }
}
