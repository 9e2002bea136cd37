//! Reducing by columns: blocks of neighbouring outputs take in whole rows.

use super::folding::Folding;
use super::nest::Nest;
use crate::exec::{Report, call_contiguous, with_scratch};
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
    let size = fold.computed.size();
    let room = n * 16 + 192; // staggered, so that blocks do not share cache sets
    let direct = fold.source == fold.computed && nest.aligned && in_step == size as isize;
    let overwrites = fold.l.code.kernels().in_place.exists();
    // Sums join as a tree; other folds gain nothing from it.
    let group = if fold.neutral.is_some() { FOLD_ROWS } else { usize::MAX };
    let levels = if rows > group { LEVELS } else { 0 };
    with_scratch((4 + levels) * room + 2 * BLOCK * 16, |scratch| {
        let block = |i: usize| scratch.wrapping_add(i * room);
        let (raw, row_block) = (block(0), block(1));
        let (mut acc, mut next) = (block(2), block(3));
        let level_block = |i: usize| block(4 + i);
        let casts = block(4 + levels);
        let mut in_use = [false; LEVELS];
        let mut at: stage::Coords = smallvec::smallvec![0; reduced.shape.len()];
        let mut in_group = 0;
        // SAFETY: rows are the nest's; scratch blocks are distinct and hold `n` elements each; operands of
        // every kernel call are distinct blocks, or a row of the input, which no output overlaps.
        unsafe {
            if let Some(start) = fold.start {
                stage::copy_row(start.as_ptr().cast(), 0, acc, size as isize, size, n);
                in_group = 1;
            }
            for _ in 0..rows {
                let row = base.wrapping_offset(stage::offset_of(&at, &reduced.input));
                if in_group == 0 {
                    fold.load(row, in_step, n, raw, acc, report);
                } else {
                    let x = if direct {
                        row.cast_mut()
                    } else {
                        fold.load(row, in_step, n, raw, row_block, report);
                        row_block
                    };
                    if overwrites {
                        report.flags |= call_contiguous(fold.l, fold.isa, &[acc, x, acc], n);
                    } else {
                        report.flags |= call_contiguous(fold.l, fold.isa, &[acc, x, next], n);
                        std::mem::swap(&mut acc, &mut next);
                    }
                }
                in_group += 1;
                if in_group > group {
                    // A binary counter of groups: two of one height join to one of the next.
                    let mut height = 0;
                    while in_use[height] {
                        report.flags |=
                            call_contiguous(fold.l, fold.isa, &[level_block(height), acc, next], n);
                        std::mem::swap(&mut acc, &mut next);
                        in_use[height] = false;
                        height += 1;
                    }
                    std::ptr::copy_nonoverlapping(acc, level_block(height), n * size);
                    in_use[height] = true;
                    in_group = 0;
                }
                stage::advance(&mut at, &reduced.shape, 1);
            }
            for height in (0..LEVELS).filter(|&h| in_use[h]) {
                if in_group == 0 {
                    std::ptr::copy_nonoverlapping(level_block(height), acc, n * size);
                    in_group = 1;
                } else {
                    report.flags |= call_contiguous(fold.l, fold.isa, &[level_block(height), acc, next], n);
                    std::mem::swap(&mut acc, &mut next);
                }
            }
            fold.store(acc, casts, out, out_step, n, report);
        }
    });
}
