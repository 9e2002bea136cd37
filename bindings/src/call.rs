//! The general way of a call: normal form → override? → parse → resolve → broadcast → make outputs → execute → report
//! flags → wrap. Where a step meets what is NumPy's to handle, the twin gets the call with the same arguments; nothing
//! has been written by then.

use crate::args::{Parsed, Reason, parse};
use crate::early::{Early, casts_outputs_apart};
use crate::fast;
use crate::foreign::Translated;
use crate::gil;
use crate::ingest::{Ingested, ingest};
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc, attached, count_native};
use crate::overrides::{self, NormalArguments, Plain, normal_form};
use crate::wrap::{Context, Wrap};
use numpy::npyffi::{NPY_ORDER, PY_ARRAY_API, PyArray_Dims, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use ufunx::call::Prepared;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::exec::worth_threads;
use ufunx::operand::{MAX_DIMS, Operand};
use ufunx::plan::Access;
use ufunx::registry::{Casting, Kind, LoopDef, Request, Signature, Typed, UfuncDef, Weak, resolve};
use ufunx::{Array, DType, Isa, Order, Scalar};

/// Calls the ufunc. `face` is the object that was called, ours or NumPy's.
///
/// # Safety
/// Live arguments.
pub unsafe fn call(
    py: Python<'_>,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    arguments: &Arguments<'_>,
) -> PyResult<*mut ffi::PyObject> {
    let np = NumPy::get(py);
    // SAFETY: live arguments.
    unsafe {
        let inputs = arguments.positional;
        let mut asked = Plain::General;
        if arguments.keywords.is_empty() && inputs.len() == ufunc.target.nin {
            if let Some(result) = fast::call_subclasses(py, np, ufunc, inputs)? {
                count_native();
                return Ok(result);
            }
            asked = overrides::ask_plainly(py, np, ufunc, face, inputs)?;
        }
        if let Plain::Answer(answer) = asked {
            return Ok(answer);
        }
        attached(|py| {
            let native = |normal: &NormalArguments| native(py, np, ufunc, face, normal);
            overrides::dispatch_to(py, (ufunc, face), Method::Call, arguments, asked, native)
        })
    }
}

/// `outer`: a call whose first input has an axis of length 1 for each axis of the second.
///
/// # Safety
/// Live arguments in normal form.
pub unsafe fn native_outer(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    normal: &NormalArguments,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    // SAFETY: live arguments; the arrays made here live until the call is over.
    unsafe {
        let (a, b) = outer_operands(py, np, normal).ok_or(Reason::Operand)?;
        let mut arrays = normal.clone();
        (arrays.inputs[0], arrays.inputs[1]) = (a.as_ptr(), b.as_ptr());
        native(py, np, ufunc, face, &arrays)
    }
}

/// The operands of `outer` as arrays that broadcast to its result; `None` where NumPy must look at them.
unsafe fn outer_operands<'py>(
    py: Python<'py>,
    np: &NumPy,
    normal: &NormalArguments,
) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    // SAFETY: live objects; arrays once NumPy has made them.
    unsafe {
        let array = |object: *mut ffi::PyObject| {
            ingest(py, np, object).ok()?;
            // `matrix` is refused, and what other subclasses make of new axes is theirs.
            if np.is_subclass(object) {
                return None;
            }
            let null: *mut ffi::PyObject = std::ptr::null_mut();
            let made = PY_ARRAY_API.PyArray_FromAny(py, object, null.cast(), 0, 0, 0, null);
            Bound::from_owned_ptr_or_err(py, made).ok()
        };
        let (a, b) = (array(normal.inputs[0])?, array(normal.inputs[1])?);
        let fields = |array: &Bound<'py, PyAny>| &(*array.as_ptr().cast::<PyArrayObject>()).fields;
        let mut shape: SmallVec<[isize; 8]> =
            (0..fields(&a).nd as usize).map(|i| *fields(&a).dimensions.add(i)).collect();
        shape.extend((0..fields(&b).nd).map(|_| 1));
        if shape.len() > MAX_DIMS {
            return None;
        }
        let mut dims = PyArray_Dims { ptr: shape.as_mut_ptr(), len: shape.len() as i32 };
        let reshaped = PY_ARRAY_API.PyArray_Newshape(py, a.as_ptr().cast(), &mut dims, NPY_ORDER::NPY_CORDER);
        Some((Bound::from_owned_ptr_or_err(py, reshaped).ok()?, b))
    }
}

