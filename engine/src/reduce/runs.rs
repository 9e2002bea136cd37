//! Reducing by runs: each output folds memory along the reduced axis.

use super::folding::Folding;
use super::nest::Nest;
use super::truth;
use crate::cast::cast_block;
use crate::exec::Report;
use crate::invoke::{call_contiguous, call_strided, with_scratch};
use crate::mask::Bits;
use crate::registry::{B8, Segments};
use crate::simd::chosen;
use crate::simd::fold::pairwise_split;
use crate::stage;
use crate::tuning::{BLOCK, CAST_FOLD_BLOCK, FOLD_PIECE};

/// Outputs `start..end`, one after the other, each by runs.
pub(super) unsafe fn runs(fold: &Folding<'_>, nest: &Nest, start: usize, end: usize) -> Report {
    // SAFETY: the caller's promise.
    if let Some(report) = unsafe { short_runs(fold, nest, start, end) } {
        return report;
    }
    let mut report = Report::default();
    let (kept, reduced) = (&nest.kept, &nest.reduced);
    let inner = reduced.shape.len() - 1;
    let n = reduced.shape[inner];
    let outer_count: usize = reduced.shape[..inner].iter().product();
    let mut at = stage::coords_of(start, &kept.shape);
    for _ in start..end {
        let base = nest.input.wrapping_offset(stage::offset_of(&at, &kept.input));
        let mask_base = nest.mask.wrapping_offset(stage::offset_of(&at, &kept.mask));
        let mut acc = fold.start.unwrap_or([0]);
        let acc_ptr: *mut u8 = acc.as_mut_ptr().cast();
        let mut row: stage::Coords = smallvec::smallvec![0; inner];
        for outer in 0..outer_count {
            let mut run = Run {
                x: base.wrapping_offset(stage::offset_of(&row, &reduced.input[..inner])),
                step: reduced.input[inner],
                n,
            };
            // SAFETY: the run's elements are the nest's; the accumulator is a local cell.
            unsafe {
                if outer == 0 && fold.start.is_none() && n > 0 {
                    run.take_first(fold, acc_ptr, &mut report);
                }
                if nest.masked {
                    let mask = mask_base.wrapping_offset(stage::offset_of(&row, &reduced.mask[..inner]));
                    run.fold_masked(fold, acc_ptr, mask, reduced.mask[inner], &mut report);
                } else {
                    run.fold(fold, nest.aligned, acc_ptr, &mut report);
                }
            }
            if inner > 0 {
                stage::advance(&mut row, &reduced.shape[..inner], 1);
            }
        }
        let to = nest.out.wrapping_offset(stage::offset_of(&at, &kept.out));
        // SAFETY: one element of the output; scratch holds the casts.
        with_scratch(2 * BLOCK * 16, |raw| unsafe { fold.store(acc_ptr, raw, to, 0, 1, &mut report) });
        stage::advance(&mut at, &kept.shape, 1);
    }
    report
}

/// The same where each output is one run of neighbours, and so short that to call for each would cost more than to fold it.
///
/// # Safety
/// As [`runs`].
unsafe fn short_runs(fold: &Folding<'_>, nest: &Nest, start: usize, end: usize) -> Option<Report> {
    const SHORT: usize = 512;
    const AT_A_TIME: usize = 128;
    let ([n], [step]) = (&nest.reduced.shape[..], &nest.reduced.input[..]) else { return None };
    let ([_], [x_step], [out_step]) = (&nest.kept.shape[..], &nest.kept.input[..], &nest.kept.out[..]) else {
        return None;
    };
    let size = fold.source.size() as isize;
    let plain = !nest.masked && nest.aligned && fold.is_direct() && *step == size && x_step % size == 0;
    if !plain || !(1..=SHORT).contains(n) || *x_step < 0 || !nest.out_is_aligned(fold.target) {
        return None;
    }
    let apart = (*x_step / size) as usize;
    let mut bounds = [[0; 2]; AT_A_TIME];
    for (i, bounds) in bounds.iter_mut().enumerate() {
        *bounds = [i * apart, i * apart + n];
    }
    let mut report = Report::default();
    let mut done = start;
    while done < end {
        let here = AT_A_TIME.min(end - done);
        let on = Segments {
            x: nest.input.wrapping_offset(done as isize * x_step),
            bounds: &bounds[..here],
            start: fold.start.as_ref().map(|cell| cell.as_ptr().cast()),
            out: nest.out.wrapping_offset(done as isize * out_step),
            out_step: *out_step,
        };
        // SAFETY: the caller's promise, for these outputs.
        report.flags |= unsafe { fold.segments(&on) }?;
        done += here;
    }
    Some(report)
}

