//! The attributes of `ufunx.Array`, copies, and pickling.

use crate::foreign::array::{Array, PRIORITY, wrap};
use crate::python::numpy_api::NumPy;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use ufunx::DType;

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
        self.element(py).name()
    }

    /// Lengths of the axes.
    #[getter]
    pub fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "shape"))
    }

    /// Bytes from an element to the next along each axis.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "strides"))
    }

    /// Number of axes.
    #[getter]
    pub fn ndim<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.attribute(py, intern!(py, "ndim"))
    }

    /// Number of elements.
    #[getter]
    pub fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
    fn is_read_only(&self, py: Python<'_>) -> bool {
        !self.as_array_ref(py).is_writable()
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

    pub fn __copy__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
