//! A call of a made ufunc that folds its result (`fold=`): of arrays, without making what is folded where that can be; else the
//! elements are made, and folded.

use crate::arguments::passed::Arguments;
use crate::python::entry::count_native;
use crate::python::gil;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, entries, exact_tuple, is_false, is_true};
use crate::results::scalar::scalar;
use crate::short::read::read_array;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use smallvec::SmallVec;
use ufunx::Axes;
use ufunx::operand::Operand;
use ufunx::program::{Definition, Folded, Named, Program};
use ufunx::registry::UfuncDef;
use ufunx::short::head::Head;

/// Calls `f(*inputs, axis=None, keepdims=False)`.
pub fn call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    (program, fold): (&Program, &'static UfuncDef),
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let (wanted, given) = (ufunc.target.nin, arguments.positional.len());
    if given != wanted {
        let own = ufunc.own_name();
        let text = format!("{own}() takes {wanted} positional arguments but {given} were given");
        return Err(PyTypeError::new_err(text));
    }
    let (mut axis, mut keepdims) = (None, None);
    for (name, value) in arguments.named() {
        match name.to_bytes() {
            b"axis" => axis = Some(value),
            b"keepdims" => keepdims = Some(value),
            _ => {
                let (own, name) = (ufunc.own_name(), name.to_string_lossy());
                return Err(PyTypeError::new_err(format!(
                    "{own}() got an unexpected keyword argument '{name}'"
                )));
            }
        }
    }
    // SAFETY: the arrays are read and used at once.
    if let Some(result) = unsafe { fused(py, np, ufunc, fold, arguments.positional, axis, keepdims) } {
        return result;
    }
    let elements = ufunc.elements(py, || {
        let definition = Definition { fold: None, ..program.definition().clone() };
        let bytes = PyBytes::new(py, &definition.to_bytes());
        py.import("ufunx._native")?.call_method1("from_definition", (bytes,))
    })?;
    let made = elements.call1(PyTuple::new(py, arguments.positional)?)?;
    let keywords = PyDict::new(py);
    keywords.set_item("axis", axis)?;
    if let Some(keepdims) = keepdims {
        keywords.set_item("keepdims", keepdims)?;
    }
    py.import("ufunx")?.getattr(fold.name)?.getattr("reduce")?.call((made,), Some(&keywords))
}

/// By what a made ufunc's calls fold.
pub fn fold_of(ufunc: &Ufunc) -> Option<(&Program, &'static UfuncDef)> {
    let program = ufunc.program()?;
    let Named(fold) = program.definition().fold?;
    Some((program, fold))
}

/// The fold without the elements; `None`, having done nothing, where that cannot be.
///
/// # Safety
/// Nobody's code has run since the arguments were passed.
unsafe fn fused<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    fold: &'static UfuncDef,
    inputs: &[Object<'_, 'py>],
    axis: Option<Object<'_, 'py>>,
    keepdims: Option<Object<'_, 'py>>,
) -> Option<Returned<'py>> {
    let def = ufunc.def.filter(|def| def.nin() == inputs.len())?;
    let axes = match axis {
        None => Axes::All,
        Some(axis) if axis.is_none() => Axes::All,
        Some(axis) => match exact_tuple(axis) {
            Some(tuple) => Axes::Many(entries(tuple).map(integer).collect::<Option<_>>()?),
            None => Axes::One(integer(axis)?),
        },
    };
    let keepdims = match keepdims {
        Some(keepdims) if is_true(keepdims) => true,
        Some(keepdims) if !is_false(keepdims) => return None,
        _ => false,
    };
    let mut operands: SmallVec<[Operand; 4]> = SmallVec::new();
    for &input in inputs {
        let mut head = Head::EMPTY;
        // SAFETY: the caller's promise.
        unsafe { read_array(np, np.exact_array(input)?, &mut head) }?;
        operands.push(head.operand());
    }
    let operands: SmallVec<[&Operand; 4]> = operands.iter().collect();
    let folded = Folded::new(def, fold, &operands, &axes, keepdims)?;
    let run = || -> Returned<'py> {
        // SAFETY: a cell holds one element, a new array as many as there are results.
        unsafe {
            let mut cell = [0u128];
            let (made, target) = match folded.shape.is_empty() {
                true => (None, cell.as_mut_ptr().cast()),
                false => {
                    let (made, target) = np.new_array(py, folded.dtype(), &folded.shape, None)?;
                    (Some(made), target)
                }
            };
            let report = gil::around(py, folded.l(), folded.len(), || folded.run(target));
            ufunc.report(py, np, ufunc.own_name(), report.steps)?;
            np.report(py, "reduce", report.fold)?;
            count_native();
            match made {
                Some(made) => Ok(made),
                None => scalar(py, np, folded.dtype(), target),
            }
        }
    };
    Some(run())
}
