//! The machine that runs programs: step after step on a block small enough to stay in L1, then on the next block.

use super::lowered::Lowered;
use super::raised;
use crate::cast::cast_block;
use crate::fperr;
use crate::registry::{BlockFn, DType, FpFlags, FpReport, Isa, Object, StridedFn};
use crate::select::{Side, choose};
use crate::simd::level::current_isa;
use smallvec::SmallVec;
use std::any::Any;
use std::cell::Cell;

/// A step, ready to run.
pub struct Op {
    run: Run,
    /// Whether its flags are the CPU's.
    hardware: bool,
    name: u16,
    slots: SmallVec<[u16; 4]>,
}

/// What a step runs.
pub enum Run {
    /// A kernel on blocks.
    Block(BlockFn),
    /// A strided one, with the steps of blocks.
    Strided(StridedFn, SmallVec<[isize; 4]>),
    /// Somebody's code.
    Object(Object),
    /// A cast.
    Cast(DType, DType),
    /// A choice between elements of so many bytes.
    Where(usize),
    /// A copy of such.
    Copy(usize),
}

impl Op {
    /// A step on these slots. (Casts read the CPU's flags themselves.)
    pub fn new(run: Run, fp: Option<FpReport>, slots: &[u16], name: u16) -> Op {
        Op { run, hardware: fp == Some(FpReport::Hardware), name, slots: slots.iter().copied().collect() }
    }
}

/// Runs a program on `n` elements; what it raised in all. What each step raised is noted ([`raised`]).
///
/// # Safety
/// As for [`BlockFn`]; `data` is a [`Lowered`], for operands of these dtypes.
pub unsafe fn run(data: &(dyn Any + Send + Sync), args: *const *mut u8, n: usize) -> FpFlags {
    let Some(lowered) = data.downcast_ref::<Lowered>() else {
        unreachable!("the loop was made with a program")
    };
    with_registers(lowered.registers * lowered.register_bytes, |registers| {
        // SAFETY: the caller's promise; as many registers as the program has.
        unsafe { lowered.run(args, registers, n) }
    })
}

/// Most slots that are laid out without asking for memory.
const FEW: usize = 48;

impl Lowered {
    /// # Safety
    /// As [`run`]; there is room for the registers.
    unsafe fn run(&self, args: *const *mut u8, registers: *mut u8, n: usize) -> FpFlags {
        // (Laid out where they are used: to move so many addresses would show in a small call.)
        let mut few = [std::ptr::null_mut(); FEW];
        let mut many = vec![];
        let count = self.slots();
        let slots = if count <= FEW {
            &mut few[..count]
        } else {
            many.resize(count, std::ptr::null_mut());
            &mut many[..]
        };
        let (streams, blocks) = slots.split_at_mut(self.streams.len());
        let (constants, free) = blocks.split_at_mut(self.constants.count);
        // SAFETY: the caller's promise: an address for each input and output.
        streams.copy_from_slice(unsafe { std::slice::from_raw_parts(args, streams.len()) });
        let mut at = self.constants.start().cast_mut();
        for slot in constants {
            *slot = at;
            at = at.wrapping_add(self.constants.step);
        }
        let mut at = registers;
        for slot in free {
            *slot = at;
            at = at.wrapping_add(self.register_bytes);
        }
        // SAFETY: as for this function, now with all slots.
        unsafe { self.run_on(slots, n) }
    }

    /// # Safety
    /// As [`run`]; an address for each slot.
    #[inline(always)]
    unsafe fn run_on(&self, slots: &mut [*mut u8], n: usize) -> FpFlags {
        let isa = current_isa();
        let ops = self.ops(isa);
        let mut flags = FpFlags::NONE;
        let mut done = 0;
        while done < n {
            let here = self.block.min(n - done);
            for op in ops {
                // SAFETY: each slot has `here` elements: of operands as the caller promises, else of a block. What a step
                // makes is in no slot that it reads, nor are two of its outputs in one.
                let raised = unsafe { op.run(slots, here, isa) };
                if !raised.is_empty() {
                    flags |= raised;
                    raised::note(self.id, op.name.into(), self.names[usize::from(op.name)], raised);
                }
            }
            for (slot, size) in slots.iter_mut().zip(&self.streams) {
                *slot = slot.wrapping_add(here * size);
            }
            done += here;
        }
        for &(name, always) in &self.always {
            flags |= always;
            raised::note(self.id, name, self.names[name], always);
        }
        flags
    }
}

impl Op {
    /// # Safety
    /// Each of its slots has `n` elements, aligned; what it makes is apart from all it reads; the CPU has the level.
    #[inline(always)]
    unsafe fn run(&self, slots: &[*mut u8], n: usize, isa: Isa) -> FpFlags {
        if self.hardware {
            fperr::clear();
        }
        // SAFETY: the caller's promise is what each of these asks for.
        let flags = unsafe {
            match &self.run {
                // Most steps by far have two or three operands.
                Run::Block(kernel) if self.slots.len() <= 4 => {
                    let at = |i: usize| slots[usize::from(self.slots[i.min(self.slots.len() - 1)])];
                    let args = [at(0), at(1), at(2), at(3)];
                    kernel(args.as_ptr(), n)
                }
                other => self.run_other(other, slots, n, isa),
            }
        };
        if self.hardware { flags | fperr::take() } else { flags }
    }

    /// # Safety
    /// As [`Op::run`].
    #[inline(never)]
    unsafe fn run_other(&self, run: &Run, slots: &[*mut u8], n: usize, isa: Isa) -> FpFlags {
        let args: SmallVec<[*mut u8; 8]> = self.slots.iter().map(|&slot| slots[usize::from(slot)]).collect();
        // SAFETY: the caller's promise.
        unsafe {
            match run {
                Run::Block(kernel) => return kernel(args.as_ptr(), n),
                Run::Strided(kernel, steps) => return kernel(args.as_ptr(), n, steps.as_ptr()),
                Run::Object(object) => return (object.run)(&*object.data, args.as_ptr(), n),
                &Run::Cast(from, to) => return cast_block(from, to, args[0], args[1], n, isa),
                &Run::Where(size) => {
                    let sides = [args[1], args[2]].map(|side| Side { ptr: side, is_one: false });
                    choose(size, args[0], sides, args[3], n, isa);
                }
                Run::Copy(size) => std::ptr::copy_nonoverlapping(args[0], args[1], n * size),
            }
        }
        FpFlags::NONE
    }
}

thread_local! {
    static REGISTERS: Cell<Vec<u128>> = const { Cell::new(Vec::new()) };
}

/// Gives `f` room for registers, aligned to 64 bytes, kept by the thread for the next program. One that is called by a step of
/// another has room of its own.
fn with_registers<R>(bytes: usize, f: impl FnOnce(*mut u8) -> R) -> R {
    const ALIGNMENT: usize = 64;
    let mut memory = REGISTERS.take();
    let needed = (bytes + ALIGNMENT).div_ceil(16);
    if memory.len() < needed {
        memory.resize(needed, 0);
    }
    let start = memory.as_mut_ptr().cast::<u8>();
    let result = f(start.wrapping_add(start.align_offset(ALIGNMENT)));
    REGISTERS.set(memory);
    result
}
