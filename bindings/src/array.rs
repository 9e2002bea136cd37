//! NumPy arrays as operands, and new ones for results. The bindings' only unsafe code on arrays lies here.

use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PY_ARRAY_API, npy_intp};
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt};
use ufunx::operand::Operand;
use ufunx::registry::{Complex64, Typed};
use ufunx::typed::TypedInput;
use ufunx::{DType, Input, Scalar, View};

/// An input, and the object that owns its memory.
pub struct Ingested<'py> {
    input: Input<'static>,
    _owner: Bound<'py, PyAny>,
}

impl Ingested<'_> {
    /// To be read while `self` lives.
    pub fn input(&self) -> &Input<'_> {
        &self.input
    }

    /// What resolution asks.
    pub fn typed(&self) -> Typed {
        match &self.input {
            Input::View(view) => Typed::Strong(view.dtype()),
            Input::Scalar(number) => Typed::Weak(number.weak()),
        }
    }
}

/// An ndarray, a NumPy scalar or a Python number as an input. Subclasses of ndarray are refused until they can be given
/// back what they are.
pub fn ingest(object: Bound<'_, PyAny>) -> PyResult<Ingested<'_>> {
    static BOOLS: [bool; 2] = [false, true];
    // NumPy's float64 and complex128 are Python floats and complexes too, but not weak: hence "exact".
    let input = if let Ok(array) = object.cast_exact::<PyUntypedArray>() {
        let operand = operand(array)?;
        // SAFETY: the array owns or borrows its memory and is held beside the input, which leaves this module only with
        // the life of that pair. Other Python threads could write it; to prevent that is up to the program.
        Input::View(unsafe { View::from_operand(operand) })
    } else if let Ok(value) = object.cast_exact::<PyBool>() {
        Input::View(TypedInput::view(&BOOLS[usize::from(value.is_true())]))
    } else if let Ok(value) = object.cast_exact::<PyInt>() {
        Scalar::Int(value.extract()?).into()
    } else if let Ok(value) = object.cast_exact::<PyFloat>() {
        Scalar::Float(value.value()).into()
    } else if let Ok(value) = object.cast_exact::<PyComplex>() {
        Scalar::Complex(Complex64::new(value.real(), value.imag())).into()
    } else {
        let numpy = object.py().import("numpy")?;
        if !object.is_instance(&numpy.getattr("generic")?)? {
            return Err(PyTypeError::new_err(format!(
                "an input must be a numpy.ndarray or a number, not {}",
                object.get_type().fully_qualified_name()?
            )));
        }
        let array = numpy.call_method1("asarray", (object,))?;
        if !array.is_exact_instance_of::<PyUntypedArray>() {
            return Err(PyTypeError::new_err("numpy.asarray did not give a numpy.ndarray"));
        }
        return ingest(array);
    };
    Ok(Ingested { input, _owner: object })
}

/// An ndarray that is given as an output.
pub fn writable(object: &Bound<'_, PyAny>) -> PyResult<Operand> {
    let Ok(array) = object.cast_exact::<PyUntypedArray>() else {
        return Err(PyTypeError::new_err("return arrays must be of ArrayType"));
    };
    // SAFETY: the pointer is that of a live array.
    if unsafe { (*array.as_array_ptr()).fields.flags } & NPY_ARRAY_WRITEABLE == 0 {
        return Err(PyValueError::new_err("output array is read-only"));
    }
    operand(array)
}

fn operand(array: &Bound<'_, PyUntypedArray>) -> PyResult<Operand> {
    let descr = array.dtype();
    let native = descr.is_native_byteorder() != Some(false);
    let Some(dtype) = DType::from_numpy_number(descr.num()).filter(|_| native) else {
        return Err(PyTypeError::new_err(format!("dtype {descr} is not supported yet")));
    };
    // SAFETY: the pointer is that of a live array.
    let ptr = unsafe { (*array.as_array_ptr()).fields.data };
    Ok(Operand { ptr: ptr.cast(), dtype, shape: array.shape().into(), strides: array.strides().into() })
}

/// A new array with unspecified contents in these byte strides, and where its memory is.
pub fn empty<'py>(
    py: Python<'py>,
    dtype: DType,
    shape: &[usize],
    strides: &[isize],
) -> PyResult<(Bound<'py, PyAny>, *mut u8)> {
    let Some(number) = dtype.numpy_number() else {
        return Err(PyTypeError::new_err(format!("NumPy has no dtype {dtype}")));
    };
    let mut dims: Vec<npy_intp> = shape.iter().map(|&n| n as npy_intp).collect();
    let mut strides: Vec<npy_intp> = strides.to_vec();
    // SAFETY: `dims` and `strides` have one entry for each of `ndim` axes, and NumPy copies both. It takes over the
    // reference to the descriptor, and with a null `data` makes memory for the strides, which leave no gaps.
    unsafe {
        let descr = PY_ARRAY_API.PyArray_DescrFromType(py, number);
        let class = numpy::npyffi::get_type_object(py, numpy::npyffi::NpyTypes::PyArray_Type);
        let (ndim, data) = (shape.len() as i32, std::ptr::null_mut());
        let (dims, strides) = (dims.as_mut_ptr(), strides.as_mut_ptr());
        let object = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            class,
            descr,
            ndim,
            dims,
            strides,
            data,
            0,
            std::ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, object)?;
        let ptr = (*array.as_ptr().cast::<numpy::npyffi::PyArrayObject>()).fields.data;
        Ok((array, ptr.cast()))
    }
}
