//! `reduce`: folding an array over axes.
//!
//! parse axes → resolve → start value → overlap → execute. Two ways to execute:
//!
//! - *by runs*: the reduced axis is the fast one; each output folds runs of contiguous memory with the loop's fold
//!   kernel. Long runs are divided where pairwise summation divides them, so that sums are bit-equal to NumPy's and the
//!   parts can go to different threads.
//! - *by columns*: a kept axis is the fast one; blocks of neighbouring outputs take in whole rows with the
//!   element-wise kernel. Sums join groups of 128 rows as a tree, which is more accurate than NumPy's running sum.
//!
//! Floats narrower than f32 accumulate in f32 and are rounded once.

use crate::array::{Array, Scalar, View, ViewMut};
use crate::call::Called;
use crate::cast::cast_block;
use crate::error::Error;
use crate::exec::{Report, call_contiguous, call_strided, with_scratch};
use crate::fperr;
use crate::operand::{Operand, Order, Shape, Strides, output_strides};
use crate::overlap::may_overlap;
use crate::registry::{DType, FpReport, Identity, Isa, Kind, LoopDef, UfuncDef, resolve_reduction};
use crate::simd::fold::pairwise_split;
use crate::simd::level::current_isa;
use crate::stage;
use crate::threads;
use crate::tuning::{BLOCK, CAST_FOLD_BLOCK, FOLD_PIECE, FOLD_ROWS, SHORT_ROW, elements_per_thread};
use smallvec::SmallVec;

/// The axes a reduction runs over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// All of them.
    All,
    /// One; negative counts from the end.
    One(isize),
    /// Several; none at all reduces nothing.
    Many(Vec<isize>),
}

/// What a reduction starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Initial {
    /// The ufunc's identity, or the first element where it has none.
    #[default]
    Default,
    /// The first element, identity or not.
    None,
    /// This value.
    Value(Scalar),
}

/// The keywords of a reduction.
#[derive(Clone, Debug)]
pub struct ReduceOptions<'a> {
    /// Over what.
    pub axis: Axes,
    /// The dtype to compute in.
    pub dtype: Option<DType>,
    /// Keep reduced axes, with length 1.
    pub keepdims: bool,
    /// From what.
    pub initial: Initial,
    /// Which elements take part.
    pub mask: Option<View<'a>>,
}

impl Default for ReduceOptions<'_> {
    fn default() -> Self {
        ReduceOptions {
            axis: Axes::One(0),
            dtype: None,
            keepdims: false,
            initial: Initial::Default,
            mask: None,
        }
    }
}

/// Reduces into a new array.
pub fn reduce(
    def: &'static UfuncDef,
    input: &View<'_>,
    options: &ReduceOptions<'_>,
) -> Result<Called, Error> {
    let reduction = Reduction::new(def, input.operand(), None, options)?;
    let out = Array::with_strides(reduction.l.outputs[0], &reduction.out_shape, &reduction.out_strides());
    // SAFETY: the input and the mask are borrowed for the call, the output is new.
    let report = unsafe { reduction.run(out.operand()) };
    Ok(Called { outputs: vec![out], report })
}

/// Reduces into a given array.
pub fn reduce_into(
    def: &'static UfuncDef,
    input: &View<'_>,
    out: &mut ViewMut<'_>,
    options: &ReduceOptions<'_>,
) -> Result<Report, Error> {
    let reduction = Reduction::new(def, input.operand(), Some(out.operand()), options)?;
    // SAFETY: the input and the mask are borrowed for the call, the output mutably; an overlap is copied apart.
    Ok(unsafe { reduction.run(out.operand()) })
}

/// The axes named, as numbers in order; checks range and repetition.
pub fn normalize_axes(axes: &Axes, ndim: usize) -> Result<SmallVec<[usize; 4]>, Error> {
    let one = |axis: isize| normalize_axis(axis, ndim);
    let mut result: SmallVec<[usize; 4]> = match axes {
        Axes::All => (0..ndim).collect(),
        // A scalar reduces over "its" axis 0 or -1, as in NumPy.
        Axes::One(0 | -1) if ndim == 0 => SmallVec::new(),
        Axes::One(axis) => [one(*axis)?].into_iter().collect(),
        Axes::Many(many) => many.iter().map(|&a| one(a)).collect::<Result<_, _>>()?,
    };
    result.sort_unstable();
    if let Some(pair) = result.windows(2).find(|w| w[0] == w[1]) {
        return Err(Error::DuplicateAxis { axis: pair[0] });
    }
    Ok(result)
}

