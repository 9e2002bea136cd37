//! The short way, which every small call takes: nothing is planned, nothing allocated. A call is laid out once over the heads
//! of its operands ([`Short::lay_out`]) and run. What is strided, repeated or of another dtype than the loop's goes through
//! scratch blocks, a light loop's strides excepted. Where a call is not for this way, nothing was written, and what was
//! read serves the plan.
//!
//! [`head`] is what is read of an operand, [`walk`] broadcasts, [`loops`] finds a ufunc's loop by dtypes, [`fold`] has the
//! reductions.

pub mod fold;
pub mod head;
pub mod loops;
mod masked;
pub mod walk;

use crate::cast::cast_block;
use crate::exec::Report;
use crate::invoke::{call_contiguous, call_strided, watched, with_scratch};
use crate::registry::{Code, Cost, DType, FpFlags, FpReport, Isa, LoopDef};
use crate::simd::level::current_isa;
use crate::stage::copy_row;
use crate::tuning::{BLOCK, GATHERED, elements_per_thread};
use head::{Head, Lies};
use walk::{PerAxis, Walk};

/// Most inputs of a short call.
pub const MOST_INPUTS: usize = 2;
/// Most outputs.
pub const MOST_OUTPUTS: usize = 2;

/// Addresses of a call's operands, outputs last.
type Addresses = [*mut u8; MOST_INPUTS + MOST_OUTPUTS];

/// Room for a block. Blocks start a little past multiples of their size, so that they do not fall on the same cache sets.
const ROOM: usize = BLOCK * 16 + 192;

/// How the loop gets at its inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All where they lie, without gaps.
    Direct,
    /// All where they lie, by the strided kernel.
    Strided,
    /// Some through blocks.
    Staged,
}

/// A call laid out over its inputs.
pub struct Short<'a> {
    /// The loop.
    pub l: &'a LoopDef,
    /// The axes, and how the inputs lie along them.
    pub walk: Walk,
    inputs: &'a [Head<'a>],
    /// Bytes from each element of an input to the next; `None` where it must be gathered.
    steps: [Option<isize>; MOST_INPUTS],
    /// Which inputs the loop can read where they lie, without gaps.
    direct: [bool; MOST_INPUTS],
    way: Way,
    cost: Cost,
    /// Elements at a time, where some go through blocks: of a value that is repeated, as many bytes as of 8 each, for the calls of
    /// a loop of bytes would cost more than it.
    block: usize,
    /// Whether some are cast, or copied for their alignment.
    casts: bool,
}

