//! What a reduction does to elements: load them in the computing dtype, fold them, store results.

use crate::array::Array;
use crate::cast::cast_block;
use crate::exec::Report;
use crate::invoke::{call_fold, call_segments, call_strided};
use crate::registry::{Cost, DType, FoldOrder, FpFlags, Isa, LoopDef, Segments, UfuncDef};
use crate::simd::fold::minus_zero;
use crate::simd::level::current_isa;
use crate::stage;
use crate::threads::Helpers;
use crate::tuning::BLOCK;

/// What is folded, in which dtypes.
pub(crate) struct Folding<'d> {
    /// The loop that computes: the resolved one, or its f32 sibling for narrow floats.
    pub(super) l: &'d LoopDef,
    pub(super) isa: Isa,
    pub(super) source: DType,
    pub(super) computed: DType,
    pub(super) target: DType,
    /// The result's dtype, when it is narrower than what computes.
    pub(super) narrow: Option<DType>,
    pub(super) cost: Cost,
    pub(super) start: Option<[u128; 1]>,
    /// -0 in the computing dtype, where the fold is a sum of floats: adding it changes nothing.
    pub(super) neutral: Option<[u128; 1]>,
    /// Threads that long runs may still take for their halves.
    pub(super) helpers: Helpers,
    /// Whether a cast the caller asked for goes through blocks of NumPy's buffer size.
    pub(super) blockwise: bool,
}

impl<'d> Folding<'d> {
    pub(crate) fn new(
        def: &'d UfuncDef,
        l: &'d LoopDef,
        source: DType,
        target: DType,
        start: Option<&Array>,
    ) -> Folding<'d> {
        let result = l.outputs[0];
        let wide = if result.is_narrow_float() && def.derived.is_none() {
            def.loop_for(&[DType::F32; 2])
        } else {
            None
        };
        let computing = wide.filter(|w| w.is_reducible()).unwrap_or(l);
        let computed = computing.outputs[0];
        let isa = current_isa();
        let start = start.map(|value| {
            let mut cell = [0u128];
            // SAFETY: one element each, the cell is aligned and large enough for any dtype.
            unsafe { cast_block(result, computed, value.operand().ptr, cell.as_mut_ptr().cast(), 1, isa) };
            cell
        });
        let neutral = if computing.folds == FoldOrder::Pairwise { minus_zero(computed) } else { None };
        let narrow = (computed != result).then_some(result);
        Folding {
            l: computing,
            isa,
            source,
            computed,
            target,
            narrow,
            cost: def.cost,
            start,
            neutral,
            helpers: Helpers::none(),
            blockwise: source != result,
        }
    }

    /// Brings `n` strided elements into `block`, in the computing dtype; `raw` is for what must be cast first.
    pub(super) unsafe fn load(
        &self,
        from: *const u8,
        step: isize,
        n: usize,
        raw: *mut u8,
        block: *mut u8,
        report: &mut Report,
    ) {
        let size = self.source.size();
        // SAFETY: the caller's elements; the blocks are distinct and hold `n` elements.
        unsafe {
            if self.source == self.computed {
                stage::copy_row(from, step, block, size as isize, size, n);
            } else {
                stage::copy_row(from, step, raw, size as isize, size, n);
                report.cast |= cast_block(self.source, self.computed, raw, block, n, self.isa);
            }
        }
    }

    /// Writes `n` contiguous results of the computing dtype to strided memory.
    pub(super) unsafe fn store(
        &self,
        block: *const u8,
        raw: *mut u8,
        to: *mut u8,
        step: isize,
        n: usize,
        report: &mut Report,
    ) {
        let mut from = block.cast_mut();
        // SAFETY: the caller's elements; `raw` holds two blocks' worth of `n` elements and is distinct.
        unsafe {
            let mut have = self.computed;
            let mut spare = [raw, raw.add(BLOCK * 16)].into_iter();
            for (next, in_loop) in self.narrow.map(|d| (d, true)).into_iter().chain([(self.target, false)]) {
                if next != have {
                    let Some(into) = spare.next() else { unreachable!("two casts at most") };
                    let flags = cast_block(have, next, from, into, n, self.isa);
                    *(if in_loop { &mut report.flags } else { &mut report.cast }) |= flags;
                    (from, have) = (into, next);
                }
            }
            stage::copy_row(from, have.size() as isize, to, step, have.size(), n);
        }
    }

    /// Whether elements are folded, and results written, as they are.
    pub(crate) fn is_direct(&self) -> bool {
        self.narrow.is_none() && self.source == self.computed && self.target == self.computed
    }

    /// Folds stretches of elements as they are; `None`, having done nothing, if the loop has no form for that.
    ///
    /// # Safety
    /// As for [`crate::registry::SegmentsFn`].
    pub(crate) unsafe fn segments(&self, on: &Segments<'_>) -> Option<FpFlags> {
        // SAFETY: the caller's promise.
        unsafe { call_segments(self.l, self.isa, on) }
    }

    /// `acc = acc op x[0] op ... op x[n-1]` over contiguous elements of the computing dtype.
    pub(super) unsafe fn fold(&self, acc: *mut u8, x: *const u8, n: usize, report: &mut Report) {
        if n == 0 {
            return;
        }
        // SAFETY: contiguous, aligned, and the level is the CPU's.
        if let Some(flags) = unsafe { call_fold(self.l, self.isa, acc, x, n) } {
            report.flags |= flags;
            return;
        }
        let (step, x) = (self.computed.size() as isize, x.cast_mut());
        // SAFETY: the accumulator is read and written at every step, in order; `x` is the caller's.
        report.flags |= unsafe { call_strided(self.l, &[acc, x, acc], n, &[0, step, 0]) };
    }
}
