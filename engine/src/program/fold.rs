//! Folding what a program computes without ever making it: the tree of pairwise summation is walked down to pieces that stay in
//! L1, each is computed and folded there. The result is that of folding the elements, bit for bit, on any number of threads.
//!
//! That goes where each result folds elements that are neighbours in memory, had they been made; and where pieces may be
//! folded by themselves: sums of floats, which have their tree, and integers.

use super::raised::{Raised, take_noted};
use crate::array::Array;
use crate::cast::cast_block;
use crate::exec;
use crate::invoke::{call_contiguous, call_fold};
use crate::operand::{Operand, Order, Shape, broadcast_shape, c_strides, output_strides, single_call_order};
use crate::plan::{Access, Arg, Plan};
use crate::reduce::{Axes, Initial, normalize_axes, start_value};
use crate::registry::{
    Casting, DType, FoldOrder, FpFlags, Isa, Kind, LoopDef, Request, Typed, UfuncDef, resolve,
    resolve_reduction,
};
use crate::simd::fold::{minus_zero, pairwise_split};
use crate::simd::level::current_isa;
use crate::threads::{self, Helpers};
use crate::tuning::{BLOCK, CHUNKS_PER_THREAD, FOLD_PIECE, SHORT_ROW};
use smallvec::SmallVec;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

/// A fold of what a program computes, laid out.
pub struct Folded<'d> {
    plan: Plan<'d>,
    fold: &'static LoopDef,
    /// What each result starts with.
    start: u128,
    /// What changes nothing: pieces start with it.
    neutral: u128,
    /// How many results, and of how many elements each.
    rows: usize,
    n: usize,
    /// Whether inputs are read where they lie, or are single values.
    direct: bool,
    /// Of inputs that are single values for all rows, a piece each; made when it is run.
    repeated: OnceLock<SmallVec<[Vec<Line>; 4]>>,
    /// The shape of the result, which is row-major.
    pub shape: Shape,
    helpers: Helpers,
}

/// What the program raised, and what the fold did.
#[derive(Clone, Copy, Default)]
pub struct FoldReport {
    /// The program's steps, together.
    pub steps: FpFlags,
    /// The fold.
    pub fold: FpFlags,
}

/// One element of any dtype.
type Element = [u128; 1];
/// A piece of elements of any dtype.
#[repr(align(64))]
struct Piece([MaybeUninit<u128>; PIECE]);

/// A cache line: vectors that straddle two of them take twice the time.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read by address")] [u8; 64]);

/// Elements that are computed and then folded, 32 KiB of f64: what a piece costs beside its elements, 0.6 us where an operand is
/// repeated, shows with a quarter of it.
const PIECE: usize = 4 * BLOCK;

/// So many elements that are an input's only one; none of an input that has more.
///
/// # Safety
/// The input is there.
unsafe fn repeated(arg: &Arg, n: usize) -> Vec<Line> {
    if arg.strides[0] != 0 {
        return vec![];
    }
    let mut block = vec![Line([0; 64]); (n * arg.dtype.size()).div_ceil(size_of::<Line>())];
    // SAFETY: an element of the caller's; room for as many.
    unsafe { fill(arg.ptr, arg.dtype.size(), block.as_mut_ptr().cast(), n) };
    block
}

/// Writes an element `n` times.
///
/// # Safety
/// An element of that size is there, and room for `n` apart from it.
unsafe fn fill(element: *const u8, size: usize, to: *mut u8, n: usize) {
    let (bytes, mut filled) = (n * size, size);
    // SAFETY: the caller's element; then what is there already, to the bytes behind it, within the room.
    unsafe {
        std::ptr::copy_nonoverlapping(element, to, filled);
        while filled < bytes {
            let more = filled.min(bytes - filled);
            std::ptr::copy_nonoverlapping(to, to.add(filled), more);
            filled += more;
        }
    }
}

