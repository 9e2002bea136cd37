//! The short way, taken by most small calls: ndarrays and numbers, `out` perhaps. Nothing is planned; what is strided,
//! repeated or of another dtype than the loop's goes through a scratch block as a whole. Whatever does not fit returns
//! `None`, having done nothing, and goes the general way.

use crate::foreign::Block;
use crate::gil;
use crate::loops::MOST_INPUTS;
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc};
use crate::overrides::NormalArguments;
use crate::walk::Walk;
use crate::wrap::{is_plain_subclass, view_like};
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_WRITEABLE, PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::cast::{can_raise, cast_block};
use ufunx::dispatch::arguments::Keyword;
use ufunx::exec::{call_contiguous, with_scratch};
use ufunx::operand::Operand;
use ufunx::registry::{Isa, Kind, LoopDef};
use ufunx::stage::copy_row;
use ufunx::tuning::{BLOCK, elements_per_thread};
use ufunx::{DType, FpFlags};

/// What becomes of a result: an object, or memory of a new tensor.
enum Made {
    /// Owned by the caller.
    Object(*mut ffi::PyObject),
    /// For a library that takes DLPack tensors.
    Block(Block),
}

impl Made {
    /// Of a call that makes objects only.
    fn object(self) -> *mut ffi::PyObject {
        match self {
            Made::Object(object) => object,
            Made::Block(_) => unreachable!("nobody asked for one"),
        }
    }

    /// Of a call that makes tensors only.
    fn block(self) -> Block {
        match self {
            Made::Block(block) => block,
            Made::Object(_) => unreachable!("nobody asked for one"),
        }
    }
}

/// What a new result is made as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Results {
    /// An array; a scalar where it has no dimensions.
    ArraysOrScalars,
    /// An array in any case.
    Arrays,
    /// A tensor.
    Blocks,
}

/// Most elements that go through scratch blocks: one block each.
const STAGED: usize = BLOCK;

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

/// Calls the short way, if it can: exact arrays and numbers.
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
    let Some(out) = output_argument(fast.nin, arguments) else { return Ok(None) };
    let np = NumPy::get(py);
    let objects = &arguments.positional[..fast.nin];
    // SAFETY: live objects.
    unsafe { Ok(call_with(py, np, ufunc, objects, out, Results::ArraysOrScalars)?.map(Made::object)) }
}

/// The same for inputs of subclasses that leave everything to `ndarray`.
///
/// # Safety
/// Live objects.
pub unsafe fn call_subclasses(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    inputs: &[*mut ffi::PyObject],
) -> PyResult<Option<*mut ffi::PyObject>> {
    if inputs.len() != ufunc.fast.nin {
        return Ok(None);
    }
    // SAFETY: live objects.
    match inputs.iter().find(|&&object| unsafe { np.is_subclass(object) }) {
        // SAFETY: live objects.
        Some(&first) => unsafe { call_subclass(py, np, ufunc, inputs, first) },
        None => Ok(None),
    }
}

/// The call where `first` is the first instance of a subclass.
unsafe fn call_subclass(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[*mut ffi::PyObject],
    first: *mut ffi::PyObject,
) -> PyResult<Option<*mut ffi::PyObject>> {
    // SAFETY: live objects.
    unsafe {
        let plain =
            |&object: &*mut ffi::PyObject| !np.is_subclass(object) || is_plain_subclass(py, np, object);
        if !objects.iter().all(plain) {
            return Ok(None);
        }
        let Some(array) = call_with(py, np, ufunc, objects, std::ptr::null_mut(), Results::Arrays)? else {
            return Ok(None);
        };
        let array = Bound::from_owned_ptr(py, array.object());
        Ok(view_like(py, np, &array, first)?.map(Bound::into_ptr))
    }
}

/// The same for arrays of any subclass, after no override took the call. The result is an array still to be wrapped,
/// never a scalar.
///
/// # Safety
/// The arguments are live objects.
pub unsafe fn call_unwrapped(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments,
) -> PyResult<Option<*mut ffi::PyObject>> {
    // SAFETY: singletons that live for ever.
    let (truth, falsehood, none) = unsafe { (ffi::Py_True(), ffi::Py_False(), ffi::Py_None()) };
    let plain = |&(keyword, value): &(Keyword, *mut ffi::PyObject)| match keyword {
        Keyword::Out => true,
        Keyword::Subok => value == truth || value == falsehood,
        Keyword::Where => value == truth,
        Keyword::Dtype => value == none,
        _ => false,
    };
    if normal.inputs.len() != ufunc.fast.nin || !normal.keywords.iter().all(plain) {
        return Ok(None);
    }
    let out = normal.outputs.as_ref().map_or(std::ptr::null_mut(), |outputs| outputs[0]);
    // SAFETY: live objects.
    unsafe { Ok(call_with(py, np, ufunc, &normal.inputs, out, Results::Arrays)?.map(Made::object)) }
}

