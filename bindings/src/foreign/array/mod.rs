//! `ufunx.Array`: a container for what NumPy cannot hold, arrays of bfloat16 and float8, and for native dtypes as well. It
//! has one exact ndarray, which never gets out as it is: for bfloat16 and float8 the descriptor is a stand-in.
//!
//! Here are its making and its attributes. `convert` has other dtypes and numbers, `display` its text, `index` elements and
//! parts, `operators` arithmetic, `protocols` NumPy's ufuncs and functions, `share` the ways its memory gets out.

mod convert;
mod display;
mod index;
mod operators;
mod protocols;
mod share;

pub use convert::{cast, dtype_argument};

use crate::numpy_api::NumPy;
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PyArrayObject};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use ufunx::DType;

/// An array of any dtype that has ufunc loops here, bfloat16 and float8 among them, for which NumPy has no array. It shares
/// its memory by DLPack (`torch.from_dlpack(a)`, `numpy.from_dlpack(a)`) and the buffer protocol, is an operand of every
/// ufunc, has NumPy's operators and indexing, and is taken by NumPy's own functions. `ufunx.asarray` and
/// `ufunx.from_dlpack` make them.
///
/// >>> import ufunx
/// >>> a = ufunx.asarray([1, 2.5, 3], dtype="bfloat16")
/// >>> isinstance(a, ufunx.Array)
/// True
/// >>> a[:2] * 2
/// Array([2, 5], dtype=bfloat16)
#[pyclass(frozen, name = "Array", module = "ufunx", weakref)]
pub struct Array {
    ndarray: Py<PyAny>,
    /// The strides in elements, from when they are first asked for.
    steps: OnceLock<Box<[i64]>>,
}

/// `__array_priority__`: below those of other libraries' tensors, so that beside one of them the result is theirs.
pub const PRIORITY: f64 = 50.0;

/// The class.
#[inline]
pub fn class(py: Python<'_>) -> *mut ffi::PyTypeObject {
    static CLASS: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(std::ptr::null_mut());
    let known = CLASS.load(Relaxed);
    if !known.is_null() {
        return known;
    }
    let class = py.get_type::<Array>().as_ptr().cast();
    CLASS.store(class, Relaxed);
    class
}

/// An array as an `Array`, over the same memory. One of ml_dtypes is seen by the stand-in from then on.
pub fn wrap<'py>(py: Python<'py>, np: &NumPy, array: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let ndarray = vehicle(np, array)?.unbind();
    Ok(Bound::new(py, Array { ndarray, steps: OnceLock::new() })?.into_any())
}

/// The exact array, with a stand-in's descriptor where NumPy lacks the dtype, that is what an array is.
fn vehicle<'py>(np: &NumPy, array: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let Some(dtype) = dtype_of(np, &array) else {
        let found = array.getattr(intern!(py, "dtype"))?;
        return Err(PyTypeError::new_err(format!("ufunx.Array has no elements of dtype {found}")));
    };
    // SAFETY: an array, as it has a dtype; descriptors and types that live for ever.
    unsafe {
        let own = (*array.as_ptr().cast::<PyArrayObject>()).fields.descr;
        let descr = match np.stand_in(dtype) {
            none if none.is_null() => own,
            stand_in => stand_in,
        };
        if np.is_exact_array(array.as_ptr()) && descr == own {
            return Ok(array);
        }
        let descr: Bound<'py, PyAny> = Bound::from_borrowed_ptr(py, descr.cast());
        let class: Bound<'py, PyAny> = Bound::from_borrowed_ptr(py, np.array_type.cast());
        array.call_method1(intern!(py, "view"), (descr, class))
    }
}

/// The dtype of ours that an object has, if it is an array of one.
pub fn dtype_of(np: &NumPy, object: &Bound<'_, PyAny>) -> Option<DType> {
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        let object = object.as_ptr();
        if np.is_array(object) { np.dtype_of(object.cast()) } else { None }
    }
}

/// The array in an exact `Array`.
///
/// # Safety
/// A live object of that very class.
#[inline]
pub unsafe fn inner<'py>(py: Python<'py>, object: *mut ffi::PyObject) -> Bound<'py, PyAny> {
    // SAFETY: the caller's promise.
    let object = unsafe { Bound::from_borrowed_ptr(py, object).cast_into_unchecked::<Array>() };
    object.get().ndarray.bind(py).clone()
}

/// Whether an object is the `Array` with that very array.
pub fn is_inside(object: &Bound<'_, PyAny>, array: &Bound<'_, PyAny>) -> bool {
    inside(object).is_some_and(|inner| inner.is(array))
}

