//! `clip`, `where` and `round` of exact arrays that lie contiguously: elements chosen by the engine, in the array's own
//! dtype. Bounds and alternatives are numbers that this dtype holds, or (for `where`) arrays like it.

use super::bind::Slots;
use super::native::Native;
use super::objects::{call_object, given, is_plain_out};
use crate::python::entry::count_native;
use crate::python::gil;
use crate::python::number::{float, integer, is_float, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_F_CONTIGUOUS};
use pyo3::intern;
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::operand::{Order, Shape, output_strides};
use ufunx::registry::Kind;
use ufunx::select::{self, Bounded, Side};

/// An array whose elements lie one after the other, as it was when it was looked at.
struct Contiguous {
    data: *mut u8,
    dims: Shape,
    dtype: DType,
    /// The orders it lies in: one flag or both.
    orders: i32,
    writable: bool,
}

const ORDERS: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS;

impl Contiguous {
    fn of(np: &NumPy, object: Object<'_, '_>) -> Option<Contiguous> {
        let array = np.exact_array(object)?;
        let dtype = array.dtype(np).filter(|d| d.numpy_number().is_some())?;
        let orders = array.flags() & ORDERS;
        if array.nd() == 0 || orders == 0 || array.flags() & NPY_ARRAY_ALIGNED == 0 {
            return None;
        }
        // What strides NumPy gives an axis of length 1 there is its own affair.
        if orders & NPY_ARRAY_C_CONTIGUOUS == 0 && array.dims().any(|n| n == 1) {
            return None;
        }
        let (data, dims, writable) = (array.data(), array.shape(), array.is_writable());
        Some(Contiguous { data, dims, dtype, orders, writable })
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
fn number(np: &NumPy, object: Object<'_, '_>, dtype: DType) -> Option<[u128; 1]> {
    /// Integers up to this are floats of either size.
    const EXACT: u64 = 1 << 24;
    if let Some(x) = float(object) {
        return match dtype {
            DType::F64 => Some([x.to_bits().into()]),
            DType::F32 if x == 0.0 || !x.is_finite() || (x as f32).is_normal() => {
                Some([(x as f32).to_bits().into()])
            }
            _ => None,
        };
    }
    if is_int(object) {
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
    np.dtypes.scalar_value(object).filter(|(own, _)| *own == dtype).map(|(_, cell)| cell)
}

/// A bound of `clip`.
enum Limit {
    None,
    Number([u128; 1]),
}

/// Reads a bound. An integer beyond the dtype on the side where it bounds nothing is none, as NumPy has it.
fn limit(np: &NumPy, object: Option<Object<'_, '_>>, dtype: DType, is_low: bool) -> Option<Limit> {
    let Some(object) = object.filter(|object| !object.is_none()) else { return Some(Limit::None) };
    if dtype.kind() == Kind::Int && is_int(object) {
        let (x, values) = (integer(object)? as i128, dtype.int_range());
        if if is_low { x <= values.start } else { x >= values.end - 1 } {
            return Some(Limit::None);
        }
    }
    number(np, object, dtype).map(Limit::Number)
}

/// `clip` by numbers, of an exact array.
pub fn clip<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, a_min, a_max, out, min, max, ..] = *slots;
    let (low, high) = match [a_min, a_max, min, max].map(|bound| given(np, bound)) {
        [None, None, min, max] => (min, max),
        [Some(_), Some(_), None, None] => (a_min, a_max),
        _ => return None,
    };
    let a = a?;
    let x = Contiguous::of(np, a)?;
    if !is_plain_out(np, out) {
        return None;
    }
    let out = out.filter(|out| !out.is_none());
    let (ufunc, bound) = match (limit(np, low, x.dtype, true)?, limit(np, high, x.dtype, false)?) {
        (Limit::Number(low), Limit::Number(high)) => {
            // SAFETY: the array was looked at just now; numbers have no code of their own.
            return unsafe { clip_both(py, np, &x, [low, high], out) };
        }
        (Limit::Number(_), Limit::None) => (&native.ufuncs.maximum, low?),
        (Limit::None, Limit::Number(_)) => (&native.ufuncs.minimum, high?),
        // NumPy refuses it before 2.1, copies since; it is rare.
        (Limit::None, Limit::None) => return None,
    };
    let named = out.map(|out| (intern!(py, "out"), out));
    Some(call_object(ufunc.bind_borrowed(py), &[a, bound], named.as_slice()))
}

/// `clip` by two numbers.
///
/// # Safety
/// Nobody's code has run since the array was looked at.
unsafe fn clip_both<'py>(
    py: Python<'py>,
    np: &NumPy,
    x: &Contiguous,
    bounds: [[u128; 1]; 2],
    out: Option<Object<'_, 'py>>,
) -> Option<Returned<'py>> {
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
    let (result, data) = match out {
        None => match new_array(py, np, x.dtype, &x.dims, x.orders) {
            Ok(made) => made,
            Err(error) => return Some(Err(error)),
        },
        Some(out) => {
            let target = Contiguous::of(np, out)?;
            let (start, end) = (x.data.addr(), x.data.addr() + n * x.dtype.size());
            let apart = target.data.addr() >= end || target.data.addr() + n * x.dtype.size() <= start;
            let alike = target.dims == x.dims && target.dtype == x.dtype && target.orders & x.orders != 0;
            if !alike || !target.writable || !(apart || target.data == x.data) {
                return None;
            }
            (out.to_owned(), target.data)
        }
    };
    macro_rules! by_dtype {
        ($($dtype:ident $t:ty)*) => {
            match x.dtype {
                $(DType::$dtype => clip_as::<$t>,)*
                _ => unreachable!("checked above"),
            }
        };
    }
    let clip = by_dtype! { F32 f32 F64 f64 I8 i8 I16 i16 I32 i32 I64 i64 U8 u8 U16 u16 U32 u32 U64 u64 };
    // SAFETY: as many aligned elements of that dtype each, the same or apart.
    unsafe { clip(py, x, bounds, data) };
    count_native();
    Some(Ok(result))
}

