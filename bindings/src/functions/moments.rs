//! `mean`, `var` and `std` of exact arrays: NumPy's own steps, on our ufuncs. A small contiguous array as a whole takes a
//! shorter way, which only numbers take that raise no flag. What warns, or is not plain, is NumPy's.

use super::bind::Slots;
use super::native::{Native, Ufuncs};
use super::objects::{call, is_absent, is_absent_or_none, is_plain_out};
use crate::arguments::passed::Arguments;
use crate::pipeline;
use crate::python::entry::count_native;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::results::scalar::scalar;
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, PyArrayObject};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use ufunx::cast::cast_block;
use ufunx::dispatch::arguments::Method;
use ufunx::exec::{call_contiguous, call_strided, with_scratch};
use ufunx::reduce::normalize_axis;
use ufunx::registry::Kind;
use ufunx::tuning::BLOCK;
use ufunx::{DType, FpFlags};

/// A result, an error, or `None` where the whole call is NumPy's.
type Attempt<'py> = Option<PyResult<Bound<'py, PyAny>>>;

/// The most elements that take the short way: one block of scratch each for the casts and both steps.
const SHORT: usize = BLOCK;

/// Which of the three.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Mean,
    Var,
    Std,
}

/// The arguments of a call, read as far as every way needs them.
struct Moments<'a, 'py> {
    py: Python<'py>,
    np: &'a NumPy,
    ufuncs: &'a Ufuncs,
    array: *mut ffi::PyObject,
    dtype: DType,
    /// Elements that go into one result.
    count: usize,
    axis: *mut ffi::PyObject,
    /// As it was passed, or null.
    given_dtype: *mut ffi::PyObject,
    out: *mut ffi::PyObject,
    keepdims: *mut ffi::PyObject,
}

/// `mean`.
///
/// # Safety
/// Live arguments, the first of them an exact array.
pub unsafe fn mean<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let [array, axis, dtype, out, keepdims, mask, ..] = *slots;
    // SAFETY: the caller's promise.
    unsafe {
        let moments = Moments::new(py, np, native, [array, axis, dtype, out, keepdims, mask])?;
        if let Some(value) = moments.short(Moment::Mean, None) {
            return Some(value);
        }
        moments.mean()
    }
}

/// `var`.
///
/// # Safety
/// As [`mean`].
pub unsafe fn var<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: the caller's promise.
    unsafe { spread(py, np, native, slots, Moment::Var) }
}

/// `std`.
///
/// # Safety
/// As [`mean`].
pub unsafe fn std<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: the caller's promise.
    unsafe { spread(py, np, native, slots, Moment::Std) }
}

unsafe fn spread<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
    moment: Moment,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let [array, axis, dtype, out, ddof, keepdims, mask, mean, correction, ..] = *slots;
    let ddof = match (is_absent(np, correction), ddof.is_null()) {
        (true, _) => ddof,
        (false, true) => correction,
        (false, false) => return None,
    };
    // SAFETY: the caller's promise.
    unsafe {
        let moments = Moments::new(py, np, native, [array, axis, dtype, out, keepdims, mask])?;
        let divisor = moments.divisor(ddof)?;
        let mean = match is_absent(np, mean) {
            true => None,
            false => Some(moments.given_mean(mean)?),
        };
        if mean.is_none()
            && let Some(value) = moments.short(moment, Some(divisor))
        {
            return Some(value);
        }
        moments.spread(moment, divisor, mean)
    }
}

/// What a sum of squares is divided by.
#[derive(Clone, Copy)]
enum Divisor {
    Int(i64),
    Float(f64),
}

impl Divisor {
    fn value(self) -> f64 {
        match self {
            Divisor::Int(n) => n as f64,
            Divisor::Float(x) => x,
        }
    }

