//! Runs a plan over core axes, on one thread or several: loops are divided, or where there are too few a core axis of which
//! stretches may be computed by themselves.

use super::{CoreArg, CorePlan};
use crate::invoke::watched;
use crate::registry::{Cores, FpFlags, Isa};
use crate::simd::level::current_isa;
use crate::stage;
use crate::threads;
use crate::tuning::{CHUNKS_PER_THREAD, CORE_PIECE, CORE_STEPS};
use smallvec::SmallVec;

/// Runs the whole plan; what it raises.
///
/// # Safety
/// As for [`CorePlan::run`].
pub unsafe fn run(plan: &CorePlan<'_>) -> FpFlags {
    let (isa, total) = (current_isa(), plan.total());
    if total == 0 {
        return FpFlags::NONE;
    }
    let threads = worth_threads(plan);
    if threads == 1 {
        // SAFETY: the caller's promise.
        return unsafe { run_loops(plan, isa, 0, total, None) };
    }
    let chunks = threads * CHUNKS_PER_THREAD;
    let join = |a: FpFlags, b: FpFlags| a | b;
    let divided = plan.divided().filter(|_| total < chunks);
    let Some((axis, most)) = divided else {
        let chunk = total.div_ceil(chunks);
        // SAFETY: the caller's promise; stretches of the loops are disjoint.
        let task = |i: usize| unsafe {
            run_loops(plan, isa, (i * chunk).min(total), ((i + 1) * chunk).min(total), None)
        };
        return threads::run_tasks(chunks, threads, task, join, FpFlags::default);
    };
    let (n, parts) = (plan.lengths[axis], most.min(chunks.div_ceil(total)));
    let task = |i: usize| {
        let (at, part) = (i / parts, i % parts);
        // Of nearly equal length: none is so short that another way is taken for it.
        let part = Part { axis, start: part * n / parts, end: (part + 1) * n / parts };
        // SAFETY: the same.
        unsafe { run_loops(plan, isa, at, at + 1, Some(part)) }
    };
    threads::run_tasks(total * parts, threads, task, join, FpFlags::default)
}

/// Threads the plan is worth.
pub fn worth_threads(plan: &CorePlan<'_>) -> usize {
    match plan.l.needs_gil {
        true => 1,
        false => threads::threads_for(plan.steps(), plan.def.cost),
    }
}

/// A stretch of a core axis.
#[derive(Clone, Copy)]
struct Part {
    axis: usize,
    start: usize,
    end: usize,
}

impl CorePlan<'_> {
    /// Steps of the innermost loop, as the work of so many elements.
    pub fn steps(&self) -> usize {
        self.lengths.iter().fold(self.total(), |steps, &n| steps.saturating_mul(n)) / CORE_STEPS
    }

    /// How many cores there are.
    pub fn total(&self) -> usize {
        self.loops.iter().product()
    }

    /// The longest core axis that may be divided, and in how many parts.
    fn divided(&self) -> Option<(usize, usize)> {
        let axes = &self.def.core_signature()?.axes;
        let may = |axis: &usize| self.def.divisible.contains(&axes[*axis].name.as_str());
        let longest = (0..axes.len()).filter(may).max_by_key(|&axis| self.lengths[axis])?;
        let parts = self.lengths[longest] / CORE_PIECE;
        (parts > 1).then_some((longest, parts))
    }
}

/// Runs cores `start..end` of the loops, of one core axis a stretch only.
///
/// # Safety
/// As for [`CorePlan::run`]; nobody else writes what these read.
unsafe fn run_loops(plan: &CorePlan<'_>, isa: Isa, start: usize, end: usize, part: Option<Part>) -> FpFlags {
    let (Some(kernel), Some(core)) = (plan.l.code.kernels().core.at(isa), plan.def.core_signature()) else {
        unreachable!("a ufunc with core axes has loops of such code alone")
    };
    let mut lengths = plan.lengths.clone();
    let mut first: SmallVec<[*mut u8; 3]> = plan.args.iter().map(|arg| arg.ptr).collect();
    if let Some(part) = part {
        lengths[part.axis] = part.end - part.start;
        for (i, (first, arg)) in first.iter_mut().zip(&plan.args).enumerate() {
            let axes = super::axes::core_of(core, i).iter().zip(&arg.steps);
            for (_, &step) in axes.filter(|&(&axis, _)| axis == part.axis) {
                *first = first.wrapping_offset(part.start as isize * step);
            }
        }
    }
    let steps: SmallVec<[isize; 6]> = plan.args.iter().flat_map(|arg| arg.steps.iter().copied()).collect();
    let inner = plan.loops.len().checked_sub(1);
    let step = |arg: &CoreArg| inner.map_or(0, |inner| arg.strides[inner]);
    let strides: SmallVec<[isize; 3]> = plan.args.iter().map(step).collect();
    let row = inner.map_or(1, |inner| plan.loops[inner]);
    let mut flags = FpFlags::NONE;
    let mut coords = stage::coords_of(start, &plan.loops);
    let mut at = start;
    while at < end {
        let count = (row - coords.last().copied().unwrap_or(0)).min(end - at);
        let args: SmallVec<[*mut u8; 3]> = (first.iter().zip(&plan.args))
            .map(|(first, arg)| first.wrapping_offset(stage::offset_of(&coords, &arg.strides)))
            .collect();
        let on = Cores {
            args: &args,
            axes: &core.operands,
            lengths: &lengths,
            steps: &steps,
            count,
            strides: &strides,
        };
        // SAFETY: cores of the plan, whose operands are aligned and of the loop's dtypes, and outputs apart from all others.
        flags |= watched(plan.l.fp, || unsafe { kernel(&on) });
        at += count;
        if inner.is_some() {
            stage::advance(&mut coords, &plan.loops, count);
        }
    }
    flags
}
