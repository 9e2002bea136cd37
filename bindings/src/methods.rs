//! The methods: reduce, accumulate, reduceat, outer, at. Each reads its arguments as far as they are plain and runs on the
//! engine, or hands the same arguments to the twin's method.

use crate::args::{Reason, dtype, mask};
use crate::call::{may_overflow, new_array};
use crate::early::forgets_flags;
use crate::fast::DETACH_FROM;
use crate::ingest::{Ingested, ingest, operand_of, writable};
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc, attached, call_twin, count_native, guarded, reduce_by_name};
use crate::overrides::{self, NormalArguments, normal_form};
use crate::small_folds;
use crate::wrap::Wrap;
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PyArrayObject};
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::CStr;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::operand::{Operand, Order, output_strides};
use ufunx::overlap::{may_overlap, overlaps_itself};
use ufunx::reduce::{Axes, Initial, ReduceOptions, Reduction, normalize_axis};
use ufunx::registry::{Identity, Kind, Typed, UfuncDef, resolve_reduction};
use ufunx::{DType, FpFlags, Report, Scalar, View};

type Entry = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

// With the signatures that `inspect.signature` reads.
const REDUCE_DOC: &CStr = c"reduce($self, array, /, axis=0, dtype=None, out=None, **kwargs)
--

Reduce the array by the ufunc along one axis, several or all; keepdims=, initial= and where= as in NumPy.";
const ACCUMULATE_DOC: &CStr = c"accumulate($self, array, /, axis=0, dtype=None, out=None)
--

Every partial result of a reduction along an axis.";
const REDUCEAT_DOC: &CStr = c"reduceat($self, array, /, indices, axis=0, dtype=None, out=None)
--

A reduction of each slice between consecutive indices along an axis.";
const OUTER_DOC: &CStr = c"outer($self, A, B, /, **kwargs)
--

The ufunc of every pair of an element of A and one of B.";
const AT_DOC: &CStr = c"at($self, a, indices, b=None, /)
--

Apply the ufunc in place to the elements indexed, one after the other, so that repeated indices count.";

/// The method table of the type; lives for ever.
pub fn table() -> *mut ffi::PyMethodDef {
    let fast = |name: &'static CStr, doc: &'static CStr, method: Entry| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: method },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    };
    let by_name = ffi::PyMethodDef {
        ml_name: c"__reduce__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce_by_name },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    };
    let methods = [
        fast(c"reduce", REDUCE_DOC, reduce),
        fast(c"accumulate", ACCUMULATE_DOC, accumulate),
        fast(c"reduceat", REDUCEAT_DOC, reduceat),
        fast(c"outer", OUTER_DOC, outer),
        fast(c"at", AT_DOC, at),
        by_name,
        ffi::PyMethodDef::zeroed(),
    ];
    Box::leak(Box::new(methods)).as_mut_ptr()
}