/// The array in an object, if it is an `Array`.
fn inside<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let array = object.cast_exact::<Array>().ok()?;
    Some(array.get().ndarray.bind(object.py()).clone())
}

impl Array {
    /// The array it has.
    fn ndarray<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        self.ndarray.bind(py)
    }

    /// The dtype of its elements.
    fn element(&self, np: &NumPy) -> DType {
        // SAFETY: `wrap` has seen the array's dtype, and nobody else can change it.
        let dtype = unsafe { np.dtype_of(self.ndarray.as_ptr().cast()) };
        dtype.unwrap_or_else(|| unreachable!("an array of a dtype of ours"))
    }

    /// Whether NumPy has its dtype.
    fn is_numpys(&self, np: &NumPy) -> bool {
        self.element(np).numpy_number().is_some()
    }

    /// The same memory otherwise seen, or a copy: what a method of the array gives.
    fn by_method<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
        args: impl pyo3::call::PyCallArgs<'py>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array = self.ndarray(py).getattr(name)?.call(args, kwargs)?;
        wrap(py, NumPy::get(py), array)
    }

    /// An attribute of the array.
    fn attribute<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.ndarray(py).getattr(name)
    }
}

#[pymethods]
impl Array {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Array> {
        Err(PyTypeError::new_err(
            "ufunx.Array is not called: ufunx.asarray(x, dtype='bfloat16') and ufunx.from_dlpack(x) make arrays",
        ))
    }

    #[classattr]
    fn __array_priority__() -> f64 {
        PRIORITY
    }

    /// The name of the elements' dtype, such as 'bfloat16'.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> &'static str {
        self.element(NumPy::get(py)).name()
    }

    /// Lengths of the axes.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "shape"))
    }

    /// Bytes from an element to the next along each axis.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "strides"))
    }

    /// Number of axes.
    #[getter]
    fn ndim<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "ndim"))
    }

    /// Number of elements.
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "size"))
    }

    /// Bytes of an element.
    #[getter]
    fn itemsize<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "itemsize"))
    }

    /// Bytes of all elements.
    #[getter]
    fn nbytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "nbytes"))
    }

    /// Whether the elements cannot be written to.
    #[getter]
    #[pyo3(name = "readonly")]
    pub fn is_read_only(&self) -> bool {
        // SAFETY: a live array.
        unsafe { (*self.ndarray.as_ptr().cast::<PyArrayObject>()).fields.flags & NPY_ARRAY_WRITEABLE == 0 }
    }

    /// The array with its axes in the other order.
    #[getter(T)]
    fn transposed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        wrap(py, NumPy::get(py), self.attribute(py, intern!(py, "T"))?)
    }

    /// The array in another shape, over the same memory where that is possible.
    #[pyo3(signature = (*shape, **kwargs))]
    fn reshape<'py>(
        &self,
        py: Python<'py>,
        shape: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.by_method(py, intern!(py, "reshape"), shape, kwargs)
    }

    /// A copy with memory of its own, in rows unless `order` is "F", "A" or "K".
    #[pyo3(signature = (order = "C"))]
    fn copy<'py>(&self, py: Python<'py>, order: &str) -> PyResult<Bound<'py, PyAny>> {
        self.by_method(py, intern!(py, "copy"), (order,), None)
    }

    fn __copy__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.copy(py, "K")
    }

    fn __deepcopy__<'py>(&self, py: Python<'py>, _memo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.copy(py, "K")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let bytes = self.ndarray(py).call_method0(intern!(py, "tobytes"))?;
        let arguments = (self.dtype(py), self.shape(py)?, bytes).into_pyobject(py)?;
        Ok((py.get_type::<Array>().getattr(intern!(py, "_from_bytes"))?, arguments.into_any()))
    }

    /// What a pickle calls.
    #[classmethod]
    fn _from_bytes<'py>(
        class: &Bound<'py, PyType>,
        dtype: &str,
        shape: Vec<usize>,
        bytes: &Bound<'py, PyBytes>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = class.py();
        let np = NumPy::get(py);
        let unknown = || PyValueError::new_err(format!("ufunx.Array has no elements of dtype {dtype}"));
        let dtype = DType::from_name(dtype).ok_or_else(unknown)?;
        let (array, data) = np.new_array(py, dtype, &shape, None)?;
        let bytes = bytes.as_bytes();
        let expected: usize = array.getattr(intern!(py, "nbytes"))?.extract()?;
        if bytes.len() != expected {
            let text = format!("{} bytes for an array of {expected}", bytes.len());
            return Err(PyValueError::new_err(text));
        }
        // SAFETY: a new array in rows, of as many bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, expected) };
        wrap(py, np, array)
    }
}