/// The call on our loops, or why not.
unsafe fn native(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    normal: &NormalArguments,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // A result of a short way is a new array or the given output, still to be wrapped.
    let wrap = |result: PyResult<*mut ffi::PyObject>| {
        result.and_then(|result| {
            // SAFETY: owned; live arguments.
            unsafe {
                let results = smallvec::smallvec![Bound::from_owned_ptr(py, result)];
                wrapped(py, np, face, normal, results)
            }
        })
    };
    // SAFETY: live arguments.
    if let Some(result) = unsafe { fast::call_unwrapped(py, np, ufunc, normal) }.transpose() {
        return Ok(wrap(result));
    }
    let short = |parsed: &Parsed, l: &'static LoopDef, inputs: &[&Operand]| {
        if parsed.mask.is_some() || parsed.order != Order::K {
            return None;
        }
        // SAFETY: live arguments, and what was read of them.
        unsafe { fast::call_resolved(py, np, ufunc, l, normal, inputs) }.transpose().map(wrap)
    };
    // SAFETY: live arguments.
    let run = |parsed: &Parsed, early: &Early, prepared: Prepared<'_>| unsafe {
        early.report(py, np)?;
        execute(py, np, ufunc, parsed, prepared).and_then(|results| wrapped(py, np, face, normal, results))
    };
    // SAFETY: live arguments.
    unsafe { settle(py, np, def, normal, short, run) }
}

/// Settles a call up to its outputs, which are `rest`'s to make; `short` may have it before there is a plan.
unsafe fn settle<R>(
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
    let (inputs, given) = (values.operands(&parsed.inputs), parsed.given());
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
    parsed: &Parsed,
    prepared: Prepared<'_>,
) -> PyResult<Results<'py>> {
    let n: usize = prepared.shape().iter().product();
    // SAFETY: given outputs are live, and become results.
    let mut results: SmallVec<[Option<Bound<'py, PyAny>>; 1]> = parsed
        .outputs
        .iter()
        .map(|o| o.as_ref().map(|(object, _)| unsafe { Bound::from_borrowed_ptr(py, *object) }))
        .collect();
    let planned = prepared.plan(|i, dtype, shape, strides| {
        let (array, data) = np.new_array(py, dtype, shape, Some(strides))?;
        results[i] = Some(array);
        Ok::<_, PyErr>(data)
    })?;
    // SAFETY: the inputs' objects are the caller's for the call; outputs are referenced by `results`.
    let report = unsafe { gil::around(py, planned.plan.l, n, || planned.run()) };
    // NumPy casts within the loop whose flags it reads, so a cast's are the ufunc's.
    ufunc.report(py, np, ufunc.own_name(), report.flags | report.cast)?;
    let made = |result: Option<_>| result.unwrap_or_else(|| unreachable!("a planned call has every output"));
    Ok(results.into_iter().map(made).collect())
}

/// One object per output.
type Results<'py> = SmallVec<[Bound<'py, PyAny>; 1]>;

/// The results as they are returned: wrapped, scalars for new arrays of no dimensions, a tuple for several.
unsafe fn wrapped(
    py: Python<'_>,
    np: &NumPy,
    face: *mut ffi::PyObject,
    normal: &NormalArguments,
    results: Results<'_>,
) -> PyResult<*mut ffi::PyObject> {
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
        match objects.len() {
            1 => Ok(objects.remove(0).into_ptr()),
            _ => Ok(PyTuple::new(py, objects)?.into_ptr()),
        }
    }
}

/// The way a call takes on our loops, in words.
pub struct Way {
    pub signature: String,
    pub isa: Isa,
    pub shape: Vec<usize>,
    pub operands: Vec<&'static str>,
    pub threads: usize,
}

/// What [`call`] would do.
///
/// # Safety
/// Live arguments.
pub unsafe fn prepare(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    arguments: &Arguments<'_>,
) -> Result<Way, Reason> {
    // SAFETY: live arguments.
    let normal = unsafe { normal_form(np, ufunc, Method::Call, arguments) };
    // SAFETY: live arguments.
    if normal.as_ref().is_ok_and(|normal| unsafe { overrides::any(py, np, Method::Call, normal) }) {
        return Err(Reason::Override);
    }
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    let normal = normal.map_err(|_| Reason::Arguments)?;
    // NumPy's own objects keep NumPy's answers.
    // SAFETY: live arguments; what is replaced is kept.
    unsafe {
        if ffi::Py_TYPE(face).cast() != np.ufunc_type {
            let translated = Translated::new(py, np, Method::Call, arguments, &normal);
            if let Some(translated) = translated.map_err(|_| Reason::Unreadable)? {
                return prepare(py, np, ufunc, face, &translated.arguments());
            }
        }
    }
    let look = |_: &Parsed, _: &Early, prepared: Prepared<'_>| {
        // The plan is only looked at, so an aligned address that is nothing's will do.
        let nowhere = std::ptr::without_provenance_mut(64);
        let Ok(planned) = prepared.plan(|_, _, _, _| Ok::<_, std::convert::Infallible>(nowhere));
        let plan = &planned.plan;
        let operands = plan.args.iter().map(|arg| match arg.access {
            Access::Direct if arg.is_constant() && plan.total > 1 => "repeated",
            Access::Direct => "in place",
            Access::Staged => "by blocks",
            Access::Streamed => "past the caches",
        });
        Way {
            signature: plan.l.to_string(),
            isa: plan.l.code.kernels().block.level_at(ufunx::current_isa()),
            shape: plan.shape.to_vec(),
            operands: operands.collect(),
            threads: worth_threads(plan),
        }
    };
    // SAFETY: live arguments.
    unsafe { settle(py, np, def, &normal, |_, _, _| None, look) }
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
