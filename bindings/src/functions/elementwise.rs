//! `clip`, `where` and `round` of exact arrays that lie contiguously: elements chosen by the engine, in the array's own
//! dtype. Bounds and alternatives are numbers that this dtype holds, or (for `where`) arrays like it.

use super::bind::Slots;
use super::native::Native;
use super::objects::{call, is_absent, is_plain_out};
use crate::python::entry::count_native;
use crate::python::gil;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use numpy::npyffi::{
    NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_F_CONTIGUOUS, NPY_ARRAY_WRITEABLE, PY_ARRAY_API,
    PyArrayObject,
};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::operand::{Order, output_strides};
use ufunx::registry::Kind;
use ufunx::select::{self, Side};

/// An array whose elements lie one after the other.
#[derive(Clone, Copy)]
struct Contiguous<'a> {
    data: *mut u8,
    dims: &'a [usize],
    dtype: DType,
    /// The orders it lies in: one flag or both.
    orders: i32,
}

const ORDERS: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS;

impl<'a> Contiguous<'a> {
    /// # Safety
    /// A live object.
    unsafe fn of(np: &NumPy, object: *mut ffi::PyObject) -> Option<Contiguous<'a>> {
        // SAFETY: an array once its type says so, with dimensions per axis.
        unsafe {
            if !np.is_exact_array(object) {
                return None;
            }
            let array = object.cast::<PyArrayObject>();
            let fields = &(*array).fields;
            let dtype = np.dtype_of(array).filter(|d| d.numpy_number().is_some())?;
            let orders = fields.flags & ORDERS;
            if fields.nd == 0 || orders == 0 || fields.flags & NPY_ARRAY_ALIGNED == 0 {
                return None;
            }
            let dims = std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), fields.nd as usize);
            // What strides NumPy gives an axis of length 1 there is its own affair.
            if orders & NPY_ARRAY_C_CONTIGUOUS == 0 && dims.contains(&1) {
                return None;
            }
            Some(Contiguous { data: fields.data.cast(), dims, dtype, orders })
        }
    }

    fn len(&self) -> usize {
        self.dims.iter().product()
    }
}

/// A new array of that shape, in C order where that is one of the orders.
fn new_array<'py>(
    py: Python<'py>,
    np: &NumPy,
    dtype: DType,
    dims: &[usize],
    orders: i32,
) -> PyResult<(Bound<'py, PyAny>, *mut u8)> {
    let columns = orders & NPY_ARRAY_C_CONTIGUOUS == 0;
    let strides = columns.then(|| output_strides(&[], dims, dtype.size(), Order::F));
    np.new_array(py, dtype, dims, strides.as_deref())
}

/// The bits of a number in a dtype: a Python number it holds, as NumPy converts it without a warning, or a NumPy scalar of
/// that very dtype.
unsafe fn number(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject, dtype: DType) -> Option<[u128; 1]> {
    /// Integers up to this are floats of either size.
    const EXACT: u64 = 1 << 24;
    // SAFETY: a live object; each branch has checked the exact type.
    unsafe {
        if ffi::PyFloat_CheckExact(object) != 0 {
            let x = ffi::PyFloat_AS_DOUBLE(object);
            return match dtype {
                DType::F64 => Some([x.to_bits().into()]),
                DType::F32 if x == 0.0 || !x.is_finite() || (x as f32).is_normal() => {
                    Some([(x as f32).to_bits().into()])
                }
                _ => None,
            };
        }
        if ffi::PyLong_CheckExact(object) != 0 {
            let x = integer(object)? as i64;
            return match dtype {
                DType::F64 if x.unsigned_abs() <= EXACT => Some([(x as f64).to_bits().into()]),
                DType::F32 if x.unsigned_abs() <= EXACT => Some([(x as f32).to_bits().into()]),
                _ if dtype.kind() == Kind::Int && dtype.int_range().contains(&x.into()) => {
                    Some([x as u64 as u128])
                }
                _ => None,
            };
        }
        if np.scalar_dtype(ffi::Py_TYPE(object)) != Some(dtype) {
            return None;
        }
        let mut cell = [0u128];
        PY_ARRAY_API.PyArray_ScalarAsCtype(py, object, cell.as_mut_ptr().cast());
        Some(cell)
    }
}

