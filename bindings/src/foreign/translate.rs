//! A call with foreign operands as a call with arrays: every operand that is no array of NumPy's is replaced by one over
//! its memory, the call runs, and its results go to the library of the operand that wins.

use super::abi::ExchangeApi;
use super::array;
use super::class::{Class, Exchange, class_of};
use super::exchange::to_object;
use super::give::{self, Winner};
use super::lent::{Extent, Tensors};
use super::view::{check, lend, view};
use crate::arguments::normal::NormalArguments;
use crate::arguments::passed::Arguments;
use crate::arguments::replace::Replaced;
use crate::python::numpy_api::{NumPy, stood_for};
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::cell::RefCell;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::dispatch::wrap::DEFAULT_PRIORITY;
use ufunx::short::MOST_INPUTS;
use ufunx::short::head::Head;

/// Foreign objects and the arrays over their memory.
type Views<'py> = SmallVec<[(*mut ffi::PyObject, Bound<'py, PyAny>); 4]>;

/// Whether all inputs are arrays or numbers, foreign arrays among them: no object with an override, and none that is NumPy's
/// to look at.
///
/// # Safety
/// Live objects.
#[inline]
pub unsafe fn are_arrays(py: Python<'_>, np: &NumPy, inputs: &[*mut ffi::PyObject]) -> bool {
    let mut any = false;
    inputs.iter().all(|&object| {
        // SAFETY: a live object.
        unsafe {
            match class_of(py, np, object) {
                Class::Plain => np.is_exact_array(object) || is_value(np, object),
                _ => {
                    any = true;
                    true
                }
            }
        }
    }) && any
}

/// A small call in which some inputs have the C exchange API and the others are plain; `None` for any other.
///
/// # Safety
/// Live objects.
pub unsafe fn call_shortly<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    inputs: &[*mut ffi::PyObject],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if inputs.len() != ufunc.short.nin || ufunc.short.nout != 1 {
        return Ok(None); // no loops of ours, or none for short calls
    }
    let mut winner: Option<(f64, Option<&ExchangeApi>)> = None;
    let mut exchanges: [Option<&Exchange>; MOST_INPUTS] = [None; MOST_INPUTS];
    let mut extents: [Extent; MOST_INPUTS] = Default::default();
    let mut lent: [Option<Head<'_>>; MOST_INPUTS] = [None; MOST_INPUTS];
    // SAFETY: live objects.
    unsafe {
        // What may run code of the operands' classes comes first, and what reads memory after it.
        for (i, &object) in inputs.iter().enumerate() {
            match class_of(py, np, object) {
                Class::Exchange(exchange) => {
                    if winner.is_none_or(|(most, _)| exchange.priority > most) {
                        winner = Some((exchange.priority, Some(exchange.api)));
                    }
                    check(&Bound::from_borrowed_ptr(py, object), exchange)?;
                    exchanges[i] = Some(exchange);
                }
                Class::Plain if np.is_exact_array(object) => {
                    winner = winner.or(Some((DEFAULT_PRIORITY, None)))
                }
                Class::Plain => {}
                _ => return Ok(None),
            }
        }
        let Some((_, Some(api))) = winner else { return Ok(None) };
        for (i, extent) in extents[..inputs.len()].iter_mut().enumerate() {
            let Some(exchange) = exchanges[i] else { continue };
            if let Some(before) = inputs[..i].iter().position(|&known| known == inputs[i]) {
                lent[i] = lent[before];
                continue;
            }
            lent[i] = lend(&Bound::from_borrowed_ptr(py, inputs[i]), exchange, extent)?;
            if lent[i].is_none() {
                return Ok(None);
            }
        }
        let cells = Cells::new();
        let mut read = Read::new(&cells);
        let Some(l) = read.inputs(py, np, ufunc, inputs, false, |i| lent[i]) else { return Ok(None) };
        match short::call::run_fresh::<Tensors>(py, np, ufunc, l, &read.heads[..inputs.len()], true)? {
            Some(block) => to_object(py, api, block.into_tensor()).map(Some),
            None => Ok(None),
        }
    }
}

/// Python numbers and NumPy scalars, which never win.
unsafe fn is_value(np: &NumPy, object: *mut ffi::PyObject) -> bool {
    // SAFETY: a live object.
    unsafe {
        ffi::PyFloat_CheckExact(object) != 0
            || ffi::PyLong_CheckExact(object) != 0
            || ffi::PyBool_Check(object) != 0
            || ffi::PyComplex_CheckExact(object) != 0
            || np.scalar_dtype(ffi::Py_TYPE(object)).is_some()
    }
}

