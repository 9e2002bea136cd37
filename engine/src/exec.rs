//! The executor: runs a plan, on one thread or several, and reports the IEEE flags.
//!
//! The iteration space is a flat range, cut into blocks. In a block each operand is either used where it lies or staged:
//! gathered, and cast if need be, into a contiguous scratch block (results the other way). Kernels therefore see only
//! contiguous, aligned, distinct operands. Scratch is a few blocks per worker, whatever the size of the arrays. With a
//! `where` mask, a block's chosen elements are packed, computed and put back, so that the others raise nothing.

use crate::cast::cast_block;
use crate::error::Error;
use crate::invoke::{call_contiguous, call_runs, call_strided, with_scratch};
use crate::mask::{Bits, Choice};
use crate::plan::{Access, Arg, Plan};
use crate::registry::{Code, Cost, DType, FpFlags, FpReport, Isa, UfuncDef};
use crate::rows::Rows;
use crate::simd::chosen;
use crate::simd::level::current_isa;
use crate::stage::{self, Coords};
use crate::threads;
use crate::tuning::{BLOCK, CHUNKS_PER_THREAD, GATHERED, SHORT_ROW, as_much_work, elements_per_thread};
use smallvec::SmallVec;

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

/// Runs a part of a plan of one output, whose elements of that part go to `out`, one after the other.
///
/// # Safety
/// As [`run`] for the inputs of these elements; the plan's output has no gaps and is nowhere, `out` has room for as many.
pub(crate) unsafe fn run_part(plan: &Plan<'_>, isa: Isa, start: usize, end: usize, out: *mut u8) -> Report {
    let mut args = plan.args.clone();
    let last = args.len() - 1;
    args[last].ptr = out.wrapping_sub(start * args[last].dtype.size());
    let part =
        Plan { l: plan.l, cost: plan.cost, shape: plan.shape.clone(), total: plan.total, args, mask: None };
    // SAFETY: the caller's promise.
    unsafe { run_range(&part, isa, start, end) }
}

/// Threads the plan is worth.
pub fn worth_threads(plan: &Plan<'_>) -> usize {
    let widest = plan.args.iter().map(|arg| arg.dtype.size()).max().unwrap_or(0);
    let work = as_much_work(plan.total, widest, plan.cost);
    if plan.l.needs_gil { 1 } else { threads::threads_for(work, plan.cost) }
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
    if let Some(rows) = Rows::of(plan, isa) {
        // SAFETY: the caller's promise.
        return Report { flags: unsafe { rows.run(start, end) }, cast: FpFlags::NONE };
    }
    let pass = Pass::new(plan, isa);
    if pass.all_direct && plan.shape.len() == 1 {
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
        unsafe { pass.run(start, end, &blocks, spare) }
    })
}

/// One pass over a range of a plan.
struct Pass<'p> {
    plan: &'p Plan<'p>,
    isa: Isa,
    dtypes: SmallVec<[DType; 4]>,
    direct: SmallVec<[bool; 4]>,
    by_rows: bool,
    all_direct: bool,
    strided: bool,
    /// Whether there is an input whose elements are apart.
    gathers: bool,
}

