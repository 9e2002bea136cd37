//! Plans: how to walk the operands of one loop.
//!
//! From operands already broadcast to one shape: axes of length 1 are dropped, axes along which every operand steps
//! backwards are turned round, the rest sorted so that the output's smallest stride comes last, and neighbours that
//! every operand walks as one are merged. Element-wise work may be done in any order, so none of this shows.

use crate::operand::{Operand, Shape, Strides};
use crate::overlap::may_overlap;
use crate::registry::{Code, Cost, DType, LoopDef};
use crate::tuning::{LONGER_AXIS, SHORT_ROW, STREAM_BYTES};
use smallvec::SmallVec;

/// How the executor walks a loop.
pub struct Plan<'d> {
    /// The loop.
    pub l: &'d LoopDef,
    /// Its cost class.
    pub cost: Cost,
    /// Merged axes, outermost first; never empty.
    pub shape: Shape,
    /// Number of elements.
    pub total: usize,
    /// Inputs, then outputs.
    pub args: SmallVec<[Arg; 3]>,
    /// The `where` mask.
    pub mask: Option<Arg>,
}

/// An operand as a plan walks it.
#[derive(Clone, Debug)]
pub struct Arg {
    /// First element in walking order.
    pub ptr: *mut u8,
    /// The dtype in memory.
    pub dtype: DType,
    /// Byte strides along the plan's axes.
    pub strides: Strides,
    /// Whether the loop may use the memory itself, where it is contiguous, or only a copy of a block.
    pub access: Access,
}

// SAFETY: an address and numbers; the executor's workers write disjoint parts.
unsafe impl Send for Arg {}
// SAFETY: as above.
unsafe impl Sync for Arg {}

/// How a loop gets at an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// In place where contiguous.
    Direct,
    /// Through a block: it is cast, unaligned, or an input that is also an output.
    Staged,
    /// Through a block, and past the caches.
    Streamed,
}

impl<'d> Plan<'d> {
    /// Plans a loop over operands of shape `shape`, inputs before outputs. `dtypes` of the loop decide what is cast.
    pub fn new(
        l: &'d LoopDef,
        cost: Cost,
        operands: &[Operand],
        mask: Option<&Operand>,
        shape: &[usize],
    ) -> Plan<'d> {
        let nin = l.inputs.len();
        let dtypes = l.inputs.iter().chain(l.outputs);
        let mut args: SmallVec<[Arg; 3]> = operands
            .iter()
            .zip(dtypes)
            .map(|(o, &dtype)| Arg {
                ptr: o.ptr,
                dtype: o.dtype,
                strides: o.strides.clone(),
                access: if o.dtype == dtype && o.is_aligned() { Access::Direct } else { Access::Staged },
            })
            .collect();
        for i in 0..operands.len() {
            // An input that is an output element for element: the kernel must not see them alias. And outputs that share
            // memory, which are written in their order. Some loops can overwrite their first input.
            let overwrites = i == 0
                && l.outputs.len() == 1
                && l.code.kernels().in_place.exists()
                && operands[0].is_same_as(&operands[nin]);
            let others = operands.iter().enumerate().skip(nin).filter(|&(k, _)| k != i);
            if !overwrites && others.into_iter().any(|(_, o)| may_overlap(&operands[i], o)) {
                args[i].access = Access::Staged;
            }
        }
        let total = shape.iter().product();
        let mut mask = mask.map(|m| Arg {
            ptr: m.ptr,
            dtype: DType::Bool,
            strides: m.strides.clone(),
            access: Access::Staged,
        });
        let mut shape: Shape = shape.into();
        {
            let mut all: SmallVec<[&mut Arg; 4]> = args.iter_mut().chain(mask.as_mut()).collect();
            simplify(&mut shape, &mut all, nin);
        }
        let overwrites = args[0].access == Access::Direct && operands[0].ptr == operands[nin].ptr;
        for (arg, o) in args.iter_mut().zip(operands).skip(nin) {
            let large = total * o.dtype.size() >= STREAM_BYTES;
            let row_is_packed = arg.strides.last() == Some(&(o.dtype.size() as isize));
            if large
                && row_is_packed
                && arg.access == Access::Direct
                && cost == Cost::Light
                // (A program sees to that itself.)
                && matches!(l.code, Code::Kernels(_))
                && mask.is_none()
                && !overwrites
            {
                arg.access = Access::Streamed;
            }
        }
        Plan { l, cost, shape, total, args, mask }
    }
}

