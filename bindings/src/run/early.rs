//! Casts that NumPy makes before a call's loop, of scalars and of short vectors, and reports under the name of `cast`;
//! those that its buffers make are reported with the loop's, under the ufunc's.

use crate::arguments::parse::Reason;
use crate::python::numpy_api::NumPy;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::Array;
use ufunx::call::cast_copy;
use ufunx::cast::can_raise;
use ufunx::operand::Operand;
use ufunx::overlap::may_overlap;
use ufunx::registry::{FpFlags, LoopDef, UfuncDef};
use ufunx::tuning::CAST_FOLD_BLOCK;

/// The copies that were cast, per input, and what that raised.
pub struct Early(SmallVec<[Option<(Array, FpFlags)>; 2]>);

impl Early {
    /// Casts what NumPy casts early, as far as it can raise anything. What can raise later is NumPy's to do where its loop
    /// forgets it, or where a mask is given, which leaves nothing out of NumPy's casts.
    ///
    /// # Safety
    /// Inputs are valid for the call.
    pub unsafe fn new(
        def: &UfuncDef,
        l: &LoopDef,
        inputs: &[&Operand],
        masked: bool,
    ) -> Result<Early, Reason> {
        let mut single_call = !masked;
        let mut copies = SmallVec::new();
        for (input, &dtype) in inputs.iter().zip(l.inputs) {
            let scalar = input.shape.is_empty();
            // NumPy stops copying for its one call of the loop at the first operand that is too large for it.
            let copied = input.dtype != dtype || !input.is_aligned();
            single_call &= !copied || scalar || matches!(input.shape[..], [n] if n <= CAST_FOLD_BLOCK);
            if !can_raise(input.dtype, dtype) {
                copies.push(None);
            } else if scalar || single_call {
                // SAFETY: the caller's promise.
                copies.push(Some(unsafe { cast_copy(input, dtype) }.map_err(|_| Reason::Layout)?));
            } else if masked || def.clears_flags {
                return Err(Reason::Resolution);
            } else {
                copies.push(None);
            }
        }
        Ok(Early(copies))
    }

    /// The inputs, or their copies.
    pub fn operands<'a>(&'a self, inputs: &[&'a Operand]) -> SmallVec<[&'a Operand; 2]> {
        let copies = self.0.iter().map(|c| c.as_ref().map(|(array, _)| array.operand()));
        inputs.iter().zip(copies).map(|(input, copy)| copy.unwrap_or(input)).collect()
    }

    /// Whether there is anything to report.
    pub fn has_raised(&self) -> bool {
        self.0.iter().flatten().any(|(_, flags)| !flags.is_empty())
    }

    /// Reports each cast.
    pub fn report(&self, py: Python<'_>, np: &NumPy) -> PyResult<()> {
        self.0.iter().flatten().try_for_each(|(_, flags)| np.report(py, "cast", *flags))
    }
}

/// Whether outputs share memory, or casts of given ones may raise what is not reported once, with the loop's flags: NumPy writes an output that
/// overlaps an input from a copy after the call, and with a mask it casts what is left out too, to and fro.
pub fn casts_outputs_apart(
    l: &LoopDef,
    inputs: &[&Operand],
    outputs: &[Option<&Operand>],
    masked: bool,
) -> bool {
    let given = outputs.iter().zip(l.outputs).filter_map(|(out, &computed)| Some(((*out)?, computed)));
    // NumPy compares all strides, those of axes of length 1 too.
    let same = |input: &Operand, out: &Operand| input.is_same_as(out) && input.strides == out.strides;
    let apart = |input: &&Operand, out: &Operand| may_overlap(input, out) && !same(input, out);
    // Of two outputs in the same memory NumPy writes copies back when the call is over.
    let mut all = outputs.iter().flatten();
    while let Some(out) = all.next() {
        if all.clone().any(|other| may_overlap(out, other)) {
            return true;
        }
    }
    given.into_iter().any(|(out, computed)| match masked {
        true => can_raise(computed, out.dtype) || can_raise(out.dtype, computed),
        false => can_raise(computed, out.dtype) && inputs.iter().any(|input| apart(input, out)),
    })
}
