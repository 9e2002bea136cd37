//! The general way of a call over core axes: parse → resolve → core axes → make outputs → execute → report flags → wrap.
//! Floats of real size are left to NumPy's matrix library, which is faster, and nothing has been written by then.

use super::call::{Cells, resolve_call, wrapped};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::{Outputs, Parsed, Reason, given, parse};
use crate::python::gil;
use crate::python::memory::Raised;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, entries, exact_tuple, is_false, is_true};
use crate::results::fresh::{Results, returned};
use crate::results::wrap::{Wanted, Wrap};
use crate::run::common::has_no_axes;
use crate::ufunc::record::Ufunc;
use numpy::npyffi::{NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_F_CONTIGUOUS};
use pyo3::prelude::*;
use pyo3::types::PyList;
use smallvec::SmallVec;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::generalized::{CoreOptions, PreparedCore};
use ufunx::operand::Operand;
use ufunx::registry::{Casting, Kind, LoopDef, Request, Typed, UfuncDef, resolve};
use ufunx::{DType, Order};

/// The call on our loops, or why not.
pub fn native_core<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    def: &'static UfuncDef,
    face: Object<'_, 'py>,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    settle_core(np, def, normal, |parsed, prepared| {
        // SAFETY: the arguments, as they were read just now.
        let results = unsafe { execute(py, np, ufunc, &parsed.outputs, prepared) };
        results.and_then(|results| wrapped(py, np, face, normal, results))
    })
}

/// What becomes of a call on exact arrays, with nothing else said.
pub enum OfArrays<'py> {
    /// Ours.
    Done(Returned<'py>),
    /// NumPy's, which is faster.
    Library,
    /// There is more to it; nothing was done.
    Other,
}

/// The call on exact arrays of one dtype, and nothing else said.
pub fn core_of_arrays<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> OfArrays<'py> {
    if ufunc.def.is_some_and(|def| def.numpys_from.is_some())
        && objects.iter().all(|&o| is_real_and_packed(np, o))
    {
        return OfArrays::Library;
    }
    match run_on_arrays(py, np, ufunc, objects) {
        None => OfArrays::Other,
        Some(None) => OfArrays::Library,
        Some(Some(result)) => OfArrays::Done(result),
    }
}

/// Whether it is an array of f32 or f64 that NumPy's matrix library takes as it is.
fn is_real_and_packed(np: &NumPy, object: Object<'_, '_>) -> bool {
    const PACKED: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS;
    np.exact_array(object)
        .is_some_and(|a| matches!(a.dtype(np), Some(DType::F32 | DType::F64)) && a.flags() & PACKED != 0)
}

/// `None` where there is more to it, having done nothing; `Some(None)` where it is NumPy's.
fn run_on_arrays<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> Option<Option<Returned<'py>>> {
    let def = ufunc.def.filter(|def| def.core.is_some() && objects.len() == def.nin() && def.nout() == 1)?;
    let mut operands: SmallVec<[Operand; 2]> = SmallVec::new();
    for &object in objects {
        let array = np.exact_array(object)?;
        let dtype = array.dtype(np)?;
        // What others become beside numbers of NumPy's is not for this way to know.
        dtype.numpy_number()?;
        operands.push(array.operand(dtype));
    }
    let dtype = operands[0].dtype;
    let types: SmallVec<[Typed; 2]> = operands.iter().map(|o| Typed::Strong(o.dtype)).collect();
    let casting = Casting::SameKind;
    let request = Request { inputs: &types, outputs: &[None], signature: None, casting };
    let l = resolve(def, &request).ok()?;
    if !operands.iter().all(|o| o.dtype == dtype) || l.inputs.iter().any(|&input| input != dtype) {
        return None;
    }
    let inputs: SmallVec<[&Operand; 2]> = operands.iter().collect();
    let prepared = PreparedCore::new(def, l, &inputs, &[None], &CoreOptions::default(), Order::K).ok()?;
    if is_numpys_library(def, l, &inputs, &prepared) {
        return Some(None);
    }
    let outputs: Outputs<'_, 'py> = smallvec::smallvec![None];
    // SAFETY: the arrays, as they were read just now.
    let results = unsafe { execute(py, np, ufunc, &outputs, prepared) };
    Some(Some(results.and_then(|results| {
        let wrap = Wrap::plain(np);
        let wrapped = results.into_iter().map(|result| {
            let wanted = Wanted { to_scalar: has_no_axes(np, &result), force: false };
            wrap.apply(np, result, None, None, wanted)
        });
        returned(py, wrapped.collect::<PyResult<_>>()?)
    })))
}