/// A function's call with its foreign arguments as arrays, and its result in the library of those that win; a result that
/// is an argument's array is the argument. `relevant` are the arguments that count.
///
/// # Safety
/// Live arguments.
pub unsafe fn function_on_views<'py>(
    py: Python<'py>,
    np: &NumPy,
    relevant: &[*mut ffi::PyObject],
    arguments: &Arguments<'_>,
    call: impl FnOnce(&Arguments<'_>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let views: RefCell<Views<'py>> = RefCell::default();
    let by = |object: *mut ffi::PyObject| {
        // SAFETY: a live object.
        let array = unsafe {
            match class_of(py, np, object) {
                Class::Plain | Class::Protocol => None,
                _ => view(py, np, object)?,
            }
        };
        // NumPy's half of a function cannot read a stand-in; `Array` knows which functions can.
        // SAFETY: a live object.
        let is_mini = |array: &Bound<'_, PyAny>| unsafe { stood_for(np, array.as_ptr()) }.is_some();
        let array = match array {
            Some(mini) if is_mini(&mini) => Some(array::wrap(py, np, mini)?),
            array => array,
        };
        views.borrow_mut().extend(array.iter().map(|array| (object, array.clone())));
        Ok(array)
    };
    // SAFETY: live objects, which `replaced` keeps.
    unsafe {
        let replaced = Replaced::new(py, arguments, by)?;
        let winner = Winner::among(py, np, Method::Call, relevant)?;
        let result = call(&replaced.arguments())?;
        match views.borrow().iter().find(|(_, array)| array.is(&result)) {
            Some((object, _)) => Ok(Bound::from_borrowed_ptr(py, *object)),
            None if matches!(class_of(py, np, result.as_ptr()), Class::Array) => {
                give::all(py, np, &winner, array::inner(py, result.as_ptr()))
            }
            None => give::all(py, np, &winner, result),
        }
    }
}

/// A call whose operands are arrays now.
pub struct Translated<'py> {
    replaced: Replaced<'py>,
    /// Given outputs as they were passed.
    outputs: SmallVec<[*mut ffi::PyObject; 1]>,
    winner: Winner,
}

impl<'py> Translated<'py> {
    /// Replaces what is foreign; `None` if nothing is.
    ///
    /// # Safety
    /// Live arguments and their normal form; nobody has an `__array_ufunc__`.
    pub unsafe fn new(
        py: Python<'py>,
        np: &NumPy,
        method: Method,
        arguments: &Arguments<'_>,
        normal: &NormalArguments,
    ) -> PyResult<Option<Translated<'py>>> {
        let outputs: SmallVec<[_; 1]> = normal.outputs.iter().flatten().copied().collect();
        let read = normal.inputs.iter().copied().chain(normal.get(Keyword::Where));
        // What NumPy reads as an array it does not take for an output.
        // SAFETY: live objects.
        let written =
            outputs.iter().copied().filter(|&o| unsafe { !matches!(class_of(py, np, o), Class::Protocol) });
        // SAFETY: live objects.
        unsafe {
            match Translated::replace(py, np, arguments, read.chain(written))? {
                Some(replaced) => {
                    let winner = Winner::among(py, np, method, &normal.inputs)?;
                    Ok(Some(Translated { replaced, outputs, winner }))
                }
                None => Ok(None),
            }
        }
    }

    /// The same for a call of nothing but inputs.
    ///
    /// # Safety
    /// Live objects, none of which has an `__array_ufunc__`.
    pub unsafe fn of_inputs(
        py: Python<'py>,
        np: &NumPy,
        inputs: &[*mut ffi::PyObject],
    ) -> PyResult<Option<Translated<'py>>> {
        let arguments = Arguments { positional: inputs, keywords: &[], names: std::ptr::null_mut() };
        // SAFETY: live objects.
        unsafe {
            match Translated::replace(py, np, &arguments, inputs.iter().copied())? {
                Some(replaced) => {
                    let winner = Winner::among(py, np, Method::Call, inputs)?;
                    Ok(Some(Translated { replaced, outputs: SmallVec::new(), winner }))
                }
                None => Ok(None),
            }
        }
    }

    /// The arguments with arrays over the memory of those `operands` that are foreign; `None` if none is.
    unsafe fn replace(
        py: Python<'py>,
        np: &NumPy,
        arguments: &Arguments<'_>,
        operands: impl Iterator<Item = *mut ffi::PyObject>,
    ) -> PyResult<Option<Replaced<'py>>> {
        let mut views: Views<'py> = SmallVec::new();
        for object in operands {
            if views.iter().any(|(known, _)| *known == object) {
                continue;
            }
            // SAFETY: a live object.
            if let Some(array) = unsafe { view(py, np, object) }? {
                views.push((object, array));
            }
        }
        if views.is_empty() {
            return Ok(None);
        }
        let by = |object: *mut ffi::PyObject| {
            Ok(views.iter().find(|(known, _)| *known == object).map(|(_, array)| array.clone()))
        };
        // SAFETY: live objects.
        unsafe { Replaced::new(py, arguments, by) }.map(Some)
    }

    /// The call as it is run.
    pub fn arguments(&self) -> Arguments<'_> {
        self.replaced.arguments()
    }

    /// Runs the call on arrays and gives its results away.
    ///
    /// # Safety
    /// The arguments it was made of still live.
    pub unsafe fn run(
        &self,
        py: Python<'py>,
        np: &NumPy,
        call: impl FnOnce(&Arguments<'_>) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call = || call(&self.arguments());
        let result = match self.winner {
            // Some libraries take new memory as it is only where it starts at a cache line.
            Winner::Library(_) => np.aligned(call),
            _ => call(),
        }?;
        // SAFETY: the caller's promise.
        unsafe { give::given_or(py, np, &self.winner, &self.outputs, result) }
    }
}