    /// As a NumPy scalar.
    unsafe fn scalar<'py>(self, py: Python<'py>, np: &NumPy) -> PyResult<Bound<'py, PyAny>> {
        let (dtype, mut bits) = match self {
            Divisor::Int(n) => (DType::I64, n as u64),
            Divisor::Float(x) => (DType::F64, x.to_bits()),
        };
        // SAFETY: an element of that dtype; the result is owned.
        unsafe { scalar(py, np, dtype, (&raw mut bits).cast()) }
    }
}

impl<'a, 'py> Moments<'a, 'py> {
    /// Reads the arguments: array, axis, dtype, out, keepdims, where. `None` where the call is NumPy's: a mask, an array
    /// it has no numbers of ours in, an axis it does not have, nothing to take the mean of.
    ///
    /// # Safety
    /// Live arguments, the first of them an exact array.
    unsafe fn new(
        py: Python<'py>,
        np: &'a NumPy,
        native: &'a Native,
        [array, axis, dtype, out, keepdims, mask]: [*mut ffi::PyObject; 6],
    ) -> Option<Moments<'a, 'py>> {
        // SAFETY: live objects; a live array's dimensions have an entry per axis.
        unsafe {
            if !(is_absent(np, mask) || mask == ffi::Py_True()) || !is_plain_out(np, out) {
                return None;
            }
            let fields = &(*array.cast::<PyArrayObject>()).fields;
            let own = np.dtype_of(array.cast())?;
            if fields.nd == 0 || own.kind() == Kind::Complex || own.numpy_number().is_none() {
                return None;
            }
            let shape = std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), fields.nd as usize);
            let count = count_items(shape, axis).filter(|&n| n > 0)?;
            let absent = |object| if is_absent_or_none(np, object) { std::ptr::null_mut() } else { object };
            Some(Moments {
                py,
                np,
                ufuncs: &native.ufuncs,
                array,
                dtype: own,
                count,
                axis: if axis.is_null() { ffi::Py_None() } else { axis },
                given_dtype: absent(dtype),
                out: absent(out),
                keepdims: if is_absent(np, keepdims) { ffi::Py_False() } else { keepdims },
            })
        }
    }

    /// The number of elements less `ddof`; `None` if that is not a positive number, of which NumPy warns.
    unsafe fn divisor(&self, ddof: *mut ffi::PyObject) -> Option<Divisor> {
        // SAFETY: a live object or null.
        unsafe {
            if ddof.is_null() {
                return Some(Divisor::Int(self.count as i64));
            }
            if ffi::PyFloat_CheckExact(ddof) != 0 {
                let left = self.count as f64 - ffi::PyFloat_AS_DOUBLE(ddof);
                return (left > 0.0).then_some(Divisor::Float(left));
            }
            let left = (self.count as i64).checked_sub(integer(ddof)? as i64)?;
            (left > 0).then_some(Divisor::Int(left))
        }
    }

    /// A `mean=` that the array's elements can be compared with one by one; `None` where NumPy must look at it.
    unsafe fn given_mean(&self, mean: *mut ffi::PyObject) -> Option<Bound<'py, PyAny>> {
        // SAFETY: live objects, arrays once the type says so, whose dimensions have an entry per axis.
        unsafe {
            if !self.np.is_exact_array(mean) {
                return None;
            }
            let shape = |array: *mut ffi::PyObject| {
                let fields = &(*array.cast::<PyArrayObject>()).fields;
                (0..fields.nd as usize).map(|i| *fields.dimensions.add(i))
            };
            let fits = shape(mean).len() == shape(self.array).len()
                && shape(mean).zip(shape(self.array)).all(|(m, n)| m == 1 || m == n);
            let plain = self.np.dtype_of(mean.cast())?.kind() == Kind::Float;
            (fits && plain).then(|| Bound::from_borrowed_ptr(self.py, mean))
        }
    }

    /// The short way: all of a small contiguous array, of bools, integers, f32 or f64. Whatever raises a flag, or is not a
    /// normal number in the end, takes the other way.
    unsafe fn short(&self, moment: Moment, divisor: Option<Divisor>) -> Option<PyResult<Bound<'py, PyAny>>> {
        const PLAIN: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
        // SAFETY: a live array.
        let fields = unsafe { &(*self.array.cast::<PyArrayObject>()).fields };
        // SAFETY: lives for ever.
        let whole = unsafe { self.axis == ffi::Py_None() || (fields.nd == 1 && !is_empty_tuple(self.axis)) };
        let defaults = self.given_dtype.is_null() && self.out.is_null();
        // SAFETY: lives for ever.
        let defaults = defaults && self.keepdims == unsafe { ffi::Py_False() };
        if !whole || !defaults || self.count > SHORT || fields.flags & PLAIN != PLAIN {
            return None;
        }
        let computed = match (self.dtype, self.dtype.kind()) {
            (DType::F32 | DType::F64, _) => self.dtype,
            (_, Kind::Float) => return None,
            _ => DType::F64,
        };
        let divisor = divisor.map_or(self.count as f64, Divisor::value);
        // SAFETY: `count` elements, all of the array's; scratch has room for as many and more.
        let value = unsafe { self.short_value(fields.data.cast(), computed, moment, divisor) }?;
        let mut bits = match computed {
            DType::F32 => u64::from((value as f32).to_bits()),
            _ => value.to_bits(),
        };
        count_native();
        // SAFETY: an element of that dtype.
        Some(unsafe { scalar(self.py, self.np, computed, (&raw mut bits).cast()) })
    }

    /// The value, in the computed dtype.
    ///
    /// # Safety
    /// `data` is all of the array's elements.
    unsafe fn short_value(
        &self,
        data: *mut u8,
        computed: DType,
        moment: Moment,
        divisor: f64,
    ) -> Option<f64> {
        let n = self.count;
        let isa = ufunx::current_isa();
        let room = SHORT * 8;
        with_scratch(3 * room, |scratch| {
            let [cast, deviations, squares] =
                [scratch, scratch.wrapping_add(room), scratch.wrapping_add(2 * room)];
            // SAFETY: `n` elements each, apart, aligned to 16; loops of that dtype.
            unsafe {
                let mut x = data;
                if self.dtype != computed {
                    // Integers are cast without a flag.
                    cast_block(self.dtype, computed, data, cast, n, isa);
                    x = cast;
                }
                let mean = quotient(self.sum(computed, x)?, n as f64, computed)?;
                if moment == Moment::Mean {
                    return Some(mean);
                }
                let mut cell = match computed {
                    DType::F32 => u64::from((mean as f32).to_bits()),
                    _ => mean.to_bits(),
                };
                let size = computed.size() as isize;
                let subtract = Ufuncs::inner(self.py, &self.ufuncs.subtract).short.find([computed; 2])?;
                let args = [x, (&raw mut cell).cast(), deviations];
                let mut flags = call_strided(subtract, &args, n, &[size, 0, size]);
                let square = Ufuncs::inner(self.py, &self.ufuncs.square).short.find([computed; 2])?;
                flags |= call_contiguous(square, isa, &[deviations, squares], n);
                let variance = quotient(self.sum(computed, squares)?, divisor, computed)?;
                match (flags == FpFlags::NONE, moment, computed) {
                    (false, ..) => None,
                    (true, Moment::Std, DType::F32) => Some(f64::from((variance as f32).sqrt())),
                    (true, Moment::Std, _) => Some(variance.sqrt()),
                    _ => Some(variance),
                }
            }
        })
    }

    /// The sum of as many elements as there are; `None` if it raises a flag.
    ///
    /// # Safety
    /// `data` is so many elements of that dtype.
    unsafe fn sum(&self, dtype: DType, data: *const u8) -> Option<f64> {
        let fold = Ufuncs::inner(self.py, &self.ufuncs.add).short.fold(dtype)?;
        let mut cell = [0u64];
        let result = cell.as_mut_ptr().cast::<u8>();
        // SAFETY: the caller's promise, for at least one element.
        let flags = unsafe { fold.run(data, self.count, result) }?;
        let value = match dtype {
            DType::F32 => f64::from(f32::from_bits(cell[0] as u32)),
            _ => f64::from_bits(cell[0]),
        };
        (flags == FpFlags::NONE).then_some(value)
    }

    /// NumPy's `_mean`.
    unsafe fn mean(&self) -> Attempt<'py> {
        // SAFETY: live objects.
        unsafe {
            let half = self.given_dtype.is_null() && self.dtype == DType::F16;
            let dtype = if half { self.descr(DType::F32) } else { self.sum_dtype() };
            let sum = self.reduce(self.array, dtype, self.out, self.keepdims)?;
            let divide = |sum: Bound<'py, PyAny>| {
                let count = Divisor::Int(self.count as i64).scalar(self.py, self.np)?;
                let to_half = |value| {
                    let class = self.np.scalars[DType::F16 as usize].cast();
                    call(self.py, class, &[value], &[])
                };
                if self.is_array(&sum) {
                    let mean = self.divide_in_place(&sum, &count)?;
                    return if half && self.out.is_null() { to_half(mean.as_ptr()) } else { Ok(mean) };
                }
                let mean = sum.div(&count)?;
                if half { to_half(mean.as_ptr()) } else { sum.get_type().call1((mean,)) }
            };
            Some(sum.and_then(divide))
        }
    }

    /// NumPy's `_var`, and `_std` on it.
    unsafe fn spread(
        &self,
        moment: Moment,
        divisor: Divisor,
        mean: Option<Bound<'py, PyAny>>,
    ) -> Attempt<'py> {
        let py = self.py;
        // SAFETY: live objects; singletons that live for ever.
        unsafe {
            let dtype = self.sum_dtype();
            let mean = match mean {
                Some(mean) => Ok(mean),
                None => {
                    self.reduce(self.array, dtype, std::ptr::null_mut(), ffi::Py_True())?.and_then(|sum| {
                        let count = Divisor::Int(self.count as i64).scalar(py, self.np)?;
                        self.divide_in_place(&sum, &count)
                    })
                }
            };
            let squares = |mean: Bound<'py, PyAny>| {
                let x = self.ufuncs.subtract.bind(py);
                let x = call(py, x.as_ptr(), &[self.array, mean.as_ptr()], &[])?;
                // The name under which flags are reported.
                let by_square = self.np.version >= (2, 4) && self.dtype.kind() != Kind::Bool;
                let out = [(intern!(py, "out"), x.as_ptr())];
                match by_square {
                    true => call(py, self.ufuncs.square.as_ptr(), &[x.as_ptr()], &out),
                    false => call(py, self.ufuncs.multiply.as_ptr(), &[x.as_ptr(), x.as_ptr()], &out),
                }
            };
            let result = mean.and_then(squares).and_then(|squares| {
                let none = ffi::Py_None();
                let or_none = |object: *mut ffi::PyObject| if object.is_null() { none } else { object };
                let positional =
                    [squares.as_ptr(), self.axis, or_none(dtype), or_none(self.out), self.keepdims];
                let reduce = self.ufuncs.add.bind(py).getattr(intern!(py, "reduce"))?;
                let sum = call(py, reduce.as_ptr(), &positional, &[])?;
                let divisor = divisor.scalar(py, self.np)?;
                let root = self.ufuncs.sqrt.as_ptr();
                if self.is_array(&sum) {
                    let variance = self.divide_in_place(&sum, &divisor)?;
                    return match moment {
                        Moment::Std => {
                            let out = [(intern!(py, "out"), variance.as_ptr())];
                            call(py, root, &[variance.as_ptr()], &out)
                        }
                        _ => Ok(variance),
                    };
                }
                let variance = sum.get_type().call1((sum.div(&divisor)?,))?;
                match moment {
                    Moment::Std => variance.get_type().call1((call(py, root, &[variance.as_ptr()], &[])?,)),
                    _ => Ok(variance),
                }
            });
            Some(result)
        }
    }

    /// The dtype of the sums: the one passed, f64 for bools and integers, else (null) the array's.
    fn sum_dtype(&self) -> *mut ffi::PyObject {
        match self.dtype.kind() {
            _ if !self.given_dtype.is_null() => self.given_dtype,
            Kind::Bool | Kind::Int => self.descr(DType::F64),
            _ => std::ptr::null_mut(),
        }
    }

    fn descr(&self, dtype: DType) -> *mut ffi::PyObject {
        self.np.descr(dtype).cast()
    }

    /// `add.reduce`, natively or not at all.
    unsafe fn reduce(
        &self,
        array: *mut ffi::PyObject,
        dtype: *mut ffi::PyObject,
        out: *mut ffi::PyObject,
        keepdims: *mut ffi::PyObject,
    ) -> Attempt<'py> {
        // SAFETY: live objects; None lives for ever.
        unsafe {
            let or_none = |object: *mut ffi::PyObject| if object.is_null() { ffi::Py_None() } else { object };
            let positional = [array, self.axis, or_none(dtype), or_none(out), keepdims];
            let arguments = Arguments { positional: &positional, keywords: &[], names: std::ptr::null_mut() };
            let add = Ufuncs::inner(self.py, &self.ufuncs.add);
            pipeline::run_plain(self.py, self.np, add, Method::Reduce, &arguments)
        }
    }

    /// `divide(a, by, out=a, casting="unsafe", subok=False)`.
    unsafe fn divide_in_place(
        &self,
        a: &Bound<'py, PyAny>,
        by: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        // SAFETY: live objects.
        unsafe {
            let named = [
                (intern!(py, "out"), a.as_ptr()),
                (intern!(py, "casting"), intern!(py, "unsafe").as_ptr()),
                (intern!(py, "subok"), ffi::Py_False()),
            ];
            call(py, self.ufuncs.divide.as_ptr(), &[a.as_ptr(), by.as_ptr()], &named)
        }
    }

    fn is_array(&self, object: &Bound<'py, PyAny>) -> bool {
        // SAFETY: a live object.
        unsafe { self.np.is_array(object.as_ptr()) }
    }
}

