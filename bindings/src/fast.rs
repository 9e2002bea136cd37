//! The short way, taken by most small calls: exact ndarrays of one shape, numbers beside them, `out` perhaps. Nothing is
//! broadcast or planned; what is strided or of another dtype than the loop's goes through a scratch block as a whole.
//! Whatever does not fit returns `None`, having done nothing, and goes the general way.

use crate::numpy_api::{DTYPES, NumPy};
use crate::object::{Arguments, Ufunc};
use numpy::npyffi::{
    NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_WRITEABLE, PY_ARRAY_API, PyArrayObject,
};
use pyo3::ffi;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU8, Ordering};
use ufunx::cast::cast_block;
use ufunx::exec::{call_contiguous, with_scratch};
use ufunx::reduce::{Initial, start_value};
use ufunx::registry::{
    Casting, Cost, Isa, Kind, LoopDef, ReduceRule, Request, Typed, UfuncDef, resolve, resolve_reduction,
};
use ufunx::tuning::elements_per_thread;
use ufunx::{DType, FpFlags};

/// A ufunc's loops by the dtypes of its inputs.
pub struct FastLoops {
    /// By the inputs' dtypes (the diagonal for one input): 0 not looked up yet, 1 none, else a loop's place plus 2.
    places: [AtomicU8; DTYPES * DTYPES],
    loops: Vec<&'static LoopDef>,
    def: Option<&'static UfuncDef>,
    folds: [Option<FastFold>; DTYPES],
    nin: usize,
    cost: Cost,
    /// Whether a number takes the dtype beside it. To a logical ufunc its truth counts, before any rounding.
    adapts: bool,
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
/// Most elements that go through scratch blocks.
const STAGED: usize = 1024;
/// Calls of more elements release the GIL, as NumPy's do.
pub const DETACH_FROM: usize = 500;

impl FastLoops {
    /// Collected once per ufunc.
    pub fn new(def: Option<&'static UfuncDef>) -> FastLoops {
        let mut fast = FastLoops {
            places: [const { AtomicU8::new(0) }; DTYPES * DTYPES],
            loops: vec![],
            def: None,
            folds: [None; DTYPES],
            nin: usize::MAX,
            cost: Cost::Light,
            adapts: def.is_some_and(|d| d.reduce != ReduceRule::Logical),
        };
        if let Some(def) = def.filter(|d| d.nin() <= MOST_INPUTS && d.nout() == 1) {
            (fast.def, fast.nin, fast.cost) = (Some(def), def.nin(), def.cost);
            fast.loops = def.loops().collect();
            for &l in &fast.loops {
                fast.folds[l.inputs[0] as usize] = fast_fold(def, l);
            }
        }
        fast
    }

    /// The loop from that dtype, twice, to itself.
    pub fn reducible(&self, dtype: DType) -> Option<&'static LoopDef> {
        self.find([dtype; MOST_INPUTS]).filter(|l| self.nin == 2 && l.is_reducible() && l.inputs[0] == dtype)
    }

    /// The loop for inputs of these dtypes.
    #[inline]
    fn find(&self, dtypes: [DType; MOST_INPUTS]) -> Option<&'static LoopDef> {
        let cell = &self.places[dtypes[0] as usize * DTYPES + dtypes[1] as usize];
        match cell.load(Ordering::Relaxed) {
            0 => self.look_up(dtypes, cell),
            1 => None,
            place => Some(self.loops[usize::from(place) - 2]),
        }
    }

    #[cold]
    fn look_up(&self, dtypes: [DType; MOST_INPUTS], cell: &AtomicU8) -> Option<&'static LoopDef> {
        let types = dtypes.map(Typed::Strong);
        let request =
            Request { inputs: &types[..self.nin], outputs: &[], signature: None, casting: Casting::SameKind };
        let found = resolve(self.def?, &request).ok();
        // Of the dtypes NumPy lacks, only like meets like here.
        let like = dtypes[0] == dtypes[1] || dtypes.iter().all(|d| d.numpy_number().is_some());
        let found = found.filter(|_| like);
        let place = found.and_then(|l| self.loops.iter().position(|known| std::ptr::eq(*known, l)));
        // More than 253 loops do not fit the cell; no ufunc has a tenth of that.
        cell.store(place.map_or(1, |p| u8::try_from(p + 2).unwrap_or(1)), Ordering::Relaxed);
        found
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

/// An input and its dtype; a number has that of the array beside it.
#[derive(Clone, Copy)]
enum Input {
    Array(*mut PyArrayObject, DType),
    /// A NumPy scalar's bits, or a number's in the dtype beside it.
    Cell([u64; 1], DType),
    Float(f64),
    Int(i64),
}

impl Input {
    fn dtype(&self) -> DType {
        match self {
            Input::Array(_, dtype) | Input::Cell(_, dtype) => *dtype,
            Input::Float(_) | Input::Int(_) => unreachable!("numbers became cells"),
        }
    }

