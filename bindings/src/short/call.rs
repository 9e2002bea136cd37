//! The short way, taken by most small calls: ndarrays and numbers, outputs perhaps. What does not fit returns `None`, having
//! written nothing; what was read of the operands stays in `Read`.

use super::read::{Cells, Read, read_array};
use crate::arguments::normal::NormalArguments;
use crate::arguments::passed::Arguments;
use crate::python::array_ref::known_array;
use crate::python::gil;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, is_false, is_true};
use crate::results::fresh::{ArrayOrScalar, Fresh, NewArray, Results, returned};
use crate::results::wrap::{is_plain_subclass, view_like, wraps_by_view};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::FpFlags;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::registry::LoopDef;
use ufunx::short::head::Head;
use ufunx::short::{MOST_INPUTS, MOST_OUTPUTS, Short};

/// Calls the short way, if it can: exact arrays and numbers.
///
/// # Safety
/// What stays in `read` is used only as long as nobody's code has run.
#[inline(always)]
pub unsafe fn call_exact<'a, 'py>(
    py: Python<'py>,
    ufunc: &Ufunc,
    arguments: &Arguments<'a, 'py>,
    read: &mut Read<'a, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(objects) = read.outputs(ufunc, arguments) else { return Ok(None) };
    let np = NumPy::get(py);
    // SAFETY: used at once, or as the caller promises.
    unsafe {
        match read.inputs(np, ufunc, objects, false, |_| None) {
            Some(l) => run::<ArrayOrScalar>(py, np, ufunc, l, read),
            None => Ok(None),
        }
    }
}

/// The same for inputs of subclasses that leave everything to `ndarray`.
#[inline]
pub fn call_subclasses<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if objects.len() != ufunc.short.nin || ufunc.short.nout != 1 {
        return Ok(None);
    }
    let Some(first) = objects.iter().find(|&&object| np.is_subclass(object)) else { return Ok(None) };
    let plain = |&object: &Object<'_, 'py>| !np.is_subclass(object) || is_plain_subclass(np, object);
    // An instance may have a wrap of its own, which is asked before anything is read.
    if !objects.iter().all(plain) || !wraps_by_view(np, *first)? {
        return Ok(None);
    }
    let cells = Cells::new();
    let mut read = Read::new(&cells);
    // SAFETY: what is read is used at once.
    let made = unsafe {
        let Some(l) = read.inputs(np, ufunc, objects, true, |_| None) else { return Ok(None) };
        run::<NewArray>(py, np, ufunc, l, &read)?
    };
    Ok(match made {
        Some(array) => Some(view_like(known_array(np, &array), known_array(np, first))?),
        None => None,
    })
}

/// The same for arrays of any subclass, after no override took the call. Results are arrays still to be wrapped, never
/// scalars.
///
/// # Safety
/// What stays in `read` is used only as long as nobody's code has run.
pub unsafe fn call_unwrapped<'a, 'n: 'a, 'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'n, 'py>,
    read: &mut Read<'a, 'py>,
) -> PyResult<Option<Results<'py>>> {
    let plain = |&(keyword, value): &(Keyword, Object<'_, '_>)| match keyword {
        Keyword::Out => true,
        Keyword::Subok => is_true(value) || is_false(value),
        Keyword::Where => is_true(value),
        Keyword::Dtype => value.is_none(),
        _ => false,
    };
    if normal.inputs.len() != ufunc.short.nin || !normal.keywords.iter().all(plain) {
        return Ok(None);
    }
    for (mine, &given) in read.outputs.iter_mut().zip(normal.outputs.iter().flatten()) {
        *mine = (!given.is_none()).then_some(given);
    }
    // SAFETY: used at once, or as the caller promises.
    unsafe {
        match read.inputs(np, ufunc, &normal.inputs, true, |_| None) {
            Some(l) => run_all::<NewArray>(py, np, ufunc, l, read),
            None => Ok(None),
        }
    }
}

