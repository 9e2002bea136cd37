//! What the fuzzers run: each target makes a case out of any bytes, hands it to a function of the engine, and panics where
//! the answer is wrong. `tests/fuzz` steers them by coverage; `tests/rust/fuzz_corpus.rs` runs what was found worth keeping.

mod buffer;
mod dlpack;
mod executor;
mod memory;
mod resolution;

/// A target: a function of any bytes.
pub type Target = fn(&[u8]);

/// Every target by name, which is its corpus' folder too.
pub const TARGETS: [(&str, Target); 4] = [
    ("dlpack", dlpack::run),
    ("buffer", buffer::run),
    ("resolution", resolution::run),
    ("executor", executor::run),
];

/// The bytes of a case, taken from the front; zeros when there are no more.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.u8()))
    }

    /// A number below `n`, of at most 256.
    fn below(&mut self, n: usize) -> usize {
        usize::from(self.u8()) % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Mostly a small number, sometimes one at an edge, sometimes any.
    fn i64(&mut self) -> i64 {
        match self.u8() {
            kind @ 0..=159 => i64::from(kind % 16) - 2,
            160..=191 => self.u8() as i8 as i64,
            192..=223 => {
                let edge = 1i64.wrapping_shl(u32::from(self.u8()));
                let edge = edge.wrapping_add(i64::from(self.u8() as i8));
                if self.one_in(2) { edge.wrapping_neg() } else { edge }
            }
            224..=255 => self.u64() as i64,
        }
    }
}
