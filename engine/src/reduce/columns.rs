//! Reducing by columns: blocks of neighbouring outputs take in whole rows.

use super::folding::Folding;
use super::nest::Nest;
use crate::exec::Report;
use crate::invoke::{call_contiguous, watched, with_scratch};
use crate::registry::{BlockFn, FpFlags};
use crate::stage;
use crate::tuning::{BLOCK, FOLD_ROWS};

/// Outputs `start..end`, by blocks of neighbours that take in rows.
pub(super) unsafe fn columns(fold: &Folding<'_>, nest: &Nest, start: usize, end: usize) -> Report {
    let mut report = Report::default();
    let kept = &nest.kept;
    let k = kept.shape.len() - 1;
    let mut at = stage::coords_of(start, &kept.shape);
    let mut done = start;
    while done < end {
        let n = (end - done).min(kept.shape[k] - at[k]).min(BLOCK);
        let base = nest.input.wrapping_offset(stage::offset_of(&at, &kept.input));
        let out = nest.out.wrapping_offset(stage::offset_of(&at, &kept.out));
        // SAFETY: the block's columns are the nest's.
        unsafe { column_block(fold, nest, base, out, n, &mut report) };
        stage::advance(&mut at, &kept.shape, n);
        done += n;
    }
    report
}

/// Row groups joined at most: 2^40 rows of 128.
const LEVELS: usize = 40;

/// The results of `n` neighbouring columns, from the rows at `base`, to `out`.
///
/// # Safety
/// The columns are the nest's, at most [`BLOCK`].
unsafe fn column_block(
    fold: &Folding<'_>,
    nest: &Nest,
    base: *const u8,
    out: *mut u8,
    n: usize,
    report: &mut Report,
) {
    let (kept, reduced) = (&nest.kept, &nest.reduced);
    let k = kept.shape.len() - 1;
    let (in_step, out_step) = (kept.input[k], kept.out[k]);
    let rows = reduced.len();
    let room = n * 16 + 192; // staggered, so that blocks do not share cache sets
    // Sums join as a tree; other folds gain nothing from it.
    let group = if fold.neutral.is_some() { FOLD_ROWS } else { usize::MAX };
    let levels = if rows > group { LEVELS } else { 0 };
    with_scratch((4 + levels) * room + 2 * BLOCK * 16, |scratch| {
        let mut taking = Taking::new(fold, nest, n, scratch, room);
        let casts = scratch.wrapping_add((4 + levels) * room);
        let mut at: stage::Coords = smallvec::smallvec![0; reduced.shape.len()];
        let plain = taking.is_plain();
        let mut take_all = |report: &mut Report| {
            // SAFETY: rows are the nest's; scratch blocks are distinct and hold `n` elements each; operands of
            // every kernel call are distinct blocks, or a row of the input, which no output overlaps.
            unsafe {
                if let Some(start) = fold.start {
                    taking.begin_with(start.as_ptr().cast());
                }
                for _ in 0..rows {
                    let row = base.wrapping_offset(stage::offset_of(&at, &reduced.input));
                    taking.take(row, in_step, report);
                    if taking.in_group > group {
                        taking.close_group(report);
                    }
                    stage::advance(&mut at, &reduced.shape, 1);
                }
                taking.join_groups(report);
            }
        };
        if plain {
            report.flags |= watched(fold.l.fp, || {
                let mut returned = Report::default();
                take_all(&mut returned);
                returned.flags
            });
        } else {
            take_all(report);
        }
        // SAFETY: `n` results of the nest's.
        unsafe { fold.store(taking.acc, casts, out, out_step, n, report) };
    });
}

/// A block of columns while rows are taken in.
struct Taking<'a> {
    fold: &'a Folding<'a>,
    /// Columns.
    n: usize,
    /// Bytes of an element of the loop's.
    size: usize,
    /// Whether rows are taken where they lie.
    direct: bool,
    /// Whether the loop can write over its first input.
    overwrites: bool,
    /// The loop's code for two blocks, and over the first, where nothing but it touches the status register: that is read
    /// once then, which costs as much as a row.
    forms: Option<[BlockFn; 2]>,
    /// Scratch blocks for a row as it is stored and as it is computed with.
    raw: *mut u8,
    row: *mut u8,
    /// What was taken in of the group, and room for what comes of the next row.
    acc: *mut u8,
    next: *mut u8,
    /// Rows in it.
    in_group: usize,
    /// Sums of 2^height groups, by height, and which there are.
    heights: *mut u8,
    room: usize,
    in_use: [bool; LEVELS],
}