impl<'a> Short<'a> {
    /// Not laid out yet. At most [`MOST_INPUTS`] inputs, as many as the loop has.
    #[inline(always)]
    pub fn new(l: &'a LoopDef, inputs: &'a [Head<'a>]) -> Short<'a> {
        let steps = [None; MOST_INPUTS];
        Short {
            l,
            walk: Walk::EMPTY,
            inputs,
            steps,
            direct: [false; MOST_INPUTS],
            way: Way::Direct,
            cost: Cost::Light,
            block: BLOCK,
            casts: false,
        }
    }

    /// Lays it out, where it is: moving it so soon after its fields were written would cost a tenth of a small call. False for
    /// a call to be planned: of shapes that do not agree, more axes than a walk has or no element; or of enough work for threads,
    /// or more elements than are gathered at once.
    #[inline]
    pub fn lay_out(&mut self, cost: Cost) -> bool {
        self.cost = cost;
        let (l, inputs) = (self.l, self.inputs);
        let typed = || inputs.iter().zip(l.inputs);
        let as_they_are =
            l.outputs.len() == 1 && typed().all(|(head, &dtype)| head.dtype == dtype || head.dims.is_empty());
        if !self.walk.lay_out(inputs, as_they_are) || self.walk.n == 0 {
            return false;
        }
        let n = self.walk.n;
        let (mut all_direct, mut gathered, mut gaps, mut as_it_lies, mut widest) = (true, false, 0, true, 0);
        for (i, (head, &dtype)) in typed().enumerate() {
            let (step, size) = (self.walk.step(i, head), dtype.size() as isize);
            let readable = head.dtype == dtype && head.lies.has(Lies::ALIGNED);
            self.steps[i] = step;
            self.direct[i] = readable && (step == Some(size) || n == 1);
            all_direct &= self.direct[i];
            gathered |= step.is_none();
            gaps += usize::from(step.is_some_and(|step| step != 0 && step != size));
            as_it_lies &= readable;
            widest = size.max(widest);
        }
        if !all_direct {
            // Cheap loops of wide elements gain nothing from staging, as the executor says.
            let wide = gaps == inputs.len() && gaps > 1 && widest >= 8;
            let strided =
                wide && !gathered && as_it_lies && cost == Cost::Light && l.fp != FpReport::Returned;
            self.block = match (gathered, gaps) {
                (false, 0) if as_it_lies => BLOCK.max(8 * BLOCK / widest as usize),
                (false, 1..) => GATHERED,
                _ => BLOCK,
            };
            self.casts = !as_it_lies;
            self.way = match strided && l.code.kernels().strided.exists() {
                true => Way::Strided,
                false => Way::Staged,
            };
            if gathered && n > BLOCK {
                return false;
            }
        }
        n < elements_per_thread(cost)
    }

    /// The call's shape.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.walk.shape[..self.walk.nd]
    }

    /// Byte strides of a new output.
    pub fn output_strides(&self, dtype: DType) -> PerAxis<isize> {
        self.walk.output_strides(dtype.size())
    }

    /// The memory of a given output that needs nothing done: writable, aligned, of the loop's dtype and the call's shape, in
    /// the order of the walk, apart from what is read while it is written. An input that lies just there is overwritten if the loop
    /// can do that with its first; else it goes through blocks, which are read before they are written.
    pub fn usable(&mut self, i: usize, out: &Head<'_>) -> Option<*mut u8> {
        const PLAIN: Lies = Lies::ALIGNED.and(Lies::WRITABLE);
        let (dtype, walk) = (self.l.outputs[i], &self.walk);
        let alike = out.lies.has(PLAIN)
            && out.dtype == dtype
            && out.dims.len() == walk.nd
            && out.dims.iter().zip(&walk.shape).all(|(a, b)| a == b)
            && walk.lies_packed(out.strides, dtype.size());
        if !alike {
            return None;
        }
        let (start, end) = (out.ptr.addr(), out.ptr.addr() + walk.n * dtype.size());
        for (k, input) in self.inputs.iter().enumerate() {
            // What goes through one block is read before anything is written; so is a value's, through any number.
            let read_before = match self.way {
                Way::Staged => !self.direct[k] && (walk.n <= self.block || self.steps[k] == Some(0)),
                _ => false,
            };
            if read_before {
                continue;
            }
            let (low, high) = self.extent(k, input);
            if low >= end || start >= high {
                continue;
            }
            let same = self.direct[k] && (low, high) == (start, end) && self.way != Way::Strided;
            if !same {
                return None;
            }
            let overwrites = k == 0 && self.l.outputs.len() == 1 && self.l.code.kernels().in_place.exists();
            if !overwrites {
                (self.direct[k], self.way) = (false, Way::Staged);
            }
        }
        Some(out.ptr)
    }

    /// Whether the targets of two outputs are apart.
    pub fn are_apart(&self, targets: &[*mut u8]) -> bool {
        let [a, b] = *targets else { return true };
        let [first, second] = [0, 1].map(|i| self.walk.n * self.l.outputs[i].size());
        a.addr() + first <= b.addr() || b.addr() + second <= a.addr()
    }

    /// The first byte of an input with a step, and the one past its last.
    fn extent(&self, k: usize, input: &Head<'_>) -> (usize, usize) {
        let reach = (self.walk.n - 1) as isize * self.steps[k].unwrap_or(0);
        let first = input.ptr.addr();
        let last = first.wrapping_add_signed(reach);
        (first.min(last), first.max(last) + input.dtype.size())
    }

    /// Runs the loop; what it and its casts raised.
    ///
    /// # Safety
    /// The inputs are there, as their heads say. Each target has room for the call's elements, packed as it is walked, apart
    /// from the other one and from the inputs but as [`Short::usable`] lets it.
    #[inline]
    pub unsafe fn run(&self, targets: &[*mut u8]) -> Report {
        let (l, inputs) = (self.l, self.inputs);
        let mut args: Addresses = [std::ptr::null_mut(); MOST_INPUTS + MOST_OUTPUTS];
        for (arg, head) in args.iter_mut().zip(inputs) {
            *arg = head.ptr;
        }
        for (arg, &target) in args[inputs.len()..].iter_mut().zip(targets) {
            *arg = target;
        }
        let args = &mut args[..inputs.len() + targets.len()];
        // SAFETY: contiguous, aligned, `n` elements each, or in the steps that were found; the caller's promise for outputs.
        let flags = unsafe {
            match self.way {
                Way::Direct => call_contiguous(l, current_isa(), args, self.walk.n),
                Way::Strided => self.run_strided(args),
                Way::Staged => return self.run_staged(args),
            }
        };
        Report { flags, cast: FpFlags::NONE }
    }

    /// # Safety
    /// As [`Short::run`]; every input has a step and the loop's dtype.
    unsafe fn run_strided(&self, args: &[*mut u8]) -> FpFlags {
        let mut steps = [0; MOST_INPUTS + MOST_OUTPUTS];
        let packed = self.l.outputs.iter().map(|dtype| dtype.size() as isize);
        let of_inputs = self.steps[..self.inputs.len()].iter().map(|step| step.unwrap_or(0));
        for (mine, step) in steps.iter_mut().zip(of_inputs.chain(packed)) {
            *mine = step;
        }
        // SAFETY: the caller's promise.
        unsafe { call_strided(self.l, args, self.walk.n, &steps[..args.len()]) }
    }

    /// # Safety
    /// As [`Short::run`].
    #[inline]
    unsafe fn run_staged(&self, args: &mut [*mut u8]) -> Report {
        let (isa, n) = (current_isa(), self.walk.n);
        let mut report = Report::default();
        with_scratch(2 * MOST_INPUTS * ROOM, |scratch| {
            if n > self.block {
                // SAFETY: the caller's promise; the scratch has as much room.
                return unsafe { self.run_blocks(args, scratch, isa, &mut report) };
            }
            for (i, arg) in args[..self.inputs.len()].iter_mut().enumerate().filter(|&(i, _)| !self.direct[i])
            {
                // SAFETY: `n` elements of the input; each block holds `BLOCK`.
                *arg = unsafe { self.stage(i, 0, n, scratch, isa, &mut report.cast) };
            }
            // SAFETY: contiguous and aligned, `n` elements each; the caller's promise for outputs.
            report.flags = unsafe { call_contiguous(self.l, isa, args, n) };
        });
        report
    }

    /// Block by block. What repeats fills its block once.
    ///
    /// # Safety
    /// As [`Short::run`]; the scratch has room for two blocks an input.
    unsafe fn run_blocks(&self, args: &mut [*mut u8], scratch: *mut u8, isa: Isa, report: &mut Report) {
        let (l, nin) = (self.l, self.inputs.len());
        let targets = [args[nin], args[args.len() - 1]];
        let kernel = match &l.code {
            Code::Kernels(kernels) if !self.casts => match self.direct[0] && args[0] == args[nin] {
                true => kernels.in_place.at(isa),
                false => kernels.block.at(isa),
            },
            _ => None,
        };
        // SAFETY: the caller's promise, for each block.
        unsafe {
            match kernel {
                // Nothing but the kernel touches the status register: it is read once.
                Some(kernel) => {
                    let cast = &mut report.cast;
                    report.flags |= watched(l.fp, || {
                        self.each_block(args, targets, scratch, isa, cast, |args, n| kernel(args.as_ptr(), n))
                    });
                }
                None => {
                    let run = |args: &[*mut u8], n| call_contiguous(l, isa, args, n);
                    report.flags |= self.each_block(args, targets, scratch, isa, &mut report.cast, run);
                }
            }
        }
    }

    /// Runs the code on each block, and says what it raised.
    ///
    /// # Safety
    /// As [`Short::run_blocks`].
    #[inline(always)]
    unsafe fn each_block(
        &self,
        args: &mut [*mut u8],
        targets: [*mut u8; MOST_OUTPUTS],
        scratch: *mut u8,
        isa: Isa,
        raised: &mut FpFlags,
        run: impl Fn(&[*mut u8], usize) -> FpFlags,
    ) -> FpFlags {
        let (n, nin) = (self.walk.n, self.inputs.len());
        let mut flags = FpFlags::NONE;
        for start in (0..n).step_by(self.block) {
            let here = self.block.min(n - start);
            // SAFETY: `here` elements of each input; each block holds as many.
            unsafe { self.place_inputs(args, (start, start == 0), here, scratch, isa, raised) };
            for (k, dtype) in self.l.outputs.iter().enumerate() {
                args[nin + k] = targets[k].wrapping_add(start * dtype.size());
            }
            // Contiguous and aligned, `here` elements each; the caller's promise for outputs.
            flags |= run(args, here);
        }
        flags
    }

    /// Puts where `n` elements of each input are, from that one on, into `args`: where they lie, or in blocks.
    ///
    /// # Safety
    /// As [`Short::stage`], for each input; the blocks hold what the last ones had, unless they are `fresh`.
    unsafe fn place_inputs(
        &self,
        args: &mut [*mut u8],
        (start, fresh): (usize, bool),
        n: usize,
        scratch: *mut u8,
        isa: Isa,
        raised: &mut FpFlags,
    ) {
        for (i, head) in self.inputs.iter().enumerate() {
            if self.direct[i] {
                args[i] = head.ptr.wrapping_add(start * head.dtype.size());
            } else if fresh || self.steps[i] != Some(0) {
                // SAFETY: the caller's promise.
                args[i] = unsafe { self.stage(i, start, n, scratch, isa, raised) };
            }
        }
    }

    /// Brings `n` elements of input `i` from that one on into a block, in the loop's dtype.
    ///
    /// # Safety
    /// They are the input's, as many as a block holds; all of them if it has no step. The scratch has two blocks an input.
    #[inline]
    unsafe fn stage(
        &self,
        i: usize,
        start: usize,
        n: usize,
        scratch: *mut u8,
        isa: Isa,
        raised: &mut FpFlags,
    ) -> *mut u8 {
        let (head, to): (&Head<'_>, DType) = (&self.inputs[i], self.l.inputs[i]);
        let size = head.dtype.size();
        let block = scratch.wrapping_add(2 * i * ROOM);
        let raw = if head.dtype == to { block } else { block.wrapping_add(ROOM) };
        // SAFETY: the caller's promise.
        unsafe {
            match self.steps[i] {
                Some(step) => {
                    let from = head.ptr.wrapping_offset(start as isize * step);
                    copy_row(from, step, raw, size as isize, size, n);
                }
                None => self.walk.gather(i, head.ptr, size, raw),
            }
            if head.dtype != to {
                *raised |= cast_block(head.dtype, to, raw, block, n, isa);
            }
        }
        block
    }
}