/// A method's native half: the result, or why the call is NumPy's.
type Native =
    unsafe fn(Python<'_>, &NumPy, &Ufunc, &NormalArguments) -> Result<PyResult<*mut ffi::PyObject>, Reason>;

/// Runs a method: an override, the native half, or NumPy's method. `face` is the object whose method it is.
///
/// # Safety
/// Live arguments.
pub unsafe fn call(
    py: Python<'_>,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    method: Method,
    arguments: &Arguments<'_>,
) -> PyResult<*mut ffi::PyObject> {
    let native: Native = match method {
        // SAFETY: live arguments.
        Method::Call => return unsafe { crate::call::call(py, ufunc, face, arguments) },
        Method::Outer => {
            return attached(|py| {
                // SAFETY: live arguments.
                unsafe { crate::call::outer(py, ufunc, face, arguments) }
            });
        }
        Method::Reduce => native_reduce,
        Method::Accumulate => native_accumulate,
        Method::Reduceat => native_reduceat,
        Method::At => native_at,
    };
    let np = NumPy::get(py);
    // SAFETY: live arguments.
    unsafe {
        let short = match method {
            Method::At => quick_at(py, np, ufunc, arguments),
            _ => small_folds::call(py, np, ufunc, method, arguments),
        };
        if let Some(result) = short {
            count_native();
            return result;
        }
        attached(|py| general(py, np, ufunc, face, arguments, (method, native)))
    }
}

/// `at` on exact arrays and numbers, which have no override.
unsafe fn quick_at(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    arguments: &Arguments<'_>,
) -> Option<PyResult<*mut ffi::PyObject>> {
    let [array, indices, value] = arguments.positional else { return None };
    // SAFETY: live objects.
    unsafe {
        let exact = |object: *mut ffi::PyObject| ffi::Py_TYPE(object) == np.array_type;
        let number = ffi::PyFloat_CheckExact(*value) != 0 || ffi::PyLong_CheckExact(*value) != 0;
        let plain = exact(*array) && exact(*indices) && (number || exact(*value));
        if !plain || !arguments.keywords.is_empty() || ufunc.target.nin != 2 {
            return None;
        }
        let normal = NormalArguments::of_inputs(&[*array, *indices, *value]);
        native_at(py, np, ufunc, &normal).ok()
    }
}

/// The method after its short way.
unsafe fn general(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    arguments: &Arguments<'_>,
    (method, native): (Method, Native),
) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: live arguments.
    unsafe {
        let Ok(normal) = normal_form(np, ufunc, method, arguments) else {
            return call_twin(py, ufunc, method, arguments);
        };
        if let Some(answer) = overrides::ask(py, np, ufunc, face, method, &normal)? {
            return Ok(answer);
        }
        match native(py, np, ufunc, &normal) {
            Ok(result) => {
                count_native();
                result
            }
            Err(_reason) => call_twin(py, ufunc, method, arguments),
        }
    }
}

/// Runs `reduce` or `accumulate` on our kernels, or returns `None` having done nothing.
///
/// # Safety
/// Live arguments, which no override could take over.
pub unsafe fn run_plain(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> Option<PyResult<*mut ffi::PyObject>> {
    let general = |py: Python<'_>| {
        // SAFETY: live arguments.
        unsafe {
            let normal = normal_form(np, ufunc, method, arguments).ok()?;
            let native = if method == Method::Reduce { native_reduce } else { native_accumulate };
            native(py, np, ufunc, &normal).ok()
        }
    };
    // SAFETY: live arguments.
    let short = unsafe { small_folds::call(py, np, ufunc, method, arguments) };
    let result = short.or_else(|| attached(general))?;
    count_native();
    Some(result)
}

macro_rules! methods {
    ($($entry:ident $method:ident;)*) => {$(
        unsafe extern "C" fn $entry(
            object: *mut ffi::PyObject,
            args: *const *mut ffi::PyObject,
            nargs: ffi::Py_ssize_t,
            names: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            guarded(|py| {
                // SAFETY: CPython passes an object of ours and as many arguments as it says.
                unsafe {
                    let arguments = Arguments::new(args, nargs as usize, names);
                    call(py, &*object.cast::<Ufunc>(), object, Method::$method, &arguments)
                }
            })
        }
    )*};
}
methods! {
    reduce Reduce;
    accumulate Accumulate;
    reduceat Reduceat;
    outer Outer;
    at At;
}

/// The value of a keyword, null where absent.
fn value(normal: &NormalArguments, keyword: Keyword) -> *mut ffi::PyObject {
    normal.get(keyword).unwrap_or(std::ptr::null_mut())
}

/// An array of a native dtype.
unsafe fn array(np: &NumPy, object: *mut ffi::PyObject) -> Result<Operand, Reason> {
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        if ffi::PyObject_TypeCheck(object, np.array_type) == 0 {
            return Err(Reason::Operand);
        }
        let array = object.cast::<PyArrayObject>();
        // No loop of ours is complex, and casting to a real dtype wants a warning.
        let dtype = np.dtype_of(array).filter(|d| d.kind() != Kind::Complex).ok_or(Reason::DType)?;
        Ok(operand_of(array, dtype))
    }
}