/// Runs of fewer elements are one thread's.
pub(super) const DIVIDED: usize = 2 * FOLD_PIECE;

/// A run of elements to fold.
#[derive(Clone, Copy)]
struct Run {
    x: *const u8,
    step: isize,
    n: usize,
}
// SAFETY: an address and numbers; runs are only read.
unsafe impl Send for Run {}

/// Elements staged at a time when a run is strided; a power of two, so that the division of a long run reaches it.
const STAGED_PIECE: usize = 2048;

impl Run {
    fn slice(self, start: usize, n: usize) -> Run {
        Run { x: self.x.wrapping_offset(start as isize * self.step), n, ..self }
    }

    /// Moves the first element into the accumulator.
    unsafe fn take_first(&mut self, fold: &Folding<'_>, acc: *mut u8, report: &mut Report) {
        let mut raw = [0u128];
        // SAFETY: the run is not empty; the cells hold any element.
        unsafe { fold.load(self.x, 0, 1, raw.as_mut_ptr().cast(), acc, report) };
        *self = self.slice(1, self.n - 1);
    }

    /// Folds the run into the accumulator.
    unsafe fn fold(self, fold: &Folding<'_>, aligned: bool, acc: *mut u8, report: &mut Report) {
        let in_place = fold.source == fold.computed && aligned;
        let packed = in_place && self.step == fold.source.size() as isize;
        let in_order = !fold.l.code.kernels().fold.exists();
        if let Some(decides) = fold.absorbing
            && aligned
            && self.step == fold.source.size() as isize
        {
            let acc = acc.cast::<B8>();
            // SAFETY: the caller's elements, aligned; an accumulator of a fold of truth values.
            unsafe {
                if (*acc).get() == decides {
                    return;
                }
                if let Some(found) = truth::is_any(decides, fold.source, self.x, self.n, fold.isa) {
                    acc.write(B8::from(found == decides));
                    return;
                }
            }
        }
        if in_order && in_place {
            let args = [acc, self.x.cast_mut(), acc];
            // SAFETY: the caller's elements, aligned; the accumulator is a cell of its own.
            report.flags |= unsafe { call_strided(fold.l, &args, self.n, &[0, self.step, 0]) };
        } else if in_order || (fold.blockwise && !packed) {
            // One block after the other; what does not reorder must not become a tree within a block either.
            let block = if in_order { STAGED_PIECE } else { CAST_FOLD_BLOCK };
            let mut done = 0;
            while done < self.n {
                let n = (self.n - done).min(block);
                // SAFETY: the caller's elements.
                unsafe { self.slice(done, n).fold_tree(fold, false, acc, report) };
                done += n;
            }
        } else {
            // SAFETY: the caller's elements.
            unsafe { self.fold_tree(fold, packed, acc, report) };
        }
    }

    /// Folds a run as a tree of pieces, joined in the order of pairwise summation.
    unsafe fn fold_tree(self, fold: &Folding<'_>, packed: bool, acc: *mut u8, report: &mut Report) {
        let piece = if packed { FOLD_PIECE } else { STAGED_PIECE };
        if self.n <= piece {
            // SAFETY: the caller's elements.
            return unsafe { self.fold_piece(fold, packed, acc, report) };
        }
        // SAFETY: as above.
        let (mut value, partial) = unsafe { self.partial(fold, packed, piece) };
        *report |= partial;
        // SAFETY: cells of one element each.
        unsafe { join(fold, acc, value.as_mut_ptr().cast(), report) };
    }