/// A bound of `clip`.
enum Limit {
    None,
    Number([u128; 1]),
}

/// Reads a bound. An integer beyond the dtype on the side where it bounds nothing is none, as NumPy has it.
unsafe fn limit(
    py: Python<'_>,
    np: &NumPy,
    object: *mut ffi::PyObject,
    dtype: DType,
    is_low: bool,
) -> Option<Limit> {
    // SAFETY: a live object or null.
    unsafe {
        if object.is_null() || object == ffi::Py_None() {
            return Some(Limit::None);
        }
        if dtype.kind() == Kind::Int && ffi::PyLong_CheckExact(object) != 0 {
            let (x, values) = (integer(object)? as i128, dtype.int_range());
            if if is_low { x <= values.start } else { x >= values.end - 1 } {
                return Some(Limit::None);
            }
        }
        number(py, np, object, dtype).map(Limit::Number)
    }
}

/// `clip` by numbers.
///
/// # Safety
/// Live arguments, the first of them an exact array.
pub unsafe fn clip<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let [a, a_min, a_max, out, min, max, ..] = *slots;
    let (low, high) = match [a_min, a_max, min, max].map(|bound| is_absent(np, bound)) {
        [true, true, no_min, no_max] => {
            let given = |absent, bound| if absent { std::ptr::null_mut() } else { bound };
            (given(no_min, min), given(no_max, max))
        }
        [false, false, true, true] => (a_min, a_max),
        _ => return None,
    };
    // SAFETY: live objects.
    unsafe {
        let x = Contiguous::of(np, a)?;
        if !is_plain_out(np, out) {
            return None;
        }
        let out = if out == ffi::Py_None() { std::ptr::null_mut() } else { out };
        let is_low = |object, is_low| limit(py, np, object, x.dtype, is_low);
        let (ufunc, bound) = match (is_low(low, true)?, is_low(high, false)?) {
            (Limit::Number(low), Limit::Number(high)) => return clip_both(py, np, &x, [low, high], out),
            (Limit::Number(_), Limit::None) => (&native.ufuncs.maximum, low),
            (Limit::None, Limit::Number(_)) => (&native.ufuncs.minimum, high),
            // NumPy refuses it before 2.1, copies since; it is rare.
            (Limit::None, Limit::None) => return None,
        };
        let named = [(intern!(py, "out"), out)];
        let named = if out.is_null() { &[][..] } else { &named[..] };
        Some(call(py, ufunc.as_ptr(), &[a, bound], named))
    }
}

unsafe fn clip_both<'py>(
    py: Python<'py>,
    np: &NumPy,
    x: &Contiguous<'_>,
    bounds: [[u128; 1]; 2],
    out: *mut ffi::PyObject,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let n = x.len();
    let is_nan = |[bits]: [u128; 1]| match x.dtype {
        DType::F32 => f32::from_bits(bits as u32).is_nan(),
        DType::F64 => f64::from_bits(bits as u64).is_nan(),
        _ => false,
    };
    let ours = matches!(x.dtype, DType::F32 | DType::F64) || x.dtype.kind() == Kind::Int;
    if !ours || bounds.into_iter().any(is_nan) {
        return None;
    }
    // SAFETY: live arrays.
    unsafe {
        let (result, data) = if out.is_null() {
            match new_array(py, np, x.dtype, x.dims, x.orders) {
                Ok(made) => made,
                Err(error) => return Some(Err(error)),
            }
        } else {
            let target = Contiguous::of(np, out)?;
            let (start, end) = (x.data.addr(), x.data.addr() + n * x.dtype.size());
            let apart = target.data.addr() >= end || target.data.addr() + n * x.dtype.size() <= start;
            let alike = target.dims == x.dims && target.dtype == x.dtype && target.orders & x.orders != 0;
            let writable = (*out.cast::<PyArrayObject>()).fields.flags & NPY_ARRAY_WRITEABLE != 0;
            if !alike || !writable || !(apart || target.data == x.data) {
                return None;
            }
            (Bound::from_borrowed_ptr(py, out), target.data)
        };
        macro_rules! by_dtype {
            ($($dtype:ident $t:ty)*) => {
                match x.dtype {
                    $(DType::$dtype => {
                        let [low, high] = bounds.map(|cell| cell.as_ptr().cast::<$t>().read());
                        let (from, to) = (x.data.cast_const().cast::<$t>(), data.cast::<$t>());
                        // SAFETY: `n` aligned elements each, the same or apart.
                        gil::without(py, n, || select::clip(from, low, high, to, n, ufunx::current_isa()));
                    })*
                    _ => unreachable!("checked above"),
                }
            };
        }
        by_dtype! { F32 f32 F64 f64 I8 i8 I16 i16 I32 i32 I64 i64 U8 u8 U16 u16 U32 u32 U64 u64 }
        count_native();
        Some(Ok(result))
    }
}

