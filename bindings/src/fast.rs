//! The short way, taken by most small calls: exact, contiguous ndarrays of one dtype and one shape, numbers beside them,
//! `out` perhaps, and a loop for just that dtype. Nothing is promoted, cast, broadcast or planned. Whatever does not fit
//! returns `None`, having done nothing, and goes the general way.

use crate::numpy_api::{DTYPES, NumPy};
use crate::object::{Arguments, Ufunc};
use numpy::npyffi::{
    NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_WRITEABLE, PY_ARRAY_API, PyArrayObject,
};
use pyo3::ffi;
use pyo3::prelude::*;
use std::mem::MaybeUninit;
use ufunx::exec::call_contiguous;
use ufunx::reduce::{Initial, start_value};
use ufunx::registry::{Cost, LoopDef, UfuncDef, resolve_reduction};
use ufunx::tuning::elements_per_thread;
use ufunx::{DType, FpFlags};

/// Loops whose inputs are all of one dtype, by that dtype.
pub struct FastLoops {
    loops: [Option<&'static LoopDef>; DTYPES],
    folds: [Option<FastFold>; DTYPES],
    nin: usize,
    cost: Cost,
}

/// A reduction that stays in its input's dtype.
#[derive(Clone, Copy)]
pub struct FastFold {
    /// The loop, which has a fold kernel.
    pub l: &'static LoopDef,
    /// The identity's bits.
    pub start: u128,
    /// Whether there is an identity; else the first element starts.
    pub has_start: bool,
}

/// Inputs of a fast call.
const MOST_INPUTS: usize = 2;
/// Elements a number is repeated for.
const REPEATED: usize = 1024;
/// Calls of more elements release the GIL, as NumPy's do.
pub const DETACH_FROM: usize = 500;

impl FastLoops {
    /// Collected once per ufunc.
    pub fn new(def: Option<&'static UfuncDef>) -> FastLoops {
        let mut fast =
            FastLoops { loops: [None; DTYPES], folds: [None; DTYPES], nin: usize::MAX, cost: Cost::Light };
        if let Some(def) = def.filter(|d| d.nin() <= MOST_INPUTS && d.nout() == 1) {
            (fast.nin, fast.cost) = (def.nin(), def.cost);
            for l in def.loops().filter(|l| l.inputs.iter().all(|d| *d == l.inputs[0])) {
                if l.outputs[0].numpy_number().is_some() {
                    fast.loops[l.inputs[0] as usize] = Some(l);
                    fast.folds[l.inputs[0] as usize] = fast_fold(def, l);
                }
            }
        }
        fast
    }

    /// The reduction of an array of that dtype, where its result has it too.
    pub fn fold(&self, dtype: DType) -> Option<&FastFold> {
        self.folds[dtype as usize].as_ref()
    }
}

fn fast_fold(def: &'static UfuncDef, l: &'static LoopDef) -> Option<FastFold> {
    let dtype = l.inputs[0];
    let stays = resolve_reduction(def, dtype, None, None).is_ok_and(|chosen| std::ptr::eq(chosen, l));
    if def.nin() != 2 || !stays || dtype.is_small_float() || l.kernels.fold[0].is_none() {
        return None;
    }
    let start = start_value(def, l, Initial::Default).ok()?;
    let mut bits = [0u128];
    if let Some(start) = &start {
        // SAFETY: one element, of at most 16 bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(start.operand().ptr, bits.as_mut_ptr().cast::<u8>(), dtype.size());
        }
    }
    Some(FastFold { l, start: bits[0], has_start: start.is_some() })
}

#[derive(Clone, Copy)]
enum Input {
    Array(*mut PyArrayObject),
    /// A NumPy scalar's bits, or a number's in the dtype beside it.
    Cell([u64; 1]),
    Float(f64),
    Int(i64),
}

/// Calls the fast way, if it can.
///
/// # Safety
/// The arguments are live objects.
#[inline]
pub unsafe fn call(py: Python<'_>, ufunc: &Ufunc, arguments: &Arguments<'_>) -> PyResult<Option<*mut ffi::PyObject>> {
    let fast = &ufunc.fast;
    let Some(out) = output_argument(fast, arguments) else { return Ok(None) };
    let np = NumPy::get(py);
    // SAFETY: live objects.
    let Some((inputs, dtype)) = (unsafe { read_inputs(py, np, &arguments.positional[..fast.nin]) }) else {
        return Ok(None);
    };
    let Some(l) = fast.loops[dtype as usize] else { return Ok(None) };
    // SAFETY: as above, and the inputs' types are checked.
    unsafe { run(py, np, ufunc, l, &inputs[..fast.nin], out) }
}