    /// The fold of a whole run, not empty, with nothing before it.
    unsafe fn partial(self, fold: &Folding<'_>, packed: bool, piece: usize) -> ([u128; 1], Report) {
        let mut report = Report::default();
        let mut cell = fold.neutral.unwrap_or([0]);
        let acc: *mut u8 = cell.as_mut_ptr().cast();
        if self.n <= piece {
            let mut rest = self;
            // SAFETY: the caller's elements, here and below.
            unsafe {
                if fold.neutral.is_none() {
                    rest.take_first(fold, acc, &mut report);
                }
                rest.fold_piece(fold, packed, acc, &mut report);
            }
            return (cell, report);
        }
        let left = pairwise_split(self.n, fold.computed);
        let (a, b) = (self.slice(0, left), self.slice(left, self.n - left));
        // SAFETY: both halves are the caller's elements.
        let half = |run: Run| unsafe { run.partial(fold, packed, piece) };
        let ((mut a, ra), (mut b, rb)) = match self.n >= DIVIDED {
            true => {
                let half = &half;
                fold.helpers.join(move || half(a), move || half(b))
            }
            false => (half(a), half(b)),
        };
        report |= ra | rb;
        // SAFETY: cells of one element each.
        unsafe { join(fold, a.as_mut_ptr().cast(), b.as_mut_ptr().cast(), &mut report) };
        (a, report)
    }

    unsafe fn fold_piece(self, fold: &Folding<'_>, packed: bool, acc: *mut u8, report: &mut Report) {
        if packed {
            // SAFETY: contiguous, aligned elements of the computing dtype.
            return unsafe { fold.fold(acc, self.x, self.n, report) };
        }
        // A fold kernel is given the whole piece: its order is that of the run.
        let room = self.n.max(1) * 16;
        // SAFETY: the caller's elements; the scratch holds the piece twice.
        with_scratch(2 * room, |scratch| unsafe {
            fold.load(self.x, self.step, self.n, scratch, scratch.add(room), report);
            fold.fold(acc, scratch.add(room), self.n, report);
        });
    }

    /// Folds the elements the mask chooses.
    unsafe fn fold_masked(
        self,
        fold: &Folding<'_>,
        acc: *mut u8,
        mask: *const u8,
        mask_step: isize,
        report: &mut Report,
    ) {
        let (size, packed_mask) = (fold.source.size(), mask_step == 1);
        let mut done = 0;
        // Packing comes before the cast, so that elements left out raise nothing.
        // SAFETY: the caller's elements, and a byte of the mask for each; each block holds `BLOCK` of them.
        with_scratch(2 * BLOCK * 16 + BLOCK, |scratch| unsafe {
            let (block, bytes) = (scratch.add(BLOCK * 16), scratch.add(2 * BLOCK * 16));
            while done < self.n {
                let part = self.slice(done, (self.n - done).min(BLOCK));
                let mut mask = mask.wrapping_offset(done as isize * mask_step);
                if !packed_mask {
                    stage::copy_row(mask, mask_step, bytes, 1, 1, part.n);
                    mask = bytes;
                }
                let bits = Bits::of(std::slice::from_raw_parts(mask, part.n));
                done += part.n;
                let mut from = part.x;
                if part.step != size as isize {
                    stage::copy_row(from, part.step, scratch, size as isize, size, part.n);
                    from = scratch;
                }
                chosen::pack(from, scratch, size, &bits, fold.isa);
                let mut x = scratch;
                if fold.source != fold.computed {
                    x = block;
                    report.cast |=
                        cast_block(fold.source, fold.computed, scratch, x, bits.chosen(), fold.isa);
                }
                fold.fold(acc, x, bits.chosen(), report);
            }
        });
    }
}

/// `a = a op b`, of one element each.
pub(super) unsafe fn join(fold: &Folding<'_>, a: *mut u8, b: *mut u8, report: &mut Report) {
    let mut result = [0u128];
    let out: *mut u8 = result.as_mut_ptr().cast();
    // SAFETY: three distinct, aligned cells.
    unsafe {
        report.flags |= call_contiguous(fold.l, fold.isa, &[a, b, out], 1);
        std::ptr::copy_nonoverlapping(out, a, fold.computed.size());
    }
}
