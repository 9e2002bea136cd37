//! The short way, taken by most small calls: ndarrays and numbers, `out` perhaps. Whatever does not fit returns `None`,
//! having done nothing, and goes the general way.

use super::lay_out::{Input, Laid};
use super::read::{NO_INPUTS, output_argument, read_inputs};
use crate::arguments::normal::NormalArguments;
use crate::arguments::passed::Arguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_false, is_true};
use crate::results::fresh::{ArrayOrScalar, Fresh, NewArray};
use crate::results::scalar::scalar;
use crate::results::wrap::{is_plain_subclass, view_like, wraps_by_view};
use crate::ufunc::loops::MOST_INPUTS;
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::exec::call_contiguous;
use ufunx::operand::Operand;
use ufunx::registry::LoopDef;

/// Calls the short way, if it can: exact arrays and numbers.
#[inline]
pub fn call<'py>(
    py: Python<'py>,
    ufunc: &Ufunc,
    arguments: &Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let short = &ufunc.short;
    let Some(out) = output_argument(short.nin, arguments) else { return Ok(None) };
    let np = NumPy::get(py);
    let objects = &arguments.positional[..short.nin];
    // SAFETY: live objects.
    unsafe {
        let mut inputs = NO_INPUTS;
        let Some(l) = read(np, ufunc, objects, false, &mut inputs) else { return Ok(None) };
        let inputs = &inputs[..short.nin];
        if let Some(out) = out {
            return into_output(py, np, ufunc, l, inputs, out);
        }
        match values(l, inputs) {
            Some(cells) => run_values(py, np, ufunc, l, cells).map(Some),
            None => make::<ArrayOrScalar>(py, np, ufunc, Laid::new(l, inputs)),
        }
    }
}

/// The same for inputs of subclasses that leave everything to `ndarray`.
pub fn call_subclasses<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if objects.len() != ufunc.short.nin {
        return Ok(None);
    }
    // SAFETY: live objects.
    unsafe {
        let Some(&first) = objects.iter().find(|&&object| np.is_subclass(object)) else { return Ok(None) };
        let plain = |&object: &Object<'_, 'py>| !np.is_subclass(object) || is_plain_subclass(np, object);
        // An instance may have a wrap of its own, which is asked before anything is read.
        if !objects.iter().all(plain) || !wraps_by_view(np, first)? {
            return Ok(None);
        }
        let mut inputs = NO_INPUTS;
        let Some(l) = read(np, ufunc, objects, true, &mut inputs) else { return Ok(None) };
        match make::<NewArray>(py, np, ufunc, Laid::new(l, &inputs[..objects.len()]))? {
            Some(array) => match [array.as_borrowed(), first].map(|object| np.array(object)) {
                [Some(array), Some(first)] => view_like(array, first).map(Some),
                _ => unreachable!("both are arrays"),
            },
            None => Ok(None),
        }
    }
}

/// The same for arrays of any subclass, after no override took the call. The result is an array still to be wrapped,
/// never a scalar.
pub fn call_unwrapped<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let plain = |&(keyword, value): &(Keyword, Object<'_, 'py>)| match keyword {
        Keyword::Out => true,
        Keyword::Subok => is_true(value) || is_false(value),
        Keyword::Where => is_true(value),
        Keyword::Dtype => value.is_none(),
        _ => false,
    };
    if normal.inputs.len() != ufunc.short.nin || !normal.keywords.iter().all(plain) {
        return Ok(None);
    }
    // SAFETY: live objects.
    unsafe {
        let mut inputs = NO_INPUTS;
        let Some(l) = read(np, ufunc, &normal.inputs, true, &mut inputs) else { return Ok(None) };
        let inputs = &inputs[..normal.inputs.len()];
        match &normal.outputs {
            Some(outputs) => into_output(py, np, ufunc, l, inputs, outputs[0]),
            None => make::<NewArray>(py, np, ufunc, Laid::new(l, inputs)),
        }
    }
}

/// The same for exact arrays and numbers, with a new result of that making. The arrays' memory is lent: nobody else runs
/// before it was used.
///
/// # Safety
/// Live objects; nothing but the heads of the arrays is looked at.
#[inline]
pub unsafe fn call_on_lent<'py, F: Fresh<'py>>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> PyResult<Option<F::Made>> {
    if objects.len() != ufunc.short.nin {
        return Ok(None); // a ufunc without loops of ours, or not for short calls
    }
    // SAFETY: the caller's promise.
    unsafe {
        let mut inputs = NO_INPUTS;
        match read(np, ufunc, objects, false, &mut inputs) {
            Some(l) => make::<F>(py, np, ufunc, Laid::on_lent(l, &inputs[..objects.len()])),
            None => Ok(None),
        }
    }
}

