//! The general way of a call, after everybody was asked: parse → resolve → broadcast → make outputs → execute → report
//! flags → wrap. Where a step meets what is NumPy's to handle it says why, and nothing has been written by then.

use super::early::{Early, casts_outputs_apart};
use crate::arguments::ingest::{Ingested, writable};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::{Outputs, Parsed, Reason, given, parse};
use crate::python::gil;
use crate::python::memory::Raised;
use crate::python::numpy_api::NumPy;
use crate::results::fresh::{Results, returned};
use crate::results::wrap::{Context, Wrap};
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::record::Ufunc;
use numpy::npyffi::PyArrayObject;
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::call::Prepared;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::registry::{Casting, Kind, LoopDef, Request, Signature, Typed, UfuncDef, Weak, resolve};
use ufunx::short::MOST_INPUTS;
use ufunx::short::head::Head;
use ufunx::{Array, DType, Order, Scalar};

/// The call on our loops, or why not.
///
/// # Safety
/// Live arguments in normal form.
pub unsafe fn native_call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    normal: &NormalArguments,
) -> Result<PyResult<Bound<'py, PyAny>>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // Results are new arrays or the given outputs, still to be wrapped.
    // SAFETY: live arguments.
    let wrap = |results: PyResult<Results<'py>>| unsafe {
        results.and_then(|results| wrapped(py, np, face, normal, results))
    };
    let cells = Cells::new();
    let mut read = Read::new(&cells);
    // SAFETY: live arguments.
    let short = unsafe { short::call::call_unwrapped(py, np, ufunc, normal, &mut read) }.transpose();
    if let Some(results) = short.or_else(|| unsafe { planned(py, np, ufunc, &read) }) {
        return Ok(wrap(results));
    }
    let short = |parsed: &Parsed, l: &'static LoopDef, inputs: &[&Operand]| {
        if parsed.mask.is_some() || parsed.order != Order::K {
            return None;
        }
        let outputs =
            parsed.outputs.iter().map(|o| o.as_ref().map_or(std::ptr::null_mut(), |(object, _)| *object));
        // SAFETY: live arguments, and what was read of them.
        unsafe { short::call::call_resolved(py, np, ufunc, l, inputs, outputs) }.transpose().map(wrap)
    };
    // A report may call code of anybody's, which may change any array: what was read before it is read again after it.
    let mut reported = false;
    loop {
        // SAFETY: live arguments.
        let run = |parsed: &Parsed, early: &Early, prepared: Prepared<'_>| unsafe {
            if !reported && early.has_raised() {
                return early.report(py, np).err().map(Err);
            }
            let results = execute(py, np, ufunc, &parsed.outputs, prepared);
            Some(results.and_then(|results| wrapped(py, np, face, normal, results)))
        };
        let short =
            |parsed: &Parsed, l: &'static LoopDef, inputs: &[&Operand]| short(parsed, l, inputs).map(Some);
        // SAFETY: live arguments.
        if let Some(result) = unsafe { settle(py, np, def, normal, short, run) }? {
            return Ok(result);
        }
        reported = true;
    }
}

/// The call on exact arrays and numbers that the short way has read, but not taken; `None`, having done nothing, where there
/// is more to it.
///
/// # Safety
/// What was read is there.
pub unsafe fn native_read<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    read: &Read<'_>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: live objects or null; the caller's promise.
    let results = unsafe {
        let plain = |&&out: &&*mut ffi::PyObject| out.is_null() || np.is_exact_array(out);
        read.outputs.iter().all(|out| plain(&out)).then(|| planned(py, np, ufunc, read)).flatten()
    }?;
    Some(results.and_then(|results| {
        let plain = Wrap::plain(np);
        let given = results.into_iter().zip(read.outputs);
        // SAFETY: arrays; an output lives.
        let results = given.map(|(result, out)| unsafe { plain.apply(np, result, out, None, true, false) });
        returned(py, results.collect::<PyResult<_>>()?)
    }))
}

/// Plans and runs what the short way has read, but not taken; `None` as for [`native_read`].
///
/// # Safety
/// What was read is there.
unsafe fn planned<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    read: &Read<'_>,
) -> Option<PyResult<Results<'py>>> {
    let (def, l) = (ufunc.def?, read.l?);
    let inputs: SmallVec<[Operand; MOST_INPUTS]> =
        read.heads[..l.inputs.len()].iter().map(Head::operand).collect();
    let inputs: SmallVec<[&Operand; MOST_INPUTS]> = inputs.iter().collect();
    let mut outputs: Outputs = SmallVec::new();
    for (&object, &dtype) in read.outputs.iter().zip(l.outputs) {
        // SAFETY: a live object once it is not null.
        outputs.push(match object.is_null() {
            true => None,
            false => Some((object, unsafe { writable(np, object) }.filter(|out| out.dtype == dtype)?)),
        });
    }
    let given = given(&outputs);
    if casts_outputs_apart(l, &inputs, &given, false) {
        return None;
    }
    // SAFETY: the caller's promise.
    let early = unsafe { Early::new(def, l, &inputs, false) }.ok().filter(|early| !early.has_raised())?;
    let inputs = early.operands(&inputs);
    let prepared = Prepared::new(def, l, &inputs, &given, None, Order::K).ok()?;
    // SAFETY: the caller's promise.
    Some(unsafe { execute(py, np, ufunc, &outputs, prepared) })
}

