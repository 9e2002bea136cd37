//! The executor: runs a plan, on one thread or several, and reports the IEEE flags.
//!
//! The iteration space is a flat range, cut into blocks. In a block each operand is either used where it lies or staged:
//! gathered, and cast if need be, into a contiguous scratch block (results the other way). Kernels therefore see only
//! contiguous, aligned, distinct operands. Scratch is a few blocks per worker, whatever the size of the arrays. With a
//! `where` mask, a block's chosen elements are packed, computed and put back, so that the others raise nothing.

use crate::cast::cast_block;
use crate::error::Error;
use crate::fperr;
use crate::plan::{Access, Arg, Plan};
use crate::registry::{Code, Cost, DType, FpFlags, FpReport, Isa, LoopDef, UfuncDef};
use crate::simd::level::current_isa;
use crate::stage::{self, Coords};
use crate::threads;
use crate::tuning::{BLOCK, CHUNKS_PER_THREAD, SHORT_ROW, elements_per_thread};
use smallvec::SmallVec;
use std::cell::RefCell;

/// What a piece of work raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the loop.
    pub flags: FpFlags,
    /// In casts of operands.
    pub cast: FpFlags,
}

impl Report {
    /// The report, unless a loop refused an element.
    pub fn unless_refused(self, def: &UfuncDef) -> Result<Report, Error> {
        match self.flags.contains(FpFlags::REFUSED) {
            true => {
                Err(Error::Refused { ufunc: def.name, why: def.refusal.unwrap_or("an element is refused") })
            }
            false => Ok(self),
        }
    }
}

impl std::ops::BitOr for Report {
    type Output = Report;
    fn bitor(self, other: Report) -> Report {
        Report { flags: self.flags | other.flags, cast: self.cast | other.cast }
    }
}

impl std::ops::BitOrAssign for Report {
    fn bitor_assign(&mut self, other: Report) {
        *self = *self | other;
    }
}

/// Runs the whole plan.
///
/// # Safety
/// Every element the plan's arguments reach may be read, and outputs written, by any thread, until the call returns.
pub unsafe fn run(plan: &Plan<'_>) -> Report {
    if plan.total == 0 {
        return Report::default();
    }
    let isa = current_isa();
    let threads = worth_threads(plan);
    if threads == 1 {
        // SAFETY: the caller's promise.
        return unsafe { run_range(plan, isa, 0, plan.total) };
    }
    let chunks = (threads * CHUNKS_PER_THREAD).min(plan.total.div_ceil(elements_per_thread(plan.cost)));
    // Whole blocks, so that chunk edges fall on cache lines of every operand that starts on one.
    let chunk = plan.total.div_ceil(chunks).next_multiple_of(BLOCK);
    let task = |i: usize| {
        let start = (i * chunk).min(plan.total);
        // SAFETY: the caller's promise; chunks are disjoint.
        unsafe { run_range(plan, isa, start, (start + chunk).min(plan.total)) }
    };
    threads::run_tasks(chunks, threads, task, |a, b| a | b, Report::default)
}

/// Threads the plan is worth.
pub fn worth_threads(plan: &Plan<'_>) -> usize {
    if plan.l.needs_gil { 1 } else { threads::threads_for(plan.total, plan.cost) }
}

/// Runs a loop's code, and says what it raised.
#[inline(always)]
pub fn watched(fp: FpReport, code: impl FnOnce() -> FpFlags) -> FpFlags {
    match fp {
        FpReport::Hardware => {
            fperr::clear();
            let returned = code();
            returned | fperr::take()
        }
        FpReport::Returned | FpReport::Never => code(), // (Loops that never raise return no flags.)
    }
}

