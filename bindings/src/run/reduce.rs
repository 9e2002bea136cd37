//! `reduce` on the engine.

use crate::arguments::ingest::{Ingested, ingest};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::{Reason, mask};
use crate::python::gil;
use crate::python::memory::Raised;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Returned, is_false, is_true};
use crate::run::call::{discards_imaginary, may_overflow};
use crate::run::common::{array, axes, finish, given_output, optional_dtype, output};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::reduce::{Initial, ReduceOptions, Reduction};
use ufunx::registry::{Identity, Kind, UfuncDef};
use ufunx::{DType, Scalar, View};

/// The reduction, or why it is NumPy's.
pub fn native_reduce<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    // Keywords first: a `dtype=` may be an object with code of its own.
    let mut options = keywords(np, normal)?;
    let input = array(np, normal.inputs[0])?;
    let out = given_output(np, normal)?;
    if let Some(given) = normal.get(Keyword::Where).filter(|&mask| !is_true(mask)) {
        let given = mask(np, given).ok_or(Reason::Keyword)?;
        // SAFETY: the memory of a live array, which nobody touches until the call is over.
        options.mask = Some(unsafe { View::from_operand(given) });
    }
    let reduction = Reduction::new(def, &input, out.as_ref().map(|(_, o)| o), &options);
    let reduction = reduction.map_err(|error| match error {
        ufunx::Error::Resolve(_) => Reason::Resolution,
        _ => Reason::Layout,
    })?;
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
    let target = output(py, np, out, dtype, &reduction.out_shape, || reduction.out_strides());
    Ok(target.and_then(|(result, target)| {
        // SAFETY: memory of live arrays, as it was read just now.
        let report = unsafe { gil::around(py, reduction.l, input.len(), || reduction.run(&target)) };
        finish(py, np, (ufunc, "reduce"), report.map_err(Raised::from)?, result, normal)
    }))
}

/// What the keywords say, but for the mask and the output.
fn keywords<'m>(np: &NumPy, normal: &NormalArguments<'_, '_>) -> Result<ReduceOptions<'m>, Reason> {
    let [axis, dtype, keepdims, initial] =
        [Keyword::Axis, Keyword::Dtype, Keyword::Keepdims, Keyword::Initial]
            .map(|keyword| normal.get(keyword));
    Ok(ReduceOptions {
        axis: axes(axis)?,
        dtype: optional_dtype(np, dtype)?,
        keepdims: match keepdims {
            None => false,
            Some(given) if is_false(given) => false,
            Some(given) if is_true(given) => true,
            _ => return Err(Reason::Keyword),
        },
        initial: match initial.filter(|&initial| !np.is_no_value(initial)) {
            None => Initial::Default,
            Some(none) if none.is_none() => Initial::None,
            // Which result it goes into is not known yet; a number of a higher kind is NumPy's to convert.
            Some(value) => match ingest(np, value)? {
                Ingested::Weak(scalar) => Initial::Value(scalar),
                _ => return Err(Reason::Keyword),
            },
        },
        mask: None,
    })
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
