//! Objects as inputs: ndarrays and instances of its subclasses (whose overrides were asked before), exact NumPy scalars,
//! exact Python numbers. Anything else is NumPy's to handle, and so is an array of a dtype we have no loops for.

use crate::python::numpy_api::NumPy;
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::operand::{Operand, Shape, Strides};
use ufunx::registry::{Complex64, Typed};
use ufunx::{DType, Scalar};

/// An input.
pub enum Ingested {
    /// An array; its memory lives as long as the object.
    Array(Operand),
    /// A NumPy scalar's or a bool's value.
    Strong(DType, [u128; 1]),
    /// A Python number.
    Weak(Scalar),
}

impl Ingested {
    /// What resolution asks.
    pub fn typed(&self) -> Typed {
        match self {
            Ingested::Array(operand) => Typed::Strong(operand.dtype),
            Ingested::Strong(dtype, _) => Typed::Strong(*dtype),
            Ingested::Weak(scalar) => Typed::Weak(scalar.weak()),
        }
    }
}

/// Why an object goes to NumPy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Not an ndarray, a NumPy scalar or a number.
    Type,
    /// An array of a dtype without loops of ours.
    DType,
}

/// Reads an object as an input.
///
/// # Safety
/// A live object.
pub unsafe fn ingest(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> Result<Ingested, Foreign> {
    // SAFETY: the object is live; each branch has checked its exact type first.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if class == np.array_type {
            let array = object.cast::<PyArrayObject>();
            let dtype = np.dtype_of(array).ok_or(Foreign::DType)?;
            return Ok(Ingested::Array(operand_of(array, dtype)));
        }
        if ffi::PyFloat_CheckExact(object) != 0 {
            return Ok(Ingested::Weak(Scalar::Float(ffi::PyFloat_AS_DOUBLE(object))));
        }
        if ffi::PyLong_CheckExact(object) != 0 {
            let mut overflow = 0;
            let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow);
            if overflow != 0 {
                return Err(Foreign::Type);
            }
            return Ok(Ingested::Weak(Scalar::Int(value.into())));
        }
        if ffi::PyBool_Check(object) != 0 {
            return Ok(Ingested::Strong(DType::Bool, [u128::from(object == ffi::Py_True())]));
        }
        if ffi::PyComplex_CheckExact(object) != 0 {
            let value = ffi::PyComplex_AsCComplex(object);
            return Ok(Ingested::Weak(Scalar::Complex(Complex64::new(value.real, value.imag))));
        }
        if let Some(dtype) = np.scalar_dtype(class) {
            let mut cell = [0u128];
            PY_ARRAY_API.PyArray_ScalarAsCtype(py, object, cell.as_mut_ptr().cast());
            return Ok(Ingested::Strong(dtype, cell));
        }
        if np.is_array(object) {
            let array = object.cast::<PyArrayObject>();
            let dtype = np.dtype_of(array).ok_or(Foreign::DType)?;
            return Ok(Ingested::Array(operand_of(array, dtype)));
        }
        Err(Foreign::Type)
    }
}

/// An array's memory.
///
/// # Safety
/// A live array of that dtype.
pub unsafe fn operand_of(array: *mut PyArrayObject, dtype: DType) -> Operand {
    // SAFETY: a live array's dimensions and strides have `nd` entries each, none of the former negative.
    unsafe {
        let fields = &(*array).fields;
        let nd = fields.nd as usize;
        let (shape, strides) = match nd {
            0 => (Shape::new(), Strides::new()),
            _ => (
                Shape::from_slice(std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), nd)),
                Strides::from_slice(std::slice::from_raw_parts(fields.strides, nd)),
            ),
        };
        Operand { ptr: fields.data.cast(), dtype, shape, strides }
    }
}

/// A writable ndarray of a native dtype, as an output.
///
/// # Safety
/// A live object.
pub unsafe fn writable(np: &NumPy, object: *mut ffi::PyObject) -> Option<Operand> {
    // SAFETY: the object is live, and an array once its type says so.
    unsafe {
        let array = object.cast::<PyArrayObject>();
        if !np.is_array(object) || (*array).fields.flags & NPY_ARRAY_WRITEABLE == 0 {
            return None;
        }
        Some(operand_of(array, np.dtype_of(array)?))
    }
}