/// Settles a call up to its outputs, which are `rest`'s to make; `short` may have it before there is a plan.
///
/// # Safety
/// Live arguments in normal form.
pub unsafe fn settle<R>(
    py: Python<'_>,
    np: &NumPy,
    def: &'static UfuncDef,
    normal: &NormalArguments,
    short: impl FnOnce(&Parsed, &'static LoopDef, &[&Operand]) -> Option<R>,
    rest: impl FnOnce(&Parsed, &Early, Prepared<'_>) -> R,
) -> Result<R, Reason> {
    // SAFETY: live arguments.
    let parsed = unsafe { parse(py, np, def.nout(), normal) }?;
    let l = resolve_call(def, &parsed)?;
    let values = Values::new(&parsed.inputs, l)?;
    let (inputs, given) = (values.operands(&parsed.inputs), given(&parsed.outputs));
    if let Some(result) = short(&parsed, l, &inputs) {
        return Ok(result);
    }
    let masked = parsed.mask.is_some();
    if casts_outputs_apart(l, &inputs, &given, masked) {
        return Err(Reason::Layout);
    }
    // SAFETY: the inputs' objects are the caller's for the call.
    let early = unsafe { Early::new(def, l, &inputs, masked) }?;
    let inputs = early.operands(&inputs);
    let prepared = Prepared::new(def, l, &inputs, &given, parsed.mask.as_ref(), parsed.order)
        .map_err(|_| Reason::Layout)?;
    Ok(rest(&parsed, &early, prepared))
}

/// Makes the outputs that were not given, runs the loop, and reports.
unsafe fn execute<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    outputs: &Outputs,
    prepared: Prepared<'_>,
) -> PyResult<Results<'py>> {
    let n: usize = prepared.shape().iter().product();
    // SAFETY: given outputs are live, and become results.
    let mut results: SmallVec<[Option<Bound<'py, PyAny>>; 1]> = outputs
        .iter()
        .map(|o| o.as_ref().map(|(object, _)| unsafe { Bound::from_borrowed_ptr(py, *object) }))
        .collect();
    let planned = prepared.plan(|i, dtype, shape, strides| {
        let (array, data) = np.new_array(py, dtype, shape, Some(strides))?;
        results[i] = Some(array);
        Ok::<_, Raised>(data)
    })?;
    // SAFETY: the inputs' objects are the caller's for the call; outputs are referenced by `results`.
    let report = unsafe { gil::around(py, planned.plan.l, n, || planned.run()) };
    // NumPy casts within the loop whose flags it reads, so a cast's are the ufunc's.
    ufunc.report(py, np, ufunc.own_name(), report.flags | report.cast)?;
    let made = |result: Option<_>| result.unwrap_or_else(|| unreachable!("a planned call has every output"));
    Ok(results.into_iter().map(made).collect())
}

/// The results as they are returned: wrapped, scalars for new arrays of no dimensions, a tuple for several.
unsafe fn wrapped<'py>(
    py: Python<'py>,
    np: &NumPy,
    face: *mut ffi::PyObject,
    normal: &NormalArguments,
    results: Results<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: live objects.
    unsafe {
        let subok = normal.get(Keyword::Subok) != Some(ffi::Py_False());
        let wrap = match subok {
            true => Wrap::of_inputs(py, np, &normal.inputs)?,
            false => Wrap::plain(np),
        };
        let context = Context { ufunc: face, normal };
        let mut objects = Results::new();
        for (i, result) in results.into_iter().enumerate() {
            let original = normal.outputs.as_ref().map_or(std::ptr::null_mut(), |outputs| outputs[i]);
            let nd = (*result.as_ptr().cast::<PyArrayObject>()).fields.nd;
            let to_scalar = nd == 0 && !normal.keep_arrays;
            objects.push(wrap.apply(np, result, original, Some((&context, i)), to_scalar, true)?);
        }
        returned(py, objects)
    }
}

