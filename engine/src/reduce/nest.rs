//! The loops of a reduction: which axes are kept, which reduced, and in what order they are walked.

use super::columns::columns;
use super::folding::Folding;
use super::runs::{DIVIDED, runs};
use crate::exec::Report;
use crate::operand::{Operand, Shape, Strides};
use crate::registry::DType;
use crate::simd::fold::pairwise_least;
use crate::threads;
use crate::tuning::{CHUNKS_PER_THREAD, SHORT_ROW, WIDE_KEPT, as_much_work};
use smallvec::SmallVec;

/// The loops around a reduction: kept axes, outermost first, and reduced ones.
pub(crate) struct Nest {
    pub(super) kept: Axis3,
    pub(super) reduced: Axis3,
    pub(super) input: *const u8,
    pub(super) out: *mut u8,
    pub(super) mask: *const u8,
    pub(super) masked: bool,
    pub(super) aligned: bool,
    /// Whether each output folds its elements as one run, whatever the layout.
    by_runs: bool,
}

// SAFETY: addresses and numbers; workers write disjoint outputs.
unsafe impl Sync for Nest {}

/// Axes with the byte strides of input, output and mask along them.
#[derive(Default)]
pub(super) struct Axis3 {
    pub(super) shape: Shape,
    pub(super) input: Strides,
    pub(super) out: Strides,
    pub(super) mask: Strides,
}

impl Axis3 {
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn push(&mut self, n: usize, steps: [isize; 3]) {
        self.shape.push(n);
        self.input.push(steps[0]);
        self.out.push(steps[1]);
        self.mask.push(steps[2]);
    }

    fn step(&self, axis: usize) -> [isize; 3] {
        [self.input[axis], self.out[axis], self.mask[axis]]
    }

    /// Drops axes of length 1, sorts by input stride if `sort`, merges, and leaves at least one axis.
    fn simplified(self, sort: bool) -> Axis3 {
        // Nothing to walk, however long the other axes are.
        if self.shape.contains(&0) {
            let mut nothing = Axis3::default();
            nothing.push(0, [0; 3]);
            return nothing;
        }
        let mut axes: SmallVec<[(usize, [isize; 3]); 4]> = (0..self.shape.len())
            .filter(|&a| self.shape[a] != 1)
            .map(|a| (self.shape[a], self.step(a)))
            .collect();
        if sort {
            axes.sort_by_key(|(_, steps)| std::cmp::Reverse(steps[0].unsigned_abs()));
        }
        let mut merged = Axis3::default();
        for (n, steps) in axes {
            let last = merged.shape.len().wrapping_sub(1);
            let continues = !merged.shape.is_empty()
                && merged
                    .step(last)
                    .iter()
                    .zip(steps)
                    .all(|(&outer, inner)| inner.checked_mul(n as isize) == Some(outer));
            if continues {
                let total = merged.shape[last] * n;
                merged.shape.pop();
                merged.input.pop();
                merged.out.pop();
                merged.mask.pop();
                merged.push(total, steps);
            } else {
                merged.push(n, steps);
            }
        }
        if merged.shape.is_empty() {
            merged.push(1, [0; 3]);
        }
        merged
    }
}

impl Nest {
    /// Whether every output's address suits that dtype.
    pub(super) fn out_is_aligned(&self, dtype: DType) -> bool {
        let mask = dtype.align() - 1;
        self.out.addr() & mask == 0 && self.kept.out.iter().all(|step| step.unsigned_abs() & mask == 0)
    }

    pub(crate) fn new(
        input: &Operand,
        mask: Option<&Operand>,
        out: &Operand,
        axes: &[usize],
        keepdims: bool,
        sort: bool,
    ) -> Nest {
        let (mut kept, mut reduced) = (Axis3::default(), Axis3::default());
        let mut out_axis = 0;
        for axis in 0..input.shape.len() {
            let mask_step = mask.map_or(0, |m| m.strides[axis]);
            if axes.contains(&axis) {
                reduced.push(input.shape[axis], [input.strides[axis], 0, mask_step]);
                out_axis += keepdims as usize;
            } else {
                kept.push(input.shape[axis], [input.strides[axis], out.strides[out_axis], mask_step]);
                out_axis += 1;
            }
        }
        Nest {
            kept: kept.simplified(true),
            reduced: reduced.simplified(sort),
            input: input.ptr,
            out: out.ptr,
            mask: mask.map_or(std::ptr::null(), |m| m.ptr),
            masked: mask.is_some(),
            aligned: input.is_aligned(),
            by_runs: false,
        }
    }

    /// The same, each output by itself: what NumPy adds pairwise on any axis.
    pub(crate) fn by_runs(self) -> Nest {
        Nest { by_runs: true, ..self }
    }

    /// Whether blocks of neighbouring outputs should take in rows: the kept axis is the faster one and not narrow, or
    /// the runs are too short to fold one by one.
    fn by_columns(&self, fold: &Folding<'_>) -> bool {
        if self.by_runs && fold.neutral.is_some() {
            return false;
        }
        let (k, r) = (self.kept.shape.len() - 1, self.reduced.shape.len() - 1);
        let kept_is_faster = self.kept.input[k].unsigned_abs() < self.reduced.input[r].unsigned_abs();
        // A pairwise sum of so few elements adds them in order, as rows do; of more it does not.
        let short = if fold.neutral.is_some() { pairwise_least(fold.computed) } else { SHORT_ROW };
        let runs_are_short = self.reduced.len() < short && self.reduced.shape.len() == 1;
        let kept_is_wide = self.kept.shape[k] >= WIDE_KEPT;
        !self.masked && self.reduced.len() > 1 && kept_is_wide && (kept_is_faster || runs_are_short)
    }
}

/// # Safety
/// The nest's elements are valid; outputs overlap no input.
pub(crate) unsafe fn execute(fold: &Folding<'_>, nest: &Nest) -> Report {
    let outputs = nest.kept.len();
    let work = as_much_work(outputs * nest.reduced.len(), fold.source.size(), fold.cost);
    let threads = if fold.l.needs_gil { 1 } else { threads::threads_for(work, fold.cost) };
    let by_columns = nest.by_columns(fold);
    let piece = |start: usize, end: usize| match by_columns {
        // SAFETY: the caller's promise; ranges are disjoint.
        true => unsafe { columns(fold, nest, start, end) },
        // SAFETY: the same.
        false => unsafe { runs(fold, nest, start, end) },
    };
    if threads == 1 {
        return piece(0, outputs);
    }
    let chunks = (threads * CHUNKS_PER_THREAD).min(outputs);
    if outputs < threads * CHUNKS_PER_THREAD && !by_columns && nest.reduced.len() >= DIVIDED {
        return fold.helpers.lend(threads, || piece(0, outputs)); // the runs divide themselves
    }
    let chunk = outputs.div_ceil(chunks);
    let task = |i: usize| piece((i * chunk).min(outputs), ((i + 1) * chunk).min(outputs));
    threads::run_tasks(chunks, threads, task, |a, b| a | b, Report::default)
}