/// A plain integer.
pub unsafe fn integer(object: *mut ffi::PyObject) -> Result<isize, Reason> {
    // SAFETY: a live object.
    unsafe {
        if ffi::PyLong_CheckExact(object) == 0 {
            return Err(Reason::Keyword);
        }
        let mut overflow = 0;
        let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow);
        if overflow == 0 { Ok(value as isize) } else { Err(Reason::Keyword) }
    }
}

/// `axis=` of a reduction.
unsafe fn axes(object: *mut ffi::PyObject) -> Result<Axes, Reason> {
    // SAFETY: a live object or null, a tuple once its type says so.
    unsafe {
        if object.is_null() {
            return Ok(Axes::One(0));
        }
        if object == ffi::Py_None() {
            return Ok(Axes::All);
        }
        if ffi::PyTuple_CheckExact(object) == 0 {
            return integer(object).map(Axes::One);
        }
        let n = ffi::PyTuple_GET_SIZE(object);
        (0..n).map(|i| integer(ffi::PyTuple_GET_ITEM(object, i))).collect::<Result<_, _>>().map(Axes::Many)
    }
}

/// `axis=` of accumulate and reduceat.
unsafe fn one_axis(object: *mut ffi::PyObject, ndim: usize) -> Result<usize, Reason> {
    // SAFETY: a live object or null.
    let axis = if object.is_null() { 0 } else { unsafe { integer(object) }? };
    normalize_axis(axis, ndim).map_err(|_| Reason::Layout)
}

fn is_absent(object: *mut ffi::PyObject) -> bool {
    // SAFETY: None lives for ever.
    object.is_null() || object == unsafe { ffi::Py_None() }
}

/// `dtype=`.
unsafe fn optional_dtype(
    py: Python<'_>,
    np: &NumPy,
    object: *mut ffi::PyObject,
) -> Result<Option<DType>, Reason> {
    if is_absent(object) {
        return Ok(None);
    }
    // SAFETY: a live object.
    unsafe { dtype(py, np, object) }.map(Some).ok_or(Reason::Keyword)
}

/// The given output.
unsafe fn given_output(
    np: &NumPy,
    normal: &NormalArguments,
) -> Result<Option<(*mut ffi::PyObject, Operand)>, Reason> {
    let Some(&object) = normal.outputs.as_ref().and_then(|outputs| outputs.first()) else { return Ok(None) };
    // SAFETY: a live object.
    unsafe { writable(np, object) }.map(|operand| Some((object, operand))).ok_or(Reason::Keyword)
}

unsafe fn native_reduce(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    let [axis, dtype, keepdims, initial, mask_object] =
        [Keyword::Axis, Keyword::Dtype, Keyword::Keepdims, Keyword::Initial, Keyword::Where]
            .map(|keyword| value(normal, keyword));
    // SAFETY: live objects or null.
    unsafe {
        let input = array(np, normal.inputs[0])?;
        let out = given_output(np, normal)?;
        let given_mask = match mask_object {
            absent if absent.is_null() || absent == ffi::Py_True() => None,
            given => Some(mask(np, given).ok_or(Reason::Keyword)?),
        };
        let options = ReduceOptions {
            axis: axes(axis)?,
            dtype: optional_dtype(py, np, dtype)?,
            keepdims: match keepdims {
                absent if absent.is_null() || absent == ffi::Py_False() => false,
                given if given == ffi::Py_True() => true,
                _ => return Err(Reason::Keyword),
            },
            initial: match initial {
                absent if absent.is_null() || absent == np.no_value => Initial::Default,
                none if none == ffi::Py_None() => Initial::None,
                // Which result it goes into is not known yet; below, a number of a higher kind is NumPy's to convert.
                value => match ingest(py, np, value)? {
                    Ingested::Weak(scalar) => Initial::Value(scalar),
                    _ => return Err(Reason::Keyword),
                },
            },
            mask: given_mask.map(|m| View::from_operand(m)),
        };
        let reduction = Reduction::new(def, &input, out.as_ref().map(|(_, o)| o), &options).map_err(
            |error| match error {
                ufunx::Error::Resolve(_) => Reason::Resolution,
                _ => Reason::Layout,
            },
        )?;
        let dtype = reduction.l.outputs[0];
        if let Initial::Value(value) = options.initial
            && (!suits(value, dtype) || may_overflow(value, dtype))
        {
            return Err(Reason::Keyword);
        }
        if casts_apart(def, &input, dtype, out.as_ref().map_or(dtype, |(_, o)| o.dtype), &options) {
            return Err(Reason::Resolution);
        }
        Ok(output(py, np, out, dtype, &reduction.out_shape, || reduction.out_strides()).and_then(
            |(result, target)| {
                let run = || reduction.run(&target);
                let report = if input.len() > DETACH_FROM { py.detach(run) } else { run() };
                finish(py, np, "reduce", report, result, normal)
            },
        ))
    }
}