/// Settles a call up to its outputs, which are `rest`'s to make.
pub fn settle_core<'a, 'py, R>(
    np: &NumPy,
    def: &'static UfuncDef,
    normal: &NormalArguments<'a, 'py>,
    rest: impl FnOnce(&Parsed<'a, 'py>, PreparedCore<'_>) -> R,
) -> Result<R, Reason> {
    // Keywords come before operands, whose memory nobody touches from then on.
    let options = core_options(def, normal)?;
    let parsed = parse(np, def.nout(), normal)?;
    let l = resolve_call(def, &parsed)?;
    let cells = Cells::new(&parsed.inputs, l)?;
    let (inputs, given) = (cells.operands(&parsed.inputs), given(&parsed.outputs));
    // NumPy reports casts apart from the loop.
    let raises = inputs.iter().zip(l.inputs).any(|(o, &to)| can_raise(o.dtype, to))
        || given.iter().zip(l.outputs).any(|(o, &from)| o.is_some_and(|o| can_raise(from, o.dtype)));
    if raises || parsed.mask.is_some() {
        return Err(Reason::Layout);
    }
    let prepared = PreparedCore::new(def, l, &inputs, &given, &options, parsed.order);
    let prepared = prepared.map_err(|_| Reason::Layout)?;
    if is_numpys_library(def, l, &inputs, &prepared) {
        return Err(Reason::Library);
    }
    Ok(rest(&parsed, prepared))
}

/// Whether a call is for NumPy's matrix library, which is faster for f32 and f64 in an order that it takes as it is (3 x 3: 1.2 us against
/// 1.7 here, and 2.2 against 4.2 of 32 x 32), for complex numbers where there are enough; or for its loop of float16 vectors, which ours
/// cast one by one.
fn is_numpys_library(def: &UfuncDef, l: &LoopDef, inputs: &[&Operand], prepared: &PreparedCore<'_>) -> bool {
    let Some(from) = def.numpys_from else { return false };
    let dtype = l.outputs[0];
    let has_one = matches!(dtype.kind(), Kind::Float | Kind::Complex) && !dtype.is_narrow_float();
    let axes = prepared.axes();
    let steps = axes.lengths.iter().fold(1usize, |steps, &n| steps.saturating_mul(n));
    let is_packed = |(input, places): (&&Operand, &ufunx::generalized::Places)| {
        let mut side_by_side = places.is_empty();
        for &place in places {
            let (n, step) = (input.shape[place], input.strides[place]);
            side_by_side |= n < 2 || step == input.dtype.size() as isize;
            if n > 1 && step <= 0 {
                return false;
            }
        }
        side_by_side
    };
    let is_real = dtype.kind() == Kind::Float;
    if has_one {
        return (is_real || steps >= from) && inputs.iter().zip(&axes.places).all(is_packed);
    }
    dtype == DType::F16 && inputs.iter().all(|input| input.shape.len() < 2)
}

/// `axes=`, `axis=` and `keepdims=`, where they are plain.
fn core_options(def: &UfuncDef, normal: &NormalArguments<'_, '_>) -> Result<CoreOptions, Reason> {
    let mut options = CoreOptions::default();
    for &(keyword, value) in &normal.keywords {
        match keyword {
            Keyword::Axis => options.axis = Some(integer(value).ok_or(Reason::Keyword)?),
            // NumPy refuses it, even false, where it could not be.
            Keyword::Keepdims if !keeps_dims(def) => return Err(Reason::Keyword),
            Keyword::Keepdims if is_true(value) => options.keepdims = true,
            Keyword::Keepdims if is_false(value) => {}
            Keyword::Keepdims => return Err(Reason::Keyword),
            Keyword::Axes => options.axes = Some(lists_of_axes(value).ok_or(Reason::Keyword)?),
            _ => {}
        }
    }
    Ok(options)
}

/// Whether `keepdims` means something: inputs have equally many core axes, and outputs none.
fn keeps_dims(def: &UfuncDef) -> bool {
    def.core_signature().is_some_and(|core| {
        let first = core.operands[0].len();
        core.inputs().iter().all(|axes| axes.len() == first) && core.outputs().iter().all(Vec::is_empty)
    })
}

fn lists_of_axes(value: Object<'_, '_>) -> Option<Vec<Vec<isize>>> {
    if !value.is_exact_instance_of::<PyList>() {
        return None;
    }
    let axes = |entry: Bound<'_, PyAny>| match exact_tuple(entry.as_borrowed()) {
        Some(tuple) => entries(tuple).map(integer).collect::<Option<Vec<_>>>(),
        None => integer(entry.as_borrowed()).map(|axis| vec![axis]),
    };
    value.cast::<PyList>().ok()?.iter().map(axes).collect()
}

/// Makes the outputs that were not given, runs the loop, and reports.
///
/// # Safety
/// What was read and prepared is memory of live objects, and nobody's code has run since.
unsafe fn execute<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    outputs: &Outputs<'_, 'py>,
    prepared: PreparedCore<'_>,
) -> PyResult<Results<'py>> {
    let given = |o: &Option<(Object<'_, 'py>, Operand)>| o.as_ref().map(|&(object, _)| object.to_owned());
    let mut results: SmallVec<[Option<Bound<'py, PyAny>>; 1]> = outputs.iter().map(given).collect();
    // SAFETY: the caller's promise; outputs are referenced by `results`.
    let report = unsafe {
        let planned = prepared.plan(|i, dtype, shape, strides| {
            let (array, data) = np.new_array(py, dtype, shape, Some(strides))?;
            results[i] = Some(array);
            Ok::<_, Raised>(data)
        })?;
        gil::around(py, planned.l, planned.steps(), || planned.run())
    };
    ufunc.report(py, np, ufunc.own_name(), report.flags | report.cast)?;
    let made = |result: Option<_>| result.unwrap_or_else(|| unreachable!("a planned call has every output"));
    Ok(results.into_iter().map(made).collect())
}
