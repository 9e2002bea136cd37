//! `accumulate`: every partial result of a reduction along one axis.
//!
//! Where the axis is the fast one, the loop's scan runs along it, with the last result in a register. Where
//! another axis is faster and long, whole rows are computed from the row before.

use crate::array::{Array, View};
use crate::call::Called;
use crate::environment;
use crate::error::Error;
use crate::exec::{self, Report};
use crate::invoke::{call_scan, watched, with_scratch};
use crate::operand::{Operand, Order, lies_packed, output_strides};
use crate::plan::Plan;
use crate::reduce::{check_binary, normalize_axis};
use crate::registry::{BlockFn, Code, DType, FpFlags, FpReport, LoopDef, UfuncDef, resolve_reduction};
use crate::simd::level::current_isa;
use crate::stage;
use crate::tuning::{BLOCK, SHORT_ROW};

/// Accumulates into a new array.
pub fn accumulate(
    def: &UfuncDef,
    input: &View<'_>,
    axis: isize,
    dtype: Option<DType>,
) -> Result<Called, Error> {
    environment::check()?;
    check_binary(def, "accumulate")?;
    let input = input.operand();
    if input.shape.is_empty() {
        return Err(Error::Scalar { method: "accumulate" });
    }
    let axis = normalize_axis(axis, input.shape.len())?;
    let l = resolve_reduction(def, input.dtype, None, dtype)?;
    let size = l.outputs[0].size();
    let strides = || output_strides(&[input], &input.shape, size, Order::K);
    let out = Array::with_strides(l.outputs[0], &input.shape, strides)?;
    // SAFETY: the input is borrowed for the call; the output is new and of the loop's dtype.
    let report = unsafe { run(def, l, input, out.operand(), axis) }.unless_refused(def)?;
    Ok(Called { outputs: vec![out], report })
}

/// Accumulates `input` into `out`, of one shape; `out` has the loop's dtype, is aligned, and overlaps no input.
///
/// # Safety
/// Both operands are valid for the call.
pub unsafe fn run(def: &UfuncDef, l: &LoopDef, input: &Operand, out: &Operand, axis: usize) -> Report {
    if out.is_empty() {
        return Report::default();
    }
    let n = out.shape[axis];
    let step = out.strides[axis];
    let faster = (0..out.shape.len()).any(|a| {
        a != axis && out.shape[a] >= SHORT_ROW && out.strides[a].unsigned_abs() < step.unsigned_abs()
    });
    let mut report = Report::default();
    let mut source = input;
    if faster || input.dtype != out.dtype || !input.is_aligned() {
        // Computed in the output itself: first the input, in the loop's dtype, ...
        let copy = crate::call::copy_loop(out.dtype);
        let plan = Plan::new(copy, def.cost, &[input.clone(), out.clone()], None, &out.shape);
        // SAFETY: the caller's promise.
        report = unsafe { exec::run(&plan) };
        report.cast |= std::mem::take(&mut report.flags);
        source = out;
    }
    // ... then each element or row with the one before.
    if faster {
        if let Some(rows) = Rows::of(l, out, axis) {
            // SAFETY: the caller's promise.
            report.flags |= unsafe { rows.run() };
            return report;
        }
        for i in 1..n {
            let (before, here) = (out.at(axis, i - 1), out.at(axis, i));
            let plan = Plan::new(l, def.cost, &[before, here.clone(), here.clone()], None, &here.shape);
            // SAFETY: rows of the output; the plan stages the row that is both read and written.
            report |= unsafe { exec::run(&plan) };
        }
        return report;
    }
    let (others, sources) = (out.at(axis, 0), source.at(axis, 0));
    let steps = [source.strides[axis], step];
    let one_row = others.shape.is_empty();
    let mut at = stage::coords_of(0, if one_row { &[1] } else { &others.shape });
    for _ in 0..out.len() / n {
        let offset = |strides: &[isize]| if one_row { 0 } else { stage::offset_of(&at, strides) };
        let x = sources.ptr.wrapping_offset(offset(&sources.strides));
        let y = others.ptr.wrapping_offset(offset(&others.strides));
        // SAFETY: `n` elements along the axis.
        report.flags |= unsafe { call_scan(l, [x, y], steps, n) };
        if !one_row {
            stage::advance(&mut at, &others.shape, 1);
        }
    }
    report
}

/// Packed rows of an output, each computed from the one before and what it holds.
struct Rows {
    kernel: BlockFn,
    fp: FpReport,
    first: *mut u8,
    /// From row to row.
    step: isize,
    rows: usize,
    n: usize,
    size: usize,
}

impl Rows {
    /// `None` where rows are not packed, or the loop has no such code.
    fn of(l: &LoopDef, out: &Operand, axis: usize) -> Option<Rows> {
        let row = out.at(axis, 0);
        let size = out.dtype.size();
        let packed = lies_packed(&row.shape, &row.strides, size, (0..row.shape.len()).rev());
        let plain = packed && out.is_aligned();
        let kernel = match &l.code {
            Code::Kernels(kernels) if plain => kernels.block.at(current_isa())?,
            _ => return None,
        };
        let (step, rows, n) = (out.strides[axis], out.shape[axis], row.len());
        Some(Rows { kernel, fp: l.fp, first: out.ptr, step, rows, n, size })
    }

    /// # Safety
    /// The output is there.
    unsafe fn run(&self) -> FpFlags {
        let (block, mut flags) = (BLOCK.min(self.n), FpFlags::NONE);
        // A block of every row before the next block: it stays in the cache.
        with_scratch(block * self.size, |held| {
            watched(self.fp, || {
                for start in (0..self.n).step_by(block) {
                    let here = block.min(self.n - start);
                    for i in 1..self.rows {
                        let y = self
                            .first
                            .wrapping_offset(i as isize * self.step)
                            .wrapping_add(start * self.size);
                        // SAFETY: `here` elements of a row, of the one before and of the scratch. The row is copied apart, for
                        // the code does not write over its second input.
                        unsafe {
                            std::ptr::copy_nonoverlapping(y, held, here * self.size);
                            flags |= (self.kernel)([y.wrapping_offset(-self.step), held, y].as_ptr(), here);
                        }
                    }
                }
                flags
            })
        })
    }
}