/// Calls a loop on contiguous operands through its block kernel, or its strided one where that is all it has.
///
/// # Safety
/// As for [`crate::registry::BlockFn`], but the first input may be the output, element for element, if the loop can do so.
pub unsafe fn call_contiguous(l: &LoopDef, isa: Isa, args: &[*mut u8], n: usize) -> FpFlags {
    let kernel = match &l.code {
        Code::Kernels(kernels) if args[0] == args[l.inputs.len()] => kernels.in_place.at(isa),
        Code::Kernels(kernels) => kernels.block.at(isa),
        // SAFETY: the caller's promise; the object is the code's own.
        Code::Object(made) => return watched(l.fp, || unsafe { (made.run)(&*made.data, args.as_ptr(), n) }),
    };
    if let Some(kernel) = kernel {
        // SAFETY: the caller's promise; an in-place kernel wants the first input to be the output.
        return watched(l.fp, || unsafe { kernel(args.as_ptr(), n) });
    }
    let steps: SmallVec<[isize; 4]> = l.inputs.iter().chain(l.outputs).map(|d| d.size() as isize).collect();
    // SAFETY: contiguous operands are strided ones with these steps.
    unsafe { call_strided(l, args, n, &steps) }
}

/// Calls a loop one element after the other, outputs being inputs of later elements as the pointers have it.
///
/// # Safety
/// As for [`crate::registry::StridedFn`].
pub unsafe fn call_strided(l: &LoopDef, args: &[*mut u8], n: usize, strides: &[isize]) -> FpFlags {
    let Some(kernel) = l.code.kernels().strided.at(current_isa()) else {
        // SAFETY: the caller's promise.
        return unsafe { call_singly(l, args, n, strides) };
    };
    // SAFETY: the caller's promise.
    watched(l.fp, || unsafe { kernel(args.as_ptr(), n, strides.as_ptr()) })
}

/// The same by the block kernel, an element at a time.
unsafe fn call_singly(l: &LoopDef, args: &[*mut u8], n: usize, strides: &[isize]) -> FpFlags {
    let isa = current_isa();
    let nin = l.inputs.len();
    let mut flags = FpFlags::NONE;
    let mut cells: SmallVec<[[u128; 1]; 2]> = smallvec::smallvec![[0]; l.outputs.len()];
    for i in 0..n {
        let address = |k: usize| args[k].wrapping_offset(i as isize * strides[k]);
        let out_cells = cells.iter_mut().map(|c| c.as_mut_ptr().cast::<u8>());
        let single: SmallVec<[*mut u8; 4]> = (0..nin).map(address).chain(out_cells).collect();
        // SAFETY: one valid, aligned element each; outputs are cells of their own, copied out afterwards.
        unsafe {
            flags |= call_contiguous(l, isa, &single, 1);
            for (k, d) in l.outputs.iter().enumerate() {
                std::ptr::copy_nonoverlapping(single[nin + k], address(nin + k), d.size());
            }
        }
    }
    flags
}

/// Folds contiguous elements into an accumulator and says what it raised; `None` if the loop has no fold kernel.
///
/// # Safety
/// As for [`crate::registry::FoldFn`].
pub unsafe fn call_fold(l: &LoopDef, isa: Isa, acc: *mut u8, x: *const u8, n: usize) -> Option<FpFlags> {
    let kernel = l.code.kernels().fold.at(isa)?;
    // SAFETY: the caller's promise.
    Some(watched(l.fp, || unsafe { kernel(acc, x, n) }))
}

thread_local! {
    static SCRATCH: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
}

/// Gives `f` at least `bytes` bytes of scratch, aligned to 16, kept by the thread for the next call.
pub fn with_scratch<R>(bytes: usize, f: impl FnOnce(*mut u8) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        let needed = bytes.div_ceil(16);
        if scratch.len() < needed {
            scratch.resize(needed, 0);
        }
        f(scratch.as_mut_ptr().cast())
    })
}

/// An argument's blocks: one in the loop's dtype, one in memory's.
#[derive(Clone, Copy)]
struct Blocks {
    computed: *mut u8,
    stored: *mut u8,
}

