//! `explain`: which way a call would take, without taking it.

use crate::arguments::convert::Converted;
use crate::arguments::normal::normal_form;
use crate::arguments::parse::{Parsed, Reason};
use crate::arguments::passed::Arguments;
use crate::foreign::Translated;
use crate::numpys::stock;
use crate::overrides::ask;
use crate::pipeline::Called;
use crate::python::heap_type::This;
use crate::python::numpy_api::NumPy;
use crate::python::threads;
use crate::run::call::settle;
use crate::run::core::settle_core;
use crate::run::early::Early;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ufunx::Isa;
use ufunx::call::Prepared;
use ufunx::dispatch::arguments::Method;
use ufunx::exec::worth_threads;
use ufunx::generalized::{self, PreparedCore};
use ufunx::plan::Access;
use ufunx::registry::Code;

/// The facts of `ufunx.explain`, which says what they are and has them as text too.
#[pyfunction]
#[pyo3(signature = (ufunc, /, *args, **kwargs))]
pub fn explain<'py>(
    py: Python<'py>,
    ufunc: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let face = ufunc.as_borrowed();
    let target = This::<Ufunc>::of(face).or_else(|| stock::of_twin(face));
    let target = target
        .ok_or_else(|| PyTypeError::new_err("explain takes a ufunc of ufunx, or a public one of NumPy"))?;
    let named: Vec<_> = kwargs.into_iter().flatten().collect();
    let names = PyTuple::new(py, named.iter().map(|(name, _)| name))?;
    let positional: Vec<_> = args.as_slice().iter().map(Bound::as_borrowed).collect();
    let keywords: Vec<_> = named.iter().map(|(_, value)| value.as_borrowed()).collect();
    let arguments = Arguments::with_names(&positional, &keywords, names.as_borrowed());
    let answer = PyDict::new(py);
    if let Some(program) = target.behind.program() {
        answer.set_item("program", program.definition().to_string())?;
    }
    match prepare(py, NumPy::get(py), Called { ufunc: target.behind, face }, &arguments) {
        Err(reason) => {
            let path = match reason {
                Reason::Override => "override",
                Reason::Unreadable => "refused",
                _ => "numpy",
            };
            answer.set_item("path", path)?;
            answer.set_item("reason", reason.text())?;
        }
        Ok(Explained { signature, isa, shape, operands, threads }) => {
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
struct Explained {
    signature: String,
    isa: Isa,
    shape: Vec<usize>,
    operands: Vec<&'static str>,
    threads: usize,
}

/// What the call would do.
fn prepare<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_, 'py>,
    arguments: &Arguments<'_, 'py>,
) -> Result<Explained, Reason> {
    let ufunc = called.ufunc;
    let normal = normal_form(py, np, ufunc, Method::Call, arguments);
    if normal.as_ref().is_ok_and(|normal| ask::any(np, Method::Call, normal)) {
        return Err(Reason::Override);
    }
    let def = ufunc.def.ok_or(Reason::NoUfunc)?;
    let normal = normal.map_err(|_| Reason::Arguments)?;
    // NumPy's own objects keep NumPy's answers.
    if called.is_ours(np) {
        let translated = Translated::new(np, Method::Call, arguments, &normal);
        if let Some(translated) = translated.map_err(|_| Reason::Unreadable)? {
            return translated.with(|arguments| prepare(py, np, called, arguments));
        }
    }
    let look = |_: &Parsed<'_, '_>, _: &Early, prepared: Prepared<'_>| {
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
        Ok(Explained {
            signature: plan.l.to_string(),
            isa: match &plan.l.code {
                Code::Kernels(kernels) => kernels.block.level_at(ufunx::current_isa()),
                Code::Object(_) => ufunx::current_isa(),
            },
            shape: plan.shape.to_vec(),
            operands: operands.collect(),
            threads: threads::in_context(py, plan.total, || worth_threads(plan)),
        })
    };
    let converted = Converted::new(np, ufunc, Method::Call, &normal).map_err(|_| Reason::Arguments)?;
    if def.core.is_some() {
        let look = |_: &Parsed<'_, '_>, prepared: PreparedCore<'_>| look_at_core(py, prepared);
        let settled = match &converted {
            None => settle_core(np, def, &normal, look),
            Some(converted) => settle_core(np, def, &converted.normal(&normal), look),
        };
        return settled.flatten();
    }
    let settled = match &converted {
        None => settle(np, def, &normal, |_, _, _| None, look),
        Some(converted) => settle(np, def, &converted.normal(&normal), |_, _, _| None, look),
    };
    settled.flatten()
}

/// What a call over core axes would do.
fn look_at_core(py: Python<'_>, prepared: PreparedCore<'_>) -> Result<Explained, Reason> {
    let nowhere = std::ptr::without_provenance_mut(64);
    // SAFETY: the arguments' memory, as it was read just now; what is made is only looked at.
    let planned = unsafe { prepared.plan(|_, _, _, _| Ok::<_, ufunx::Error>(nowhere)) };
    let plan = planned.map_err(|_| Reason::Layout)?;
    Ok(Explained {
        signature: plan.l.to_string(),
        isa: plan.l.code.kernels().core.level_at(ufunx::current_isa()),
        shape: plan.loops.to_vec(),
        operands: plan.copied.iter().map(|&copied| if copied { "as a copy" } else { "in place" }).collect(),
        threads: threads::in_context(py, plan.steps(), || generalized::worth_threads(&plan)),
    })
}
