//! A typed program as code: steps over blocks, each operand a *slot*: an input, an output, a block that holds a constant, or
//! a register, which is a block whose value is read no more when it is written anew.

use super::machine::{ALIGNMENT, FirstReading, Op, Reading, Run};
use super::raised::{self, Name};
use super::typed::{From, Step, TypedProgram, What};
use crate::cast::can_raise;
use crate::registry::{Code, Cost, DType, Isa, Kind};
use std::sync::OnceLock;

/// Bytes that a program's blocks should fit: an L1 cache. (Where there are 32 KiB this is better still: Black-Scholes took 463
/// us with blocks of 256, and 528 with 128.)
const L1: usize = 48 << 10;
/// Elements per block, at least and at most. (Of light programs 512 took up to a fifth more than 256, and where much was to
/// come from memory twice the time.)
const BLOCKS: [usize; 2] = [128, 256];
/// Blocks start a little past multiples of their size, so that they do not fall on the same cache sets.
const STAGGER: usize = 192;

/// A program's code for inputs of certain dtypes.
pub struct Lowered {
    /// Which it is, for reports.
    pub id: u64,
    /// What reports name.
    pub names: Box<[Name]>,
    /// What every call raises, by name.
    pub always: Box<[(usize, crate::registry::FpFlags)]>,
    /// Bytes per element of each input, then of each output.
    pub streams: Box<[usize]>,
    /// How many of them are inputs.
    pub nin: usize,
    /// Whether memory is what it waits for.
    pub is_light: bool,
    /// Elements per block.
    pub block: usize,
    /// Registers, and the bytes of each.
    pub registers: usize,
    /// See `registers`.
    pub register_bytes: usize,
    /// Blocks of constants.
    pub constants: Constants,
    /// In which dtypes the program has its inputs that are numbers.
    pub numbers: Box<[(usize, DType)]>,
    /// How the CPU's flags are read.
    pub reading: FirstReading,
    steps: Box<[Placed]>,
    ops: [OnceLock<Box<[Op]>>; Isa::ALL.len()],
}

/// A step with the slots of its operands.
struct Placed {
    what: What,
    /// Bytes per element of what it makes.
    size: usize,
    slots: Box<[u16]>,
    name: u16,
}

/// Blocks, each of one value.
pub struct Constants {
    memory: Box<[u128]>,
    /// Where the first one starts, in bytes.
    first: usize,
    /// Bytes from one to the next.
    pub step: usize,
    /// How many.
    pub count: usize,
}

impl Lowered {
    /// Lowers a program.
    pub fn new(program: TypedProgram, nin: usize, cost: Cost) -> Lowered {
        let is_light = cost == Cost::Light;
        let size = |value: usize| program.dtype(value).size();
        let streams: Box<[usize]> = (0..nin).chain(program.outputs.iter().copied()).map(size).collect();
        let used: Vec<bool> = {
            let mut used = vec![false; program.values.len()];
            program.steps.iter().flat_map(|s| &s.inputs).for_each(|&v| used[v] = true);
            used
        };
        let constants: Vec<(DType, u128)> = used
            .iter()
            .zip(&program.values)
            .filter_map(|(&used, value)| match value.from {
                From::Constant(bits) if used => Some((value.dtype, bits)),
                _ => None,
            })
            .collect();
        let mut slots = Slots::new(&program, nin, constants.len());
        let placed: Vec<Vec<u16>> =
            program.steps.iter().enumerate().map(|(i, s)| slots.place(i, s)).collect();
        let registers = slots.registers;
        // Casts that raise something, and loops of narrow floats and complex numbers, read the flags themselves, and clear them
        // before.
        let clears = |dtype: &DType| dtype.is_narrow_float() || dtype.kind() == Kind::Complex;
        let clears_flags = program.steps.iter().any(|step| match &step.what {
            What::Cast(from, to) | What::Number(from, to) => {
                can_raise(*from, *to) || [from, to].into_iter().any(clears)
            }
            What::Loop(l) => l.inputs.iter().chain(l.outputs).any(clears),
            What::Where | What::Copy => false,
        });
        let somebodys = |step: &Step| matches!(step.what, What::Loop(l) if matches!(l.code, Code::Object(_)));
        let reading = match clears_flags {
            _ if program.steps.iter().any(somebodys) => Reading::Steps,
            true => Reading::Rows,
            false => Reading::Blocks,
        };
        let widest = program.steps.iter().flat_map(|s| &s.outputs).map(|&v| size(v)).max().unwrap_or(1);
        let bytes = registers * widest
            + streams.iter().sum::<usize>()
            + constants.iter().map(|(dtype, _)| dtype.size()).sum::<usize>();
        let [least, most] = BLOCKS;
        let mut block = most;
        while block > least && block * bytes > L1 {
            block /= 2;
        }
        let steps = program
            .steps
            .into_iter()
            .zip(placed)
            .map(|(step, slots)| Placed {
                size: program.values[step.outputs[0]].dtype.size(),
                what: step.what,
                slots: slots.into(),
                name: step.name as u16,
            })
            .collect();
        Lowered {
            id: raised::new_id(),
            names: program.names.into(),
            always: program.always.into(),
            streams,
            nin,
            is_light,
            block,
            registers,
            register_bytes: block * widest + STAGGER,
            constants: Constants::new(&constants, block),
            numbers: program.numbers.into(),
            reading: FirstReading::new(reading),
            steps,
            ops: Default::default(),
        }
    }