/// The given output or null; `None` where a keyword wants the general way.
fn output_argument(fast: &FastLoops, arguments: &Arguments<'_>) -> Option<*mut ffi::PyObject> {
    // A second positional array after two inputs is deprecated for maximum and minimum; NumPy says so.
    if arguments.positional.len() != fast.nin {
        return None;
    }
    let mut out = std::ptr::null_mut();
    if arguments.keywords.is_empty() {
        return Some(out);
    }
    for (name, value) in arguments.named() {
        // SAFETY: live objects, compared by address.
        let (truth, falsehood, none) = unsafe { (ffi::Py_True(), ffi::Py_False(), ffi::Py_None()) };
        match name.to_bytes() {
            b"out" if value == none => {}
            b"out" => out = value,
            b"where" if value == truth => {}
            b"subok" if value == truth || value == falsehood => {}
            _ => return None,
        }
    }
    Some(out)
}

/// Every input and the dtype they share.
///
/// # Safety
/// Live objects.
unsafe fn read_inputs(
    py: Python<'_>,
    np: &NumPy,
    objects: &[*mut ffi::PyObject],
) -> Option<([Input; MOST_INPUTS], DType)> {
    const PLAIN: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
    let mut inputs = [Input::Int(0); MOST_INPUTS];
    let mut common = None;
    for (input, &object) in inputs.iter_mut().zip(objects) {
        // SAFETY: live objects; each branch has checked the exact type.
        let strong = unsafe {
            let class = ffi::Py_TYPE(object);
            if class == np.array_type {
                let array = object.cast::<PyArrayObject>();
                if (*array).fields.flags & PLAIN != PLAIN {
                    return None;
                }
                *input = Input::Array(array);
                Some(np.dtype_of(array)?)
            } else if ffi::PyFloat_CheckExact(object) != 0 {
                *input = Input::Float(ffi::PyFloat_AS_DOUBLE(object));
                None
            } else if ffi::PyLong_CheckExact(object) != 0 {
                let mut overflow = 0;
                *input = Input::Int(ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow));
                if overflow != 0 {
                    return None;
                }
                None
            } else {
                let dtype = np.scalar_dtype(class).filter(|d| d.size() <= 8)?;
                let mut cell = [0u64];
                PY_ARRAY_API.PyArray_ScalarAsCtype(py, object, cell.as_mut_ptr().cast());
                *input = Input::Cell(cell);
                Some(dtype)
            }
        };
        match (common, strong) {
            (Some(a), Some(b)) if a != b => return None,
            (None, Some(_)) => common = strong,
            _ => {}
        }
    }
    let dtype = match common {
        Some(dtype) => dtype,
        None if inputs[..objects.len()].iter().all(|i| matches!(i, Input::Float(_))) => DType::F64,
        None => return None,
    };
    for input in &mut inputs[..objects.len()] {
        let bits = match (*input, dtype) {
            (Input::Float(x), DType::F64) => x.to_bits(),
            (Input::Int(x), DType::F64) => (x as f64).to_bits(),
            (Input::Int(x), DType::I64) => x as u64,
            // What does not fit f32 warns; that is the general way's to do.
            (Input::Float(x), DType::F32) if x.abs() <= f64::from(f32::MAX) || !x.is_finite() => {
                u64::from((x as f32).to_bits())
            }
            (Input::Float(_) | Input::Int(_), _) => return None,
            _ => continue,
        };
        *input = Input::Cell([bits]);
    }
    Some((inputs, dtype))
}

