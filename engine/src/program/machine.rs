//! The machine that runs programs: step after step on a block small enough to stay in L1, then on the next block.

use super::lowered::Lowered;
use super::raised;
use crate::cast::cast_block;
use crate::fperr;
use crate::registry::{BlockFn, DType, FpFlags, FpReport, Isa, Object, StridedFn};
use crate::select::{Side, choose};
use crate::simd::level::current_isa;
use crate::stage;
use crate::tuning::STREAM_BYTES;
use smallvec::SmallVec;
use std::any::Any;
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

/// A step, ready to run.
pub struct Op {
    run: Run,
    /// Whether its flags are the CPU's; and whether it is the first, and the last, of several such in a row.
    hardware: bool,
    begins: bool,
    ends: bool,
    name: u16,
    /// The slots of its operands: the first few, repeated to fill the places, and all.
    few: [u16; FEW_OPERANDS],
    slots: Box<[u16]>,
}

/// Most steps by far have two or three operands.
const FEW_OPERANDS: usize = 4;

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
    /// One of a number, which never underflows.
    Number(DType, DType),
    /// A choice between elements of so many bytes.
    Where(usize),
    /// A copy of such.
    Copy(usize),
}

impl Op {
    /// A step on these slots. (Casts read the CPU's flags themselves.)
    pub fn new(run: Run, fp: Option<FpReport>, slots: &[u16], name: u16) -> Op {
        let hardware = fp == Some(FpReport::Hardware);
        let few = std::array::from_fn(|i| slots[i.min(slots.len() - 1)]);
        Op { run, hardware, begins: hardware, ends: hardware, name, few, slots: slots.into() }
    }

    /// Finds the steps in a row whose flags are the CPU's.
    pub fn find_rows(ops: &mut [Op]) {
        for i in 1..ops.len() {
            if ops[i - 1].hardware && ops[i].hardware {
                (ops[i - 1].ends, ops[i].begins) = (false, false);
            }
        }
    }
}

/// How often the CPU's flags are read: that waits for all work under way, and shows. Where something is raised, a block is
/// run once more, by steps, to know by which.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reading {
    /// Once in a block. Steps that judge by value may leave flags that mean nothing.
    Blocks,
    /// After steps in a row whose flags are the CPU's: where some leave such flags, or clear them.
    Rows,
    /// After each: where one is somebody's code, who counts on being called once.
    Steps,
}

/// How a program's flags are read at first: as it was made, or seldom as it turned out.
pub struct FirstReading(AtomicU8);

impl FirstReading {
    /// As far as is known.
    pub fn new(first: Reading) -> FirstReading {
        FirstReading(AtomicU8::new(first as u8))
    }