/// What is divided in f64 and rounded to the dtype, if no flag can come of it: neither of an overflow or a NaN before nor
/// of a quotient too small to be normal.
fn quotient(sum: f64, divisor: f64, dtype: DType) -> Option<f64> {
    let value = sum / divisor;
    let (value, normal) = match dtype {
        DType::F32 => (f64::from(value as f32), (value as f32).is_normal()),
        _ => (value, value.is_normal()),
    };
    (normal || sum == 0.0).then_some(value)
}

/// How many elements go into one result; `None` for an axis that NumPy must look at.
unsafe fn count_items(shape: &[usize], axis: *mut ffi::PyObject) -> Option<usize> {
    // SAFETY: a live object or null, a tuple once its type says so.
    unsafe {
        if axis.is_null() || axis == ffi::Py_None() {
            return Some(shape.iter().product());
        }
        let along = |axis| normalize_axis(integer(axis)?, shape.len()).ok();
        if ffi::PyTuple_CheckExact(axis) == 0 {
            return along(axis).map(|axis| shape[axis]);
        }
        let (mut seen, mut count) = (0u64, 1usize);
        for i in 0..ffi::PyTuple_GET_SIZE(axis) {
            let axis = along(ffi::PyTuple_GET_ITEM(axis, i))?;
            if seen & (1 << axis) != 0 {
                return None;
            }
            seen |= 1 << axis;
            count *= shape[axis];
        }
        Some(count)
    }
}

/// Whether an `axis=` names no axis, which leaves the shape as it is.
///
/// # Safety
/// A live object.
unsafe fn is_empty_tuple(axis: *mut ffi::PyObject) -> bool {
    // SAFETY: a tuple once its type says so.
    unsafe { ffi::PyTuple_CheckExact(axis) != 0 && ffi::PyTuple_GET_SIZE(axis) == 0 }
}
