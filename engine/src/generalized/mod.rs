//! Calls of ufuncs that compute over whole axes, as a core signature says: core axes → broadcast the others → outputs →
//! execute. Operands of another dtype than the loop's are cast as a whole first, and inputs that an output overlaps copied:
//! every element of a core may be read for each of its results.

mod axes;
mod execute;
mod plain;

pub use axes::{CoreAxes, CoreOptions, Places};
pub use execute::worth_threads;
pub use plain::PlainCore;

use crate::array::{Array, check_ndim};
use crate::call::{cast_copy, cast_into};
use crate::error::Error;
use crate::exec::Report;
use crate::operand::{Operand, Order, Shape, Strides, checked_bytes, output_strides};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::registry::{DType, LoopDef, UfuncDef};
use axes::core_of;
use smallvec::SmallVec;

/// A resolved call whose shapes agree, before its outputs exist.
pub struct PreparedCore<'a> {
    def: &'a UfuncDef,
    l: &'a LoopDef,
    inputs: &'a [&'a Operand],
    outputs: &'a [Option<&'a Operand>],
    axes: CoreAxes,
    order: Order,
}

/// A call ready to be executed.
pub struct CorePlan<'d> {
    /// The loop.
    pub l: &'d LoopDef,
    /// Its ufunc.
    pub def: &'d UfuncDef,
    /// Lengths of axes around the cores, outermost first; neighbours that all operands walk as one are one.
    pub loops: Shape,
    /// Lengths of core axes.
    pub lengths: SmallVec<[usize; 4]>,
    /// Inputs, then outputs.
    pub args: SmallVec<[CoreArg; 3]>,
    /// What of the operands had to be copied, in words.
    pub copied: SmallVec<[bool; 3]>,
    report: Report,
    copies: SmallVec<[Array; 2]>,
    /// Outputs of another dtype, and what is computed for them.
    casts: SmallVec<[(Array, Operand); 1]>,
}

/// An operand as a plan walks it.
#[derive(Clone, Debug)]
pub struct CoreArg {
    /// First element.
    pub ptr: *mut u8,
    /// Byte strides along the plan's loops.
    pub strides: Strides,
    /// Byte strides of its core axes, in its order; 0 for one it does without.
    pub steps: SmallVec<[isize; 2]>,
}

// SAFETY: an address and numbers; the executor's workers write disjoint parts.
unsafe impl Send for CoreArg {}
// SAFETY: as above.
unsafe impl Sync for CoreArg {}

impl<'a> PreparedCore<'a> {
    /// Finds core axes, and broadcasts the others.
    pub fn new(
        def: &'a UfuncDef,
        l: &'a LoopDef,
        inputs: &'a [&'a Operand],
        outputs: &'a [Option<&'a Operand>],
        options: &CoreOptions,
        order: Order,
    ) -> Result<PreparedCore<'a>, Error> {
        let input_shapes: SmallVec<[&[usize]; 2]> = inputs.iter().map(|o| &o.shape[..]).collect();
        let output_shapes: SmallVec<[Option<&[usize]>; 1]> =
            outputs.iter().map(|o| o.map(|o| &o.shape[..])).collect();
        let axes = CoreAxes::new(def, &input_shapes, &output_shapes, options)?;
        for (shape, dtype) in axes.outputs.iter().zip(l.outputs) {
            check_ndim(shape.len())?;
            checked_bytes(shape, dtype.size())?;
        }
        let widest = inputs.iter().map(|o| o.dtype.size()).chain(l.inputs.iter().map(|d| d.size()));
        checked_bytes(&axes.loops, widest.max().unwrap_or(1))?;
        let given: SmallVec<[&Operand; 1]> = outputs.iter().copied().flatten().collect();
        let clash = given.iter().enumerate().any(|(i, a)| given[..i].iter().any(|b| may_overlap(a, b)));
        if clash || given.iter().any(|out| overlaps_itself(out)) {
            return Err(Error::OutputOverlapsItself);
        }
        Ok(PreparedCore { def, l, inputs, outputs, axes, order })
    }

    /// The core axes.
    pub fn axes(&self) -> &CoreAxes {
        &self.axes
    }

    /// Makes the outputs that were not given, by `alloc(index, dtype, shape, strides)`, and what has to be copied.
    ///
    /// # Safety
    /// The inputs may be read.
    pub unsafe fn plan<E: From<Error>>(
        self,
        mut alloc: impl FnMut(usize, DType, &[usize], &[isize]) -> Result<*mut u8, E>,
    ) -> Result<CorePlan<'a>, E> {
        let PreparedCore { def, l, inputs, outputs, axes, order } = self;
        let mut plan = CorePlan {
            l,
            def,
            loops: axes.loops.clone(),
            lengths: axes.lengths.clone(),
            args: SmallVec::new(),
            copied: SmallVec::new(),
            report: Report::default(),
            copies: SmallVec::new(),
            casts: SmallVec::new(),
        };
        for (i, (&input, &dtype)) in inputs.iter().zip(l.inputs).enumerate() {
            let clash = outputs.iter().flatten().any(|out| may_overlap(input, out));
            let copy = input.dtype != dtype || !input.is_aligned() || clash;
            plan.copied.push(copy);
            let arg = match copy {
                false => around(&axes, def, i, input),
                true => {
                    // SAFETY: the caller's promise.
                    let (copy, flags) = unsafe { cast_copy(input, dtype) }?;
                    plan.report.cast |= flags;
                    plan.copies.push(copy);
                    around(&axes, def, i, plan.copies[plan.copies.len() - 1].operand())
                }
            };
            plan.args.push(arg);
        }
        for (i, (out, &dtype)) in outputs.iter().zip(l.outputs).enumerate() {
            let (shape, operand) = (&axes.outputs[i], inputs.len() + i);
            let aside = out.is_some_and(|out| out.dtype != dtype || !out.is_aligned());
            plan.copied.push(aside);
            let made;
            let out = match out {
                Some(out) if aside => {
                    let computed = Array::zeros(dtype, shape)?;
                    plan.casts.push((computed, (*out).clone()));
                    plan.casts[plan.casts.len() - 1].0.operand()
                }
                Some(out) => *out,
                None => {
                    let strides = new_strides(&axes, &plan.args, operand, dtype, order);
                    let ptr = alloc(i, dtype, shape, &strides)?;
                    made = Operand { ptr, dtype, shape: shape.clone(), strides };
                    &made
                }
            };
            let arg = around(&axes, def, operand, out);
            plan.args.push(arg);
        }
        plan.merge();
        Ok(plan)
    }
}

