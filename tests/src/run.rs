//! Calls of one particular loop.

use ufunx::registry::{DType, FpFlags, LoopDef, UfuncDef};
use ufunx::{CallOptions, Error, Input, Report, Signature, Ufunc, View, ViewMut};

/// Runs exactly this loop. That it refuses an element is a flag like the others here.
pub fn run_loop(
    def: &'static UfuncDef,
    l: &LoopDef,
    inputs: &[View<'_>],
    outputs: &mut [ViewMut<'_>],
) -> Result<Report, Error> {
    let options = CallOptions { signature: Some(signature(l)), ..CallOptions::default() };
    let inputs: Vec<Input<'_>> = inputs.iter().cloned().map(Input::View).collect();
    match Ufunc::from_def(def).call_into(&inputs, outputs, &options) {
        Err(Error::Refused { .. }) => Ok(Report { flags: FpFlags::REFUSED, ..Report::default() }),
        result => result,
    }
}

/// The wish for exactly this loop.
pub fn signature(l: &LoopDef) -> Signature {
    let wish = |dtypes: &[DType]| dtypes.iter().copied().map(Some).collect();
    Signature { inputs: wish(l.inputs), outputs: wish(l.outputs) }
}
