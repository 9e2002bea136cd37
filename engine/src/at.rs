//! `at`: an update in place of chosen elements, one after the other, so that an index given twice counts twice.

use crate::array::{Array, Input, ViewMut};
use crate::call::{cast_copy, check_counts};
use crate::cast::cast_block;
use crate::environment;
use crate::error::Error;
use crate::exec::Report;
use crate::invoke::{call_contiguous, call_strided, watched};
use crate::memory;
use crate::operand::{Operand, checked_bytes};
use crate::overlap::may_overlap;
use crate::registry::{Casting, DType, FpFlags, Indexed, LoopDef, Request, Typed, UfuncDef, resolve};
use crate::simd::level::current_isa;
use crate::stage;
use smallvec::SmallVec;

/// `target[i] = f(target[i], values[i])` for each of `indices` into the first axis; `values` broadcast to the elements
/// indexed. A unary ufunc takes no values.
pub fn at(
    def: &UfuncDef,
    target: &mut ViewMut<'_>,
    indices: &[isize],
    values: Option<&Input<'_>>,
) -> Result<Report, Error> {
    environment::check()?;
    let needed = def.nin() == 2;
    if def.nin() > 2 || def.nout() != 1 {
        return Err(Error::NotBinary { ufunc: def.name, method: "at" });
    }
    if values.is_some() != needed {
        return Err(Error::AtValues { ufunc: def.name, needed });
    }
    let scalar = match values {
        // `at` converts first: a number is as strong as an array.
        Some(Input::Scalar(scalar)) => Some(scalar.to_array(scalar.weak().default_dtype())?),
        _ => None,
    };
    let values = match values {
        Some(Input::View(view)) => Some(view.operand()),
        _ => scalar.as_ref().map(Array::operand),
    };
    // SAFETY: the target is borrowed mutably, the values are borrowed or ours.
    unsafe { at_operand(def, target.operand(), indices, values) }?.unless_refused(def)
}

/// The same on operands, their number already checked.
///
/// # Safety
/// Both operands are valid for the call.
pub unsafe fn at_operand(
    def: &UfuncDef,
    target: &Operand,
    indices: &[isize],
    values: Option<&Operand>,
) -> Result<Report, Error> {
    if def.core.is_some() {
        return Err(Error::Generalized { ufunc: def.name });
    }
    check_counts(def, 1 + usize::from(values.is_some()), 1)?;
    if target.shape.is_empty() {
        return Err(Error::Scalar { method: "index" });
    }
    let places = element_places(def, target, indices)?;
    let mut shape = target.shape.clone();
    shape[0] = indices.len();
    let l = resolve_at(def, target.dtype, values.map(|v| Typed::Strong(v.dtype)))?;
    let mut casts = Report::default();
    let values = match values {
        None => None,
        Some(values) => Some(spread(l.inputs[1], values, &shape, &mut casts)?),
    };
    // SAFETY: the places are the target's elements; the values are a copy.
    let report = unsafe { run(l, target.dtype, &places, values.as_ref().map(Array::operand)) };
    Ok(report | casts)
}

/// The loop of `target.at(.., values)`; any cast is permitted.
pub fn resolve_at(def: &UfuncDef, target: DType, values: Option<Typed>) -> Result<&LoopDef, Error> {
    let types: SmallVec<[Typed; 2]> = [Typed::Strong(target)].into_iter().chain(values).collect();
    let request =
        Request { inputs: &types, outputs: &[Some(target)], signature: None, casting: Casting::Unsafe };
    Ok(resolve(def, &request)?)
}

/// The plain case: a target along one axis, values already of the loop's dtype, one or as many as indices. Indices are checked
/// before anything is written; `None` if one is out of range or the loop has no form for them.
///
/// # Safety
/// `target` and `values` are aligned elements of the loop's dtype, `indices` aligned `isize`s, valid for the call and apart.
pub unsafe fn at_plain(
    l: &LoopDef,
    target: &Operand,
    indices: &Operand,
    values: &Operand,
) -> Option<FpFlags> {
    let kernel = l.code.kernels().indexed.at(current_isa())?;
    let (n, index_step, len) = (indices.shape[0], indices.strides[0], target.shape[0] as isize);
    // SAFETY: the caller's promise.
    let index =
        |i: usize| unsafe { indices.ptr.wrapping_offset(i as isize * index_step).cast::<isize>().read() };
    let is_outside = |index: isize| index < -len || index >= len;
    let outside = match index_step == size_of::<isize>() as isize {
        // SAFETY: as above: one after the other, which the compiler makes vectors of.
        true => unsafe { std::slice::from_raw_parts(indices.ptr.cast::<isize>(), n) }
            .iter()
            .fold(false, |outside, &index| outside | is_outside(index)),
        false => (0..n).any(|i| is_outside(index(i))),
    };
    if outside {
        return None;
    }
    let on = Indexed {
        target: target.ptr,
        step: target.strides[0],
        len,
        indices: indices.ptr,
        index_step,
        values: values.ptr,
        value_step: values.strides.first().copied().unwrap_or(0),
        n,
    };
    // SAFETY: the caller's promise; the indices are within the target.
    Some(watched(l.fp, || unsafe { kernel(&on) }))
}