    /// Where the first element is. An array is alive as long as the call.
    fn address(&self) -> *mut u8 {
        match self {
            // SAFETY: a live array.
            Input::Array(array, _) => unsafe { (**array).fields.data.cast() },
            Input::Cell(cell, _) => cell.as_ptr().cast_mut().cast(),
            Input::Float(_) | Input::Int(_) => unreachable!("numbers became cells"),
        }
    }
}

/// Calls the fast way, if it can.
///
/// # Safety
/// The arguments are live objects.
#[inline]
pub unsafe fn call(
    py: Python<'_>,
    ufunc: &Ufunc,
    arguments: &Arguments<'_>,
) -> PyResult<Option<*mut ffi::PyObject>> {
    let fast = &ufunc.fast;
    let Some(out) = output_argument(fast, arguments) else { return Ok(None) };
    let np = NumPy::get(py);
    // SAFETY: live objects.
    let Some(inputs) = (unsafe { read_inputs(py, np, &arguments.positional[..fast.nin], fast.adapts) })
    else {
        return Ok(None);
    };
    let dtypes = [inputs[0].dtype(), inputs[fast.nin - 1].dtype()];
    let Some(l) = fast.find(dtypes) else { return Ok(None) };
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

/// Every input.
///
/// # Safety
/// Live objects.
unsafe fn read_inputs(
    py: Python<'_>,
    np: &NumPy,
    objects: &[*mut ffi::PyObject],
    adapts: bool,
) -> Option<[Input; MOST_INPUTS]> {
    let mut inputs = [Input::Int(0); MOST_INPUTS];
    let mut beside = None;
    for (input, &object) in inputs.iter_mut().zip(objects) {
        // SAFETY: live objects; each branch has checked the exact type.
        unsafe {
            let class = ffi::Py_TYPE(object);
            if class == np.array_type {
                let array = object.cast::<PyArrayObject>();
                let fields = &(*array).fields;
                // The order of a new output's axes follows the inputs'; one axis has no order.
                let plain = if fields.nd > 1 {
                    NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED
                } else {
                    NPY_ARRAY_ALIGNED
                };
                if fields.flags & plain != plain {
                    return None;
                }
                let dtype = np.dtype_of(array)?;
                *input = Input::Array(array, dtype);
                beside = Some(dtype);
            } else if ffi::PyFloat_CheckExact(object) != 0 {
                *input = Input::Float(ffi::PyFloat_AS_DOUBLE(object));
            } else if ffi::PyLong_CheckExact(object) != 0 {
                let mut overflow = 0;
                *input = Input::Int(ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow));
                if overflow != 0 {
                    return None;
                }
            } else {
                let dtype = np.scalar_dtype(class).filter(|d| d.size() <= 8)?;
                let mut cell = [0u64];
                PY_ARRAY_API.PyArray_ScalarAsCtype(py, object, cell.as_mut_ptr().cast());
                *input = Input::Cell(cell, dtype);
                beside = Some(dtype);
            }
        }
    }
    let inputs_read = &mut inputs[..objects.len()];
    let beside = match beside {
        Some(dtype) => dtype,
        None if inputs_read.iter().all(|i| matches!(i, Input::Float(_))) => DType::F64,
        None => return None,
    };
    for input in inputs_read {
        if !adapts && matches!(input, Input::Float(_) | Input::Int(_)) {
            return None;
        }
        let bits = match (*input, beside) {
            (Input::Float(x), DType::F64) => x.to_bits(),
            (Input::Int(x), DType::F64) => (x as f64).to_bits(),
            // What does not fit f32 warns; that is the general way's to do.
            (Input::Float(x), DType::F32) if x.abs() <= f64::from(f32::MAX) || !x.is_finite() => {
                u64::from((x as f32).to_bits())
            }
            // An integer's low bytes are its value in any dtype that holds it.
            (Input::Int(x), int) if int.kind() == Kind::Int && fits(x, int) => x as u64,
            (Input::Float(_) | Input::Int(_), _) => return None,
            _ => continue,
        };
        *input = Input::Cell([bits], beside);
    }
    Some(inputs)
}

fn fits(x: i64, int: DType) -> bool {
    let past = 1i128 << int.precision();
    let least = if int.is_signed() { -past } else { 0 };
    (least..past).contains(&i128::from(x))
}