/// An axis number, counted from the end if negative.
pub fn normalize_axis(axis: isize, ndim: usize) -> Result<usize, Error> {
    let index = if axis < 0 { axis + ndim as isize } else { axis };
    if (0..ndim as isize).contains(&index) { Ok(index as usize) } else { Err(Error::Axis { axis, ndim }) }
}

/// A checked reduction, before its output exists.
pub struct Reduction {
    def: &'static UfuncDef,
    /// The loop chosen by dtype; its output dtype is the result's.
    pub l: &'static LoopDef,
    /// The shape of the result.
    pub out_shape: Shape,
    input: Operand,
    mask: Option<Operand>,
    axes: SmallVec<[usize; 4]>,
    keepdims: bool,
    start: Option<Array>,
}

impl Reduction {
    /// Checks axes, resolves the loop, settles the start value.
    pub fn new(
        def: &'static UfuncDef,
        input: &Operand,
        out: Option<&Operand>,
        options: &ReduceOptions<'_>,
    ) -> Result<Reduction, Error> {
        check_binary(def, "reduce")?;
        let axes = normalize_axes(&options.axis, input.shape.len())?;
        let l = resolve_reduction(def, input.dtype, out.map(|o| o.dtype), options.dtype)?;
        if axes.len() > 1 && !def.reorderable {
            return Err(Error::NotReorderable { ufunc: def.name });
        }
        let mut out_shape = Shape::new();
        for (axis, &n) in input.shape.iter().enumerate() {
            match axes.contains(&axis) {
                false => out_shape.push(n),
                true if options.keepdims => out_shape.push(1),
                true => {}
            }
        }
        if let Some(out) = out {
            if out.shape.len() != out_shape.len() {
                let (found, expected) = (out.shape.len(), out_shape.len());
                return Err(Error::OutputDims { ufunc: def.name, found, expected });
            }
            if out.shape != out_shape {
                let (found, expected) = (out.shape.to_vec(), out_shape.to_vec());
                return Err(Error::OutputShape { found, expected });
            }
        }
        let mask = match &options.mask {
            None => None,
            Some(mask) if mask.dtype() != DType::Bool => {
                return Err(Error::MaskDType { found: mask.dtype() });
            }
            Some(mask) => Some(mask.operand().broadcast(&input.shape).ok_or_else(|| Error::Broadcast {
                shapes: vec![input.shape.to_vec(), mask.shape().to_vec()],
            })?),
        };
        let start = start_value(def, l, options.initial)?;
        let reduced: usize = axes.iter().map(|&a| input.shape[a]).product();
        if start.is_none() && reduced == 0 && !out_shape.contains(&0) {
            return Err(Error::EmptyReduction { ufunc: def.name });
        }
        if start.is_none() && mask.is_some() {
            return Err(Error::MaskNeedsInitial { ufunc: def.name });
        }
        let keepdims = options.keepdims;
        Ok(Reduction { def, l, out_shape, input: input.clone(), mask, axes, keepdims, start })
    }

    /// Byte strides for a new output: its axes in the input's memory order.
    pub fn out_strides(&self) -> Strides {
        let mut kept = self.input.clone();
        for &axis in self.axes.iter().rev() {
            match self.keepdims {
                true => (kept.shape[axis], kept.strides[axis]) = (1, 0),
                false => {
                    kept.shape.remove(axis);
                    kept.strides.remove(axis);
                }
            }
        }
        output_strides(&[&kept], &self.out_shape, self.l.outputs[0].size(), Order::K)
    }

    /// Reduces into `out`, which has the result's shape.
    ///
    /// # Safety
    /// Input, mask and `out` are valid for the call.
    pub unsafe fn run(&self, out: &Operand) -> Report {
        if out.is_empty() {
            return Report::default();
        }
        let mut copies: SmallVec<[Array; 2]> = SmallVec::new();
        let mut apart = |o: &Operand| match may_overlap(o, out) {
            false => o.clone(),
            true => {
                // SAFETY: the caller's promise.
                copies.push(unsafe { Array::copy_operand(o) });
                copies[copies.len() - 1].operand().clone()
            }
        };
        let input = apart(&self.input);
        let mask = self.mask.as_ref().map(&mut apart);
        let fold = Folding::new(self.def, self.l, input.dtype, out.dtype, self.start.as_ref());
        let nest = Nest::new(&input, mask.as_ref(), out, &self.axes, self.keepdims, self.def.reorderable);
        // SAFETY: the nest walks exactly the elements of these operands; outputs are distinct from inputs.
        unsafe { execute(&fold, &nest) }
    }
}

