//! The general way of a call: parse → resolve → broadcast → make outputs → execute → report flags → wrap. Where a step
//! meets what is NumPy's to handle, the twin gets the call with the same arguments; nothing has been written by then.

use crate::args::{Parsed, Reason, parse};
use crate::early::{Early, casts_outputs_apart};
use crate::fast::{DETACH_FROM, scalar};
use crate::ingest::Ingested;
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc, call_twin, count_native};
use numpy::npyffi::{PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::call::{PlannedCall, Prepared};
use ufunx::exec::worth_threads;
use ufunx::operand::Operand;
use ufunx::plan::Access;
use ufunx::registry::{Casting, Kind, LoopDef, Request, Signature, Typed, UfuncDef, Weak, resolve};
use ufunx::{Array, DType, Isa, Report, Scalar};

/// Calls the ufunc.
///
/// # Safety
/// Live arguments.
pub unsafe fn call(py: Python<'_>, ufunc: &Ufunc, arguments: &Arguments<'_>) -> PyResult<*mut ffi::PyObject> {
    let np = NumPy::get(py);
    // SAFETY: live arguments.
    match unsafe { native(py, np, ufunc, arguments) } {
        Ok(result) => {
            count_native();
            result
        }
        Err(_reason) => call_twin(py, ufunc, None, arguments),
    }
}

/// The call on our loops, or why not.
unsafe fn native(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    arguments: &Arguments<'_>,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // SAFETY: live arguments.
    let parsed = unsafe { parse(py, np, (def.nin(), def.nout()), arguments) }?;
    let l = resolve_call(def, &parsed)?;
    let values = Values::new(&parsed.inputs, l)?;
    let (inputs, given) = (values.operands(&parsed.inputs), parsed.given());
    if casts_outputs_apart(l, &inputs, &given, parsed.mask.is_some()) {
        return Err(Reason::Layout);
    }
    // SAFETY: the inputs' objects are the caller's for the call.
    let early = unsafe { Early::new(def, l, &inputs, parsed.mask.is_some()) }?;
    let inputs = early.operands(&inputs);
    let prepared = Prepared::new(def, l, &inputs, &given, parsed.mask.as_ref(), parsed.order)
        .map_err(|_| Reason::Layout)?;
    if let Err(error) = early.report(py, np) {
        return Ok(Err(error));
    }
    let n: usize = prepared.shape().iter().product();
    let mut results: SmallVec<[*mut ffi::PyObject; 1]> = parsed
        .outputs
        .iter()
        .map(|o| o.as_ref().map_or(std::ptr::null_mut(), |(object, _)| *object))
        .collect();
    for &object in results.iter().filter(|o| !o.is_null()) {
        // SAFETY: a given output, which becomes a result.
        unsafe { ffi::Py_INCREF(object) };
    }
    let given_objects = results.clone();
    let planned = prepared.plan(|i, dtype, shape, strides| {
        let (array, data) = new_array(py, np, dtype, shape, strides)?;
        results[i] = array;
        Ok::<_, PyErr>(data)
    });
    // SAFETY: the inputs' objects are the caller's for the call; outputs are referenced by `results`.
    let run = |planned: &PlannedCall| unsafe { planned.run() };
    let report =
        planned.map(|planned| if n > DETACH_FROM { py.detach(|| run(&planned)) } else { run(&planned) });
    Ok(finish(py, np, ufunc, l, report, &results, &given_objects, parsed.keep_arrays))
}

/// The way a call takes on our loops, in words.
pub struct Way {
    pub l: &'static LoopDef,
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
    arguments: &Arguments<'_>,
) -> Result<Way, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // SAFETY: live arguments.
    let parsed = unsafe { parse(py, np, (def.nin(), def.nout()), arguments) }?;
    let l = resolve_call(def, &parsed)?;
    let values = Values::new(&parsed.inputs, l)?;
    let (inputs, given) = (values.operands(&parsed.inputs), parsed.given());
    if casts_outputs_apart(l, &inputs, &given, parsed.mask.is_some()) {
        return Err(Reason::Layout);
    }
    // SAFETY: the inputs' objects are the caller's for the call.
    let early = unsafe { Early::new(def, l, &inputs, parsed.mask.is_some()) }?;
    let inputs = early.operands(&inputs);
    let prepared = Prepared::new(def, l, &inputs, &given, parsed.mask.as_ref(), parsed.order)
        .map_err(|_| Reason::Layout)?;
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
    Ok(Way {
        l,
        isa: l.kernels.level_at(ufunx::current_isa()),
        shape: plan.shape.to_vec(),
        operands: operands.collect(),
        threads: worth_threads(plan),
    })
}