/// `where` with a condition of bools and two alternatives.
///
/// # Safety
/// As [`clip`].
pub unsafe fn choose<'py>(
    py: Python<'py>,
    np: &NumPy,
    _: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let [a, x, y, ..] = *slots;
    if x.is_null() || y.is_null() {
        return None;
    }
    // SAFETY: live objects.
    unsafe {
        let condition = Contiguous::of(np, a).filter(|c| c.dtype == DType::Bool)?;
        let sides = [x, y].map(|object| Contiguous::of(np, object));
        let dtype = match sides {
            [Some(x), Some(y)] => Some(x.dtype).filter(|&dtype| dtype == y.dtype)?,
            [Some(side), None] | [None, Some(side)] => side.dtype,
            [None, None] => {
                let floats = ffi::PyFloat_CheckExact(x) != 0 && ffi::PyFloat_CheckExact(y) != 0;
                floats.then_some(DType::F64)?
            }
        };
        let mut cells = [[0u128]; 2];
        let mut orders = condition.orders;
        for ((side, object), cell) in sides.iter().zip([x, y]).zip(&mut cells) {
            match side {
                Some(side) if side.dims == condition.dims => orders &= side.orders,
                Some(_) => return None,
                None => *cell = number(py, np, object, dtype)?,
            }
        }
        if orders == 0 {
            return None;
        }
        let [x, y] = [0, 1].map(|i| match sides[i] {
            Some(side) => Side { ptr: side.data, is_one: false },
            None => Side { ptr: cells[i].as_ptr().cast(), is_one: true },
        });
        let (result, data) = match new_array(py, np, dtype, condition.dims, orders) {
            Ok(made) => made,
            Err(error) => return Some(Err(error)),
        };
        let n = condition.len();
        // SAFETY: `n` elements each, or one that stands for all; the result is new.
        gil::without(py, n, || {
            select::choose(dtype.size(), condition.data, [x, y], data, n, ufunx::current_isa());
        });
        count_native();
        Some(Ok(result))
    }
}

/// `round` to whole numbers.
///
/// # Safety
/// As [`clip`].
pub unsafe fn round<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let [a, decimals, out, ..] = *slots;
    // SAFETY: live objects, the first an array.
    unsafe {
        let array = a.cast::<PyArrayObject>();
        let dtype = np.dtype_of(array).filter(|d| d.numpy_number().is_some())?;
        let decimals = if decimals.is_null() { 0 } else { integer(decimals)? };
        if (*array).fields.nd == 0 || !(out.is_null() || out == ffi::Py_None()) {
            return None;
        }
        // Whether integers are copied depends on NumPy's version.
        let ours = dtype.kind() == Kind::Float && decimals == 0;
        ours.then(|| call(py, native.ufuncs.rint.as_ptr(), &[a], &[]))
    }
}