    fn get(&self) -> Reading {
        const READINGS: [Reading; 3] = [Reading::Blocks, Reading::Rows, Reading::Steps];
        READINGS[usize::from(self.0.load(Ordering::Relaxed)) % READINGS.len()]
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
    let blocks = lowered.registers + lowered.passed(n);
    with_registers(blocks * lowered.register_bytes, |registers| {
        // SAFETY: the caller's promise; as many registers as the program has.
        unsafe { lowered.run(args, registers, n) }
    })
}

/// Slots of a small program; four times as many are laid out without asking for memory too.
const FEW: usize = 12;

impl Lowered {
    /// # Safety
    /// As [`run`]; there is room for the registers.
    unsafe fn run(&self, args: *const *mut u8, registers: *mut u8, n: usize) -> FpFlags {
        let count = self.slots();
        // (Laid out where they are used: to clear, or to move, so many addresses would show in a small call.)
        let (mut few, mut more, mut many);
        let slots = if count <= FEW {
            few = [std::ptr::null_mut(); FEW];
            &mut few[..count]
        } else if count <= 4 * FEW {
            more = [std::ptr::null_mut(); 4 * FEW];
            &mut more[..count]
        } else {
            many = vec![std::ptr::null_mut(); count];
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
        unsafe { self.run_on(slots, registers, n) }
    }

    /// # Safety
    /// As [`run`]; an address for each slot.
    #[inline(always)]
    unsafe fn run_on(&self, slots: &mut [*mut u8], registers: *mut u8, n: usize) -> FpFlags {
        let isa = current_isa();
        let ops = self.ops(isa);
        let mut reading = self.reading.get();
        let mut flags = FpFlags::NONE;
        // The first block ends where the last output is at the start of a cache line, so that the others begin there; what lies
        // alike does too, as large arrays of NumPy's do.
        let last = self.streams.len() - 1;
        let (outputs, passed) = (self.nin..self.streams.len(), self.passed(n));
        let mut targets: SmallVec<[*mut u8; 2]> = SmallVec::new();
        if passed > 0 {
            targets.extend_from_slice(&slots[outputs.clone()]);
            for (k, slot) in slots[outputs.clone()].iter_mut().enumerate() {
                *slot = registers.wrapping_add((self.registers + k) * self.register_bytes);
            }
        }
        let mut ahead = if n > self.block {
            targets.last().unwrap_or(&slots[last]).addr() % ALIGNMENT / self.streams[last]
        } else {
            0
        };
        let mut done = 0;
        while done < n {
            let here = (self.block - ahead).min(n - done);
            ahead = 0;
            // SAFETY: each slot has `here` elements: of operands as the caller promises, else of a block. What a step makes is
            // in no slot that it reads, nor are two of its outputs in one. A block may be run again: its inputs are there.
            unsafe {
                let mut raised = match reading {
                    Reading::Blocks => {
                        fperr::clear();
                        let judged = self.pass::<{ Reading::Blocks as u8 }>(ops, slots, here, isa);
                        if fperr::take().is_empty() { Some(judged) } else { None }
                    }
                    Reading::Rows => Some(self.pass::<{ Reading::Rows as u8 }>(ops, slots, here, isa))
                        .filter(|raised| !raised.contains(AGAIN)),
                    Reading::Steps => Some(self.pass::<{ Reading::Steps as u8 }>(ops, slots, here, isa)),
                };
                if raised.is_none() {
                    let precisely = self.pass::<{ Reading::Steps as u8 }>(ops, slots, here, isa);
                    // Flags that no step has raised mean nothing, and will be there again.
                    if precisely.is_empty() && reading == Reading::Blocks {
                        self.reading.0.store(Reading::Rows as u8, Ordering::Relaxed);
                        reading = Reading::Rows;
                    } else {
                        reading = Reading::Steps;
                    }
                    raised = Some(precisely);
                }
                flags |= raised.unwrap_or_default();
            }
            let read = if passed > 0 { self.nin } else { self.streams.len() };
            for (slot, size) in slots.iter_mut().zip(&self.streams[..read]) {
                *slot = slot.wrapping_add(here * size);
            }
            for (k, target) in targets.iter_mut().enumerate() {
                let bytes = here * self.streams[self.nin + k];
                // SAFETY: as many elements were just computed, and have their place there.
                unsafe { stage::stream(slots[self.nin + k], *target, bytes) };
                *target = target.wrapping_add(bytes);
            }
            done += here;
        }
        if passed > 0 {
            stage::fence();
        }
        for &(name, always) in &self.always {
            flags |= always;
            raised::note(self.id, name, self.names[name], always);
        }
        flags
    }

    /// Through how many blocks its outputs go past the caches, if it is light enough for that to count: none, or one for each.
    fn passed(&self, n: usize) -> usize {
        let outputs = &self.streams[self.nin..];
        let large = outputs.iter().all(|size| n * size >= STREAM_BYTES);
        if self.is_light && large { outputs.len() } else { 0 }
    }

    /// Runs all steps on a block; what was raised, or [`AGAIN`] where several steps in a row did.
    ///
    /// # Safety
    /// As [`Op::run`], for each.
    #[inline(always)]
    unsafe fn pass<const READING: u8>(&self, ops: &[Op], slots: &[*mut u8], n: usize, isa: Isa) -> FpFlags {
        let (by_rows, by_steps) = (READING == Reading::Rows as u8, READING == Reading::Steps as u8);
        let mut flags = FpFlags::NONE;
        for op in ops {
            if by_steps && op.hardware || by_rows && op.begins {
                fperr::clear();
            }
            // SAFETY: the caller's promise.
            let mut raised = unsafe { op.run(slots, n, isa) };
            if by_steps && op.hardware {
                raised |= fperr::take();
            } else if by_rows && op.ends {
                let row = fperr::take();
                if !row.is_empty() && !op.begins {
                    return AGAIN;
                }
                raised |= row;
            }
            if !raised.is_empty() {
                flags |= raised;
                raised::note(self.id, op.name.into(), self.names[usize::from(op.name)], raised);
            }
        }
        flags
    }
}

/// Stands for flags of which it is not known who raised them; no step raises it.
const AGAIN: FpFlags = FpFlags(1 << 7);

impl Op {
    /// # Safety
    /// Each of its slots has `n` elements, aligned; what it makes is apart from all it reads; the CPU has the level.
    #[inline(always)]
    unsafe fn run(&self, slots: &[*mut u8], n: usize, isa: Isa) -> FpFlags {
        // SAFETY: the caller's promise is what each of these asks for.
        unsafe {
            match &self.run {
                Run::Block(kernel) if self.slots.len() <= FEW_OPERANDS => {
                    let at = |i: usize| slots[usize::from(self.few[i])];
                    let args = [at(0), at(1), at(2), at(3)];
                    kernel(args.as_ptr(), n)
                }
                other => self.run_other(other, slots, n, isa),
            }
        }
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
                &Run::Number(from, to) => {
                    let flags = cast_block(from, to, args[0], args[1], n, isa);
                    return FpFlags(flags.0 & !FpFlags::UNDERFLOW.0);
                }
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

/// Bytes of a cache line, and of the widest register.
pub const ALIGNMENT: usize = 64;

thread_local! {
    static REGISTERS: Cell<Vec<u128>> = const { Cell::new(Vec::new()) };
}

/// Bytes of registers that a thread keeps: more than programs have that fit an L1 cache.
const MOST_KEPT: usize = 1 << 20;

/// Gives `f` room for registers, aligned to 64 bytes, kept by the thread for the next program. One that is called by a step of
/// another has room of its own.
fn with_registers<R>(bytes: usize, f: impl FnOnce(*mut u8) -> R) -> R {
    let mut memory = REGISTERS.take();
    let needed = (bytes + ALIGNMENT).div_ceil(16);
    if memory.len() < needed {
        memory.resize(needed, 0);
    }
    let start = memory.as_mut_ptr().cast::<u8>();
    let result = f(start.wrapping_add(start.align_offset(ALIGNMENT)));
    if memory.len() <= MOST_KEPT / 16 {
        REGISTERS.set(memory);
    }
    result
}