/// The loop of a call; its outputs must be dtypes that NumPy has.
fn resolve_call(def: &'static UfuncDef, parsed: &Parsed) -> Result<&'static LoopDef, Reason> {
    // No loop of ours is complex, and casting to a real dtype wants a warning.
    let complex = |d: DType| d.kind() == Kind::Complex;
    let is_complex =
        |t: Typed| t == Typed::Weak(Weak::Complex) || matches!(t, Typed::Strong(d) if complex(d));
    if parsed.inputs.iter().any(|i| is_complex(i.typed())) {
        return Err(Reason::DType);
    }
    // bfloat16 and float8 run natively among themselves; what they become beside others is for NumPy and ml_dtypes to
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
    if let Some(first) = first {
        let alike = |t: Typed| t == first || t == Typed::Weak(Weak::Int);
        if !parsed.inputs.iter().all(|i| alike(i.typed())) || parsed.dtype.is_some() {
            return Err(Reason::DType);
        }
    } else if outputs().any(|d| d.numpy_number().is_none()) {
        return Err(Reason::DType);
    }
    // NumPy reads what a masked output holds, and warns where that loses imaginary parts.
    if parsed.mask.is_some() && outputs().any(complex) {
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
    resolve(def, &request).map_err(|_| Reason::Resolution)
}

/// An input's part in resolution. A number that is out of bounds for the integers it is compared with has a dtype of its
/// own, for there are loops that compare integers of either sign exactly.
fn compared(def: &UfuncDef, parsed: &Parsed, input: &Ingested) -> Typed {
    const COMPARISONS: [&str; 6] = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"];
    let Ingested::Weak(Scalar::Int(x)) = input else { return input.typed() };
    let beside = parsed.inputs.iter().find_map(|i| match i.typed() {
        Typed::Strong(dtype) if dtype.kind() == Kind::Int => Some(dtype),
        _ => None,
    });
    let out_of_bounds = |dtype: DType| {
        let past = 1i128 << dtype.precision();
        *x >= past || *x < if dtype.is_signed() { -past } else { 0 }
    };
    match beside {
        Some(dtype) if parsed.dtype.is_none() && COMPARISONS.contains(&def.name) && out_of_bounds(dtype) => {
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

/// Reports what was raised, and returns the results: scalars for new arrays of no dimensions, a tuple for several.
#[allow(clippy::too_many_arguments, reason = "the end of one call")]
fn finish(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &LoopDef,
    report: PyResult<Report>,
    results: &[*mut ffi::PyObject],
    given: &[*mut ffi::PyObject],
    keep_arrays: bool,
) -> PyResult<*mut ffi::PyObject> {
    let reported = report.and_then(|report| {
        // NumPy casts by buffers within the loop whose flags it reads, so a cast's are the ufunc's.
        np.report(py, ufunc.name(), report.flags | report.cast)
    });
    if let Err(error) = reported {
        for &object in results {
            // SAFETY: references owned here, or null.
            unsafe { ffi::Py_XDECREF(object) };
        }
        return Err(error);
    }
    let unwrapped = results.iter().zip(given).zip(l.outputs).map(|((&object, given), &dtype)| {
        if given.is_null() && !keep_arrays { unwrap(py, np, object, dtype) } else { Ok(object) }
    });
    let objects: SmallVec<[*mut ffi::PyObject; 1]> = unwrapped.collect::<PyResult<_>>()?;
    match objects.as_slice() {
        [only] => Ok(*only),
        several => {
            // SAFETY: the tuple takes over the references.
            unsafe {
                let tuple = ffi::PyTuple_New(several.len() as isize);
                for (i, &object) in several.iter().enumerate() {
                    ffi::PyTuple_SET_ITEM(tuple, i as isize, object);
                }
                Ok(tuple)
            }
        }
    }
}

/// A new array, or its element if it has no dimensions.
pub fn unwrap(
    py: Python<'_>,
    np: &NumPy,
    object: *mut ffi::PyObject,
    dtype: DType,
) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: a new array, owned here.
    unsafe {
        let array = object.cast::<PyArrayObject>();
        if (*array).fields.nd != 0 {
            return Ok(object);
        }
        let result = scalar(py, np, dtype, (*array).fields.data.cast());
        ffi::Py_DECREF(object);
        result
    }
}

/// A new array in these byte strides, and its memory.
pub fn new_array(
    py: Python<'_>,
    np: &NumPy,
    dtype: DType,
    shape: &[usize],
    strides: &[isize],
) -> PyResult<(*mut ffi::PyObject, *mut u8)> {
    let descr = np.descr(dtype);
    // SAFETY: dimensions and strides have an entry per axis and are copied; the descriptor's reference is taken over;
    // NumPy makes memory for the strides, which leave no gaps.
    unsafe {
        ffi::Py_INCREF(descr.cast());
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            np.array_type,
            descr,
            shape.len() as i32,
            shape.as_ptr().cast_mut().cast(),
            strides.as_ptr().cast_mut(),
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        if array.is_null() {
            return Err(PyErr::fetch(py));
        }
        Ok((array, (*array.cast::<PyArrayObject>()).fields.data.cast()))
    }
}
