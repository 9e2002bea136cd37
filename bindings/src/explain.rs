//! `explain`: which way a call would take, without taking it.

use crate::args::Reason;
use crate::call::{Way, prepare};
use crate::inplace;
use crate::numpy_api::NumPy;
use crate::object::{self, Arguments};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

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
    let target = object::of(py, ufunc)?.or_else(|| inplace::of_twin(py, ufunc.as_ptr()));
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
    match unsafe { prepare(py, NumPy::get(py), target, ufunc.as_ptr(), &arguments) } {
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
