//! `ufunx._native`: the engine's calls on NumPy arrays.
//!
//! A first, small part: exact ndarrays, NumPy scalars and Python numbers go in, and are read where they lie; NumPy arrays
//! come out, written where they lie. No keyword but `out`, no method but the call, no overrides, no floating-point
//! warnings.

mod array;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ufunx::call::Prepared;
use ufunx::operand::Operand;
use ufunx::registry::{Casting, Request, Typed, resolve};
use ufunx::{Array, DType, Error, Input, Order, View};

/// Calls of fewer elements keep the GIL: giving it up and taking it again would cost more than they do. NumPy's number.
const DETACH_FROM: usize = 500;

/// The ufunx extension module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{call, show_config, table};

    #[pymodule_init]
    fn init(m: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Call the ufunc of this name: one result as an array, several as a tuple.
///
/// `out` is an array, or a tuple of arrays and None, one for each output.
#[pyfunction]
#[pyo3(signature = (name, inputs, out=None))]
fn call<'py>(
    py: Python<'py>,
    name: &str,
    inputs: Vec<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let def = ufunx::ufunc(name).map_err(raise)?.def();
    let (expected, found) = (def.nin(), inputs.len());
    if expected != found {
        return Err(raise(Error::InputCount { ufunc: def.name, expected, found }));
    }
    let ingested: Vec<array::Ingested<'py>> =
        inputs.into_iter().map(array::ingest).collect::<PyResult<_>>()?;
    let mut results = given_outputs(def.name, def.nout(), out)?;
    let outputs = results
        .iter()
        .map(|out| out.as_ref().map(array::writable).transpose())
        .collect::<PyResult<Vec<_>>>()?;

    let types: Vec<Typed> = ingested.iter().map(array::Ingested::typed).collect();
    let out_types: Vec<Option<DType>> = outputs.iter().map(|o| o.as_ref().map(|o| o.dtype)).collect();
    let casting = Casting::default();
    let request = Request { inputs: &types, outputs: &out_types, signature: None, casting };
    let l = resolve(def, &request).map_err(|e| raise(e.into()))?;

    let mut numbers: Vec<Array> = vec![];
    for (one, &dtype) in ingested.iter().zip(l.inputs) {
        if let Input::Scalar(number) = one.input() {
            numbers.push(number.to_array(dtype).map_err(raise)?);
        }
    }
    let numbers: Vec<View<'_>> = numbers.iter().map(Array::view).collect();
    let mut next_number = numbers.iter();
    let operands: Vec<&Operand> = ingested
        .iter()
        .filter_map(|one| match one.input() {
            Input::View(view) => Some(view),
            Input::Scalar(_) => next_number.next(),
        })
        .map(View::operand)
        .collect();
    let given: Vec<Option<&Operand>> = outputs.iter().map(Option::as_ref).collect();
    let prepared = Prepared::new(def, l, &operands, &given, None, Order::K).map_err(raise)?;

    let small = prepared.shape().iter().product::<usize>() < DETACH_FROM;
    let mut made: Vec<(usize, Py<PyAny>)> = vec![];
    let planned = prepared.plan(|index, dtype, shape, strides| {
        let (array, ptr) = array::empty(py, dtype, shape, strides)?;
        made.push((index, array.unbind()));
        Ok::<_, PyErr>(ptr)
    })?;
    // SAFETY: `ingested`, `numbers` and `results` hold the memory until the call is over. That no other Python thread
    // writes it meanwhile is up to the program, as it is with NumPy. What was made is new and held in `made`.
    let run = || unsafe { planned.run() };
    if small {
        run()
    } else {
        py.detach(run)
    };
    for (index, array) in made {
        results[index] = Some(array.into_bound(py));
    }
    let mut results: Vec<_> = results.into_iter().flatten().collect();
    match results.len() {
        1 => Ok(results.remove(0)),
        _ => Ok(PyTuple::new(py, results)?.into_any()),
    }
}

/// `out`, one entry per output.
fn given_outputs<'py>(
    ufunc: &'static str,
    expected: usize,
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
    let Some(out) = out else { return Ok(vec![None; expected]) };
    let given: Vec<Option<Bound<'py, PyAny>>> = match out.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().map(|o| (!o.is_none()).then_some(o)).collect(),
        Err(_) => vec![Some(out)],
    };
    match given.len() {
        found if found == expected => Ok(given),
        found => Err(raise(Error::OutputCount { ufunc, expected, found })),
    }
}

/// The names of all ufuncs, aliases among them, sorted.
#[pyfunction]
fn table() -> Vec<&'static str> {
    let mut names: Vec<_> = ufunx::table()
        .iter()
        .flat_map(|def| std::iter::once(def.name).chain(def.aliases.iter().copied()))
        .collect();
    names.sort_unstable();
    names
}

/// What this build runs with, as a dict: version, isa, detected_isa, num_threads, ufuncs.
#[pyfunction]
fn show_config(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let config = PyDict::new(py);
    config.set_item("version", env!("CARGO_PKG_VERSION"))?;
    config.set_item("isa", ufunx::current_isa().name())?;
    config.set_item("detected_isa", ufunx::detected_isa().name())?;
    config.set_item("num_threads", ufunx::num_threads())?;
    config.set_item("ufuncs", ufunx::table().len())?;
    Ok(config)
}

/// The class of exception that NumPy raises for this.
fn raise(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Resolve(_) | Error::InputCount { .. } => PyTypeError::new_err(message),
        Error::OutOfRange { .. } => PyOverflowError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}