impl Arg {
    /// Whether the memory is contiguous in walking order over the whole of `shape`.
    pub fn is_flat(&self, shape: &[usize]) -> bool {
        let mut step = self.dtype.size() as isize;
        self.strides.iter().zip(shape).rev().all(|(&s, &n)| {
            let packed = s == step;
            step *= n as isize;
            packed
        })
    }

    /// Whether there is only one element, repeated.
    pub fn is_constant(&self) -> bool {
        self.strides.iter().all(|&s| s == 0)
    }
}

fn simplify(shape: &mut Shape, args: &mut [&mut Arg], nin: usize) {
    for axis in (0..shape.len()).rev() {
        if shape[axis] == 1 {
            remove_axis(shape, args, axis);
        }
    }
    turn_round(shape, args);
    sort(shape, args, nin);
    merge(shape, args);
    if shape.is_empty() {
        shape.push(1);
        for arg in args.iter_mut() {
            arg.strides.push(0);
        }
        return;
    }
    prefer_long_rows(shape, args, nin);
}

/// Walks axes forwards along which all step backwards.
fn turn_round(shape: &[usize], args: &mut [&mut Arg]) {
    for (axis, &n) in shape.iter().enumerate() {
        let backwards = args.iter().all(|a| a.strides[axis] <= 0) && args.iter().any(|a| a.strides[axis] < 0);
        if backwards && n > 0 {
            for arg in args.iter_mut() {
                let last = (n - 1) as isize * arg.strides[axis];
                arg.ptr = arg.ptr.wrapping_offset(last);
                arg.strides[axis] = -arg.strides[axis];
            }
        }
    }
}

/// Longest steps first. Outputs decide, then inputs from the first on.
fn sort(shape: &mut Shape, args: &mut [&mut Arg], nin: usize) {
    let by = |args: &[&mut Arg], axis: usize| -> SmallVec<[std::cmp::Reverse<usize>; 4]> {
        args[nin..]
            .iter()
            .chain(&args[..nin])
            .map(|a| std::cmp::Reverse(a.strides[axis].unsigned_abs()))
            .collect()
    };
    for i in 1..shape.len() {
        let mut j = i;
        while j > 0 && by(args, j - 1) > by(args, j) {
            swap_axes(shape, args, j - 1, j);
            j -= 1;
        }
    }
}

/// Makes one axis of neighbours that everyone walks as one.
fn merge(shape: &mut Shape, args: &mut [&mut Arg]) {
    for axis in (1..shape.len()).rev() {
        let n = shape[axis] as isize;
        // A step past the end of an axis may be past an `isize`.
        if args.iter().all(|a| a.strides[axis].checked_mul(n) == Some(a.strides[axis - 1])) {
            for arg in args.iter_mut() {
                arg.strides[axis - 1] = arg.strides[axis];
            }
            shape[axis - 1] *= shape[axis];
            remove_axis(shape, args, axis);
        }
    }
}

/// Makes the longest axis the inner one where that is short, and no output contiguous anyway: a flat sequence beats a long
/// strided row.
fn prefer_long_rows(shape: &mut Shape, args: &mut [&mut Arg], nin: usize) {
    let last = shape.len() - 1;
    let longest = (0..=last).max_by_key(|&axis| (shape[axis], axis)).unwrap_or(last);
    let longer = shape[longest] >= LONGER_AXIS * shape[last] && shape[longest] >= SHORT_ROW;
    if shape[last] < SHORT_ROW && longer && !args[nin..].iter().any(|out| out.is_flat(shape)) {
        for axis in longest..last {
            swap_axes(shape, args, axis, axis + 1);
        }
    }
}

fn remove_axis(shape: &mut Shape, args: &mut [&mut Arg], axis: usize) {
    shape.remove(axis);
    for arg in args.iter_mut() {
        arg.strides.remove(axis);
    }
}

fn swap_axes(shape: &mut Shape, args: &mut [&mut Arg], a: usize, b: usize) {
    shape.swap(a, b);
    for arg in args.iter_mut() {
        arg.strides.swap(a, b);
    }
}