/// The same for a call whose loop is resolved, as a `dtype=` has it.
///
/// # Safety
/// The operands are there.
pub unsafe fn call_resolved<'a, 'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    operands: &[&Operand],
    outputs: impl Iterator<Item = Option<Object<'a, 'py>>>,
) -> PyResult<Option<Results<'py>>> {
    // NumPy reports the casts of scalars and of short vectors apart from the loop.
    let raises = operands.iter().zip(l.inputs).any(|(operand, &dtype)| can_raise(operand.dtype, dtype));
    if operands.len() > MOST_INPUTS || l.outputs.len() > MOST_OUTPUTS || raises {
        return Ok(None);
    }
    let cells = Cells::new();
    let mut read = Read::new(&cells);
    read.operands(l, operands.iter().map(|operand| Head::of(operand)));
    for (mine, object) in read.outputs.iter_mut().zip(outputs) {
        *mine = object;
    }
    // SAFETY: the caller's promise.
    unsafe { run_all::<NewArray>(py, np, ufunc, l, &read) }
}

/// Runs the loop on what was read: into a new result of that making, or into what was given.
///
/// # Safety
/// What was read is there.
#[inline]
unsafe fn run<'py, F: Fresh<'py, Made = Bound<'py, PyAny>>>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    read: &Read<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: the caller's promise.
    unsafe {
        if l.outputs.len() == 1 {
            let heads = &read.heads[..l.inputs.len()];
            return match read.outputs[0] {
                _ if read.mask.is_some() => run_masked(py, np, ufunc, l, read),
                None => run_fresh::<F>(py, np, ufunc, l, heads, false),
                Some(out) => run_given(py, np, ufunc, l, heads, out),
            };
        }
        match run_all::<F>(py, np, ufunc, l, read)? {
            Some(results) => returned(py, results).map(Some),
            None => Ok(None),
        }
    }
}

/// Runs a loop of one output into a new result. `lent` memory may go as soon as the GIL does: nobody else runs before it was
/// used.
///
/// # Safety
/// What was read is there.
#[inline]
pub unsafe fn run_fresh<'py, F: Fresh<'py>>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    heads: &[Head<'_>],
    lent: bool,
) -> PyResult<Option<F::Made>> {
    let mut short = Short::new(l, heads);
    if !short.lay_out(ufunc.short.cost) {
        return Ok(None);
    }
    let dtype = l.outputs[0];
    // SAFETY: the result's memory is new, a cell has room for an element of any dtype.
    unsafe {
        if let Some(from_element) = F::ELEMENT.filter(|_| short.walk.nd == 0) {
            let mut cell = [0u128];
            let target = cell.as_mut_ptr().cast();
            ufunc.report(py, np, ufunc.own_name(), flags_of(&short, &[target]))?;
            return from_element(py, np, dtype, target).map(Some);
        }
        let by_axis;
        let strides = match short.walk.c_order {
            true => None,
            false => {
                by_axis = short.output_strides(dtype);
                Some(&by_axis[..short.walk.nd])
            }
        };
        let (made, target) = F::make(py, np, dtype, short.shape(), strides)?;
        let work = || flags_of(&short, &[target]);
        let flags = if lent { work() } else { gil::around(py, l, short.walk.n, work) };
        ufunc.report(py, np, ufunc.own_name(), flags)?;
        Ok(Some(made))
    }
}

/// Runs a loop of one output into a given array.
///
/// # Safety
/// What was read is there.
unsafe fn run_given<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    heads: &[Head<'_>],
    out: Object<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut short = Short::new(l, heads);
    if !short.lay_out(ufunc.short.cost) {
        return Ok(None);
    }
    let Some(target) = target_in(np, &mut short, 0, out) else { return Ok(None) };
    let out = out.to_owned();
    // SAFETY: the caller's promise; what is usable is apart from the inputs.
    let flags = unsafe { gil::around(py, l, short.walk.n, || flags_of(&short, &[target])) };
    ufunc.report(py, np, ufunc.own_name(), flags)?;
    Ok(Some(out))
}

/// Runs a loop of one output into a given array, where a mask says so. (Elements left out of a new one are nothing's.)
///
/// # Safety
/// What was read is there.
unsafe fn run_masked<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    read: &Read<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (Some(mask), Some(out)) = (read.mask, read.outputs[0]) else { return Ok(None) };
    let heads = &read.heads[..l.inputs.len()];
    let mut short = Short::new(l, heads);
    // NumPy casts what is left out too, and reports that.
    let raises = heads.iter().zip(l.inputs).any(|(head, &dtype)| can_raise(head.dtype, dtype));
    if raises || !short.lay_out(ufunc.short.cost) {
        return Ok(None);
    }
    let Some(target) = target_in(np, &mut short, 0, out) else { return Ok(None) };
    let mut head = Head::EMPTY;
    // SAFETY: what is read is used at once.
    if unsafe { read_array(np, mask, &mut head) }.is_none() || !short.takes_mask(&head, target) {
        return Ok(None);
    }
    let out = out.to_owned();
    // SAFETY: the caller's promise; output and mask are as the call needs them.
    let report = unsafe { gil::around(py, l, short.walk.n, || short.run_masked(head.ptr, target)) };
    ufunc.report(py, np, ufunc.own_name(), report.flags | report.cast)?;
    Ok(Some(out))
}

