//! The short way of a call over core axes: operands with nothing but those, as they lie in memory.

use crate::invoke::watched;
use crate::operand::{Operand, Shape};
use crate::registry::{CoreSignature, Cores, FpFlags, LoopDef, UfuncDef};
use crate::simd::level::current_isa;
use crate::tuning::{CORE_STEPS, elements_per_thread};
use smallvec::SmallVec;

/// Such a call, of one output.
pub struct PlainCore<'d> {
    l: &'d LoopDef,
    core: &'d CoreSignature,
    args: SmallVec<[*mut u8; 3]>,
    /// The length of each core axis.
    pub lengths: SmallVec<[usize; 4]>,
    steps: SmallVec<[isize; 6]>,
    /// The output's shape, in rows without gaps.
    pub shape: Shape,
}

impl<'d> PlainCore<'d> {
    /// The call on inputs of the loop's dtypes; `None` where there is more to it, or enough for several threads.
    pub fn new(def: &'d UfuncDef, l: &'d LoopDef, inputs: &[Operand]) -> Option<PlainCore<'d>> {
        let core = def.core_signature()?;
        let [output] = core.outputs() else { return None };
        let mut known: SmallVec<[Option<usize>; 4]> = core.axes.iter().map(|axis| axis.length).collect();
        let (mut args, mut steps) = (SmallVec::new(), SmallVec::new());
        for ((input, axes), &dtype) in inputs.iter().zip(&core.operands).zip(l.inputs) {
            if input.shape.len() != axes.len() || input.dtype != dtype || !input.is_aligned() {
                return None;
            }
            for (&axis, &n) in axes.iter().zip(&input.shape) {
                if *known[axis].get_or_insert(n) != n {
                    return None;
                }
            }
            args.push(input.ptr);
            steps.extend_from_slice(&input.strides);
        }
        let lengths: SmallVec<[usize; 4]> = known.into_iter().collect::<Option<_>>()?;
        let shape: Shape = output.iter().map(|&axis| lengths[axis]).collect();
        let mut step = l.outputs[0].size() as isize;
        let mut strides: SmallVec<[isize; 2]> = shape
            .iter()
            .rev()
            .map(|&n| {
                let here = step;
                step = step.saturating_mul(n.max(1) as isize);
                here
            })
            .collect();
        strides.reverse();
        steps.extend_from_slice(&strides);
        let plain = PlainCore { l, core, args, lengths, steps, shape };
        (step < isize::MAX && plain.work() / CORE_STEPS < 2 * elements_per_thread(def.cost)).then_some(plain)
    }

    /// Steps of the innermost loop.
    pub fn work(&self) -> usize {
        self.lengths.iter().fold(1, |steps, &n| steps.saturating_mul(n))
    }

    /// Runs it; what it raises.
    ///
    /// # Safety
    /// The inputs are valid, and the target has as many elements of the loop's dtype as the shape, aligned and apart from
    /// them.
    pub unsafe fn run(&mut self, target: *mut u8) -> FpFlags {
        self.args.push(target);
        let strides: SmallVec<[isize; 3]> = smallvec::smallvec![0; self.args.len()];
        let (args, lengths, steps) = (&self.args[..], &self.lengths[..], &self.steps[..]);
        let on = Cores { args, axes: &self.core.operands, lengths, steps, count: 1, strides: &strides };
        let Some(kernel) = self.l.code.kernels().core.at(current_isa()) else {
            unreachable!("a ufunc with core axes has loops of such code alone")
        };
        // SAFETY: the caller's promise.
        let flags = watched(self.l.fp, || unsafe { kernel(&on) });
        self.args.pop();
        flags
    }
}