/// The loop of a call; its outputs must be dtypes that NumPy has.
fn resolve_call(def: &'static UfuncDef, parsed: &Parsed) -> Result<&'static LoopDef, Reason> {
    // Those of ml_dtypes run natively among themselves; what they become beside others is for NumPy and ml_dtypes to
    // say, which differ from the registry's promotion.
    let mini = |t: Typed| matches!(t, Typed::Strong(d) if d.numpy_number().is_none());
    // How a number is cast under the stricter rules is a matter of its value and of NumPy's version.
    let weak = |i: &Ingested| matches!(i, Ingested::Weak(_));
    let all_weak = parsed.inputs.iter().all(weak) && parsed.dtype.is_some();
    if all_weak || (parsed.casting < Casting::SameKind && parsed.inputs.iter().any(weak)) {
        return Err(Reason::Resolution);
    }
    let first = parsed.inputs.iter().map(Ingested::typed).find(|t| mini(*t));
    let outputs = || parsed.outputs.iter().flatten().map(|(_, o)| o.dtype);
    if parsed.stand_ins {
    } else if let Some(first) = first {
        let alike = |t: Typed| t == first || t == Typed::Weak(Weak::Int);
        if !parsed.inputs.iter().all(|i| alike(i.typed())) || parsed.dtype.is_some() {
            return Err(Reason::DType);
        }
    } else if outputs().any(|d| d.numpy_number().is_none()) {
        return Err(Reason::DType);
    }
    let types: SmallVec<[Typed; 2]> = parsed.inputs.iter().map(|i| compared(def, parsed, i)).collect();
    let out_types: SmallVec<[Option<DType>; 1]> =
        parsed.outputs.iter().map(|o| o.as_ref().map(|(_, operand)| operand.dtype)).collect();
    let signature = parsed.dtype.map(|d| Signature::of_output(d, def.nin(), def.nout()));
    let request = Request {
        inputs: &types,
        outputs: &out_types,
        signature: signature.as_ref(),
        casting: parsed.casting,
    };
    let l = resolve(def, &request).map_err(|_| Reason::Resolution)?;
    let loses = |i: &Ingested, &to: &DType| discards_imaginary(i.typed().alone(), to);
    let lost = parsed.inputs.iter().zip(l.inputs).any(|(input, to)| loses(input, to))
        || l.outputs.iter().zip(&out_types).any(|(&from, to)| {
            // NumPy reads what a masked output holds.
            to.is_some_and(|to| {
                discards_imaginary(from, to) || parsed.mask.is_some() && discards_imaginary(to, from)
            })
        });
    if lost { Err(Reason::DType) } else { Ok(l) }
}

/// Whether a cast loses imaginary parts: that wants NumPy's warning.
pub fn discards_imaginary(from: DType, to: DType) -> bool {
    from.kind() == Kind::Complex && to.kind() != Kind::Complex
}

/// An input's part in resolution. A number that is out of bounds for the integers it is compared with has a dtype of its
/// own, for there are loops that compare integers of either sign exactly.
fn compared(def: &UfuncDef, parsed: &Parsed, input: &Ingested) -> Typed {
    let Ingested::Weak(Scalar::Int(x)) = input else { return input.typed() };
    let beside = parsed.inputs.iter().find_map(|i| match i.typed() {
        Typed::Strong(dtype) if dtype.kind() == Kind::Int => Some(dtype),
        _ => None,
    });
    let out_of_bounds = |dtype: DType| !dtype.int_range().contains(x);
    match beside {
        Some(dtype) if parsed.dtype.is_none() && def.mixes_signs() && out_of_bounds(dtype) => {
            Typed::Strong(DType::I64)
        }
        _ => input.typed(),
    }
}

/// The memory of inputs that are values.
struct Values {
    cells: SmallVec<[Option<Array>; 2]>,
    scalars: SmallVec<[Option<Operand>; 2]>,
}

impl Values {
    fn new(inputs: &[Ingested], l: &LoopDef) -> Result<Values, Reason> {
        let mut values = Values { cells: SmallVec::new(), scalars: SmallVec::new() };
        for (input, &dtype) in inputs.iter().zip(l.inputs) {
            let (mut cell, mut operand) = (None, None);
            match input {
                Ingested::Array(_) => {}
                Ingested::Strong(dtype, bits) => {
                    operand = Some(Operand::scalar(bits.as_ptr().cast_mut().cast(), *dtype));
                }
                // An integer out of bounds is NumPy's to refuse, or to compare exactly; an overflow its to warn of.
                Ingested::Weak(value) if may_overflow(*value, dtype) => return Err(Reason::Resolution),
                Ingested::Weak(value) => cell = Some(value.to_array(dtype).map_err(|_| Reason::Resolution)?),
            }
            values.cells.push(cell);
            values.scalars.push(operand);
        }
        Ok(values)
    }

    fn operands<'a>(&'a self, inputs: &'a [Ingested]) -> SmallVec<[&'a Operand; 2]> {
        let value =
            |i: usize| self.scalars[i].as_ref().or_else(|| self.cells[i].as_ref().map(Array::operand));
        inputs
            .iter()
            .enumerate()
            .map(|(i, input)| match input {
                Ingested::Array(operand) => operand,
                _ => value(i).unwrap_or_else(|| unreachable!("every value has a cell")),
            })
            .collect()
    }
}

/// Whether a number might become infinite as a float of that dtype, or be a float that an integer cannot hold. Not exact:
/// it errs towards NumPy.
pub fn may_overflow(value: Scalar, dtype: DType) -> bool {
    let magnitude = match value {
        Scalar::Int(x) => (x as f64).abs(),
        Scalar::Float(x) => x.abs(),
        Scalar::Complex(z) => z.re.abs().max(z.im.abs()),
    };
    if dtype.kind() == Kind::Int && !matches!(value, Scalar::Int(_)) {
        return true;
    }
    let is_float = matches!(dtype.kind(), Kind::Float | Kind::Complex);
    is_float && magnitude.is_finite() && magnitude >= 2f64.powi(dtype.max_exponent())
}