    /// The code at a level.
    #[inline]
    pub fn ops(&self, isa: Isa) -> &[Op] {
        self.ops[isa as usize].get_or_init(|| {
            let mut ops: Box<[Op]> = self.steps.iter().map(|step| step.op(isa)).collect();
            Op::find_rows(&mut ops);
            ops
        })
    }

    /// How many inputs it has, and blocks in all.
    pub fn slots(&self) -> usize {
        self.streams.len() + self.constants.count + self.registers
    }
}

impl Placed {
    fn op(&self, isa: Isa) -> Op {
        let (run, fp) = match &self.what {
            What::Loop(l) => {
                let run = match &l.code {
                    Code::Kernels(kernels) => {
                        match (kernels.cached.at(isa).or(kernels.block.at(isa)), kernels.strided.at(isa)) {
                            (Some(block), _) => Run::Block(block),
                            (None, Some(strided)) => {
                                let sizes = l.inputs.iter().chain(l.outputs).map(|d| d.size() as isize);
                                Run::Strided(strided, sizes.collect())
                            }
                            (None, None) => unreachable!("the table has checked that a loop has code"),
                        }
                    }
                    Code::Object(object) => Run::Object(object.clone()),
                };
                (run, Some(l.fp))
            }
            &What::Cast(from, to) => (Run::Cast(from, to), None),
            &What::Number(from, to) => (Run::Number(from, to), None),
            What::Where => (Run::Where(self.size), None),
            What::Copy => (Run::Copy(self.size), None),
        };
        Op::new(run, fp, &self.slots, self.name)
    }
}

impl Constants {
    fn new(values: &[(DType, u128)], block: usize) -> Constants {
        let widest = values.iter().map(|(dtype, _)| dtype.size()).max().unwrap_or(1);
        let step = block * widest + STAGGER;
        let room = step * values.len() + ALIGNMENT;
        let mut memory = vec![0u128; room.div_ceil(16)].into_boxed_slice();
        let first = memory.as_ptr().align_offset(ALIGNMENT) * 16;
        let bytes = memory.as_mut_ptr().cast::<u8>().wrapping_add(first);
        for (i, (dtype, bits)) in values.iter().enumerate() {
            let element = &bits.to_le_bytes()[..dtype.size()];
            for k in 0..block {
                // SAFETY: block `i` starts at `i * step` from there and has room for as many elements of any of these dtypes.
                unsafe {
                    let to = bytes.add(i * step + k * element.len());
                    std::ptr::copy_nonoverlapping(element.as_ptr(), to, element.len());
                }
            }
        }
        Constants { memory, first, step, count: values.len() }
    }

    /// The first.
    pub fn start(&self) -> *const u8 {
        self.memory.as_ptr().cast::<u8>().wrapping_add(self.first)
    }
}

/// Gives slots to values: a linear scan.
struct Slots {
    of: Vec<u16>,
    /// After which step a value is read no more.
    last: Vec<usize>,
    free: Vec<u16>,
    first_register: usize,
    registers: usize,
    /// Which values are in registers.
    in_register: Vec<bool>,
}

impl Slots {
    fn new(program: &TypedProgram, nin: usize, constants: usize) -> Slots {
        let first_constant = nin + program.outputs.len();
        let n = program.values.len();
        let mut slots = Slots {
            of: vec![u16::MAX; n],
            last: vec![0; n],
            free: vec![],
            first_register: first_constant + constants,
            registers: 0,
            in_register: vec![false; n],
        };
        let mut used = vec![false; n];
        for (i, step) in program.steps.iter().enumerate() {
            for &value in &step.inputs {
                (slots.last[value], used[value]) = (i, true);
            }
        }
        let mut next = first_constant as u16;
        for (value, of) in slots.of.iter_mut().enumerate() {
            match program.values[value].from {
                From::Input(i) => *of = i as u16,
                From::Constant(_) if used[value] => {
                    *of = next;
                    next += 1;
                }
                _ => {}
            }
        }
        for (k, &value) in program.outputs.iter().enumerate() {
            slots.of[value] = (nin + k) as u16;
        }
        slots
    }

    /// The slots of a step's operands. Those of what it makes are none of what it reads.
    fn place(&mut self, i: usize, step: &Step) -> Vec<u16> {
        for &value in &step.outputs {
            if self.of[value] == u16::MAX {
                let register = self.free.pop().unwrap_or_else(|| {
                    self.registers += 1;
                    (self.first_register + self.registers - 1) as u16
                });
                (self.of[value], self.in_register[value]) = (register, true);
            }
        }
        let slots = step.inputs.iter().chain(&step.outputs).map(|&value| self.of[value]).collect();
        for &value in step.inputs.iter().chain(&step.outputs) {
            // (What is never read is free at once.)
            if self.in_register[value] && self.last[value] <= i {
                self.free.push(self.of[value]);
                self.in_register[value] = false;
            }
        }
        slots
    }
}

/// The cost class of so much work: what its steps cost together.
pub fn cost_of(steps: impl Iterator<Item = Cost>) -> Cost {
    const MEDIUM: usize = 4;
    const HEAVY: usize = 16;
    let one = |cost: Cost| match cost {
        Cost::Light => 1,
        Cost::Medium => MEDIUM,
        Cost::Heavy => HEAVY,
    };
    match steps.map(one).sum::<usize>() {
        HEAVY.. => Cost::Heavy,
        MEDIUM.. => Cost::Medium,
        _ => Cost::Light,
    }
}