/// Whether the ufunc has two inputs and one output.
pub(crate) fn check_binary(def: &UfuncDef, method: &'static str) -> Result<(), Error> {
    match (def.nin(), def.nout()) {
        (2, 1) => Ok(()),
        _ => Err(Error::NotBinary { ufunc: def.name, method }),
    }
}

/// The start value in the result's dtype.
fn start_value(def: &UfuncDef, l: &LoopDef, initial: Initial) -> Result<Option<Array>, Error> {
    let dtype = l.outputs[0];
    let scalar = match (initial, def.identity) {
        (Initial::None, _) | (Initial::Default, Identity::None) => return Ok(None),
        (Initial::Value(value), _) => value,
        (Initial::Default, Identity::Zero) => Scalar::Int(0),
        (Initial::Default, Identity::One) => Scalar::Int(1),
        (Initial::Default, Identity::NegInfinity) => Scalar::Float(f64::NEG_INFINITY),
        (Initial::Default, Identity::MinusOne) => match (dtype.kind(), dtype.is_signed()) {
            (Kind::Int, false) => Scalar::Int((1 << dtype.precision()) - 1), // all bits set
            (Kind::Bool, _) => Scalar::Int(1),
            _ => Scalar::Int(-1),
        },
    };
    scalar.to_array(dtype).map(Some)
}

/// What is folded, in which dtypes.
pub(crate) struct Folding {
    /// The loop that computes: the resolved one, or its f32 sibling for narrow floats.
    l: &'static LoopDef,
    isa: Isa,
    source: DType,
    computed: DType,
    target: DType,
    /// The result's dtype, when it is narrower than what computes.
    narrow: Option<DType>,
    cost: crate::registry::Cost,
    start: Option<[u128; 1]>,
    /// -0 in the computing dtype, where the fold is a float sum: adding it changes nothing.
    neutral: Option<[u128; 1]>,
    /// Whether a cast the caller asked for goes through blocks of NumPy's buffer size.
    blockwise: bool,
}

