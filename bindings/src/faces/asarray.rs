//! `from_dlpack` and `asarray`: foreign arrays as arrays, an ndarray where NumPy has the dtype, else `ufunx.Array`.

use super::array::{cast, dtype_argument};
use crate::foreign::view::{steady, view};
use crate::foreign::{Class, Exchange, array, class_of, import, refuse};
use crate::python::array_ref::stood_for;
use crate::python::numpy_api::NumPy;
use crate::python::object::Returned;
use numpy::npyffi::{NPY_ARRAY_C_CONTIGUOUS, PY_ARRAY_API};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufunx::DType;

/// An array over the memory of any object with `__dlpack__`: an ndarray, or `ufunx.Array` for bfloat16 and float8, which
/// NumPy has not. As `numpy.from_dlpack` it is read-only where the object is, or does not say. `device="cpu"` asks an array
/// of another device for its elements here, `copy=True` for memory of its own, `copy=False` for none.
///
/// >>> import numpy, ufunx
/// >>> a = numpy.arange(3)
/// >>> b = ufunx.from_dlpack(a)
/// >>> numpy.shares_memory(a, b)
/// True
#[pyfunction]
#[pyo3(signature = (x, /, *, device=None, copy=None))]
pub fn from_dlpack<'py>(
    x: &Bound<'py, PyAny>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
) -> Returned<'py> {
    let np = NumPy::get(x.py());
    check(np, x)?;
    let steady = match class_of(np, x.as_borrowed()) {
        Class::Exchange(exchange) => steady(x, exchange)?,
        _ => x.clone(),
    };
    shown(np, import::from_object(np, &steady, device, copy).map_err(|error| refuse::reworded(x, error))?)
}

/// Refuses what `__dlpack__` itself may not, and what differs from its memory.
fn check(np: &NumPy, x: &Bound<'_, PyAny>) -> PyResult<()> {
    match class_of(np, x.as_borrowed()) {
        Class::Exchange(Exchange { has_flags: true, .. }) | Class::Dlpack { has_flags: true, .. } => {
            refuse::whatever_differs(x)
        }
        _ => Ok(()),
    }
}

/// An array as users get it.
fn shown<'py>(np: &NumPy, array: Bound<'py, PyAny>) -> Returned<'py> {
    match stood_for(np, array.as_borrowed()) {
        Some(_) => array::wrap(array.py(), np, array),
        None => Ok(array),
    }
}

/// The object as an array, which shares its memory where it can: what `numpy.asarray` does, besides foreign arrays by
/// whatever protocol they have. bfloat16 and float8, those of foreign arrays and those asked for by name, make a
/// `ufunx.Array`; arrays of ml_dtypes stay NumPy's. `device="cpu"` fetches what lies elsewhere.
///
/// >>> import ufunx
/// >>> ufunx.asarray([1, 2.5], dtype="bfloat16")
/// Array([1, 2.5], dtype=bfloat16)
#[pyfunction]
#[pyo3(signature = (a, dtype=None, order=None, *, device=None, copy=None, like=None))]
pub fn asarray<'py>(
    a: &Bound<'py, PyAny>,
    dtype: Option<&Bound<'py, PyAny>>,
    order: Option<&Bound<'py, PyAny>>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
    like: Option<&Bound<'py, PyAny>>,
) -> Returned<'py> {
    let py = a.py();
    let np = NumPy::get(py);
    let numpys = |a: &Bound<'py, PyAny>, dtype: Option<&Bound<'py, PyAny>>| {
        let keywords = PyDict::new(py);
        let given = [("dtype", dtype), ("order", order), ("device", device), ("copy", copy), ("like", like)];
        for (name, value) in given {
            if let Some(value) = value {
                keywords.set_item(name, value)?;
            }
        }
        py.import(intern!(py, "numpy"))?.getattr(intern!(py, "asarray"))?.call((a,), Some(&keywords))
    };
    let by_name = dtype.and_then(|dtype| DType::from_name(dtype.extract::<&str>().ok()?));
    let wanted = by_name.filter(|dtype| dtype.numpy_number().is_none());
    let class = class_of(np, a.as_borrowed());
    let foreign = matches!(class, Class::Array | Class::Exchange(_) | Class::Dlpack { .. });
    if like.is_some() || !(foreign || wanted.is_some()) {
        return numpys(a, dtype);
    }
    let array = match foreign {
        false => numpys(a, None)?,
        true => match memory(np, a, device, copy)? {
            array if stood_for(np, array.as_borrowed()).is_none() && wanted.is_none() => {
                return numpys(&array, dtype);
            }
            array => numpys(&array, None)?,
        },
    };
    let found = array::dtype_of(np, &array);
    let wanted = match (wanted, dtype) {
        (None, Some(dtype)) => dtype_argument(np, dtype)?,
        (None, None) => found.unwrap_or_else(|| unreachable!("what is foreign is of a native dtype")),
        (Some(wanted), _) => wanted,
    };
    if found == Some(wanted) {
        return if array::is_inside(a, &array) { Ok(a.clone()) } else { array::wrap(py, np, array) };
    }
    if copy.is_some_and(|copy| copy.is_truthy().is_ok_and(|copy| !copy)) {
        return Err(PyValueError::new_err("Unable to avoid copy while creating an array as requested."));
    }
    let made = cast(np, &array, wanted)?;
    if wanted.numpy_number().is_some() { Ok(made) } else { array::wrap(py, np, made) }
}

/// The array over a foreign one's memory; where that is elsewhere and `device` is given, over what the library brings here.
fn memory<'py>(
    np: &NumPy,
    a: &Bound<'py, PyAny>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
) -> Returned<'py> {
    match view(np, a.as_borrowed()) {
        Ok(Some(array)) => Ok(array),
        Ok(None) => unreachable!("it is foreign"),
        Err(error) if device.is_none() || !error.is_instance_of::<PyBufferError>(a.py()) => Err(error),
        Err(_) => import::from_object(np, a, device, copy),
    }
}

/// The array itself where it lies in rows from the start of a cache line, else a copy that does: for libraries that take
/// nothing else.
#[pyfunction]
pub fn aligned_rows<'py>(x: &Bound<'py, array::Array>) -> Returned<'py> {
    let (py, np) = (x.py(), NumPy::get(x.py()));
    let inner = x.get().as_array_ref(py);
    if inner.flags() & NPY_ARRAY_C_CONTIGUOUS != 0 && inner.data().addr().is_multiple_of(64) {
        return Ok(x.clone().into_any());
    }
    let shape: Vec<usize> = inner.dims().collect();
    let dtype = x.get().element(py);
    let (rows, to) = np.aligned(|| np.new_array(py, dtype, &shape, None))?;
    // What NumPy has a stand-in for, it need not know how to copy: as integers of that size.
    let bits = match (dtype.numpy_number(), dtype.size()) {
        (Some(_), _) => dtype,
        (None, 1) => DType::U8,
        (None, _) => DType::U16,
    };
    let lengths: Vec<isize> = shape.iter().map(|&n| n as isize).collect();
    let strides: Vec<isize> = inner.strides().collect();
    // SAFETY: two arrays of the same shape, and so many bytes an element; the views are gone before their owners.
    unsafe {
        let source =
            np.view(bits, &lengths, Some(&strides), inner.data().cast(), false, x.clone().into_any())?;
        let target = np.view(bits, &lengths, None, to.cast(), true, rows.clone())?;
        if PY_ARRAY_API.PyArray_CopyInto(py, target.as_ptr().cast(), source.as_ptr().cast()) < 0 {
            return Err(PyErr::fetch(py));
        }
    }
    array::wrap(py, np, rows)
}