/// Runs elements `start..end`, in walking order.
///
/// # Safety
/// As [`run`]; no other thread writes what these elements read.
unsafe fn run_range(plan: &Plan<'_>, isa: Isa, start: usize, end: usize) -> Report {
    let walk = Walk::new(plan, isa);
    if walk.all_direct && plan.shape.len() == 1 {
        let args: SmallVec<[*mut u8; 4]> =
            plan.args.iter().map(|a| a.ptr.wrapping_offset(start as isize * a.strides[0])).collect();
        // SAFETY: every argument is aligned, contiguous, and distinct from the outputs, or the plan would stage it.
        let flags = unsafe { call_contiguous(plan.l, isa, &args, end - start) };
        return Report { flags, cast: FpFlags::NONE };
    }
    // A block starts a little past a multiple of its size, so that blocks do not fall on the same cache sets.
    const STAGGER: usize = 192;
    let widest = plan.args.iter().map(|a| a.dtype.size()).chain(plan.l.inputs.iter().map(|d| d.size()));
    let widest = widest.chain(plan.l.outputs.iter().map(|d| d.size())).max().unwrap_or(16);
    let block_bytes = BLOCK * widest + STAGGER;
    let count = 2 * plan.args.len() + 2;
    with_scratch(count * block_bytes + 4 * BLOCK, |scratch| {
        let block = |i: usize| scratch.wrapping_add(i * block_bytes);
        let blocks: SmallVec<[Blocks; 4]> = (0..plan.args.len())
            .map(|i| Blocks { computed: block(2 * i), stored: block(2 * i + 1) })
            .collect();
        let spare = Blocks { computed: block(count - 2), stored: block(count - 1) };
        // SAFETY: the scratch blocks are distinct and hold `BLOCK` elements of any dtype of the plan each.
        unsafe { walk.run(start, end, &blocks, spare) }
    })
}

/// One range's walk over a plan.
struct Walk<'p> {
    plan: &'p Plan<'p>,
    isa: Isa,
    dtypes: SmallVec<[DType; 4]>,
    direct: SmallVec<[bool; 4]>,
    by_rows: bool,
    all_direct: bool,
    strided: bool,
}

