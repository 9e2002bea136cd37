//! Lists and tuples of numbers as arrays, nested ones too, and ranges: in two passes over their items, by code of nobody's.
//!
//! What NumPy would make of anything else in them (scalars of other dtypes than Python's numbers have, objects, rows of
//! different lengths) is NumPy's to say.

use super::number::{complex, float, integer, is_int};
use super::numpy_api::NumPy;
use super::object::{Object, exact_tuple, is_true, lent_by_c};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyRange};
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::operand::MAX_DIMS;

/// Whether it is a list, a tuple or a range, of no subclass.
#[inline]
pub fn is_sequence(object: Object<'_, '_>) -> bool {
    items(object).is_some() || object.is_exact_instance_of::<PyRange>()
}

/// An array of the numbers in a list or tuple, of the dtype that NumPy gives them; `None` for anything else.
pub fn array_of_numbers<'py>(np: &NumPy, object: Object<'_, 'py>) -> Option<PyResult<Bound<'py, PyAny>>> {
    if object.is_exact_instance_of::<PyRange>() {
        return array_of_range(np, object);
    }
    let mut shape = SmallVec::<[usize; 4]>::new();
    let mut first = Some(object);
    while let Some(items) = first.and_then(items) {
        if shape.len() == MAX_DIMS {
            return None;
        }
        shape.push(items.len());
        first = items.get(0);
    }
    if shape.is_empty() {
        return None;
    }
    let kind = kind_of(np, object, &shape)?;
    let dtype = match kind {
        Kind::Bool => DType::Bool,
        Kind::Int => DType::I64,
        // As NumPy has it of no number at all.
        Kind::Nothing | Kind::Float => DType::F64,
        Kind::Complex => DType::C128,
    };
    Some(np.new_array(object.py(), dtype, &shape, None).map(|(array, data)| {
        let mut at = data;
        fill(np, object, shape.len(), dtype, &mut at);
        array
    }))
}

/// The numbers of a range; `None` where one is no `i64`.
fn array_of_range<'py>(np: &NumPy, object: Object<'_, 'py>) -> Option<PyResult<Bound<'py, PyAny>>> {
    let part = |name: &str| integer(object.getattr(name).ok()?.as_borrowed()).map(|part| part as i64);
    let (start, step, length) = (part("start")?, part("step")?, object.len().ok()?);
    let last = i128::from(start) + i128::from(step) * length as i128;
    i64::try_from(last).ok()?;
    Some(np.new_array(object.py(), DType::I64, &[length], None).map(|(array, data)| {
        for (i, number) in (0..length as i64).map(|i| start + step * i).enumerate() {
            // SAFETY: the array was made for as many.
            unsafe { data.cast::<i64>().add(i).write_unaligned(number) };
        }
        array
    }))
}

/// What numbers become together, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Nothing,
    Bool,
    Int,
    Float,
    Complex,
}

/// The items of a list or tuple, as long as no code of anybody's runs.
#[derive(Clone, Copy)]
struct Items<'a, 'py> {
    sequence: Object<'a, 'py>,
    is_list: bool,
}

fn items<'a, 'py>(object: Object<'a, 'py>) -> Option<Items<'a, 'py>> {
    let is_list = object.is_exact_instance_of::<PyList>();
    (is_list || exact_tuple(object).is_some()).then_some(Items { sequence: object, is_list })
}

impl<'a, 'py> Items<'a, 'py> {
    #[inline]
    fn len(self) -> usize {
        // SAFETY: a list or a tuple, as was seen.
        unsafe {
            let object = self.sequence.as_ptr();
            (if self.is_list { ffi::PyList_GET_SIZE(object) } else { ffi::PyTuple_GET_SIZE(object) }) as usize
        }
    }

    #[inline]
    fn get(self, i: usize) -> Option<Object<'a, 'py>> {
        if i >= self.len() {
            return None;
        }
        // SAFETY: a place that it has; it keeps the item as long as nobody's code runs, which none does here.
        unsafe {
            let object = self.sequence.as_ptr();
            let item = match self.is_list {
                true => ffi::PyList_GET_ITEM(object, i as isize),
                false => ffi::PyTuple_GET_ITEM(object, i as isize),
            };
            Some(lent_by_c(self.sequence.py(), item))
        }
    }
}

