//! `reduce` on the engine.

use crate::arguments::ingest::{Ingested, ingest};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::Reason;
use crate::arguments::parse::mask;
use crate::python::gil;
use crate::python::memory::Raised;
use crate::python::numpy_api::NumPy;
use crate::run::call::{discards_imaginary, may_overflow};
use crate::run::common::{array, axes, finish, given_output, optional_dtype, output, value};
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::reduce::{Initial, ReduceOptions, Reduction};
use ufunx::registry::{Identity, Kind, UfuncDef};
use ufunx::{DType, Scalar, View};

/// The reduction, or why it is NumPy's.
///
/// # Safety
/// Live arguments.
pub unsafe fn native_reduce<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments,
) -> Result<PyResult<Bound<'py, PyAny>>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    let [axis, dtype, keepdims, initial, mask_object] =
        [Keyword::Axis, Keyword::Dtype, Keyword::Keepdims, Keyword::Initial, Keyword::Where]
            .map(|keyword| value(normal, keyword));
    // SAFETY: live objects or null.
    unsafe {
        // Keywords first: a `dtype=` may be an object with code of its own.
        let options = ReduceOptions {
            axis: axes(axis)?,
            dtype: optional_dtype(py, np, dtype)?,
            keepdims: match keepdims {
                absent if absent.is_null() || absent == ffi::Py_False() => false,
                given if given == ffi::Py_True() => true,
                _ => return Err(Reason::Keyword),
            },
            initial: match initial {
                absent if absent.is_null() || absent == np.no_value => Initial::Default,
                none if none == ffi::Py_None() => Initial::None,
                // Which result it goes into is not known yet; below, a number of a higher kind is NumPy's to convert.
                value => match ingest(py, np, value)? {
                    Ingested::Weak(scalar) => Initial::Value(scalar),
                    _ => return Err(Reason::Keyword),
                },
            },
            mask: None,
        };
        let input = array(np, normal.inputs[0])?;
        let out = given_output(np, normal)?;
        let given_mask = match mask_object {
            absent if absent.is_null() || absent == ffi::Py_True() => None,
            given => Some(mask(np, given).ok_or(Reason::Keyword)?),
        };
        let options = ReduceOptions { mask: given_mask.map(|m| View::from_operand(m)), ..options };
        let reduction = Reduction::new(def, &input, out.as_ref().map(|(_, o)| o), &options).map_err(
            |error| match error {
                ufunx::Error::Resolve(_) => Reason::Resolution,
                _ => Reason::Layout,
            },
        )?;
        let dtype = reduction.l.outputs[0];
        if discards_imaginary(input.dtype, dtype)
            || out.as_ref().is_some_and(|(_, o)| discards_imaginary(dtype, o.dtype))
        {
            return Err(Reason::DType);
        }
        if let Initial::Value(value) = options.initial
            && (!suits(value, dtype) || may_overflow(value, dtype))
        {
            return Err(Reason::Keyword);
        }
        if casts_apart(def, &input, dtype, out.as_ref().map_or(dtype, |(_, o)| o.dtype), &options) {
            return Err(Reason::Resolution);
        }
        Ok(output(py, np, out, dtype, &reduction.out_shape, || reduction.out_strides()).and_then(
            |(result, target)| {
                let run = || reduction.run(&target);
                let report = gil::around(py, reduction.l, input.len(), run).map_err(Raised::from)?;
                finish(py, np, (ufunc, "reduce"), report, result, normal)
            },
        ))
    }
}

/// Whether casts may raise what NumPy reports apart from the loop's flags, or in another order: those of the elements that
/// a fold without identity starts from, of an `initial`, of scalars, and of what a mask leaves out.
fn casts_apart(
    def: &UfuncDef,
    input: &Operand,
    computed: DType,
    target: DType,
    options: &ReduceOptions<'_>,
) -> bool {
    let raises =
        can_raise(input.dtype, computed) || can_raise(input.dtype, target) || can_raise(computed, target);
    let together = || {
        def.identity != Identity::None
            && options.initial == Initial::Default
            && options.mask.is_none()
            && !input.shape.is_empty()
            && !def.clears_flags
    };
    // Reading a complex output into a real accumulator warns.
    (raises && !together()) || discards_imaginary(target, computed)
}

/// Whether a number is of the dtype's kind or a lower one.
fn suits(value: Scalar, dtype: DType) -> bool {
    match value {
        Scalar::Int(_) => dtype.kind() >= Kind::Int,
        Scalar::Float(_) => dtype.kind() >= Kind::Float,
        Scalar::Complex(_) => dtype.kind() == Kind::Complex,
    }
}
