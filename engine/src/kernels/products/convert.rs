//! Products of dtypes that are computed in another: blocks of both matrices are cast to it, and the sums cast back when they
//! are complete. Only casts know these dtypes, so that none of them has kernels of its own.

use super::walk::Matrices;
use crate::cast::cast_block;
use crate::invoke::{watched, with_scratch};
use crate::registry::{DType, FpFlags, FpReport, Isa};

/// Rows, products of a sum and columns of a block at most: in f32 the three matrices are 1.3 MB.
const MOST: [usize; 3] = [256, 256, 512];

/// From which dtype to which, and what computes in that.
#[derive(Clone, Copy)]
pub struct Conversion {
    /// In memory.
    pub stored: DType,
    /// As it is computed.
    pub computed: DType,
    /// At this level.
    pub isa: Isa,
    /// Memory that a product wants.
    pub room: fn(&Matrices) -> usize,
    /// A product, with that memory.
    pub run: unsafe fn(Matrices, *mut u8),
}

impl Conversion {
    /// `count` products, each operand so many bytes further on; what they raise.
    ///
    /// # Safety
    /// As for a [`crate::registry::CoreFn`].
    pub unsafe fn products(&self, mut x: Matrices, count: usize, strides: [isize; 3]) -> FpFlags {
        if x.n == 0 || x.m == 0 || count == 0 {
            return FpFlags::NONE;
        }
        let size = self.computed.size();
        let [n, k, m] = [x.n.min(MOST[0]), x.k.min(MOST[1]), x.m.min(MOST[2])];
        let inner = Matrices { n, k, m, ..self.block(&x, [std::ptr::null_mut(); 3]) };
        // A row of one matrix is gathered, cast, or both, at a time.
        let row = n.max(k).max(m) * 16;
        let parts = [n * k * size, k * m * size, n * m * size, row].map(|bytes| bytes.next_multiple_of(64));
        let bytes = parts.iter().sum::<usize>() + (self.room)(&inner) + 64;
        let mut flags = FpFlags::NONE;
        with_scratch(bytes, |scratch| {
            let scratch = scratch.map_addr(|address| address.next_multiple_of(64));
            let mut at = scratch;
            let places = parts.map(|bytes| {
                let here = at;
                at = at.wrapping_add(bytes);
                here
            });
            for _ in 0..count {
                // SAFETY: the caller's promise; the parts of the scratch are distinct and as large as they are used.
                flags |= unsafe { self.product(&x, places, at) };
                x.a = x.a.wrapping_offset(strides[0]);
                x.b = x.b.wrapping_offset(strides[1]);
                x.c = x.c.wrapping_offset(strides[2]);
            }
        });
        flags
    }

    /// The matrices of a block, packed in rows.
    fn block(&self, x: &Matrices, [a, b, c]: [*mut u8; 3]) -> Matrices {
        let size = self.computed.size() as isize;
        let rows = |n: usize| [n as isize * size, size];
        let (a_steps, b_steps, c_steps) = (rows(x.k), rows(x.m), rows(x.m));
        Matrices { a, b, c, a_steps, b_steps, c_steps, conj: false, ..*x }
    }

    unsafe fn product(&self, x: &Matrices, [a, b, c, row]: [*mut u8; 4], room: *mut u8) -> FpFlags {
        let mut flags = FpFlags::NONE;
        let fp = if self.stored.is_narrow_float() { FpReport::Hardware } else { FpReport::Never };
        for i in (0..x.n).step_by(MOST[0]) {
            for j in (0..x.m).step_by(MOST[2]) {
                for p in (0..x.k.max(1)).step_by(MOST[1]) {
                    let n = (x.n - i).min(MOST[0]);
                    let (k, m) = ((x.k - p).min(MOST[1]), (x.m - j).min(MOST[2]));
                    let here = Matrices { n, k, m, goes_on: p > 0, ..*x };
                    let here = self.block(&here, [a, b, c]);
                    // SAFETY: the caller's promise, for this block.
                    unsafe {
                        self.take(x.a_at(i, p), x.a_steps, [n, k], a, row);
                        self.take(x.b_at(p, j), x.b_steps, [k, m], b, row);
                        flags |= watched(fp, || {
                            (self.run)(here, room);
                            FpFlags::NONE
                        });
                        if p + MOST[1] >= x.k {
                            flags |= self.give(c, x.c_at(i, j), x.c_steps, [n, m], row);
                        }
                    }
                }
            }
        }
        flags
    }

    /// Casts a block to rows without gaps.
    unsafe fn take(
        &self,
        from: *const u8,
        [down, along]: [isize; 2],
        [n, m]: [usize; 2],
        to: *mut u8,
        row: *mut u8,
    ) {
        // A column is walked as a row.
        let ([n, m], [down, along]) = if m == 1 { ([1, n], [0, down]) } else { ([n, m], [down, along]) };
        let (stored, computed) = (self.stored.size(), self.computed.size());
        // SAFETY: the caller's promise; a row fits.
        unsafe {
            if along == stored as isize && (n == 1 || down == (m * stored) as isize) {
                cast_block(self.stored, self.computed, from, to, n * m, self.isa);
                return;
            }
            for i in 0..n {
                let from = from.wrapping_offset(i as isize * down);
                let to = to.add(i * m * computed);
                let packed = if along == stored as isize {
                    from
                } else {
                    for j in 0..m {
                        let element = from.wrapping_offset(j as isize * along);
                        std::ptr::copy_nonoverlapping(element, row.add(j * stored), stored);
                    }
                    row
                };
                cast_block(self.stored, self.computed, packed, to, m, self.isa);
            }
        }
    }

    /// Casts rows without gaps back; what that raises.
    unsafe fn give(
        &self,
        from: *const u8,
        to: *mut u8,
        [down, along]: [isize; 2],
        [n, m]: [usize; 2],
        row: *mut u8,
    ) -> FpFlags {
        // A column is walked as a row.
        let ([n, m], [down, along]) = if m == 1 { ([1, n], [0, down]) } else { ([n, m], [down, along]) };
        let (stored, computed) = (self.stored.size(), self.computed.size());
        let mut flags = FpFlags::NONE;
        // SAFETY: the caller's promise; a row fits.
        unsafe {
            if along == stored as isize && (n == 1 || down == (m * stored) as isize) {
                return cast_block(self.computed, self.stored, from, to, n * m, self.isa);
            }
            for i in 0..n {
                let (from, to) = (from.add(i * m * computed), to.wrapping_offset(i as isize * down));
                flags |= cast_block(self.computed, self.stored, from, row, m, self.isa);
                for j in 0..m {
                    let element = to.wrapping_offset(j as isize * along);
                    std::ptr::copy_nonoverlapping(row.add(j * stored), element, stored);
                }
            }
        }
        flags
    }
}