impl Folding {
    pub(crate) fn new(
        def: &UfuncDef,
        l: &'static LoopDef,
        source: DType,
        target: DType,
        start: Option<&Array>,
    ) -> Folding {
        let result = l.outputs[0];
        let wide = if result.is_small_float() { def.loop_for(&[DType::F32; 2]) } else { None };
        let computing = wide.filter(|w| w.is_reducible()).unwrap_or(l);
        let computed = computing.outputs[0];
        let isa = current_isa();
        let start = start.map(|value| {
            let mut cell = [0u128];
            // SAFETY: one element each, the cell is aligned and large enough for any dtype.
            unsafe { cast_block(result, computed, value.operand().ptr, cell.as_mut_ptr().cast(), 1, isa) };
            cell
        });
        let neutral = match (def.identity, computed) {
            (Identity::Zero, DType::F32) => Some([u128::from((-0f32).to_bits())]),
            (Identity::Zero, DType::F64) => Some([u128::from((-0f64).to_bits())]),
            _ => None,
        };
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
            blockwise: source != result,
        }
    }

    /// Brings `n` strided elements into `block`, in the computing dtype; `raw` is for what must be cast first.
    unsafe fn load(
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
    unsafe fn store(
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

    /// `acc = acc op x[0] op ... op x[n-1]` over contiguous elements of the computing dtype.
    unsafe fn fold(&self, acc: *mut u8, x: *const u8, n: usize, report: &mut Report) {
        if n == 0 {
            return;
        }
        let Some(kernel) = self.l.kernels.fold_at(self.isa) else {
            let step = self.computed.size() as isize;
            let x = x.cast_mut();
            // SAFETY: the accumulator is read and written at every step, in order; `x` is the caller's.
            report.flags |= unsafe { call_strided(self.l, &[acc, x, acc], n, &[0, step, 0]) };
            return;
        };
        let hardware = self.l.fp == FpReport::Hardware;
        if hardware {
            fperr::clear();
        }
        // SAFETY: contiguous, aligned, and the level is the CPU's.
        let flags = unsafe { kernel(acc, x, n) };
        report.flags |= if hardware { fperr::take() } else { flags };
    }
}

/// The loops around a reduction: kept axes, outermost first, and reduced ones.
pub(crate) struct Nest {
    kept: Axis3,
    reduced: Axis3,
    input: *const u8,
    out: *mut u8,
    mask: *const u8,
    masked: bool,
    aligned: bool,
}

// SAFETY: addresses and numbers; workers write disjoint outputs.
unsafe impl Sync for Nest {}

/// Axes with the byte strides of input, output and mask along them.
#[derive(Default)]
struct Axis3 {
    shape: Shape,
    input: Strides,
    out: Strides,
    mask: Strides,
}

impl Axis3 {
    fn len(&self) -> usize {
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
                && merged.step(last).iter().zip(steps).all(|(&outer, inner)| outer == inner * n as isize);
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
        }
    }

    /// Whether blocks of neighbouring outputs should take in rows: the kept axis is the faster one and not narrow, or
    /// the runs are too short to fold one by one.
    fn by_columns(&self, fold: &Folding) -> bool {
        let (k, r) = (self.kept.shape.len() - 1, self.reduced.shape.len() - 1);
        let kept_is_faster = self.kept.input[k].unsigned_abs() < self.reduced.input[r].unsigned_abs();
        // A pairwise sum of fewer than 8 elements adds them in order, as rows do; of more it does not.
        let short = if fold.neutral.is_some() { 8 } else { SHORT_ROW };
        let runs_are_short = self.reduced.len() < short && self.reduced.shape.len() == 1;
        let kept_is_wide = self.kept.shape[k] >= SHORT_ROW / 4;
        !self.masked && self.reduced.len() > 1 && kept_is_wide && (kept_is_faster || runs_are_short)
    }
}

/// # Safety
/// The nest's elements are valid; outputs overlap no input.
pub(crate) unsafe fn execute(fold: &Folding, nest: &Nest) -> Report {
    let outputs = nest.kept.len();
    let work = outputs * nest.reduced.len();
    let worth = work / elements_per_thread(fold.cost);
    let threads = if worth < 2 || threads::inside_pool() { 1 } else { threads::num_threads().min(worth) };
    let by_columns = nest.by_columns(fold);
    // SAFETY (both): the caller's promise; ranges are disjoint.
    let piece = |start: usize, end: usize| match by_columns {
        true => unsafe { columns(fold, nest, start, end) },
        false => unsafe { runs(fold, nest, start, end) },
    };
    if threads == 1 {
        return piece(0, outputs);
    }
    if outputs < threads && !by_columns {
        return threads::install(threads, || piece(0, outputs)); // the runs divide themselves
    }
    let chunks = (threads * crate::tuning::CHUNKS_PER_THREAD).min(outputs);
    let chunk = outputs.div_ceil(chunks);
    let task = |i: usize| piece((i * chunk).min(outputs), ((i + 1) * chunk).min(outputs));
    threads::run_tasks(chunks, threads, task, |a, b| a | b, Report::default)
}