/// `clip` of elements of that type.
///
/// # Safety
/// `x` has such elements, the bounds are bits of one each, and as many elements at `to` are the same or apart.
unsafe fn clip_as<T: Bounded>(py: Python<'_>, x: &Contiguous, bounds: [[u128; 1]; 2], to: *mut u8) {
    let (n, from) = (x.len(), x.data.cast_const().cast::<T>());
    // SAFETY: the caller's promise.
    unsafe {
        let [low, high] = bounds.map(|cell| cell.as_ptr().cast::<T>().read());
        gil::without(py, n, || select::clip(from, low, high, to.cast::<T>(), n, ufunx::current_isa()));
    }
}

/// `where` with a condition of bools and two alternatives.
pub fn choose<'py>(py: Python<'py>, np: &NumPy, _: &Native, slots: &Slots<'_, 'py>) -> Option<Returned<'py>> {
    let [a, x, y, ..] = *slots;
    let alternatives = [x?, y?];
    let condition = Contiguous::of(np, a?).filter(|c| c.dtype == DType::Bool)?;
    let sides = alternatives.map(|object| Contiguous::of(np, object));
    let dtype = match &sides {
        [Some(x), Some(y)] => Some(x.dtype).filter(|&dtype| dtype == y.dtype)?,
        [Some(side), None] | [None, Some(side)] => side.dtype,
        [None, None] => alternatives.into_iter().all(is_float).then_some(DType::F64)?,
    };
    let mut cells = [[0u128]; 2];
    let mut orders = condition.orders;
    for ((side, object), cell) in sides.iter().zip(alternatives).zip(&mut cells) {
        match side {
            Some(side) if side.dims == condition.dims => orders &= side.orders,
            Some(_) => return None,
            None => *cell = number(np, object, dtype)?,
        }
    }
    if orders == 0 {
        return None;
    }
    let [x, y] = [0, 1].map(|i| match &sides[i] {
        Some(side) => Side { ptr: side.data, is_one: false },
        None => Side { ptr: cells[i].as_ptr().cast(), is_one: true },
    });
    let (result, data) = match new_array(py, np, dtype, &condition.dims, orders) {
        Ok(made) => made,
        Err(error) => return Some(Err(error)),
    };
    let (n, condition, isa) = (condition.len(), condition.data, ufunx::current_isa());
    // SAFETY: `n` elements each, or one that stands for all; the result is new.
    unsafe {
        gil::without(py, n, || select::choose(dtype.size(), condition, [x, y], data, n, isa));
    }
    count_native();
    Some(Ok(result))
}

/// `round` to whole numbers, of an exact array.
pub fn round<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
) -> Option<Returned<'py>> {
    let [a, decimals, out, ..] = *slots;
    let array = np.exact_array(a?)?;
    let dtype = array.dtype(np).filter(|d| d.numpy_number().is_some())?;
    let decimals = decimals.map_or(Some(0), integer)?;
    if array.nd() == 0 || out.is_some_and(|out| !out.is_none()) {
        return None;
    }
    // Whether integers are copied depends on NumPy's version.
    let ours = dtype.kind() == Kind::Float && decimals == 0;
    ours.then(|| call_object(native.ufuncs.rint.bind_borrowed(py), &[array.object()], &[]))
}
