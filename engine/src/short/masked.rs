//! Short calls with a mask, block by block, each in the way that [`Choice`] finds.

use super::head::{Head, Lies};
use super::{Addresses, MOST_INPUTS, MOST_OUTPUTS, ROOM, Short};
use crate::exec::Report;
use crate::invoke::{call_contiguous, call_runs, with_scratch};
use crate::mask::{Bits, Choice};
use crate::registry::{Code, DType};
use crate::simd::chosen;
use crate::simd::level::current_isa;
use crate::tuning::BLOCK;

impl Short<'_> {
    /// Whether a mask lies as the call is walked, apart from what is written.
    pub fn takes_mask(&self, mask: &Head<'_>, target: *mut u8) -> bool {
        let (start, written) = (mask.ptr.addr(), self.walk.n * self.l.outputs[0].size());
        let apart = start + self.walk.n <= target.addr() || target.addr() + written <= start;
        // An object's code is somebody's, who was promised the chosen elements only.
        matches!(self.l.code, Code::Kernels(_))
            && mask.dtype == DType::Bool
            && mask.dims == self.shape()
            && (mask.lies.has(Lies::ROWS) && self.walk.c_order || self.walk.lies_packed(mask.strides, 1))
            && apart
    }

    /// Runs a loop of one output where the mask says so.
    ///
    /// # Safety
    /// As [`Short::run`], and there is a mask of as many bytes, which [`Short::takes_mask`].
    pub unsafe fn run_masked(&self, mask: *const u8, target: *mut u8) -> Report {
        let (l, n, nin, isa) = (self.l, self.walk.n, self.inputs.len(), current_isa());
        let size = l.outputs[0].size();
        let mut report = Report::default();
        let mut args: Addresses = [std::ptr::null_mut(); MOST_INPUTS + MOST_OUTPUTS];
        with_scratch((2 * MOST_INPUTS + 1) * ROOM, |scratch| {
            let block = scratch.wrapping_add(2 * MOST_INPUTS * ROOM);
            let mut fresh = true;
            for start in (0..n).step_by(BLOCK) {
                let here = BLOCK.min(n - start);
                // SAFETY: `here` elements of each operand and of the mask; each block holds `BLOCK`.
                unsafe {
                    let target = target.add(start * size);
                    let mask = std::slice::from_raw_parts(mask.add(start), here);
                    let bits = Bits::of(mask);
                    let choice = bits.choice(self.cost);
                    if choice == Choice::None {
                        continue;
                    }
                    self.place_inputs(&mut args, (start, fresh), here, scratch, isa, &mut report.cast);
                    (args[nin], fresh) = (block, false);
                    if matches!(choice, Choice::All | Choice::Runs) {
                        args[nin] = target;
                        report.flags |= call_runs(l, isa, &args[..=nin], &bits);
                        continue;
                    }
                    if choice == Choice::Whole && call_contiguous(l, isa, &args[..=nin], here).is_empty() {
                        chosen::copy(block, target, size, &bits, isa);
                        continue;
                    }
                    for (i, dtype) in l.inputs.iter().enumerate() {
                        let packed = scratch.wrapping_add(2 * i * ROOM);
                        chosen::pack(args[i], packed, dtype.size(), &bits, isa);
                        // What repeats is the same packed or not, and serves the next block.
                        args[i] = packed;
                    }
                    report.flags |= call_contiguous(l, isa, &args[..=nin], bits.chosen());
                    chosen::unpack(block, target, size, &bits, isa);
                }
            }
        });
        report
    }
}