/// The same for exact arrays and numbers, with a tensor as the result.
///
/// # Safety
/// Live objects, as many as the ufunc has inputs; nothing but the heads of the arrays is looked at.
#[inline]
pub unsafe fn call_for_block(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[*mut ffi::PyObject],
) -> PyResult<Option<Block>> {
    if objects.len() != ufunc.fast.nin {
        return Ok(None); // a ufunc without loops of ours, or not for short calls
    }
    // SAFETY: the caller's promise.
    let made = unsafe { call_with(py, np, ufunc, objects, std::ptr::null_mut(), Results::Blocks) }?;
    Ok(made.map(Made::block))
}

/// The same for a call whose loop is resolved, as a `dtype=` has it.
///
/// # Safety
/// Live arguments, and the operands they were read as.
pub unsafe fn call_resolved(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    normal: &NormalArguments,
    operands: &[&Operand],
) -> PyResult<Option<*mut ffi::PyObject>> {
    if operands.len() > MOST_INPUTS || l.outputs.len() != 1 {
        return Ok(None);
    }
    let mut inputs = [Input::Int(0); MOST_INPUTS];
    for ((input, &object), (operand, &dtype)) in
        inputs.iter_mut().zip(&normal.inputs).zip(operands.iter().zip(l.inputs))
    {
        // NumPy reports the casts of scalars and of short vectors apart from the loop.
        if can_raise(operand.dtype, dtype) {
            return Ok(None);
        }
        // SAFETY: a live object, an array once its type says so; a value's cell holds one element.
        *input = unsafe {
            if np.is_array(object) {
                Input::Array(object.cast(), operand.dtype)
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
    let out = normal.outputs.as_ref().map_or(std::ptr::null_mut(), |outputs| outputs[0]);
    // SAFETY: as above.
    unsafe { Ok(run(py, np, ufunc, l, &inputs[..operands.len()], out, Results::Arrays)?.map(Made::object)) }
}

/// # Safety
/// Live objects, as many inputs as the ufunc has.
#[inline]
unsafe fn call_with(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[*mut ffi::PyObject],
    out: *mut ffi::PyObject,
    results: Results,
) -> PyResult<Option<Made>> {
    let fast = &ufunc.fast;
    let subclasses = results == Results::Arrays;
    // SAFETY: live objects.
    let Some(inputs) = (unsafe { read_inputs(py, np, objects, fast.adapts, subclasses) }) else {
        return Ok(None);
    };
    let dtypes = [inputs[0].dtype(), inputs[fast.nin - 1].dtype()];
    let Some(l) = fast.find(dtypes) else { return Ok(None) };
    let inputs = &inputs[..fast.nin];
    if out.is_null() && results == Results::ArraysOrScalars && dtypes == [l.inputs[0], l.inputs[fast.nin - 1]]
    {
        let mut cells: [*mut u8; MOST_INPUTS + 1] = [std::ptr::null_mut(); MOST_INPUTS + 1];
        for (cell, input) in cells.iter_mut().zip(inputs) {
            if let Input::Cell(bits, _) = input {
                *cell = bits.as_ptr().cast_mut().cast();
            }
        }
        if cells[..fast.nin].iter().all(|cell| !cell.is_null()) {
            // SAFETY: one element each, of the loop's dtypes.
            return unsafe { run_scalars(py, np, ufunc, l, cells) }.map(|scalar| Some(Made::Object(scalar)));
        }
    }
    // SAFETY: as above, and the inputs' types are checked.
    unsafe { run(py, np, ufunc, l, inputs, out, results) }
}

/// Runs the loop on one element of each input, which `cells` points at.
///
/// # Safety
/// Elements of the loop's dtypes.
unsafe fn run_scalars(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    mut cells: [*mut u8; MOST_INPUTS + 1],
) -> PyResult<*mut ffi::PyObject> {
    let mut result = [0u128];
    cells[l.inputs.len()] = result.as_mut_ptr().cast();
    // SAFETY: the caller's promise; the result's cell is apart from the others.
    unsafe {
        let flags = call_contiguous(l, ufunx::current_isa(), &cells[..=l.inputs.len()], 1);
        ufunc.report(py, np, ufunc.own_name(), flags)?;
        scalar(py, np, l.outputs[0], result.as_mut_ptr().cast())
    }
}

/// The given output or null; `None` where a keyword wants the general way.
fn output_argument(nin: usize, arguments: &Arguments<'_>) -> Option<*mut ffi::PyObject> {
    if arguments.positional.len() != nin {
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
    subclasses: bool,
) -> Option<[Input; MOST_INPUTS]> {
    let mut inputs = [Input::Int(0); MOST_INPUTS];
    let mut beside = None;
    for (input, &object) in inputs.iter_mut().zip(objects) {
        // SAFETY: live objects; each branch has checked the exact type.
        unsafe {
            let class = ffi::Py_TYPE(object);
            if class == np.array_type || (subclasses && np.is_array(object)) {
                let array = object.cast::<PyArrayObject>();
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
            (Input::Int(x), int) if int.kind() == Kind::Int && int.int_range().contains(&x.into()) => {
                x as u64
            }
            (Input::Float(_) | Input::Int(_), _) => return None,
            _ => continue,
        };
        *input = Input::Cell([bits], beside);
    }
    Some(inputs)
}

/// # Safety
/// Arrays are live.
unsafe fn run(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    inputs: &[Input],
    out: *mut ffi::PyObject,
    results: Results,
) -> PyResult<Option<Made>> {
    let mut arrays = [std::ptr::null_mut(); MOST_INPUTS];
    let mut as_they_are = true;
    for ((array, input), &dtype) in arrays.iter_mut().zip(inputs).zip(l.inputs) {
        if let Input::Array(object, have) = *input {
            *array = object;
            as_they_are &= have == dtype;
        }
    }
    let mut walk = Walk::EMPTY;
    // SAFETY: live arrays.
    if unsafe { !walk.lay_out(&arrays, as_they_are) } {
        return Ok(None);
    }
    let n = walk.n;
    let mut direct = [false; MOST_INPUTS];
    for (i, (input, &dtype)) in inputs.iter().zip(l.inputs).enumerate() {
        direct[i] = match *input {
            // SAFETY: a live array.
            Input::Array(array, have) => unsafe {
                have == dtype
                    && (*array).fields.flags & NPY_ARRAY_ALIGNED != 0
                    && walk.is_packed(i, dtype.size())
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
            let Some(target) = usable_output(np, array, out_dtype, &walk, l, inputs, &direct) else {
                return Ok(None);
            };
            (Some(Made::Object(ffi::Py_NewRef(out))), target)
        } else if walk.nd == 0 && results == Results::ArraysOrScalars {
            (None, cell.as_mut_ptr().cast::<u8>())
        } else {
            let strides = walk.output_strides(out_dtype.size());
            let strides = (!walk.c_order).then_some(&strides[..walk.nd]);
            let shape = &walk.shape[..walk.nd];
            if results == Results::Blocks {
                let (block, data) = Block::new(out_dtype, shape, strides)?;
                (Some(Made::Block(block)), data)
            } else {
                let (array, data) = np.new_array(py, out_dtype, shape, strides)?;
                (Some(Made::Object(array.into_ptr())), data)
            }
        }
    };
    let mut args = [target; MOST_INPUTS + 1];
    let mut cast = FpFlags::NONE;
    let isa = ufunx::current_isa();
    let run = |args: &[*mut u8; MOST_INPUTS + 1]| {
        let args = &args[..=inputs.len()];
        // SAFETY: contiguous, aligned, `n` elements each; the output overlaps no input that is read in place but
        // perhaps the first, element for element, which was checked.
        unsafe { gil::around(py, l, n, || call_contiguous(l, isa, args, n)) }
    };
    let flags: FpFlags = if staged {
        with_scratch(2 * MOST_INPUTS * STAGED * 16, |scratch| {
            for (i, input) in inputs.iter().enumerate() {
                let block = scratch.wrapping_add(2 * i * STAGED * 16);
                args[i] = match direct[i] {
                    true => input.address(),
                    // SAFETY: `n` elements of a live array or of a cell; each block holds `STAGED`.
                    false => unsafe { stage_input(input, &walk, i, l.inputs[i], block, isa, &mut cast) },
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
            && let Err(error) = ufunc.report(py, np, ufunc.own_name(), flags | cast)
        {
            if let Some(Made::Object(object)) = result {
                ffi::Py_DECREF(object);
            }
            return Err(error);
        }
        if result.is_some() {
            return Ok(result);
        }
        scalar(py, np, out_dtype, cell.as_mut_ptr().cast()).map(|scalar| Some(Made::Object(scalar)))
    }
}

/// Brings an input into `block` (room for two blocks), in the loop's dtype.
///
/// # Safety
/// Live arrays; the walk has at most `STAGED` elements.
unsafe fn stage_input(
    input: &Input,
    walk: &Walk<MOST_INPUTS>,
    i: usize,
    to: DType,
    block: *mut u8,
    isa: Isa,
    cast: &mut FpFlags,
) -> *mut u8 {
    let dtype = input.dtype();
    let raw = if dtype == to { block } else { block.wrapping_add(STAGED * 16) };
    // SAFETY: the caller's promise; the two halves of the block are distinct.
    unsafe {
        match input {
            Input::Array(..) => walk.gather(i, input.address(), dtype.size(), raw),
            _ => copy_row(input.address(), 0, raw, dtype.size() as isize, dtype.size(), walk.n),
        }
        if dtype != to {
            *cast |= cast_block(dtype, to, raw, block, walk.n, isa);
        }
    }
    block
}

/// A NumPy scalar; an array of no dimensions where there is no scalar type.
///
/// # Safety
/// `data` is an element of that dtype.
pub unsafe fn scalar(
    py: Python<'_>,
    np: &NumPy,
    dtype: DType,
    data: *mut u8,
) -> PyResult<*mut ffi::PyObject> {
    if dtype.numpy_number().is_none() && np.stood_for(np.descr(dtype)).is_some() {
        let (array, cell) = np.new_array(py, dtype, &[], None)?;
        // SAFETY: one element each.
        unsafe { std::ptr::copy_nonoverlapping(data, cell, dtype.size()) };
        return Ok(array.into_ptr());
    }
    let class = np.scalars[dtype as usize];
    // SAFETY: the caller's promise. A number's scalar is an object's head and the value after it (NumPy's arrayscalars.h);
    // truth values are two objects that NumPy keeps, and what NumPy does not have has a type of another library's making.
    let object = unsafe {
        let plain = dtype != DType::Bool && dtype.numpy_number().is_some();
        match if plain { (*class).tp_alloc } else { None } {
            Some(alloc) => {
                let object = alloc(class, 0);
                if !object.is_null() {
                    let value = object.cast::<u8>().add(size_of::<ffi::PyObject>());
                    std::ptr::copy_nonoverlapping(data, value, dtype.size());
                }
                object
            }
            None => PY_ARRAY_API.PyArray_Scalar(py, data.cast(), np.descr(dtype), std::ptr::null_mut()),
        }
    };
    if object.is_null() { Err(PyErr::fetch(py)) } else { Ok(object) }
}

/// The memory of an output that needs nothing done: a writable, aligned array of the loop's dtype and the call's shape, in
/// the order of the walk, apart from the inputs read in place or the first of them.
unsafe fn usable_output(
    np: &NumPy,
    array: *mut PyArrayObject,
    dtype: DType,
    walk: &Walk<MOST_INPUTS>,
    l: &LoopDef,
    inputs: &[Input],
    direct: &[bool; MOST_INPUTS],
) -> Option<*mut u8> {
    const PLAIN: i32 = NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE;
    // SAFETY: a live object, an array once its type says so, with dimensions and strides per axis.
    unsafe {
        if ffi::Py_TYPE(array.cast()) != np.array_type {
            return None;
        }
        let fields = &(*array).fields;
        let nd = walk.nd;
        if fields.flags & PLAIN != PLAIN || fields.nd as usize != nd || np.dtype_of(array) != Some(dtype) {
            return None;
        }
        if nd > 0 {
            let dims = std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), nd);
            let strides = std::slice::from_raw_parts(fields.strides, nd);
            if dims.iter().zip(&walk.shape).any(|(a, b)| a != b) || !walk.lies_packed(strides, dtype.size()) {
                return None;
            }
        }
        let (start, bytes) = (fields.data.addr(), walk.n * dtype.size());
        for (i, input) in inputs.iter().enumerate() {
            // What goes through a block is read before anything is written.
            let Input::Array(input, have) = *input else { continue };
            if !direct[i] {
                continue;
            }
            let other = (*input).fields.data.addr();
            let apart = start + bytes <= other || other + walk.n * have.size() <= start;
            let overwrites = i == 0 && start == other && l.code.kernels().in_place.exists();
            if !apart && !overwrites {
                return None;
            }
        }
        Some(fields.data.cast())
    }
}