/// # Safety
/// Arrays are live, C-contiguous and aligned, of the loop's input dtype; cells hold values of it.
unsafe fn run(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    inputs: &[Input],
    out: *mut ffi::PyObject,
) -> PyResult<Option<*mut ffi::PyObject>> {
    let mut shaped: Option<*mut PyArrayObject> = None;
    for input in inputs {
        if let Input::Array(array) = *input {
            // SAFETY: live arrays.
            match shaped {
                Some(first) if unsafe { !same_shape(first, array) } => return Ok(None),
                _ => shaped = Some(array),
            }
        }
    }
    // SAFETY: live arrays; dimensions have `nd` entries.
    let (nd, dims) = match shaped {
        Some(array) => unsafe { ((*array).fields.nd, (*array).fields.dimensions) },
        None => (0, std::ptr::null_mut()),
    };
    // SAFETY: as above.
    let n: usize = (0..nd as usize).map(|i| unsafe { *dims.add(i) } as usize).product();
    let repeats = inputs.iter().any(|i| matches!(i, Input::Cell(_)));
    if n == 0 || n >= elements_per_thread(ufunc.fast.cost) || (repeats && n > REPEATED) {
        return Ok(None);
    }
    let out_dtype = l.outputs[0];
    let mut cell = [0u128];
    // SAFETY: a live object, an array once its type says so.
    let (result, target) = unsafe {
        if !out.is_null() {
            let array = out.cast::<PyArrayObject>();
            let Some(target) = usable_output(np, array, out_dtype, (nd, dims), n, l, inputs) else {
                return Ok(None);
            };
            (ffi::Py_NewRef(out), target)
        } else if nd == 0 {
            (std::ptr::null_mut(), cell.as_mut_ptr().cast::<u8>())
        } else {
            let descr = np.descrs[out_dtype as usize];
            ffi::Py_INCREF(descr.cast());
            let null = std::ptr::null_mut();
            let array =
                PY_ARRAY_API.PyArray_NewFromDescr(py, np.array_type, descr, nd, dims, null, null.cast(), 0, null.cast());
            if array.is_null() {
                return Err(PyErr::fetch(py));
            }
            (array, (*array.cast::<PyArrayObject>()).fields.data.cast())
        }
    };
    let mut repeated = [MaybeUninit::<[u64; REPEATED]>::uninit(); MOST_INPUTS];
    let mut args = [target; MOST_INPUTS + 1];
    for ((arg, input), room) in args.iter_mut().zip(inputs).zip(&mut repeated) {
        *arg = match input {
            // SAFETY: a live array.
            Input::Array(array) => unsafe { (**array).fields.data.cast() },
            Input::Cell(cell) => {
                let to = room.as_mut_ptr().cast::<u8>();
                let size = l.inputs[0].size();
                // SAFETY: at most `REPEATED` elements of at most 8 bytes.
                unsafe { ufunx::stage::copy_row(cell.as_ptr().cast(), 0, to, size as isize, size, n) };
                to
            }
            Input::Float(_) | Input::Int(_) => unreachable!("numbers became cells"),
        };
    }
    let args = Operands(&args[..=inputs.len()]);
    // SAFETY: contiguous, aligned, `n` elements each; the output overlaps no input, or is the first, which was checked.
    let work = || unsafe { call_contiguous(l, ufunx::current_isa(), args.get(), n) };
    let flags: FpFlags = if n > DETACH_FROM { py.detach(work) } else { work() };
    // SAFETY: `result` is owned here; the cell holds one element.
    unsafe {
        if !flags.is_empty()
            && let Err(error) = np.report(py, ufunc.name(), flags)
        {
            ffi::Py_XDECREF(result);
            return Err(error);
        }
        if !result.is_null() {
            return Ok(Some(result));
        }
        scalar(py, np, out_dtype, cell.as_mut_ptr().cast()).map(Some)
    }
}

/// Addresses that may cross to where the GIL is not held.
struct Operands<'a>(&'a [*mut u8]);
// SAFETY: addresses; the objects behind them are kept by the caller of the ufunc.
unsafe impl Send for Operands<'_> {}
// SAFETY: as above.
unsafe impl Sync for Operands<'_> {}

impl Operands<'_> {
    fn get(&self) -> &[*mut u8] {
        self.0
    }
}

/// A NumPy scalar.
///
/// # Safety
/// `data` is an element of that dtype, which NumPy has.
pub unsafe fn scalar(py: Python<'_>, np: &NumPy, dtype: DType, data: *mut u8) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: the caller's promise.
    let object = unsafe {
        PY_ARRAY_API.PyArray_Scalar(py, data.cast(), np.descrs[dtype as usize], std::ptr::null_mut())
    };
    if object.is_null() { Err(PyErr::fetch(py)) } else { Ok(object) }
}

/// # Safety
/// Live arrays.
unsafe fn same_shape(a: *mut PyArrayObject, b: *mut PyArrayObject) -> bool {
    // SAFETY: live arrays; dimensions have `nd` entries.
    unsafe {
        let (a, b) = (&(*a).fields, &(*b).fields);
        a.nd == b.nd && (0..a.nd as usize).all(|i| *a.dimensions.add(i) == *b.dimensions.add(i))
    }
}

/// The memory of an output that needs nothing done: an exact, writable, plain array of the loop's dtype and the call's
/// shape, apart from the inputs or the first of them.
unsafe fn usable_output(
    np: &NumPy,
    array: *mut PyArrayObject,
    dtype: DType,
    (nd, dims): (i32, *mut isize),
    n: usize,
    l: &LoopDef,
    inputs: &[Input],
) -> Option<*mut u8> {
    const PLAIN: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE;
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        if ffi::Py_TYPE(array.cast()) != np.array_type {
            return None;
        }
        let fields = &(*array).fields;
        let plain = fields.flags & PLAIN == PLAIN && fields.nd == nd;
        if !plain || !(0..nd as usize).all(|i| *fields.dimensions.add(i) == *dims.add(i)) {
            return None;
        }
        if np.dtype_of(array) != Some(dtype) {
            return None;
        }
        let start = fields.data.addr();
        for (i, input) in inputs.iter().enumerate() {
            let Input::Array(input) = *input else { continue };
            let other = (*input).fields.data.addr();
            let apart = start + n * dtype.size() <= other || other + n * l.inputs[i].size() <= start;
            let overwrites = i == 0 && start == other && l.kernels.inplace[0].is_some();
            if !apart && !overwrites {
                return None;
            }
        }
        Some(fields.data.cast())
    }
}