/// Addresses of the elements indexed, in order.
fn element_places(def: &UfuncDef, target: &Operand, indices: &[isize]) -> Result<Vec<*mut u8>, Error> {
    let len = target.shape[0];
    let rest = target.at(0, 0);
    let count = rest.len();
    let mut all = rest.shape.clone();
    all.insert(0, indices.len());
    checked_bytes(&all, size_of::<*mut u8>().max(target.dtype.size()))?;
    // An address has the size of an index.
    let mut places = memory::list(indices.len() * count, DType::I64)?;
    for &index in indices {
        let i = if index < 0 { index + len as isize } else { index };
        if i < 0 || i >= len as isize {
            return Err(Error::Index { ufunc: def.name, method: "at", index, len });
        }
        let row = target.ptr.wrapping_offset(i * target.strides[0]);
        for flat in 0..count {
            let coords = stage::coords_of(flat, &rest.shape);
            places.push(row.wrapping_offset(stage::offset_of(&coords, &rest.strides)));
        }
    }
    Ok(places)
}

/// A contiguous copy of `values`, cast and broadcast.
fn spread(dtype: DType, values: &Operand, shape: &[usize], casts: &mut Report) -> Result<Array, Error> {
    let error = || Error::AtShape { indices: shape[0], values: values.shape.to_vec() };
    let values = values.broadcast(shape).ok_or_else(error)?;
    // SAFETY: the values are borrowed by the caller.
    let (copy, flags) = unsafe { cast_copy(&values, dtype) }?;
    casts.cast |= flags;
    Ok(copy)
}

/// Updates each place in order. `values`, of the loop's dtype, are contiguous and as many.
///
/// # Safety
/// Each place is an element of `target` dtype that may be read and written; `values` overlap none.
pub unsafe fn run(l: &LoopDef, target: DType, places: &[*mut u8], values: Option<&Operand>) -> Report {
    let mut report = Report::default();
    let isa = current_isa();
    let (input, output) = (l.inputs[0], l.outputs[0]);
    let step = l.inputs.get(1).map_or(0, |d| d.size());
    let value = |i: usize| values.map(|v| v.ptr.wrapping_add(i * step));
    debug_assert!(
        values.is_none_or(|v| places.is_empty() || !may_overlap(v, &Operand::scalar(places[0], target)))
    );
    let aligned = places.iter().all(|p| p.addr() & (target.align() - 1) == 0);
    if target == input && target == output && aligned && l.code.kernels().strided.exists() {
        for (i, &place) in places.iter().enumerate() {
            let args: SmallVec<[*mut u8; 3]> = [place].into_iter().chain(value(i)).chain([place]).collect();
            // SAFETY: one element each; the strided kernel reads before it writes.
            report.flags |= unsafe { call_strided(l, &args, 1, &[0; 3]) };
        }
        return report;
    }
    let mut cells = [[0u128; 1]; 3];
    let [raw, x, y] = cells.each_mut().map(|c| c.as_mut_ptr().cast::<u8>());
    for (i, &place) in places.iter().enumerate() {
        let args: SmallVec<[*mut u8; 3]> = [x].into_iter().chain(value(i)).chain([y]).collect();
        // SAFETY: the cells hold one element of any dtype each and are distinct; the place is the caller's.
        unsafe {
            std::ptr::copy_nonoverlapping(place, raw, target.size());
            report.cast |= cast_block(target, input, raw, x, 1, isa);
            report.flags |= call_contiguous(l, isa, &args, 1);
            report.cast |= cast_block(output, target, y, raw, 1, isa);
            std::ptr::copy_nonoverlapping(raw, place, target.size());
        }
    }
    report
}