/// The highest kind among the numbers of that shape; `None` where there is anything else.
fn kind_of(np: &NumPy, object: Object<'_, '_>, shape: &[usize]) -> Option<Kind> {
    let Some((&length, inner)) = shape.split_first() else { return kind_of_number(np, object) };
    let items = items(object).filter(|items| items.len() == length)?;
    let mut kind = Kind::Nothing;
    for i in 0..length {
        kind = kind.max(kind_of(np, items.get(i)?, inner)?);
    }
    Some(kind)
}

#[inline]
fn kind_of_number(np: &NumPy, object: Object<'_, '_>) -> Option<Kind> {
    if float(object).is_some() {
        return Some(Kind::Float);
    }
    if is_int(object) {
        // What an i64 does not hold has a dtype of its own.
        return integer(object).map(|_| Kind::Int);
    }
    if object.is_exact_instance_of::<PyBool>() {
        return Some(Kind::Bool);
    }
    if np.float64(object).is_some() {
        return Some(Kind::Float);
    }
    if complex(object).is_some() {
        return Some(Kind::Complex);
    }
    match np.dtypes.of_scalar(object.get_type_ptr())? {
        DType::Bool => Some(Kind::Bool),
        DType::I64 => Some(Kind::Int),
        DType::C128 => Some(Kind::Complex),
        _ => None,
    }
}

/// Writes the numbers, one behind the other, from `at` on, where there is room for as many as were counted.
fn fill(np: &NumPy, object: Object<'_, '_>, axes: usize, dtype: DType, at: &mut *mut u8) {
    if axes > 0 {
        let Some(items) = items(object) else { return };
        for item in (0..items.len()).filter_map(|i| items.get(i)) {
            fill(np, item, axes - 1, dtype, at);
        }
        return;
    }
    let number = number(np, object);
    // SAFETY: nobody's code has run since the numbers were counted, and the array was made for as many.
    unsafe {
        match (dtype, number) {
            (DType::Bool, number) => at.write((number.whole() != 0) as u8),
            (DType::I64, number) => at.cast::<i64>().write_unaligned(number.whole()),
            (DType::F64, number) => at.cast::<f64>().write_unaligned(number.parts()[0]),
            (_, number) => at.cast::<[f64; 2]>().write_unaligned(number.parts()),
        }
        *at = at.add(dtype.size());
    }
}

/// A number of a kind.
#[derive(Clone, Copy)]
enum Number {
    Whole(i64),
    Parts([f64; 2]),
}

impl Number {
    fn whole(self) -> i64 {
        match self {
            Number::Whole(x) => x,
            Number::Parts([re, _]) => re as i64, // never asked: integers are made of integers only
        }
    }

    fn parts(self) -> [f64; 2] {
        match self {
            Number::Whole(x) => [x as f64, 0.0],
            Number::Parts(parts) => parts,
        }
    }
}

/// One that was counted.
#[inline]
fn number(np: &NumPy, object: Object<'_, '_>) -> Number {
    if let Some(x) = float(object).or_else(|| np.float64(object)) {
        return Number::Parts([x, 0.0]);
    }
    if let Some(x) = integer(object) {
        return Number::Whole(x as i64);
    }
    if object.is_exact_instance_of::<PyBool>() {
        return Number::Whole(i64::from(is_true(object)));
    }
    if let Some(z) = complex(object) {
        return Number::Parts([z.re, z.im]);
    }
    match np.dtypes.scalar_value(object) {
        Some((DType::C128, [bits])) => {
            Number::Parts([f64::from_bits(bits as u64), f64::from_bits((bits >> 64) as u64)])
        }
        Some((_, [bits])) => Number::Whole(bits as u64 as i64),
        None => Number::Whole(0),
    }
}
