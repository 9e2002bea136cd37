//! `explain`: which way a call would take, without taking it.

use crate::arguments::normal::normal_form;
use crate::arguments::parse::{Parsed, Reason};
use crate::arguments::passed::Arguments;
use crate::foreign::Translated;
use crate::numpys::stock;
use crate::overrides::ask;
use crate::pipeline::Called;
use crate::python::numpy_api::NumPy;
use crate::python::threads;
use crate::run::call::settle;
use crate::run::early::Early;
use crate::ufunc::record;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ufunx::Isa;
use ufunx::call::Prepared;
use ufunx::dispatch::arguments::Method;
use ufunx::exec::worth_threads;
use ufunx::plan::Access;

/// Say how `ufunc(*args, **kwargs)` would run: on which path and why, by which loop, at which ISA level, over which
/// merged axes, how each operand is read or written, on how many threads. For a ufunc of NumPy's it is what in-place mode
/// makes of the call.
///
/// >>> import numpy, ufunx
/// >>> plan = ufunx.explain(ufunx.exp, numpy.ones((3, 4), "f4"))
/// >>> plan["path"], plan["loop"], plan["axes"]
/// ('native', 'f->f', (12,))
/// >>> ufunx.explain(ufunx.add, numpy.array([None]), 1)["path"]
/// 'numpy'
#[pyfunction]
#[pyo3(signature = (ufunc, /, *args, **kwargs))]
pub fn explain<'py>(
    py: Python<'py>,
    ufunc: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let target = record::of(ufunc).or_else(|| stock::of_twin(py, ufunc.as_ptr()));
    let target = target
        .ok_or_else(|| PyTypeError::new_err("explain takes a ufunc of ufunx, or a public one of NumPy"))?;
    let names = PyTuple::new(py, kwargs.iter().flat_map(|k| k.keys().iter()).collect::<Vec<_>>())?;
    let values = kwargs.iter().flat_map(|k| k.values().iter()).collect::<Vec<_>>();
    let objects: Vec<_> = args.iter().chain(values).collect();
    let pointers: Vec<_> = objects.iter().map(Bound::as_ptr).collect();
    let names_ptr = if names.is_empty() { std::ptr::null_mut() } else { names.as_ptr() };
    // SAFETY: `objects` holds every argument; positional ones come first.
    let arguments = unsafe { Arguments::new(pointers.as_ptr(), args.len(), names_ptr) };
    let answer = PyDict::new(py);
    // SAFETY: live arguments.
    match unsafe { prepare(py, NumPy::get(py), Called { ufunc: target, face: ufunc.as_ptr() }, &arguments) } {
        Err(reason) => {
            let path = match reason {
                Reason::Override => "override",
                Reason::Unreadable => "refused",
                _ => "numpy",
            };
            answer.set_item("path", path)?;
            answer.set_item("reason", reason.text())?;
        }
        Ok(Way { signature, isa, shape, operands, threads }) => {
            answer.set_item("path", "native")?;
            answer.set_item("loop", signature)?;
            answer.set_item("isa", isa.name())?;
            answer.set_item("axes", PyTuple::new(py, shape)?)?;
            answer.set_item("operands", PyTuple::new(py, operands)?)?;
            answer.set_item("threads", threads)?;
        }
    }
    Ok(answer)
}

/// The way a call takes on our loops, in words.
struct Way {
    signature: String,
    isa: Isa,
    shape: Vec<usize>,
    operands: Vec<&'static str>,
    threads: usize,
}

/// What the call would do.
///
/// # Safety
/// Live arguments.
unsafe fn prepare(
    py: Python<'_>,
    np: &NumPy,
    called: Called<'_>,
    arguments: &Arguments<'_>,
) -> Result<Way, Reason> {
    // SAFETY: live arguments.
    let ufunc = called.ufunc;
    // SAFETY: live arguments.
    let normal = unsafe { normal_form(np, ufunc, Method::Call, arguments) };
    // SAFETY: live arguments.
    if normal.as_ref().is_ok_and(|normal| unsafe { ask::any(py, np, Method::Call, normal) }) {
        return Err(Reason::Override);
    }
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    let normal = normal.map_err(|_| Reason::Arguments)?;
    // NumPy's own objects keep NumPy's answers.
    // SAFETY: live arguments; what is replaced is kept.
    unsafe {
        if called.is_ours(np) {
            let translated = Translated::new(py, np, Method::Call, arguments, &normal);
            if let Some(translated) = translated.map_err(|_| Reason::Unreadable)? {
                return prepare(py, np, called, &translated.arguments());
            }
        }
    }
    let look = |_: &Parsed, _: &Early, prepared: Prepared<'_>| {
        // The plan is only looked at, so an aligned address that is nothing's will do.
        let nowhere = std::ptr::without_provenance_mut(64);
        let planned = prepared.plan(|_, _, _, _| Ok::<_, ufunx::Error>(nowhere));
        let Ok(planned) = planned else { return Err(Reason::Layout) };
        let plan = &planned.plan;
        let operands = plan.args.iter().map(|arg| match arg.access {
            Access::Direct if arg.is_constant() && plan.total > 1 => "repeated",
            Access::Direct => "in place",
            Access::Staged => "by blocks",
            Access::Streamed => "past the caches",
        });
        Ok(Way {
            signature: plan.l.to_string(),
            isa: plan.l.code.kernels().block.level_at(ufunx::current_isa()),
            shape: plan.shape.to_vec(),
            operands: operands.collect(),
            threads: threads::in_context(py, plan.total, || worth_threads(plan)),
        })
    };
    // SAFETY: live arguments.
    unsafe { settle(py, np, def, &normal, |_, _, _| None, look) }.flatten()
}