/// Whether casts may raise what NumPy reports apart from the loop's flags, or in another order: those of the elements that
/// a fold without identity starts from, of an `initial`, of scalars, and of what a mask leaves out.
fn casts_apart(
    def: &UfuncDef,
    input: &Operand,
    computed: DType,
    target: DType,
    options: &ReduceOptions<'_>,
) -> bool {
    let raises =
        can_raise(input.dtype, computed) || can_raise(input.dtype, target) || can_raise(computed, target);
    let together = || {
        def.identity != Identity::None
            && options.initial == Initial::Default
            && options.mask.is_none()
            && !input.shape.is_empty()
            && !forgets_flags(def)
    };
    // Reading a complex output into a real accumulator warns.
    (raises && !together()) || (target.kind() == Kind::Complex && computed.kind() != Kind::Complex)
}

/// Whether a number is of the dtype's kind or a lower one.
fn suits(value: Scalar, dtype: DType) -> bool {
    match value {
        Scalar::Int(_) => dtype.kind() >= Kind::Int,
        Scalar::Float(_) => dtype.kind() >= Kind::Float,
        Scalar::Complex(_) => dtype.kind() == Kind::Complex,
    }
}

/// The given output, or a new array.
fn output(
    py: Python<'_>,
    np: &NumPy,
    given: Option<(*mut ffi::PyObject, Operand)>,
    dtype: DType,
    shape: &[usize],
    strides: impl FnOnce() -> ufunx::operand::Strides,
) -> PyResult<(*mut ffi::PyObject, Operand)> {
    if let Some((object, operand)) = given {
        // SAFETY: a live object, which becomes the result.
        return Ok((unsafe { ffi::Py_NewRef(object) }, operand));
    }
    let strides = strides();
    let (object, ptr) = new_array(py, np, dtype, shape, &strides)?;
    Ok((object, Operand { ptr, dtype, shape: shape.into(), strides }))
}

/// Reports, and gives the result its type: the input's or the given output's, a scalar if it is new and has no
/// dimensions.
fn finish(
    py: Python<'_>,
    np: &NumPy,
    name: &str,
    report: Report,
    result: *mut ffi::PyObject,
    normal: &NormalArguments,
) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: an array, owned here; live arguments.
    unsafe {
        let result = Bound::from_owned_ptr(py, result);
        np.report(py, name, report.flags | report.cast)?;
        let original = normal.outputs.as_ref().map_or(std::ptr::null_mut(), |outputs| outputs[0]);
        let nd = (*result.as_ptr().cast::<PyArrayObject>()).fields.nd;
        let wrap = Wrap::of_inputs(py, np, &normal.inputs[..1])?;
        let to_scalar = nd == 0 && !normal.keep_arrays;
        Ok(wrap.apply(np, result, original, None, to_scalar, false)?.into_ptr())
    }
}