impl<'d> Folded<'d> {
    /// Lays out the fold; `None` where the elements are to be made, and folded then.
    pub fn new(
        def: &'d UfuncDef,
        fold: &'static UfuncDef,
        inputs: &[&Operand],
        axes: &Axes,
        keepdims: bool,
    ) -> Option<Folded<'d>> {
        let types: SmallVec<[Typed; 4]> = inputs.iter().map(|o| Typed::Strong(o.dtype)).collect();
        let request = Request { inputs: &types, outputs: &[], signature: None, casting: Casting::SameKind };
        let l = resolve(def, &request).ok()?;
        let &[elements] = l.outputs else { return None };
        let summing = resolve_reduction(fold, elements, None, None).ok()?;
        let computed = summing.outputs[0];
        let exact = |dtype: DType| matches!(dtype.kind(), Kind::Int | Kind::Bool);
        let is_tree = summing.folds == FoldOrder::Pairwise && computed == elements;
        let is_exact = summing.folds == FoldOrder::Any && exact(elements) && exact(computed);
        if !(is_tree || is_exact) || computed.is_narrow_float() || !summing.code.kernels().fold.exists() {
            return None;
        }
        let start = bits_of(&start_value(fold, summing, Initial::Default).ok()??);
        let neutral = if is_tree { minus_zero(computed)?[0] } else { start };
        let shape = broadcast_shape(inputs.iter().map(|o| &o.shape[..]))?;
        let axes = normalize_axes(axes, shape.len()).ok()?;
        if shape.contains(&0) || (axes.len() > 1 && !fold.reorderable) {
            return None;
        }
        // The elements' axes in the order they would have in memory.
        let order = single_call_order(inputs, l.inputs, Order::K).unwrap_or(Order::K);
        let strides = output_strides(inputs, &shape, elements.size(), order);
        let mut by_stride: SmallVec<[usize; 4]> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
        by_stride.sort_by_key(|&axis| std::cmp::Reverse(strides[axis].unsigned_abs()));
        let kept_axes = by_stride.iter().take_while(|axis| !axes.contains(axis)).count();
        let (kept, reduced) = by_stride.split_at(kept_axes);
        if !reduced.iter().all(|axis| axes.contains(axis)) || !kept.is_sorted() {
            return None;
        }
        let length = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
        let (rows, n) = (length(kept), length(reduced));
        // Short rows are taken side by side, and longer ones where a piece costs more than making them: 300 squares of 300
        // distances in 81 us, and piece by piece in 136; rows of 1,000 in 68 and 74.
        if rows > 1 && n < BLOCK.max(SHORT_ROW) {
            return None;
        }
        let walked: Shape = by_stride.iter().map(|&axis| shape[axis]).collect();
        let mut operands: SmallVec<[Operand; 4]> = SmallVec::new();
        for input in inputs {
            let whole = input.broadcast(&shape)?;
            let strides = by_stride.iter().map(|&axis| whole.strides[axis]).collect();
            operands.push(Operand { shape: walked.clone(), strides, ..whole });
        }
        // The elements are nowhere; each piece is told where to go.
        let nowhere = std::ptr::without_provenance_mut(64);
        let strides = c_strides(&walked, elements.size());
        operands.push(Operand { ptr: nowhere, dtype: elements, shape: walked.clone(), strides });
        let mut plan = Plan::new(l, def.cost, &operands, None, &walked);
        plan.args[inputs.len()].access = Access::Direct;
        let packed = |arg: &Arg| {
            let step = arg.strides.last().copied();
            arg.access == Access::Direct && (step == Some(arg.dtype.size() as isize) || step == Some(0))
        };
        let values = plan.args.iter().filter(|arg| arg.strides.last() == Some(&0)).count();
        let direct = plan.args.iter().all(packed)
            && match plan.shape[..] {
                [_] => true,
                // A piece has room for one value that another row has another of.
                [_, length] => length == n && values <= 1,
                _ => false,
            };
        let result = (0..shape.len()).filter_map(|axis| match axes.contains(&axis) {
            false => Some(shape[axis]),
            true => keepdims.then_some(1),
        });
        let (shape, helpers, repeated) = (result.collect(), Helpers::none(), OnceLock::new());
        Some(Folded { plan, fold: summing, start, neutral, rows, n, direct, repeated, shape, helpers })
    }

    /// The result's dtype.
    pub fn dtype(&self) -> DType {
        self.fold.outputs[0]
    }

    /// The program's loop.
    pub fn l(&self) -> &'d LoopDef {
        self.plan.l
    }

    /// How many elements are folded in all.
    pub fn len(&self) -> usize {
        self.rows * self.n
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Computes and folds.
    ///
    /// # Safety
    /// The inputs are there; `out` has room for the result, apart from them.
    pub unsafe fn run(&self, out: *mut u8) -> FoldReport {
        let out = Out(out);
        if self.direct && self.plan.shape.len() == 1 {
            let inputs = &self.plan.args[..self.plan.l.inputs.len()];
            let longest = self.len().min(PIECE);
            // SAFETY: the caller's promise.
            self.repeated
                .get_or_init(|| inputs.iter().map(|arg| unsafe { repeated(arg, longest) }).collect());
        }
        let threads = threads::threads_for(self.len(), self.plan.cost);
        let rows = |start: usize, end: usize| {
            // SAFETY: the caller's promise, for these results.
            (start..end).map(|row| unsafe { self.row(row, &out) }).fold(FoldReport::default(), both)
        };
        if threads == 1 {
            return rows(0, self.rows);
        }
        if self.rows < threads * CHUNKS_PER_THREAD && self.n >= DIVIDED {
            let (report, noted) = self.helpers.lend(threads, || (rows(0, self.rows), take_noted()));
            noted.into_iter().for_each(Raised::hand_over);
            return report;
        }
        let chunks = (threads * CHUNKS_PER_THREAD).min(self.rows);
        let chunk = self.rows.div_ceil(chunks);
        let task = |i: usize| rows((i * chunk).min(self.rows), ((i + 1) * chunk).min(self.rows));
        threads::run_tasks(chunks, threads, task, both, FoldReport::default)
    }

    /// # Safety
    /// As [`Folded::run`].
    unsafe fn row(&self, row: usize, out: &Out) -> FoldReport {
        let (isa, size) = (current_isa(), self.dtype().size());
        // SAFETY: the caller's promise; cells of one element each.
        unsafe {
            let (value, mut report) = self.tree(isa, row * self.n, self.n);
            let (result, flags) = self.join(isa, [self.start], value);
            report.fold |= flags;
            std::ptr::copy_nonoverlapping(result.as_ptr().cast(), out.0.add(row * size), size);
            report
        }
    }

    /// The fold of elements from that one on, with nothing before it.
    ///
    /// # Safety
    /// As [`Folded::run`].
    unsafe fn tree(&self, isa: Isa, start: usize, n: usize) -> (Element, FoldReport) {
        if n <= PIECE {
            // SAFETY: the caller's promise.
            return unsafe { self.piece(isa, start, n) };
        }
        let left = pairwise_split(n, self.dtype());
        // SAFETY: the caller's promise, here and below.
        let half = |start: usize, n: usize| unsafe { self.tree(isa, start, n) };
        let ((a, left_report), (b, right_report)) = match n >= DIVIDED {
            true => {
                let apart = |start: usize, n: usize| (half(start, n), take_noted());
                let ((a, first), (b, second)) =
                    self.helpers.join(|| apart(start, left), || apart(start + left, n - left));
                first.into_iter().chain(second).for_each(Raised::hand_over);
                (a, b)
            }
            false => (half(start, left), half(start + left, n - left)),
        };
        // SAFETY: cells of one element each.
        let (joined, flags) = unsafe { self.join(isa, a, b) };
        let report = both(left_report, right_report);
        (joined, FoldReport { fold: report.fold | flags, ..report })
    }

    /// # Safety
    /// As [`Folded::run`], of at most [`PIECE`] elements.
    unsafe fn piece(&self, isa: Isa, start: usize, n: usize) -> (Element, FoldReport) {
        let [mut elements, mut cast, mut value] = [const { Piece([MaybeUninit::uninit(); PIECE]) }; 3];
        let mut computed: *mut u8 = elements.0.as_mut_ptr().cast();
        let nin = self.plan.l.inputs.len();
        let mut acc = [self.neutral];
        // SAFETY: the caller's promise; a piece has room for as many elements of any dtype, the casts that there are raise
        // nothing, and the accumulator is a cell of its own.
        unsafe {
            let steps = if self.direct {
                let mut args: SmallVec<[*mut u8; 8]> = SmallVec::new();
                let (row, place) = (start / self.n, start % self.n);
                for (i, arg) in self.plan.args[..nin].iter().enumerate() {
                    args.push(match (&arg.strides[..], self.repeated.get()) {
                        ([0], Some(repeated)) => repeated[i].as_ptr().cast_mut().cast(),
                        (&[rows, 0], _) => {
                            let to: *mut u8 = value.0.as_mut_ptr().cast();
                            fill(arg.ptr.offset(row as isize * rows), arg.dtype.size(), to, n);
                            to
                        }
                        (&[rows, step], _) => arg.ptr.offset(row as isize * rows + place as isize * step),
                        (&[step], _) => arg.ptr.offset(start as isize * step),
                        _ => unreachable!("one axis or two"),
                    });
                }
                args.push(computed);
                call_contiguous(self.plan.l, isa, &args, n)
            } else {
                exec::run_part(&self.plan, isa, start, start + n, computed).flags
            };
            let (have, want) = (self.plan.l.outputs[0], self.dtype());
            if have != want {
                cast_block(have, want, computed, cast.0.as_mut_ptr().cast(), n, isa);
                computed = cast.0.as_mut_ptr().cast();
            }
            let fold = call_fold(self.fold, isa, acc.as_mut_ptr().cast(), computed, n);
            (
                acc,
                FoldReport {
                    steps,
                    fold: fold.unwrap_or_else(|| unreachable!("the loop has a fold kernel")),
                },
            )
        }
    }

    /// `a op b`.
    ///
    /// # Safety
    /// One element each.
    unsafe fn join(&self, isa: Isa, mut a: Element, mut b: Element) -> (Element, FpFlags) {
        let mut result = [0u128];
        let args = [a.as_mut_ptr().cast(), b.as_mut_ptr().cast(), result.as_mut_ptr().cast()];
        // SAFETY: the caller's promise; three cells.
        let flags = unsafe { call_contiguous(self.fold, isa, &args, 1) };
        (result, flags)
    }
}

/// Runs of fewer elements are one thread's.
const DIVIDED: usize = 2 * FOLD_PIECE;

/// Where results go.
struct Out(*mut u8);
// SAFETY: an address; workers write disjoint results.
unsafe impl Sync for Out {}

fn both(a: FoldReport, b: FoldReport) -> FoldReport {
    FoldReport { steps: a.steps | b.steps, fold: a.fold | b.fold }
}

fn bits_of(one: &Array) -> u128 {
    let mut bits = [0u128];
    // SAFETY: one element, of at most 16 bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(one.operand().ptr, bits.as_mut_ptr().cast::<u8>(), one.dtype().size());
    }
    bits[0]
}