impl<'p> Walk<'p> {
    fn new(plan: &'p Plan<'p>, isa: Isa) -> Walk<'p> {
        let ndim = plan.shape.len();
        let by_rows = ndim == 1 || plan.shape[ndim - 1] >= SHORT_ROW;
        let direct: SmallVec<[bool; 4]> = plan
            .args
            .iter()
            .map(|a| {
                let packed = match by_rows {
                    true => a.strides[ndim - 1] == a.dtype.size() as isize || plan.total == 1,
                    false => a.is_flat(&plan.shape),
                };
                a.access == Access::Direct && packed
            })
            .collect();
        let all_direct = plan.mask.is_none() && direct.iter().all(|&d| d);
        // Cheap loops gain nothing from staging: the strided kernel is as fast as the copying (add of every second f64:
        // 0.6 against 0.9 ns an element).
        let steps = || plan.args.iter().map(|a| (a.strides[ndim - 1], a.dtype.size() as isize));
        let strided = by_rows
            && plan.cost == Cost::Light
            && plan.mask.is_none()
            && plan.l.code.kernels().strided.exists()
            && plan.args.iter().all(|a| a.access != Access::Staged)
            && steps().any(|(step, size)| step != size && step != 0);
        let dtypes = plan.l.inputs.iter().chain(plan.l.outputs).copied().collect();
        Walk { strided, plan, isa, dtypes, direct, by_rows, all_direct }
    }

    /// # Safety
    /// As [`run_range`]; the blocks are distinct and large enough.
    unsafe fn run(&self, start: usize, end: usize, blocks: &[Blocks], spare: Blocks) -> Report {
        let plan = self.plan;
        let nin = plan.l.inputs.len();
        let row = plan.shape[plan.shape.len() - 1];
        let limit = if self.all_direct || self.strided { usize::MAX } else { BLOCK };
        let mut report = Report::default();
        let mut filled: SmallVec<[bool; 4]> = smallvec::smallvec![false; nin];
        let mut args: SmallVec<[*mut u8; 4]> = smallvec::smallvec![std::ptr::null_mut(); plan.args.len()];
        let mut kept: Vec<u32> = Vec::new();
        let mut streamed = false;
        let mut flat = start;
        let mut coords = stage::coords_of(start, &plan.shape);
        while flat < end {
            let row_left = if self.by_rows { row - coords[coords.len() - 1] } else { usize::MAX };
            let n = limit.min(end - flat).min(row_left);
            if self.strided {
                let here: SmallVec<[*mut u8; 4]> =
                    (0..plan.args.len()).map(|i| self.address(i, &coords, flat)).collect();
                let steps: SmallVec<[isize; 4]> =
                    plan.args.iter().map(|a| a.strides[coords.len() - 1]).collect();
                // SAFETY: `n` elements of this row, aligned; outputs apart from inputs, or the same element by element.
                report.flags |= unsafe { call_strided(plan.l, &here, n, &steps) };
                flat += n;
                stage::advance(&mut coords, &plan.shape, n);
                continue;
            }
            // SAFETY: elements `flat..flat + n` are within the plan; blocks hold `n <= BLOCK` elements,
            // and where a block is not used, the memory itself is contiguous for `n` elements.
            unsafe {
                let chosen = self.choose(&coords, n, spare.stored, &mut kept);
                if chosen != Chosen::None {
                    for i in 0..nin {
                        let arg = &plan.args[i];
                        if self.direct[i] {
                            args[i] = self.address(i, &coords, flat);
                        } else if arg.is_constant() {
                            // The same element for ever: one full block serves every block of the walk.
                            if !filled[i] {
                                report.cast |= self.load(i, &coords, BLOCK.min(plan.total), blocks[i]);
                                filled[i] = true;
                            }
                            args[i] = blocks[i].computed;
                        } else {
                            report.cast |= self.load(i, &coords, n, blocks[i]);
                            args[i] = blocks[i].computed;
                        }
                    }
                    for (i, (arg, block)) in args.iter_mut().zip(blocks).enumerate().skip(nin) {
                        let in_place = self.direct[i] && chosen == Chosen::All;
                        *arg = if in_place { self.address(i, &coords, flat) } else { block.computed };
                    }
                    if chosen == Chosen::All {
                        report.flags |= call_contiguous(plan.l, self.isa, &args, n);
                        for (i, &block) in blocks.iter().enumerate().skip(nin) {
                            if !self.direct[i] {
                                report.cast |= self.store(i, &coords, flat, n, block);
                                streamed |= plan.args[i].access == Access::Streamed;
                            }
                        }
                    } else {
                        report |= self.run_kept(&coords, flat, n, &kept, &mut args, blocks, spare);
                    }
                }
            }
            flat += n;
            if self.by_rows {
                stage::advance(&mut coords, &plan.shape, n);
            } else if flat < end {
                coords = stage::coords_of(flat, &plan.shape);
            }
        }
        if streamed {
            stage::fence();
        }
        report
    }

    /// Which elements of a block the mask chooses; `kept` holds their positions when it is some.
    unsafe fn choose(&self, coords: &Coords, n: usize, block: *mut u8, kept: &mut Vec<u32>) -> Chosen {
        let Some(mask) = &self.plan.mask else { return Chosen::All };
        // SAFETY: the mask has the plan's shape; the block holds `n` bytes.
        let bytes = unsafe {
            stage::gather(mask.ptr, coords, &self.plan.shape, &mask.strides, 1, n, block);
            std::slice::from_raw_parts(block, n)
        };
        kept.clear();
        kept.extend((0..n as u32).zip(bytes).filter(|(_, b)| **b != 0).map(|(i, _)| i));
        match kept.len() {
            0 => Chosen::None,
            k if k == n => Chosen::All,
            _ => Chosen::Some,
        }
    }

    fn address(&self, i: usize, coords: &Coords, flat: usize) -> *mut u8 {
        let arg = &self.plan.args[i];
        match self.by_rows {
            true => arg.ptr.wrapping_offset(stage::offset_of(coords, &arg.strides)),
            false => arg.ptr.wrapping_add(flat * arg.dtype.size()),
        }
    }

    /// Brings `n` elements of input `i` into its block, in the loop's dtype.
    unsafe fn load(&self, i: usize, coords: &Coords, n: usize, blocks: Blocks) -> FpFlags {
        let Arg { ptr, dtype, strides, .. } = &self.plan.args[i];
        let raw = if *dtype == self.dtypes[i] { blocks.computed } else { blocks.stored };
        // SAFETY: the elements are the plan's; a block holds them; the two blocks are distinct.
        unsafe {
            match self.plan.args[i].is_constant() {
                true => stage::copy_row(*ptr, 0, raw, dtype.size() as isize, dtype.size(), n),
                false => stage::gather(*ptr, coords, &self.plan.shape, strides, dtype.size(), n, raw),
            }
            match *dtype == self.dtypes[i] {
                true => FpFlags::NONE,
                false => cast_block(*dtype, self.dtypes[i], raw, blocks.computed, n, self.isa),
            }
        }
    }

    /// Takes `n` elements of output `i` from its block to memory, in memory's dtype.
    unsafe fn store(&self, i: usize, coords: &Coords, flat: usize, n: usize, blocks: Blocks) -> FpFlags {
        let Arg { ptr, dtype, strides, access } = &self.plan.args[i];
        // SAFETY: the elements are the plan's; the blocks are distinct and hold them.
        unsafe {
            let (raw, flags) = self.stored(i, n, blocks);
            match access {
                Access::Streamed if self.by_rows || self.plan.args[i].is_flat(&self.plan.shape) => {
                    stage::stream(raw, self.address(i, coords, flat), n * dtype.size());
                }
                _ => stage::scatter(*ptr, coords, &self.plan.shape, strides, dtype.size(), n, raw),
            }
            flags
        }
    }

    /// The block of output `i` in memory's dtype.
    unsafe fn stored(&self, i: usize, n: usize, blocks: Blocks) -> (*mut u8, FpFlags) {
        let (computed, stored) = (self.dtypes[i], self.plan.args[i].dtype);
        if computed == stored {
            return (blocks.computed, FpFlags::NONE);
        }
        // SAFETY: the blocks are distinct, aligned and hold `n` elements.
        let flags = unsafe { cast_block(computed, stored, blocks.computed, blocks.stored, n, self.isa) };
        (blocks.stored, flags)
    }

    /// Runs the loop on the elements at `kept` of a block only.
    #[allow(clippy::too_many_arguments, reason = "the state of one block")]
    unsafe fn run_kept(
        &self,
        coords: &Coords,
        flat: usize,
        n: usize,
        kept: &[u32],
        args: &mut [*mut u8],
        blocks: &[Blocks],
        spare: Blocks,
    ) -> Report {
        let plan = self.plan;
        let nin = plan.l.inputs.len();
        let mut report = Report::default();
        // SAFETY: `kept` ascends and stays below `n`; inputs are packed into blocks of their own (a constant's block is
        // the same everywhere, packed or not); the spare block takes an output's elements while some are replaced.
        unsafe {
            for i in 0..nin {
                if !plan.args[i].is_constant() || self.direct[i] {
                    stage::compress(args[i], blocks[i].computed, self.dtypes[i].size(), kept);
                    args[i] = blocks[i].computed;
                }
            }
            report.flags = call_contiguous(plan.l, self.isa, args, kept.len());
            for (i, (arg, &block)) in plan.args.iter().zip(blocks).enumerate().skip(nin) {
                let Arg { ptr, dtype, strides, .. } = arg;
                let size = dtype.size();
                let (packed, flags) = self.stored(i, kept.len(), block);
                report.cast |= flags;
                if self.direct[i] {
                    stage::expand(packed, self.address(i, coords, flat), size, kept);
                } else {
                    stage::gather(*ptr, coords, &plan.shape, strides, size, n, spare.computed);
                    stage::expand(packed, spare.computed, size, kept);
                    stage::scatter(*ptr, coords, &plan.shape, strides, size, n, spare.computed);
                }
            }
        }
        report
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    None,
    Some,
    All,
}