unsafe fn native_accumulate(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let def = ufunc.def.filter(|d| d.nin() == 2 && d.nout() == 1).ok_or(Reason::NoUfunc)?;
    let [axis, dtype] = [Keyword::Axis, Keyword::Dtype].map(|keyword| value(normal, keyword));
    // SAFETY: live objects or null.
    unsafe {
        let input = array(np, normal.inputs[0])?;
        if input.shape.is_empty() {
            return Err(Reason::Method);
        }
        let axis = one_axis(axis, input.shape.len())?;
        let dtype = optional_dtype(py, np, dtype)?;
        let out = given_output(np, normal)?;
        let out_dtype = out.as_ref().map(|(_, out)| out.dtype);
        let l = resolve_reduction(def, input.dtype, out_dtype, dtype).map_err(|_| Reason::Resolution)?;
        let dtype = l.outputs[0];
        if let Some((_, out)) = &out {
            // What is computed is computed in the output's memory.
            let usable = out.dtype == dtype && out.shape == input.shape && out.is_aligned();
            if !usable || may_overlap(&input, out) || overlaps_itself(out) {
                return Err(Reason::Layout);
            }
        }
        let strides = || output_strides(&[&input], &input.shape, dtype.size(), Order::K);
        Ok(output(py, np, out, dtype, &input.shape, strides).and_then(|(result, target)| {
            let run = || ufunx::accumulate::run(def, l, &input, &target, axis);
            let report = if input.len() > DETACH_FROM { py.detach(run) } else { run() };
            // NumPy copies the input, cast, before it accumulates.
            let (loop_only, cast) = (Report { cast: FpFlags::NONE, ..report }, report.cast);
            if let Err(error) = np.report(py, "cast", cast) {
                ffi::Py_DECREF(result);
                return Err(error);
            }
            finish(py, np, "accumulate", loop_only, result, normal)
        }))
    }
}

unsafe fn native_reduceat(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let def = ufunc.def.filter(|d| d.nin() == 2 && d.nout() == 1).ok_or(Reason::NoUfunc)?;
    let [axis, dtype] = [Keyword::Axis, Keyword::Dtype].map(|keyword| value(normal, keyword));
    // SAFETY: live objects or null.
    unsafe {
        let input = array(np, normal.inputs[0])?;
        let indices = array(np, normal.inputs[1])?;
        let plain = indices.dtype == DType::I64 && indices.shape.len() == 1 && indices.is_aligned();
        // NumPy lays the result of a permuted array out in a way of its own.
        let rows = input.strides == ufunx::operand::c_strides(&input.shape, input.dtype.size());
        if input.shape.is_empty() || normal.outputs.is_some() || !plain || !(rows || input.shape.len() == 1) {
            return Err(Reason::Method);
        }
        let axis = one_axis(axis, input.shape.len())?;
        let dtype = optional_dtype(py, np, dtype)?;
        let l = resolve_reduction(def, input.dtype, None, dtype).map_err(|_| Reason::Resolution)?;
        // NumPy casts the whole array first, what no slice holds included.
        if can_raise(input.dtype, l.inputs[1]) {
            return Err(Reason::Resolution);
        }
        let at = |i: usize| *indices.ptr.wrapping_offset(i as isize * indices.strides[0]).cast::<isize>();
        let indices: Vec<isize> = (0..indices.shape[0]).map(at).collect();
        let slices =
            ufunx::reduceat::check_indices(def, &indices, input.shape[axis]).map_err(|_| Reason::Layout)?;
        let dtype = l.outputs[0];
        let mut shaped = input.clone();
        shaped.shape[axis] = indices.len();
        let strides = || ufunx::operand::c_strides(&shaped.shape, dtype.size());
        Ok(output(py, np, None, dtype, &shaped.shape, strides).and_then(|(result, target)| {
            let run = || ufunx::reduceat::run(def, l, &input, &slices, axis, &target);
            let report = if input.len() > DETACH_FROM { py.detach(run) } else { run() };
            finish(py, np, "reduceat", report, result, normal)
        }))
    }
}

