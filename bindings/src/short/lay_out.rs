//! A small call laid out over its operands, and run: nothing is planned; what is strided, repeated or of another dtype than
//! the loop's goes through a scratch block as a whole.

use super::walk::Walk;
use crate::python::gil;
use crate::python::numpy_api::NumPy;
use crate::python::object::Object;
use crate::ufunc::loops::MOST_INPUTS;
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_WRITEABLE, PyArrayObject};
use pyo3::prelude::*;
use ufunx::cast::cast_block;
use ufunx::exec::{call_contiguous, with_scratch};
use ufunx::registry::{Cost, Isa, LoopDef};
use ufunx::stage::copy_row;
use ufunx::tuning::{BLOCK, elements_per_thread};
use ufunx::{DType, FpFlags};

/// Most elements that go through scratch blocks: one block each.
const STAGED: usize = BLOCK;

/// An input and its dtype.
#[derive(Clone, Copy)]
pub enum Input {
    /// A live array.
    Array(*mut PyArrayObject, DType),
    /// The bits of a value.
    Cell([u64; 1], DType),
}

impl Input {
    /// The dtype it has.
    pub fn dtype(&self) -> DType {
        match self {
            Input::Array(_, dtype) | Input::Cell(_, dtype) => *dtype,
        }
    }

    /// Where the first element is. An array is alive as long as the call.
    fn address(&self) -> *mut u8 {
        match self {
            // SAFETY: a live array.
            Input::Array(array, _) => unsafe { (**array).fields.data.cast() },
            Input::Cell(cell, _) => cell.as_ptr().cast_mut().cast(),
        }
    }
}

/// A call that fits the short way.
pub struct Laid<'a> {
    /// The loop.
    pub l: &'static LoopDef,
    inputs: &'a [Input],
    /// The axes, and how the inputs lie along them.
    pub walk: Walk<MOST_INPUTS>,
    /// Which inputs the loop reads where they lie.
    direct: [bool; MOST_INPUTS],
    staged: bool,
    /// Whether the inputs' memory is there only as long as nobody else runs.
    lent: bool,
}

