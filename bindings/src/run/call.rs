//! The general way of a call, after everybody was asked: parse → resolve → broadcast → make outputs → execute → report
//! flags → wrap. Where a step meets what is NumPy's to handle it says why, and nothing has been written by then.

use super::early::{Early, casts_outputs_apart};
use crate::arguments::ingest::{Ingested, writable};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::{Outputs, Parsed, Reason, given, parse};
use crate::python::gil;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_false};
use crate::results::fresh::{Results, Targets, returned};
use crate::results::wrap::{Context, Wanted, Wrap};
use crate::run::common::{has_no_axes, label};
use crate::short;
use crate::short::read::{self, Read};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::call::Prepared;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::program::numbers;
use ufunx::registry::{Casting, Kind, LoopDef, Request, Signature, Typed, UfuncDef, Weak, resolve};
use ufunx::short::MOST_INPUTS;
use ufunx::short::head::Head;
use ufunx::{Array, DType, Order, Scalar};

/// The call on our loops, or why not.
pub fn native_call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: Object<'_, 'py>,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // Results are new arrays or the given outputs, still to be wrapped.
    let wrap =
        |results: PyResult<Results<'py>>| results.and_then(|results| wrapped(py, np, face, normal, results));
    let cells = read::Cells::new();
    let mut read = Read::new(&cells);
    // SAFETY: what is read is used at once.
    let short = unsafe {
        let short = short::call::call_unwrapped(py, np, ufunc, normal, &mut read).transpose();
        short.or_else(|| planned(py, np, ufunc, &read))
    };
    if let Some(results) = short {
        return Ok(wrap(results));
    }
    let short = |parsed: &Parsed<'_, 'py>, l: &'static LoopDef, inputs: &[&Operand]| {
        if parsed.mask.is_some() || parsed.order != Order::K {
            return None;
        }
        let outputs = parsed.outputs.iter().map(|o| o.as_ref().map(|(object, _)| *object));
        // SAFETY: the arguments, as they were read just now.
        unsafe { short::call::call_resolved(py, np, ufunc, l, inputs, outputs) }.transpose().map(wrap)
    };
    // A report may call code of anybody's, which may change any array: what was read before it is read again after it.
    let mut reported = false;
    loop {
        let run = |parsed: &Parsed<'_, 'py>, early: &Early, prepared: Prepared<'_>| {
            if !reported && early.has_raised() {
                return early.report(py, np).err().map(Err);
            }
            // SAFETY: the arguments, as they were read just now.
            let results = unsafe { execute(py, np, ufunc, &parsed.outputs, prepared) };
            Some(results.and_then(|results| wrapped(py, np, face, normal, results)))
        };
        let short = |parsed: &Parsed<'_, 'py>, l: &'static LoopDef, inputs: &[&Operand]| {
            short(parsed, l, inputs).map(Some)
        };
        if let Some(result) = settle(np, def, normal, short, run)? {
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
    read: &Read<'_, 'py>,
) -> Option<Returned<'py>> {
    if read.mask.is_some() || !read.outputs.iter().flatten().all(|&out| np.is_exact_array(out)) {
        return None;
    }
    // SAFETY: the caller's promise.
    let results = unsafe { planned(py, np, ufunc, read) }?;
    Some(results.and_then(|results| {
        let (plain, wanted) = (Wrap::plain(np), Wanted { to_scalar: true, force: false });
        let given = results.into_iter().zip(read.outputs);
        let results = given.map(|(result, out)| plain.apply(np, result, out, None, wanted));
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
    read: &Read<'_, 'py>,
) -> Option<PyResult<Results<'py>>> {
    let (def, l) = (ufunc.def?, read.l?);
    let inputs: SmallVec<[Operand; MOST_INPUTS]> =
        read.heads[..l.inputs.len()].iter().map(Head::operand).collect();
    let inputs: SmallVec<[&Operand; MOST_INPUTS]> = inputs.iter().collect();
    let mut outputs = Outputs::new();
    for (&object, &dtype) in read.outputs.iter().zip(l.outputs) {
        outputs.push(match object {
            None => None,
            Some(object) => Some((object, writable(np, object).filter(|out| out.dtype == dtype)?)),
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
pub fn settle<'a, 'py, R>(
    np: &NumPy,
    def: &'static UfuncDef,
    normal: &NormalArguments<'a, 'py>,
    short: impl FnOnce(&Parsed<'a, 'py>, &'static LoopDef, &[&Operand]) -> Option<R>,
    rest: impl FnOnce(&Parsed<'a, 'py>, &Early, Prepared<'_>) -> R,
) -> Result<R, Reason> {
    let parsed = parse(np, def.nout(), normal)?;
    let l = resolve_call(def, &parsed)?;
    let cells = Cells::new(&parsed.inputs, l)?;
    let (inputs, given) = (cells.operands(&parsed.inputs), given(&parsed.outputs));
    if let Some(result) = short(&parsed, l, &inputs) {
        return Ok(result);
    }
    let masked = parsed.mask.is_some();
    if casts_outputs_apart(l, &inputs, &given, masked) {
        return Err(Reason::Layout);
    }
    // SAFETY: the arguments' memory, as it was read just now.
    let early = unsafe { Early::new(def, l, &inputs, masked) }?;
    let inputs = early.operands(&inputs);
    let prepared = Prepared::new(def, l, &inputs, &given, parsed.mask.as_ref(), parsed.order)
        .map_err(|_| Reason::Layout)?;
    Ok(rest(&parsed, &early, prepared))
}

/// Makes the outputs that were not given, runs the loop, and reports.
///
/// # Safety
/// What was read and prepared is memory of live objects, and nobody's code has run since.
unsafe fn execute<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    outputs: &Outputs<'_, 'py>,
    prepared: Prepared<'_>,
) -> PyResult<Results<'py>> {
    let n: usize = prepared.shape().iter().product();
    let mut targets = Targets::of(outputs);
    let planned =
        prepared.plan(|i, dtype, shape, strides| targets.make(py, np, i, (dtype, shape, strides)))?;
    // SAFETY: the caller's promise; outputs are referenced by `targets`.
    let report = unsafe { gil::around(py, planned.plan.l, n, || planned.run()) };
    // NumPy casts within the loop whose flags it reads, so a cast's are the ufunc's.
    ufunc.report(py, np, ufunc.own_name(), report.flags | report.cast)?;
    Ok(targets.all())
}

/// The results as they are returned: wrapped, scalars for new arrays of no dimensions, a tuple for several.
pub fn wrapped<'py>(
    py: Python<'py>,
    np: &NumPy,
    face: Object<'_, 'py>,
    normal: &NormalArguments<'_, 'py>,
    results: Results<'py>,
) -> Returned<'py> {
    let wrap = match normal.get(Keyword::Subok).is_some_and(is_false) {
        false => Wrap::of_inputs(np, normal.passed())?,
        true => Wrap::plain(np),
    };
    let context = Context { ufunc: face, normal };
    let mut objects = Results::new();
    for (i, result) in results.into_iter().enumerate() {
        let original = normal.outputs.as_ref().map(|outputs| outputs[i]);
        label(np, normal, i, &result);
        let to_scalar = has_no_axes(np, &result) && !normal.keep_arrays;
        let wanted = Wanted { to_scalar, force: true };
        objects.push(wrap.apply(np, result, original, Some((&context, i)), wanted)?);
    }
    returned(py, objects)
}

/// The loop of a call; its outputs must be dtypes that NumPy has.
pub fn resolve_call(def: &'static UfuncDef, parsed: &Parsed<'_, '_>) -> Result<&'static LoopDef, Reason> {
    // Those of ml_dtypes run natively among themselves; what they become beside others is for NumPy and ml_dtypes to
    // say, which differ from the registry's promotion.
    let mini = |t: Typed| matches!(t, Typed::Strong(d) if d.numpy_number().is_none());
    // How a number is cast under the stricter rules is a matter of its value and of NumPy's version.
    let weak = |i: &Ingested| matches!(i, Ingested::Weak(_));
    let all_weak = parsed.inputs.iter().all(weak) && parsed.dtype.is_some();
    // To a logical ufunc its truth counts, which NumPy asks of a C long.
    let beyond = |i: &Ingested| matches!(i, Ingested::Weak(Scalar::Int(x)) if *x > i64::MAX.into());
    if def.truth && parsed.inputs.iter().any(beyond) {
        return Err(Reason::Resolution);
    }
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
    // A number among a program's inputs may be beside any dtype within.
    let too_large = |&(i, dtype): &(usize, DType)| match &parsed.inputs[i] {
        Ingested::Weak(Scalar::Int(x)) if dtype.kind() == Kind::Int => !dtype.int_range().contains(x),
        Ingested::Weak(value) => dtype.kind() != Kind::Bool && may_overflow(*value, dtype),
        _ => false,
    };
    if numbers(l).iter().any(too_large) {
        return Err(Reason::Resolution);
    }
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
fn compared(def: &UfuncDef, parsed: &Parsed<'_, '_>, input: &Ingested) -> Typed {
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
pub struct Cells {
    arrays: SmallVec<[Option<Array>; 2]>,
    scalars: SmallVec<[Option<Operand>; 2]>,
}

impl Cells {
    /// Those of the inputs, for that loop.
    pub fn new(inputs: &[Ingested], l: &LoopDef) -> Result<Cells, Reason> {
        let mut cells = Cells { arrays: SmallVec::new(), scalars: SmallVec::new() };
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
            cells.arrays.push(cell);
            cells.scalars.push(operand);
        }
        Ok(cells)
    }

    /// The inputs' memory.
    pub fn operands<'a>(&'a self, inputs: &'a [Ingested]) -> SmallVec<[&'a Operand; 2]> {
        let value =
            |i: usize| self.scalars[i].as_ref().or_else(|| self.arrays[i].as_ref().map(Array::operand));
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
