//! `reduceat`: a reduction of each slice between consecutive indices along one axis.

use crate::array::{Array, View};
use crate::call::Called;
use crate::environment;
use crate::error::Error;
use crate::exec::Report;
use crate::invoke::with_scratch;
use crate::memory;
use crate::operand::{Operand, Order, output_strides};
use crate::reduce::{Folding, Nest, check_binary, execute, normalize_axis};
use crate::registry::{DType, LoopDef, Segments, UfuncDef, resolve_reduction};
use crate::stage;
use crate::tuning::FOLD_PIECE;

/// Reduces `input[indices[i]..indices[i + 1]]` into element `i` of a new array; where the next index is not larger, the
/// element at the index itself; the last slice goes to the end.
pub fn reduceat(
    def: &UfuncDef,
    input: &View<'_>,
    indices: &[isize],
    axis: isize,
    dtype: Option<DType>,
) -> Result<Called, Error> {
    environment::check()?;
    check_binary(def, "reduceat")?;
    let input = input.operand();
    if input.shape.is_empty() {
        return Err(Error::Scalar { method: "reduceat" });
    }
    let axis = normalize_axis(axis, input.shape.len())?;
    let l = resolve_reduction(def, input.dtype, None, dtype)?;
    let slices = check_indices(def, indices, input.shape[axis])?;
    let mut shaped = input.clone();
    shaped.shape[axis] = indices.len();
    let strides = || output_strides(&[&shaped], &shaped.shape, l.outputs[0].size(), Order::K);
    let out = Array::with_strides(l.outputs[0], &shaped.shape, strides)?;
    // SAFETY: the input is borrowed for the call; the output is new.
    let report = unsafe { run(def, l, input, &slices, axis, out.operand()) }.unless_refused(def)?;
    Ok(Called { outputs: vec![out], report })
}

/// The slices the indices mean, each with at least one element; indices count from 0 only.
pub fn check_indices(def: &UfuncDef, indices: &[isize], len: usize) -> Result<Vec<[usize; 2]>, Error> {
    if let Some(&index) = indices.iter().find(|&&i| i < 0 || i as usize >= len) {
        return Err(Error::Index { ufunc: def.name, method: "reduceat", index, len });
    }
    let ends = indices.iter().skip(1).map(|&i| i as usize).chain([len]);
    let mut slices = memory::list(indices.len(), DType::I64)?;
    slices.extend(indices.iter().zip(ends).map(|(&i, end)| [i as usize, end.max(i as usize + 1)]));
    Ok(slices)
}

/// Reduces each slice into its element of `out`, which overlaps no input.
///
/// # Safety
/// Both operands are valid for the call, the slices within the input.
pub unsafe fn run(
    def: &UfuncDef,
    l: &LoopDef,
    input: &Operand,
    slices: &[[usize; 2]],
    axis: usize,
    out: &Operand,
) -> Report {
    let mut report = Report::default();
    if out.is_empty() {
        return report;
    }
    let fold = Folding::new(def, l, input.dtype, out.dtype, None);
    // SAFETY: the caller's promise.
    if let Some(report) = unsafe { run_segments(&fold, input, slices, axis, out) } {
        return report;
    }
    for (i, &[start, end]) in slices.iter().enumerate() {
        let slice = input.slice(axis, start, end);
        let nest = Nest::new(&slice, None, &out.at(axis, i), &[axis], false, false).by_runs();
        // SAFETY: the caller's promise.
        report |= unsafe { execute(&fold, &nest) };
    }
    report
}

/// The same where the slices are stretches of contiguous elements: all of them in one call a row.
///
/// # Safety
/// As [`run`].
unsafe fn run_segments(
    fold: &Folding<'_>,
    input: &Operand,
    slices: &[[usize; 2]],
    axis: usize,
    out: &Operand,
) -> Option<Report> {
    let packed = input.strides[axis] == input.dtype.size() as isize;
    // Longer ones are divided, as sums are.
    let most = if fold.is_direct() { FOLD_PIECE } else { CAST_PIECE };
    let short = || slices.iter().all(|[start, end]| end - start <= most);
    let plain = packed && fold.is_written_directly() && input.is_aligned() && out.is_aligned();
    if !plain || !fold.has_segments() || !short() {
        return None;
    }
    let (rows, results) = (input.at(axis, 0), out.at(axis, 0));
    let mut at = stage::coords_of(0, if rows.shape.is_empty() { &[1] } else { &rows.shape });
    let mut report = Report::default();
    for _ in 0..rows.len() {
        let offset = |strides: &[isize]| strides.iter().zip(&at).map(|(&s, &i)| s * i as isize).sum();
        let on = Segments {
            x: rows.ptr.wrapping_offset(offset(&rows.strides)),
            bounds: slices,
            start: None,
            out: results.ptr.wrapping_offset(offset(&results.strides)),
            out_step: out.strides[axis],
        };
        // SAFETY: the caller's promise, for this row.
        unsafe {
            match fold.is_direct() {
                true => report.flags |= fold.segments(&on)?,
                false => report |= run_cast(fold, &on, input.dtype.size())?,
            }
        }
        if !rows.shape.is_empty() {
            stage::advance(&mut at, &rows.shape, 1);
        }
    }
    Some(report)
}

/// Elements cast at a time.
const CAST_PIECE: usize = 2048;

/// Stretches of a row, cast by as many as fit a piece: those that follow one another, of which none is longer.
///
/// # Safety
/// As [`run`], of elements that are aligned.
unsafe fn run_cast(fold: &Folding<'_>, on: &Segments<'_>, size: usize) -> Option<Report> {
    const AT_A_TIME: usize = 128;
    let mut report = Report::default();
    with_scratch(CAST_PIECE * 16, |scratch| {
        let mut done = 0;
        while done < on.bounds.len() {
            let [first, mut end] = on.bounds[done];
            let follows = |&&[start, next]: &&[usize; 2]| {
                let fits = start >= first && start <= end && next >= end && next - first <= CAST_PIECE;
                end = if fits { next } else { end };
                fits
            };
            let count = 1 + on.bounds[done + 1..].iter().take(AT_A_TIME - 1).take_while(follows).count();
            let mut bounds = [[0; 2]; AT_A_TIME];
            for (mine, bound) in bounds.iter_mut().zip(&on.bounds[done..done + count]) {
                *mine = bound.map(|index| index - first);
            }
            // SAFETY: the caller's promise; the scratch holds the piece.
            unsafe {
                report.cast |= fold.cast(on.x.wrapping_add(first * size), scratch, end - first);
                let on = Segments {
                    x: scratch,
                    bounds: &bounds[..count],
                    out: on.out.wrapping_offset(done as isize * on.out_step),
                    ..*on
                };
                report.flags |= fold.segments(&on)?;
            }
            done += count;
        }
        Some(report)
    })
}
