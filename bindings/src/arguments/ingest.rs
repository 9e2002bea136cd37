//! Objects as inputs: ndarrays and instances of its subclasses (whose overrides were asked before), exact NumPy scalars,
//! exact Python numbers. Anything else is NumPy's to handle, and so is an array of a dtype we have no loops for.

use crate::python::array_ref::ArrayRef;
use crate::python::number::{complex, float, integer, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, is_true};
use pyo3::prelude::*;
use pyo3::types::PyBool;
use ufunx::operand::Operand;
use ufunx::registry::Typed;
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
pub fn ingest(np: &NumPy, object: Object<'_, '_>) -> Result<Ingested, Foreign> {
    if let Some(array) = np.exact_array(object) {
        return Ok(Ingested::Array(operand_of(np, array)?));
    }
    if let Some(value) = float(object) {
        return Ok(Ingested::Weak(Scalar::Float(value)));
    }
    if is_int(object) {
        let wide = || object.extract::<u64>().ok().map(i128::from);
        let value = integer(object).map(|value| value as i128).or_else(wide).ok_or(Foreign::Type)?;
        return Ok(Ingested::Weak(Scalar::Int(value)));
    }
    if object.is_exact_instance_of::<PyBool>() {
        return Ok(Ingested::Strong(DType::Bool, [u128::from(is_true(object))]));
    }
    if let Some(value) = complex(object) {
        return Ok(Ingested::Weak(Scalar::Complex(value)));
    }
    if let Some((dtype, cell)) = np.dtypes.scalar_value(object) {
        return Ok(Ingested::Strong(dtype, cell));
    }
    Ok(Ingested::Array(operand_of(np, np.array(object).ok_or(Foreign::Type)?)?))
}

/// The memory of an array of a native dtype.
fn operand_of(np: &NumPy, array: ArrayRef<'_, '_>) -> Result<Operand, Foreign> {
    Ok(array.operand(array.dtype(np).ok_or(Foreign::DType)?))
}

/// A writable ndarray of a native dtype, under whatever name, as an output.
pub fn writable(np: &NumPy, object: Object<'_, '_>) -> Option<Operand> {
    let array = np.array(object).filter(|array| array.is_writable())?;
    Some(array.operand(array.dtype(np).or_else(|| array.labelled(np))?))
}