/// The memory of a given output, if nothing else must be done for it.
#[inline]
fn target_in(np: &NumPy, short: &mut Short<'_>, i: usize, out: Object<'_, '_>) -> Option<*mut u8> {
    let mut head = Head::EMPTY;
    // SAFETY: what is read is used at once.
    unsafe { read_array(np, np.exact_array(out)?, &mut head) }?;
    short.usable(i, &head)
}

/// Runs a loop of any outputs, given or new.
///
/// # Safety
/// What was read is there.
unsafe fn run_all<'py, F: Fresh<'py, Made = Bound<'py, PyAny>>>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    read: &Read<'_, 'py>,
) -> PyResult<Option<Results<'py>>> {
    let mut short = Short::new(l, &read.heads[..l.inputs.len()]);
    if !short.lay_out(ufunc.short.cost) {
        return Ok(None);
    }
    let outputs = &read.outputs[..l.outputs.len()];
    let mut targets = [std::ptr::null_mut(); MOST_OUTPUTS];
    for (i, (target, &out)) in targets.iter_mut().zip(outputs).enumerate() {
        let Some(out) = out else { continue };
        match target_in(np, &mut short, i, out) {
            Some(usable) => *target = usable,
            None => return Ok(None),
        }
    }
    if outputs.iter().all(Option::is_some) && !short.are_apart(&targets[..outputs.len()]) {
        return Ok(None);
    }
    // SAFETY: the caller's promise; new memory is apart from all other.
    unsafe { run_into::<F>(py, np, ufunc, &short, outputs, &mut targets[..outputs.len()]) }.map(Some)
}

/// Makes the outputs that were not given, and runs the loop.
///
/// # Safety
/// What was read is there, and the targets of given outputs were found usable.
unsafe fn run_into<'py, F: Fresh<'py, Made = Bound<'py, PyAny>>>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    short: &Short<'_>,
    outputs: &[Option<Object<'_, 'py>>],
    targets: &mut [*mut u8],
) -> PyResult<Results<'py>> {
    let (l, mut cells) = (short.l, [[0u128]; MOST_OUTPUTS]);
    let element = F::ELEMENT.filter(|_| short.walk.nd == 0);
    let mut objects: SmallVec<[Option<Bound<'py, PyAny>>; MOST_OUTPUTS]> = SmallVec::new();
    for (((&out, target), cell), &dtype) in outputs.iter().zip(&mut *targets).zip(&mut cells).zip(l.outputs) {
        objects.push(if let Some(out) = out {
            Some(out.to_owned())
        } else if element.is_some() {
            *target = cell.as_mut_ptr().cast();
            None
        } else {
            let strides = short.output_strides(dtype);
            let strides = (!short.walk.c_order).then_some(&strides[..short.walk.nd]);
            let (made, data) = F::make(py, np, dtype, short.shape(), strides)?;
            *target = data;
            Some(made)
        });
    }
    // SAFETY: the caller's promise; cells have room for an element of any dtype.
    unsafe {
        let flags = gil::around(py, l, short.walk.n, || flags_of(short, targets));
        ufunc.report(py, np, ufunc.own_name(), flags)?;
        let made = |(i, object): (usize, Option<Bound<'py, PyAny>>)| match (object, element) {
            (Some(object), _) => Ok(object),
            (None, Some(from_element)) => from_element(py, np, l.outputs[i], targets[i]),
            (None, None) => unreachable!("every output was made"),
        };
        objects.into_iter().enumerate().map(made).collect()
    }
}

/// Runs it; NumPy casts within the loop whose flags it reads, so a cast's are the loop's.
///
/// # Safety
/// As [`Short::run`].
#[inline]
unsafe fn flags_of(short: &Short<'_>, targets: &[*mut u8]) -> FpFlags {
    // SAFETY: the caller's promise.
    let report = unsafe { short.run(targets) };
    report.flags | report.cast
}
