//! The general way of a call over core axes: parse → resolve → core axes → make outputs → execute → report flags → wrap.
//! Floats of real size are left to NumPy's matrix library, which is faster, and nothing has been written by then.

use super::call::{Cells, resolve_call, wrapped};
use crate::arguments::normal::NormalArguments;
use crate::arguments::parse::{Outputs, Parsed, Reason, given, parse};
use crate::python::gil;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, entries, exact_tuple, is_false, is_true};
use crate::results::fresh::{Results, Targets};
use crate::results::scalar::scalar;
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use pyo3::types::PyList;
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::cast::can_raise;
use ufunx::dispatch::arguments::Keyword;
use ufunx::generalized::{CoreOptions, PlainCore, PreparedCore};
use ufunx::operand::Operand;
use ufunx::registry::{Kind, LoopDef, UfuncDef};
use ufunx::tuning::CORE_STEPS;

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
    /// NumPy's matrix library's.
    Library,
    /// There is more to it; nothing was done.
    Other,
}

/// The call on exact arrays of one dtype that have nothing but core axes.
pub fn core_of_arrays<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    objects: &[Object<'_, 'py>],
) -> OfArrays<'py> {
    let Some(def) = ufunc.def.filter(|def| objects.len() == def.nin()) else { return OfArrays::Other };
    let mut operands: SmallVec<[Operand; 2]> = SmallVec::new();
    for &object in objects {
        let Some(array) = np.exact_array(object) else { return OfArrays::Other };
        let Some(dtype) = array.dtype(np) else { return OfArrays::Other };
        operands.push(array.operand(dtype));
    }
    // Of one dtype none is promoted, NumPy's or not.
    let dtypes: SmallVec<[DType; 2]> = operands.iter().map(|o| o.dtype).collect();
    let Some(l) = def.loop_for(&dtypes) else { return OfArrays::Other };
    let Some(mut plain) = PlainCore::new(def, l, &operands) else { return OfArrays::Other };
    let all = (0..operands.len()).map(|i| (&operands[i], 0..operands[i].shape.len()));
    if is_library_work(def, l, plain.work()) && all.into_iter().all(|(o, axes)| is_packed(o, axes)) {
        return OfArrays::Library;
    }
    OfArrays::Done(run_plain(py, np, ufunc, l, &mut plain))
}

fn run_plain<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    l: &'static LoopDef,
    plain: &mut PlainCore<'_>,
) -> Returned<'py> {
    let dtype = l.outputs[0];
    let work = plain.work() / CORE_STEPS;
    // SAFETY: the arrays, as they were read just now; new memory, or a cell with room for an element of any dtype.
    unsafe {
        if plain.shape.is_empty() {
            let mut cell = [0u128];
            let target: *mut u8 = cell.as_mut_ptr().cast();
            let flags = gil::around(py, l, work, || plain.run(target));
            ufunc.report(py, np, ufunc.own_name(), flags)?;
            return scalar(py, np, dtype, target);
        }
        let (array, target) = np.new_array(py, dtype, &plain.shape, None)?;
        let flags = gil::around(py, l, work, || plain.run(target));
        ufunc.report(py, np, ufunc.own_name(), flags)?;
        Ok(array)
    }
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

/// Whether a call is for NumPy's matrix library: floats, enough of them, and in an order that it takes as it is.
fn is_numpys_library(def: &UfuncDef, l: &LoopDef, inputs: &[&Operand], prepared: &PreparedCore<'_>) -> bool {
    let axes = prepared.axes();
    let steps = axes.lengths.iter().fold(1usize, |steps, &n| steps.saturating_mul(n));
    let mut inputs = inputs.iter().zip(&axes.places);
    is_library_work(def, l, steps) && inputs.all(|(input, places)| is_packed(input, places.iter().copied()))
}

/// Whether it has products of such floats, and enough of them.
fn is_library_work(def: &UfuncDef, l: &LoopDef, steps: usize) -> bool {
    let dtype = l.outputs[0];
    let has_one = matches!(dtype.kind(), Kind::Float | Kind::Complex) && !dtype.is_narrow_float();
    has_one && def.numpys_from.is_some_and(|from| steps >= from)
}

/// Whether elements lie side by side along one of those axes, and none is walked backwards or stands still.
fn is_packed(input: &Operand, mut axes: impl Iterator<Item = usize>) -> bool {
    let mut side_by_side = input.shape.is_empty();
    let forwards = axes.all(|axis| {
        let (n, step) = (input.shape[axis], input.strides[axis]);
        side_by_side |= n < 2 || step == input.dtype.size() as isize;
        n < 2 || step > 0
    });
    forwards && side_by_side
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
    let mut targets = Targets::of(outputs);
    // SAFETY: the caller's promise; outputs are referenced by `targets`.
    let report = unsafe {
        let planned =
            prepared.plan(|i, dtype, shape, strides| targets.make(py, np, i, (dtype, shape, strides)))?;
        gil::around(py, planned.l, planned.steps(), || planned.run())
    };
    ufunc.report(py, np, ufunc.own_name(), report.flags | report.cast)?;
    Ok(targets.all())
}