unsafe fn native_at(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let (object, indices) = (normal.inputs[0], normal.inputs[1]);
    let values = normal.inputs.get(2).copied().unwrap_or(std::ptr::null_mut());
    // SAFETY: live objects or null.
    unsafe {
        if ffi::PyObject_TypeCheck(object, np.array_type) != 0 {
            let array = object.cast::<PyArrayObject>();
            // NumPy 2.4 writes into read-only arrays here; we do not.
            if (*array).fields.flags & NPY_ARRAY_WRITEABLE == 0 {
                return Ok(Err(PyValueError::new_err("output array is read-only")));
            }
        }
        let def = ufunc.def.ok_or(Reason::NoUfunc)?;
        let target = writable(np, object).ok_or(Reason::Operand)?;
        let indices = array(np, indices)?;
        let plain = indices.dtype == DType::I64 && indices.shape.len() == 1 && indices.is_aligned();
        if target.shape.len() != 1
            || !plain
            || def.nin() != 1 + usize::from(!values.is_null())
            || def.nout() != 1
        {
            return Err(Reason::Method);
        }
        let value = if values.is_null() { None } else { Some(ingest(py, np, values)?) };
        let strong = match &value {
            // `at` converts first, so a number is as strong as an array.
            Some(Ingested::Weak(number)) => Some(number.weak().default_dtype()),
            Some(Ingested::Strong(..)) => return Err(Reason::Operand),
            Some(Ingested::Array(operand)) => Some(operand.dtype),
            None => None,
        };
        let cell = match &value {
            Some(Ingested::Weak(Scalar::Int(x))) => [u128::from(*x as u64)],
            Some(Ingested::Weak(Scalar::Float(x))) => [u128::from(x.to_bits())],
            Some(Ingested::Weak(Scalar::Complex(_))) => return Err(Reason::DType),
            _ => [0],
        };
        let number = strong.map(|dtype| Operand::scalar(cell.as_ptr().cast_mut().cast(), dtype));
        let operand = match &value {
            Some(Ingested::Array(operand)) => Some(operand),
            _ => number.as_ref(),
        };
        let index = |i: usize| *indices.ptr.wrapping_offset(i as isize * indices.strides[0]).cast::<isize>();
        let count = indices.shape[0];
        if strong == Some(target.dtype)
            && target.is_aligned()
            && let Some(values) = operand
            && let Some(l) = ufunc.fast.reducible(target.dtype)
            && (values.shape.is_empty() || values.shape[..] == [count])
            && values.is_aligned()
            && !may_overlap(values, &target)
            && !may_overlap(&indices, &target)
        {
            let step = values.strides.first().copied().unwrap_or(0);
            let all = (0..count).map(index);
            let flags = ufunx::at::at_plain(l, &target, all, values.ptr, step).ok_or(Reason::Layout)?;
            return Ok(np.report(py, at_name(ufunc), flags).map(|()| ffi::Py_NewRef(ffi::Py_None())));
        }
        let l = ufunx::at::resolve_at(def, target.dtype, strong.map(Typed::Strong));
        let l = l.map_err(|_| Reason::Resolution)?;
        let casts = [(target.dtype, l.inputs[0]), (l.outputs[0], target.dtype)];
        let all = casts.into_iter().chain(strong.map(|value| (value, l.inputs[1])));
        if forgets_flags(def) && all.into_iter().any(|(from, to)| can_raise(from, to)) {
            return Err(Reason::Resolution);
        }
        at_values(py, np, ufunc, &target, &indices, operand)
    }
}

/// Under what name NumPy reports what `at` raised on a plain array: its own for ufuncs with an indexed loop.
fn at_name(ufunc: &Ufunc) -> &'static str {
    let indexed = ["add", "subtract", "multiply", "divide"];
    indexed.into_iter().find(|name| *name == ufunc.own_name()).unwrap_or("at")
}

unsafe fn at_values(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    target: &Operand,
    indices: &Operand,
    value: Option<&Operand>,
) -> Result<PyResult<*mut ffi::PyObject>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // SAFETY: an aligned array of 64-bit integers.
    let at =
        |i: usize| unsafe { *indices.ptr.wrapping_offset(i as isize * indices.strides[0]).cast::<isize>() };
    let indices: Vec<isize> = (0..indices.shape[0]).map(at).collect();
    // SAFETY: target and values are the caller's for the call.
    let done = unsafe { ufunx::at::at_operand(def, target, &indices, value) }.map_err(|_| Reason::Layout)?;
    // SAFETY: None lives for ever.
    let none = || unsafe { ffi::Py_NewRef(ffi::Py_None()) };
    Ok(np.report(py, "at", done.flags | done.cast).map(|()| none()))
}