/// # Safety
/// Arrays are live and aligned, C-contiguous or of one axis.
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
        if let Input::Array(array, _) = *input {
            match shaped {
                // SAFETY: live arrays.
                Some(first) if unsafe { !same_shape(first, array) } => return Ok(None),
                _ => shaped = Some(array),
            }
        }
    }
    let (nd, dims) = match shaped {
        // SAFETY: live arrays; dimensions have `nd` entries.
        Some(array) => unsafe { ((*array).fields.nd, (*array).fields.dimensions) },
        None => (0, std::ptr::null_mut()),
    };
    // SAFETY: as above.
    let n: usize = (0..nd as usize).map(|i| unsafe { *dims.add(i) } as usize).product();
    let mut direct = [false; MOST_INPUTS];
    for ((direct, input), &dtype) in direct.iter_mut().zip(inputs).zip(l.inputs) {
        *direct = match *input {
            // SAFETY: a live array.
            Input::Array(array, have) => unsafe {
                let fields = &(*array).fields;
                have == dtype && (fields.nd != 1 || n == 1 || *fields.strides == dtype.size() as isize)
            },
            Input::Cell(_, have) => have == dtype && n == 1,
            Input::Float(_) | Input::Int(_) => unreachable!("numbers became cells"),
        };
    }
    let staged = !direct[..inputs.len()].iter().all(|&d| d);
    if n == 0 || n >= elements_per_thread(ufunc.fast.cost) || (staged && n > STAGED) {
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
            let descr = np.descr(out_dtype);
            ffi::Py_INCREF(descr.cast());
            let null = std::ptr::null_mut();
            let array = PY_ARRAY_API.PyArray_NewFromDescr(
                py,
                np.array_type,
                descr,
                nd,
                dims,
                null,
                null.cast(),
                0,
                null.cast(),
            );
            if array.is_null() {
                return Err(PyErr::fetch(py));
            }
            (array, (*array.cast::<PyArrayObject>()).fields.data.cast())
        }
    };
    let mut args = [target; MOST_INPUTS + 1];
    let mut cast = FpFlags::NONE;
    let isa = ufunx::current_isa();
    let run = |args: &[*mut u8; MOST_INPUTS + 1]| {
        let args = Operands(&args[..=inputs.len()]);
        // SAFETY: contiguous, aligned, `n` elements each; the output overlaps no input, or is the first, which was
        // checked.
        let work = || unsafe { call_contiguous(l, isa, args.get(), n) };
        if n > DETACH_FROM { py.detach(work) } else { work() }
    };
    let flags: FpFlags = if staged {
        with_scratch(2 * MOST_INPUTS * STAGED * 16, |scratch| {
            for (i, input) in inputs.iter().enumerate() {
                let block = scratch.wrapping_add(2 * i * STAGED * 16);
                args[i] = match *input {
                    _ if direct[i] => input.address(),
                    // SAFETY: `n` elements of a live array or of a cell; each block holds `STAGED`.
                    _ => unsafe { stage_input(input, l.inputs[i], n, block, isa, &mut cast) },
                };
            }
            run(&args)
        })
    } else {
        for (arg, input) in args.iter_mut().zip(inputs) {
            *arg = input.address();
        }
        run(&args)
    };
    // SAFETY: `result` is owned here; the cell holds one element.
    unsafe {
        if !(flags | cast).is_empty()
            && let Err(error) = np.report(py, ufunc.own_name(), flags | cast)
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

/// Brings an input into `block` (room for two blocks), in the loop's dtype.
///
/// # Safety
/// Live arrays of `n` elements; `n` is at most `STAGED`.
unsafe fn stage_input(
    input: &Input,
    to: DType,
    n: usize,
    block: *mut u8,
    isa: Isa,
    cast: &mut FpFlags,
) -> *mut u8 {
    let (from, step, dtype): (*const u8, isize, DType) = match input {
        // SAFETY: a live array; with one axis it has one stride.
        Input::Array(array, dtype) => unsafe {
            let fields = &(**array).fields;
            let step = if fields.nd == 1 { *fields.strides } else { dtype.size() as isize };
            (fields.data.cast(), step, *dtype)
        },
        Input::Cell(cell, dtype) => (cell.as_ptr().cast(), 0, *dtype),
        Input::Float(_) | Input::Int(_) => unreachable!("numbers became cells"),
    };
    let size = dtype.size();
    let raw = if dtype == to { block } else { block.wrapping_add(STAGED * 16) };
    // SAFETY: the caller's promise; the two halves of the block are distinct.
    unsafe {
        ufunx::stage::copy_row(from, step, raw, size as isize, size, n);
        if dtype != to {
            *cast |= cast_block(dtype, to, raw, block, n, isa);
        }
    }
    block
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
pub unsafe fn scalar(
    py: Python<'_>,
    np: &NumPy,
    dtype: DType,
    data: *mut u8,
) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: the caller's promise.
    let object =
        unsafe { PY_ARRAY_API.PyArray_Scalar(py, data.cast(), np.descr(dtype), std::ptr::null_mut()) };
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
            let Input::Array(input, have) = *input else { continue };
            let other = (*input).fields.data.addr();
            let packed = (*input).fields.nd != 1 || *(*input).fields.strides == have.size() as isize;
            let apart = packed && (start + n * dtype.size() <= other || other + n * have.size() <= start);
            let overwrites =
                i == 0 && start == other && packed && have == l.inputs[0] && l.kernels.inplace[0].is_some();
            if !apart && !overwrites {
                return None;
            }
        }
        Some(fields.data.cast())
    }
}