/// The same for a call whose loop is resolved, as a `dtype=` has it.
///
/// # Safety
/// Live arguments, and the operands they were read as.
pub unsafe fn call_resolved<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    normal: &NormalArguments<'_, 'py>,
    operands: &[&Operand],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if operands.len() > MOST_INPUTS || l.outputs.len() != 1 {
        return Ok(None);
    }
    let mut inputs = NO_INPUTS;
    for ((input, &object), (operand, &dtype)) in
        inputs.iter_mut().zip(&normal.inputs).zip(operands.iter().zip(l.inputs))
    {
        // NumPy reports the casts of scalars and of short vectors apart from the loop.
        if can_raise(operand.dtype, dtype) {
            return Ok(None);
        }
        // SAFETY: a live object, an array once its type says so; a value's cell holds one element.
        *input = unsafe {
            if let Some(array) = np.array(object) {
                Input::Array(array.as_ptr(), operand.dtype)
            } else if operand.dtype.size() <= 8 {
                let mut cell = [0u64];
                let bytes = operand.dtype.size();
                std::ptr::copy_nonoverlapping(operand.ptr, cell.as_mut_ptr().cast::<u8>(), bytes);
                Input::Cell(cell, operand.dtype)
            } else {
                return Ok(None);
            }
        };
    }
    let inputs = &inputs[..operands.len()];
    // SAFETY: as above.
    unsafe {
        match &normal.outputs {
            Some(outputs) => into_output(py, np, ufunc, l, inputs, outputs[0]),
            None => make::<NewArray>(py, np, ufunc, Laid::new(l, inputs)),
        }
    }
}

/// Reads the inputs; the loop for their dtypes.
#[inline]
fn read(
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, '_>],
    subclasses: bool,
    inputs: &mut [Input; MOST_INPUTS],
) -> Option<&'static LoopDef> {
    let short = &ufunc.short;
    read_inputs(np, objects, short.adapts, subclasses, inputs)?;
    short.find([inputs[0].dtype(), inputs[short.nin - 1].dtype()])
}

/// Where the inputs are, if all of them are values in the loop's dtypes.
#[inline]
fn values(l: &LoopDef, inputs: &[Input]) -> Option<[*mut u8; MOST_INPUTS + 1]> {
    let mut cells = [std::ptr::null_mut(); MOST_INPUTS + 1];
    for ((cell, input), dtype) in cells.iter_mut().zip(inputs).zip(l.inputs) {
        match input {
            Input::Cell(bits, have) if have == dtype => *cell = bits.as_ptr().cast_mut().cast(),
            _ => return None,
        }
    }
    Some(cells)
}

/// Runs the loop on one element of each input, which `cells` points at.
///
/// # Safety
/// Elements of the loop's dtypes.
unsafe fn run_values<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    mut cells: [*mut u8; MOST_INPUTS + 1],
) -> Returned<'py> {
    let mut result = [0u128];
    cells[l.inputs.len()] = result.as_mut_ptr().cast();
    // SAFETY: the caller's promise; the result's cell is apart from the others.
    unsafe {
        let flags = call_contiguous(l, ufunx::current_isa(), &cells[..=l.inputs.len()], 1);
        ufunc.report(py, np, ufunc.own_name(), flags)?;
        scalar(py, np, l.outputs[0], result.as_mut_ptr().cast())
    }
}

/// Runs the loop into a new result.
///
/// # Safety
/// Arrays are live.
#[inline]
unsafe fn make<'py, F: Fresh<'py>>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    mut laid: Laid<'_>,
) -> PyResult<Option<F::Made>> {
    let dtype = laid.l.outputs[0];
    // SAFETY: live arrays; the result's memory is new, a cell has room for an element of any dtype.
    unsafe {
        if !laid.fits(ufunc.short.cost) {
            return Ok(None);
        }
        let walk = &laid.walk;
        if let Some(from_element) = F::ELEMENT.filter(|_| walk.nd == 0) {
            let mut cell = [0u128];
            let target = cell.as_mut_ptr().cast();
            ufunc.report(py, np, ufunc.own_name(), laid.run(py, target))?;
            return from_element(py, np, dtype, target).map(Some);
        }
        let strides = walk.output_strides(dtype.size());
        let strides = (!walk.c_order).then_some(&strides[..walk.nd]);
        let (made, target) = F::make(py, np, dtype, &walk.shape[..walk.nd], strides)?;
        ufunc.report(py, np, ufunc.own_name(), laid.run(py, target))?;
        Ok(Some(made))
    }
}

/// Runs the loop into a given output, if that needs nothing done.
///
/// # Safety
/// Arrays are live.
unsafe fn into_output<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    inputs: &[Input],
    out: Object<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: live objects; what is usable overlaps no input but perhaps the first, element for element.
    unsafe {
        let mut laid = Laid::new(l, inputs);
        if !laid.fits(ufunc.short.cost) {
            return Ok(None);
        }
        let Some(target) = laid.usable(np, out) else { return Ok(None) };
        let out = out.to_owned();
        ufunc.report(py, np, ufunc.own_name(), laid.run(py, target))?;
        Ok(Some(out))
    }
}