/// An operand, its core axes apart from the loop's.
fn around(axes: &CoreAxes, def: &UfuncDef, operand: usize, o: &Operand) -> CoreArg {
    let places = &axes.places[operand];
    let mut strides: Strides = smallvec::smallvec![0; axes.loops.len()];
    // From the last one on, as shapes broadcast.
    let rest = (0..o.shape.len()).rev().filter(|axis| !places.contains(axis));
    for (to, axis) in strides.iter_mut().rev().zip(rest) {
        *to = if o.shape[axis] == 1 { 0 } else { o.strides[axis] };
    }
    let core = def.core_signature().map_or(&[][..], |core| core_of(core, operand));
    let mut present = places.iter();
    let step = |axis: &usize| match axes.missing[*axis] {
        true => 0,
        false => present.next().map_or(0, |&place| o.strides[place]),
    };
    CoreArg { ptr: o.ptr, strides, steps: core.iter().map(step).collect() }
}

/// Byte strides of a new output: the loop's axes as the inputs have them, its core axes inside of those, each in its place.
fn new_strides(axes: &CoreAxes, inputs: &[CoreArg], operand: usize, dtype: DType, order: Order) -> Strides {
    let (places, loops) = (&axes.places[operand], axes.loops.len());
    let shape = &axes.outputs[operand - inputs.len()];
    let mut outer = (0..shape.len()).filter(|axis| !places.contains(axis));
    let walked: SmallVec<[usize; 4]> = (0..shape.len())
        .map(|i| if i < loops { outer.next().unwrap_or(i) } else { places[i - loops] })
        .collect();
    let lengths: Shape = walked.iter().map(|&axis| shape[axis]).collect();
    // To the inputs the core axes of an output are none.
    let lying: SmallVec<[Operand; 2]> = (inputs.iter())
        .map(|arg| {
            let mut strides = arg.strides.clone();
            strides.resize(lengths.len(), 0);
            Operand { ptr: arg.ptr, dtype, shape: lengths.clone(), strides }
        })
        .collect();
    let lying: SmallVec<[&Operand; 2]> = lying.iter().collect();
    let packed = output_strides(&lying, &lengths, dtype.size(), order);
    let mut strides: Strides = smallvec::smallvec![0; shape.len()];
    for (&axis, &stride) in walked.iter().zip(&packed) {
        strides[axis] = stride;
    }
    strides
}

impl CorePlan<'_> {
    /// Executes the call.
    ///
    /// # Safety
    /// Inputs and given outputs are valid until it returns, as [`Operand`] demands, and so are the outputs that were made for
    /// the plan, new memory that overlaps nothing.
    pub unsafe fn run(&self) -> Report {
        // SAFETY: the caller's promise; copies are the plan's own.
        let flags = unsafe { execute::run(self) };
        let mut report = self.report | Report { flags, ..Report::default() };
        for (computed, out) in &self.casts {
            // SAFETY: the same.
            report.cast |= unsafe { cast_into(computed.operand(), out) };
        }
        report
    }

    /// Makes one axis of neighbours that all operands walk as one.
    fn merge(&mut self) {
        for axis in (0..self.loops.len()).rev() {
            let n = self.loops[axis];
            if n == 1 {
                self.remove(axis);
                continue;
            }
            let Some(&inner) = self.loops.get(axis + 1) else { continue };
            let follows =
                |arg: &CoreArg| arg.strides[axis + 1].checked_mul(inner as isize) == Some(arg.strides[axis]);
            if self.args.iter().all(follows) {
                self.loops[axis + 1] = n * inner;
                self.remove(axis);
            }
        }
    }

    fn remove(&mut self, axis: usize) {
        self.loops.remove(axis);
        for arg in &mut self.args {
            arg.strides.remove(axis);
        }
    }
}