impl<'p> Pass<'p> {
    fn new(plan: &'p Plan<'p>, isa: Isa) -> Pass<'p> {
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
        // Cheap loops of wide elements gain nothing from staging, nor do those whose outputs are apart: the strided kernel is as
        // fast as the copying (add of every fourth f64: 0.7 against 0.8 ns an element; f32 0.66 against 0.3).
        // (What tells its flags itself has its own steps in blocks: products of complex numbers add in one step there.)
        let apart = |a: &Arg| a.strides[ndim - 1] != a.dtype.size() as isize && a.strides[ndim - 1] != 0;
        let nin = plan.l.inputs.len();
        let copies_cost = nin > 1 && plan.args[..nin].iter().all(|a| apart(a) && a.dtype.size() >= 8);
        let strided = by_rows
            && plan.cost == Cost::Light
            && plan.mask.is_none()
            && plan.l.fp != FpReport::Returned
            && plan.l.code.kernels().strided.exists()
            && plan.args.iter().all(|a| a.access != Access::Staged)
            && (copies_cost || plan.args[nin..].iter().any(apart));
        let gathers = plan.mask.is_none() && plan.args[..nin].iter().any(apart);
        let dtypes = plan.l.inputs.iter().chain(plan.l.outputs).copied().collect();
        Pass { strided, gathers, plan, isa, dtypes, direct, by_rows, all_direct }
    }

    /// # Safety
    /// As [`run_range`]; the blocks are distinct and large enough.
    unsafe fn run(&self, start: usize, end: usize, blocks: &[Blocks], spare: Blocks) -> Report {
        let plan = self.plan;
        let row = plan.shape[plan.shape.len() - 1];
        let limit = self.limit(row);
        let mut report = Report::default();
        let mut going = Going {
            blocks,
            spare,
            filled: smallvec::smallvec![false; plan.l.inputs.len()],
            args: smallvec::smallvec![std::ptr::null_mut(); plan.args.len()],
            streamed: false,
        };
        let mut flat = start;
        let mut coords = stage::coords_of(start, &plan.shape);
        while flat < end {
            let in_row = coords[coords.len() - 1];
            let row_left = if self.by_rows || in_row > 0 { row - in_row } else { usize::MAX };
            let n = limit.min(end - flat).min(row_left);
            // SAFETY: elements `flat..flat + n` are within the plan; blocks hold `n <= BLOCK` elements,
            // and where a block is not used, the memory itself is contiguous for `n` elements.
            report |= unsafe {
                match self.strided {
                    true => self.run_row(&coords, flat, n),
                    false => self.run_block(&coords, flat, n, &mut going),
                }
            };
            flat += n;
            if self.by_rows {
                stage::advance(&mut coords, &plan.shape, n);
            } else if flat < end {
                coords = stage::coords_of(flat, &plan.shape);
            }
        }
        if going.streamed {
            stage::fence();
        }
        report
    }

    /// Most elements at a time. Of short rows they are whole ones, so that what is the same in every row is in every block.
    fn limit(&self, row: usize) -> usize {
        match self.by_rows {
            _ if self.all_direct || self.strided => usize::MAX,
            true if self.gathers => GATHERED,
            true => BLOCK,
            false => BLOCK / row * row,
        }
    }

    /// `n` elements of a row, where they lie.
    unsafe fn run_row(&self, coords: &Coords, flat: usize, n: usize) -> Report {
        let args = &self.plan.args;
        let here: SmallVec<[*mut u8; 4]> = (0..args.len()).map(|i| self.address(i, coords, flat)).collect();
        let steps: SmallVec<[isize; 4]> = args.iter().map(|a| a.strides[coords.len() - 1]).collect();
        // SAFETY: `n` elements of this row, aligned; outputs apart from inputs, or the same element by element.
        let flags = unsafe { call_strided(self.plan.l, &here, n, &steps) };
        Report { flags, cast: FpFlags::NONE }
    }

    /// `n` elements, of a row or of the flat sequence; each operand where it lies or through its blocks.
    unsafe fn run_block(&self, coords: &Coords, flat: usize, n: usize, going: &mut Going<'_>) -> Report {
        let (plan, nin) = (self.plan, self.plan.l.inputs.len());
        let mut report = Report::default();
        // SAFETY: the caller's promise, for these elements.
        unsafe {
            let bits = self.choose(coords, n, going.spare.stored);
            let chosen = bits.as_ref().map_or(Choice::All, |bits| bits.choice(plan.cost));
            if chosen == Choice::None {
                return report;
            }
            for i in 0..nin {
                let (arg, block) = (&plan.args[i], going.blocks[i]);
                going.args[i] = if self.direct[i] { self.address(i, coords, flat) } else { block.computed };
                // The same element for ever, or the same row: one full block serves every block of the walk.
                let same = arg.is_constant() || self.is_same_row(i, coords);
                let elements =
                    if same { self.limit(plan.shape[coords.len() - 1]).min(plan.total) } else { n };
                if !self.direct[i] && !going.filled[i] {
                    report.cast |= self.load(i, coords, elements, block);
                    going.filled[i] = same;
                }
            }
            let runs = chosen == Choice::Runs && self.direct[nin..].iter().all(|&direct| direct);
            for (i, (arg, block)) in going.args.iter_mut().zip(going.blocks).enumerate().skip(nin) {
                let in_place = self.direct[i] && (chosen == Choice::All || runs);
                *arg = if in_place { self.address(i, coords, flat) } else { block.computed };
            }
            if let Some(bits) = bits.filter(|_| chosen != Choice::All) {
                return report | self.run_chosen((chosen, &bits), coords, flat, n, going);
            }
            report.flags |= call_contiguous(plan.l, self.isa, &going.args, n);
            for (i, &block) in going.blocks.iter().enumerate().skip(nin).filter(|&(i, _)| !self.direct[i]) {
                report.cast |= self.store(i, coords, flat, n, block);
                going.streamed |= plan.args[i].access == Access::Streamed;
            }
        }
        report
    }

    /// Whether the input is the same in all rows, short ones, of which blocks have whole ones from here on. (Packed by a mask,
    /// a block would not stay.)
    fn is_same_row(&self, i: usize, coords: &Coords) -> bool {
        let [outer @ .., _] = &self.plan.args[i].strides[..] else { return false };
        let whole = !self.by_rows && self.plan.mask.is_none() && coords[outer.len()] == 0;
        whole && outer.iter().all(|&step| step == 0)
    }

    /// What the mask chooses of `n` elements, if there is one. The block is for its bytes where they are apart.
    unsafe fn choose(&self, coords: &Coords, n: usize, block: *mut u8) -> Option<Bits> {
        let mask = self.plan.mask.as_ref()?;
        // SAFETY: the mask has the plan's shape; the block holds `n` bytes.
        unsafe {
            let packed = self.by_rows && mask.strides[coords.len() - 1] == 1;
            let bytes = if packed { mask.address(coords) } else { block };
            if !packed {
                stage::gather(mask.ptr, coords, &self.plan.shape, &mask.strides, 1, n, block);
            }
            Some(Bits::of(std::slice::from_raw_parts(bytes, n)))
        }
    }

    fn address(&self, i: usize, coords: &Coords, flat: usize) -> *mut u8 {
        let arg = &self.plan.args[i];
        match self.by_rows {
            true => arg.address(coords),
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

    /// Runs the loop on a block of which the mask chooses some.
    unsafe fn run_chosen(
        &self,
        (choice, bits): (Choice, &Bits),
        coords: &Coords,
        flat: usize,
        n: usize,
        going: &mut Going<'_>,
    ) -> Report {
        let (plan, nin) = (self.plan, self.plan.l.inputs.len());
        let flagged = |flags| Report { flags, cast: FpFlags::NONE };
        // SAFETY: inputs are placed, outputs are blocks or, as runs are, memory without gaps.
        unsafe {
            // An object's code is somebody's, who was promised the chosen elements only.
            let ours = matches!(plan.l.code, Code::Kernels(_));
            let direct = self.direct[nin..].iter().all(|&direct| direct);
            if direct && choice == Choice::Runs {
                return flagged(call_runs(plan.l, self.isa, &going.args, bits));
            }
            let whole = direct && ours && choice == Choice::Whole;
            if whole && call_contiguous(plan.l, self.isa, &going.args, n).is_empty() {
                for (i, arg) in plan.args.iter().enumerate().skip(nin) {
                    let to = self.address(i, coords, flat);
                    chosen::copy(going.args[i], to, arg.dtype.size(), bits, self.isa);
                }
                return Report::default();
            }
            self.run_kept(coords, flat, n, bits, going)
        }
    }

    /// Runs the loop on the elements of a block that the mask chooses only.
    unsafe fn run_kept(
        &self,
        coords: &Coords,
        flat: usize,
        n: usize,
        bits: &Bits,
        going: &mut Going<'_>,
    ) -> Report {
        let (plan, nin) = (self.plan, self.plan.l.inputs.len());
        let Going { blocks, spare, args, .. } = going;
        let kept = bits.chosen();
        let mut report = Report::default();
        // SAFETY: inputs are packed into blocks of their own (a constant's block is
        // the same everywhere, packed or not); the spare block takes an output's elements while some are replaced.
        unsafe {
            for i in 0..nin {
                if !plan.args[i].is_constant() || self.direct[i] {
                    chosen::pack(args[i], blocks[i].computed, self.dtypes[i].size(), bits, self.isa);
                    args[i] = blocks[i].computed;
                }
            }
            report.flags = call_contiguous(plan.l, self.isa, args, kept);
            for (i, (arg, &block)) in plan.args.iter().zip(*blocks).enumerate().skip(nin) {
                let Arg { ptr, dtype, strides, .. } = arg;
                let size = dtype.size();
                let (packed, flags) = self.stored(i, kept, block);
                report.cast |= flags;
                if self.direct[i] {
                    chosen::unpack(packed, self.address(i, coords, flat), size, bits, self.isa);
                } else {
                    stage::gather(*ptr, coords, &plan.shape, strides, size, n, spare.computed);
                    chosen::unpack(packed, spare.computed, size, bits, self.isa);
                    stage::scatter(*ptr, coords, &plan.shape, strides, size, n, spare.computed);
                }
            }
        }
        report
    }
}

/// What a pass by blocks carries from one to the next.
struct Going<'b> {
    /// A pair of blocks for each operand, and one more.
    blocks: &'b [Blocks],
    spare: Blocks,
    /// Which inputs' blocks hold what serves the whole walk.
    filled: SmallVec<[bool; 4]>,
    args: SmallVec<[*mut u8; 4]>,
    /// Whether anything was written past the caches.
    streamed: bool,
}