/// Outputs `start..end`, one after the other, each by runs.
unsafe fn runs(fold: &Folding, nest: &Nest, start: usize, end: usize) -> Report {
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
    unsafe fn take_first(&mut self, fold: &Folding, acc: *mut u8, report: &mut Report) {
        let mut raw = [0u128];
        // SAFETY: the run is not empty; the cells hold any element.
        unsafe { fold.load(self.x, 0, 1, raw.as_mut_ptr().cast(), acc, report) };
        *self = self.slice(1, self.n - 1);
    }

    /// Folds the run into the accumulator.
    unsafe fn fold(self, fold: &Folding, aligned: bool, acc: *mut u8, report: &mut Report) {
        let in_place = fold.source == fold.computed && aligned;
        let packed = in_place && self.step == fold.source.size() as isize;
        // SAFETY (all): the caller's elements.
        if fold.l.kernels.fold_at(fold.isa).is_none() && in_place {
            let args = [acc, self.x.cast_mut(), acc];
            report.flags |= unsafe { call_strided(fold.l, &args, self.n, &[0, self.step, 0]) };
        } else if fold.blockwise && !packed {
            let mut done = 0;
            while done < self.n {
                let n = (self.n - done).min(CAST_FOLD_BLOCK);
                unsafe { self.slice(done, n).fold_tree(fold, false, acc, report) };
                done += n;
            }
        } else {
            unsafe { self.fold_tree(fold, packed, acc, report) };
        }
    }

    /// Folds a run as a tree of pieces, joined in the order of pairwise summation.
    unsafe fn fold_tree(self, fold: &Folding, packed: bool, acc: *mut u8, report: &mut Report) {
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
    unsafe fn partial(self, fold: &Folding, packed: bool, piece: usize) -> ([u128; 1], Report) {
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
        let left = pairwise_split(self.n);
        let (a, b) = (self.slice(0, left), self.slice(left, self.n - left));
        let half = |run: Run| unsafe { run.partial(fold, packed, piece) };
        let large = self.n >= 2 * FOLD_PIECE && threads::inside_pool();
        let ((mut a, ra), (mut b, rb)) = match large {
            true => {
                let half = &half;
                threads::join(move || half(a), move || half(b))
            }
            false => (half(a), half(b)),
        };
        report |= ra | rb;
        unsafe { join(fold, a.as_mut_ptr().cast(), b.as_mut_ptr().cast(), &mut report) };
        (a, report)
    }

    unsafe fn fold_piece(self, fold: &Folding, packed: bool, acc: *mut u8, report: &mut Report) {
        if packed {
            // SAFETY: contiguous, aligned elements of the computing dtype.
            return unsafe { fold.fold(acc, self.x, self.n, report) };
        }
        // A fold kernel is given the whole piece: its order is that of the run.
        let room = self.n.max(1) * 16;
        with_scratch(2 * room, |scratch| unsafe {
            // SAFETY: the scratch holds the piece twice.
            fold.load(self.x, self.step, self.n, scratch, scratch.add(room), report);
            fold.fold(acc, scratch.add(room), self.n, report);
        });
    }

    /// Folds the elements the mask chooses.
    unsafe fn fold_masked(
        self,
        fold: &Folding,
        acc: *mut u8,
        mask: *const u8,
        mask_step: isize,
        report: &mut Report,
    ) {
        let mut kept: Vec<u32> = Vec::new();
        let mut done = 0;
        while done < self.n {
            let part = self.slice(done, (self.n - done).min(BLOCK));
            let mask = mask.wrapping_offset(done as isize * mask_step);
            kept.clear();
            // SAFETY: the mask's elements are the caller's, one byte each.
            kept.extend((0..part.n as u32).filter(|&i| unsafe { *mask.offset(i as isize * mask_step) } != 0));
            with_scratch(3 * BLOCK * 16, |scratch| unsafe {
                let block = scratch.add(BLOCK * 16);
                let raw_size = fold.source.size();
                // SAFETY: each block holds `BLOCK` elements; packing happens before the cast, so that elements left
                // out raise nothing.
                stage::copy_row(part.x, part.step, scratch, raw_size as isize, raw_size, part.n);
                stage::compress(scratch, scratch, raw_size, &kept);
                report.cast |= cast_block(fold.source, fold.computed, scratch, block, kept.len(), fold.isa);
                fold.fold(acc, block, kept.len(), report);
            });
            done += part.n;
        }
    }
}

/// `a = a op b`, of one element each.
unsafe fn join(fold: &Folding, a: *mut u8, b: *mut u8, report: &mut Report) {
    let mut result = [0u128];
    let out: *mut u8 = result.as_mut_ptr().cast();
    // SAFETY: three distinct, aligned cells.
    unsafe {
        report.flags |= call_contiguous(fold.l, fold.isa, &[a, b, out], 1);
        std::ptr::copy_nonoverlapping(out, a, fold.computed.size());
    }
}

/// Outputs `start..end`, by blocks of neighbours that take in rows.
unsafe fn columns(fold: &Folding, nest: &Nest, start: usize, end: usize) -> Report {
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
    fold: &Folding,
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
        // SAFETY (whole block): rows are the nest's; scratch blocks are distinct and hold `n` elements each; operands of
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
                    report.flags |= call_contiguous(fold.l, fold.isa, &[acc, x, next], n);
                    std::mem::swap(&mut acc, &mut next);
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