impl<'a> Taking<'a> {
    /// Nothing yet. The scratch has four blocks of that room, and one more for each height.
    fn new(fold: &'a Folding<'a>, nest: &Nest, n: usize, scratch: *mut u8, room: usize) -> Taking<'a> {
        let block = |i: usize| scratch.wrapping_add(i * room);
        let size = fold.computed.size();
        let in_step = nest.kept.input[nest.kept.shape.len() - 1];
        let direct = fold.source == fold.computed && nest.aligned && in_step == size as isize;
        let overwrites = fold.l.code.kernels().in_place.exists();
        let forms = || {
            let kernels = fold.l.code.kernels();
            let block = kernels.block.at(fold.isa)?;
            Some([block, if overwrites { kernels.in_place.at(fold.isa)? } else { block }])
        };
        Taking {
            fold,
            n,
            size,
            direct,
            overwrites,
            forms: if direct { forms() } else { None },
            raw: block(0),
            row: block(1),
            acc: block(2),
            next: block(3),
            in_group: 0,
            heights: block(4),
            room,
            in_use: [false; LEVELS],
        }
    }

    /// Whether the status register is left to whoever takes all rows.
    fn is_plain(&self) -> bool {
        self.forms.is_some()
    }

    /// The loop on blocks, over the first one or not.
    ///
    /// # Safety
    /// As for [`call_contiguous`].
    #[inline]
    unsafe fn call(&self, args: [*mut u8; 3]) -> FpFlags {
        // SAFETY: the caller's promise.
        unsafe {
            match self.forms {
                Some([block, over]) => (if args[0] == args[2] { over } else { block })(args.as_ptr(), self.n),
                None => call_contiguous(self.fold.l, self.fold.isa, &args, self.n),
            }
        }
    }

    /// # Safety
    /// An element of the loop's dtype.
    unsafe fn begin_with(&mut self, start: *const u8) {
        // SAFETY: the caller's promise; the block holds `n` elements.
        unsafe { stage::copy_row(start, 0, self.acc, self.size as isize, self.size, self.n) };
        self.in_group = 1;
    }

    /// # Safety
    /// A row of the nest's.
    unsafe fn take(&mut self, row: *const u8, in_step: isize, report: &mut Report) {
        let Taking { fold, n, .. } = *self;
        // SAFETY: the caller's promise; the blocks are distinct.
        unsafe {
            if self.in_group == 0 {
                fold.load(row, in_step, n, self.raw, self.acc, report);
            } else {
                let mut x = row.cast_mut();
                if !self.direct {
                    fold.load(row, in_step, n, self.raw, self.row, report);
                    x = self.row;
                }
                if self.overwrites {
                    report.flags |= self.call([self.acc, x, self.acc]);
                } else {
                    self.combine(self.acc, x, report);
                }
            }
        }
        self.in_group += 1;
    }

    /// A binary counter of groups: two of one height join to one of the next.
    ///
    /// # Safety
    /// There is a block for each height.
    unsafe fn close_group(&mut self, report: &mut Report) {
        let mut height = 0;
        // SAFETY: distinct blocks.
        unsafe {
            while self.in_use[height] {
                self.combine(self.at_height(height), self.acc, report);
                self.in_use[height] = false;
                height += 1;
            }
            std::ptr::copy_nonoverlapping(self.acc, self.at_height(height), self.n * self.size);
        }
        self.in_use[height] = true;
        self.in_group = 0;
    }

    /// What is left of all groups, joined.
    ///
    /// # Safety
    /// As [`Taking::close_group`].
    unsafe fn join_groups(&mut self, report: &mut Report) {
        let in_use = self.in_use;
        for height in (0..LEVELS).filter(|&height| in_use[height]) {
            // SAFETY: distinct blocks.
            unsafe {
                if self.in_group == 0 {
                    std::ptr::copy_nonoverlapping(self.at_height(height), self.acc, self.n * self.size);
                    self.in_group = 1;
                } else {
                    self.combine(self.at_height(height), self.acc, report);
                }
            }
        }
    }

    fn at_height(&self, height: usize) -> *mut u8 {
        self.heights.wrapping_add(height * self.room)
    }

    /// Both, in place of what was taken in.
    ///
    /// # Safety
    /// Blocks of `n` elements, or a row; not that of `next`.
    unsafe fn combine(&mut self, a: *mut u8, b: *mut u8, report: &mut Report) {
        // SAFETY: the caller's promise.
        report.flags |= unsafe { self.call([a, b, self.next]) };
        std::mem::swap(&mut self.acc, &mut self.next);
    }
}