impl<'a> Laid<'a> {
    /// Not laid out yet.
    #[inline(always)]
    pub fn new(l: &'static LoopDef, inputs: &'a [Input]) -> Laid<'a> {
        Laid { l, inputs, walk: Walk::EMPTY, direct: [false; MOST_INPUTS], staged: false, lent: false }
    }

    /// The same where the inputs' memory is lent, and may go as soon as the GIL does.
    #[inline(always)]
    pub fn on_lent(l: &'static LoopDef, inputs: &'a [Input]) -> Laid<'a> {
        Laid { lent: true, ..Laid::new(l, inputs) }
    }

    /// Lays it out, where it is: moving it so soon after its fields were written would cost a tenth of a small call. False
    /// where shapes do not agree, or the call is worth a plan.
    ///
    /// # Safety
    /// Arrays are live, and are as long as this.
    #[inline]
    pub unsafe fn fits(&mut self, cost: Cost) -> bool {
        let (l, inputs) = (self.l, self.inputs);
        let mut arrays = [std::ptr::null_mut(); MOST_INPUTS];
        let mut as_they_are = true;
        for ((array, input), &dtype) in arrays.iter_mut().zip(inputs).zip(l.inputs) {
            if let Input::Array(object, have) = *input {
                *array = object;
                as_they_are &= have == dtype;
            }
        }
        // SAFETY: live arrays.
        if unsafe { !self.walk.lay_out(&arrays, as_they_are) } {
            return false;
        }
        let n = self.walk.n;
        if n == 0 {
            return false;
        }
        for (i, (input, &dtype)) in inputs.iter().zip(l.inputs).enumerate() {
            self.direct[i] = match *input {
                // SAFETY: a live array.
                Input::Array(array, have) => unsafe {
                    have == dtype
                        && (*array).fields.flags & NPY_ARRAY_ALIGNED != 0
                        && self.walk.is_packed(i, dtype.size())
                },
                Input::Cell(_, have) => have == dtype && n == 1,
            };
        }
        self.staged = !self.direct[..inputs.len()].iter().all(|&d| d);
        n < elements_per_thread(cost) && !(self.staged && n > STAGED)
    }

    /// The memory of an output that needs nothing done: a writable, aligned array of the loop's dtype and the call's shape,
    /// in the order of the walk, apart from the inputs read in place or the first of them.
    pub fn usable(&self, np: &NumPy, out: Object<'_, '_>) -> Option<*mut u8> {
        let (array, dtype, walk) = (np.exact_array(out)?, self.l.outputs[0], &self.walk);
        const PLAIN: i32 = NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE;
        let nd = walk.nd;
        if array.flags() & PLAIN != PLAIN || array.nd() != nd || array.dtype(np) != Some(dtype) {
            return None;
        }
        // SAFETY: live arrays, with dimensions and strides per axis.
        unsafe {
            let fields = &(*array.as_ptr()).fields;
            if nd > 0 {
                let dims = std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), nd);
                let strides = std::slice::from_raw_parts(fields.strides, nd);
                if dims.iter().zip(&walk.shape).any(|(a, b)| a != b)
                    || !walk.lies_packed(strides, dtype.size())
                {
                    return None;
                }
            }
            let (start, bytes) = (fields.data.addr(), walk.n * dtype.size());
            for (i, input) in self.inputs.iter().enumerate() {
                // What goes through a block is read before anything is written.
                let Input::Array(input, have) = *input else { continue };
                if !self.direct[i] {
                    continue;
                }
                let other = (*input).fields.data.addr();
                let apart = start + bytes <= other || other + walk.n * have.size() <= start;
                let overwrites = i == 0 && start == other && self.l.code.kernels().in_place.exists();
                if !apart && !overwrites {
                    return None;
                }
            }
            Some(fields.data.cast())
        }
    }

    /// Runs the loop; the flags it and its casts raised.
    ///
    /// # Safety
    /// `target` has room for the call's elements, and overlaps no input that is read in place but perhaps the first, element
    /// for element.
    #[inline]
    pub unsafe fn run(&self, py: Python<'_>, target: *mut u8) -> FpFlags {
        let (l, n, inputs) = (self.l, self.walk.n, self.inputs);
        let mut args = [target; MOST_INPUTS + 1];
        let isa = ufunx::current_isa();
        let run = |args: &[*mut u8; MOST_INPUTS + 1]| {
            let args = &args[..=inputs.len()];
            // SAFETY: contiguous, aligned, `n` elements each; the caller's promise for the output.
            let work = || unsafe { call_contiguous(l, isa, args, n) };
            // SAFETY: the arrays are the caller's, and what is lent is not let go.
            if self.lent { work() } else { unsafe { gil::around(py, l, n, work) } }
        };
        if !self.staged {
            for (arg, input) in args.iter_mut().zip(inputs) {
                *arg = input.address();
            }
            return run(&args);
        }
        let mut cast = FpFlags::NONE;
        let flags: FpFlags = with_scratch(2 * MOST_INPUTS * STAGED * 16, |scratch| {
            for (i, input) in inputs.iter().enumerate() {
                let block = scratch.wrapping_add(2 * i * STAGED * 16);
                args[i] = match self.direct[i] {
                    true => input.address(),
                    // SAFETY: `n` elements of a live array or of a cell; each block holds `STAGED`.
                    false => unsafe { stage_input(input, &self.walk, i, l.inputs[i], block, isa, &mut cast) },
                };
            }
            run(&args)
        });
        flags | cast
    }
}

/// Brings an input into `block` (room for two blocks), in the loop's dtype.
///
/// # Safety
/// Live arrays; the walk has at most `STAGED` elements.
unsafe fn stage_input(
    input: &Input,
    walk: &Walk<MOST_INPUTS>,
    i: usize,
    to: DType,
    block: *mut u8,
    isa: Isa,
    cast: &mut FpFlags,
) -> *mut u8 {
    let dtype = input.dtype();
    let raw = if dtype == to { block } else { block.wrapping_add(STAGED * 16) };
    // SAFETY: the caller's promise; the two halves of the block are distinct.
    unsafe {
        match input {
            Input::Array(..) => walk.gather(i, input.address(), dtype.size(), raw),
            _ => copy_row(input.address(), 0, raw, dtype.size() as isize, dtype.size(), walk.n),
        }
        if dtype != to {
            *cast |= cast_block(dtype, to, raw, block, walk.n, isa);
        }
    }
    block
}
