//! A call with foreign operands as a call with arrays: every operand that is no array of NumPy's is replaced by one over
//! its memory, the call runs, and its results go to the library of the operand that wins.

use super::abi::ExchangeApi;
use super::array;
use super::class::{Class, class_of};
use super::give::{self, Winner};
use super::minis::stood_for;
use super::replace::Replaced;
use super::short::Head;
use super::view::{lend, view};
use crate::fast;
use crate::methods;
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc, attached, count_native};
use crate::overrides::NormalArguments;
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::cell::RefCell;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::dispatch::wrap::DEFAULT_PRIORITY;

/// Foreign objects and the arrays over their memory.
type Views<'py> = SmallVec<[(*mut ffi::PyObject, Bound<'py, PyAny>); 4]>;

/// Calls with this many inputs at most have a short way.
const MOST_INPUTS: usize = 3;

/// A call of nothing but inputs, foreign ones among them and no object with an override; `None` for any other, which goes
/// by [`Translated`].
///
/// # Safety
/// Live arguments.
#[inline]
pub unsafe fn call_plainly(
    py: Python<'_>,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    arguments: &Arguments<'_>,
) -> Option<PyResult<*mut ffi::PyObject>> {
    let (np, inputs) = (NumPy::get(py), arguments.positional);
    // SAFETY: live objects.
    let foreign = |&object: &*mut ffi::PyObject| unsafe { !matches!(class_of(py, np, object), Class::Plain) };
    if !arguments.keywords.is_empty() || inputs.len() != ufunc.target.nin || !inputs.iter().any(foreign) {
        return None;
    }
    // SAFETY: live arguments.
    unsafe { call_shortly(py, np, ufunc, inputs).or_else(|| call_on_views(py, np, ufunc, face, inputs)) }
}

/// A small call in which some inputs have the C exchange API and the others are plain; `None` for any other.
unsafe fn call_shortly(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    inputs: &[*mut ffi::PyObject],
) -> Option<PyResult<*mut ffi::PyObject>> {
    if inputs.len() > MOST_INPUTS {
        return None;
    }
    let mut winner: Option<(f64, Option<&ExchangeApi>)> = None;
    let mut heads = [const { Head::EMPTY }; MOST_INPUTS];
    let mut arrays = [std::ptr::null_mut(); MOST_INPUTS];
    // SAFETY: live objects; the heads are where they are until the call is over.
    unsafe {
        for (i, (&object, head)) in inputs.iter().zip(&mut heads).enumerate() {
            arrays[i] = object;
            if let Some(before) = inputs[..i].iter().position(|&known| known == object) {
                arrays[i] = arrays[before];
                continue;
            }
            match class_of(py, np, object) {
                Class::Exchange(exchange) => {
                    if winner.is_none_or(|(most, _)| exchange.priority > most) {
                        winner = Some((exchange.priority, Some(exchange.api)));
                    }
                    // An error is raised again, after other operands had their say.
                    let object = Bound::from_borrowed_ptr(py, object);
                    arrays[i] = lend(np, &object, exchange, head).ok()??.cast();
                }
                Class::Plain if np.is_exact_array(object) => {
                    winner = winner.or(Some((DEFAULT_PRIORITY, None)));
                }
                Class::Plain if is_value(np, object) => {}
                _ => return None,
            }
        }
        let (_, api) = winner?;
        let api = api?;
        let made = fast::call_for_block(py, np, ufunc, &arrays[..inputs.len()]).transpose()?;
        count_native();
        Some(made.and_then(|block| give::to_object(py, api, block.into_tensor())))
    }
}

/// A call in which all inputs are arrays, foreign ones among them, or numbers; `None` for any other.
unsafe fn call_on_views(
    py: Python<'_>,
    np: &NumPy,
    ufunc: &Ufunc,
    face: *mut ffi::PyObject,
    inputs: &[*mut ffi::PyObject],
) -> Option<PyResult<*mut ffi::PyObject>> {
    for &object in inputs {
        // SAFETY: live objects.
        let known = unsafe {
            !matches!(class_of(py, np, object), Class::Plain)
                || np.is_exact_array(object)
                || is_value(np, object)
        };
        if !known {
            return None;
        }
    }
    // SAFETY: live objects.
    Some(attached(|py| unsafe {
        let mut views: SmallVec<[Bound<'_, PyAny>; MOST_INPUTS]> = SmallVec::new();
        let mut arrays: SmallVec<[*mut ffi::PyObject; MOST_INPUTS]> = inputs.into();
        for (i, &object) in inputs.iter().enumerate() {
            if let Some(before) = inputs[..i].iter().position(|&known| known == object) {
                arrays[i] = arrays[before];
            } else if let Some(array) = view(py, np, object)? {
                arrays[i] = array.as_ptr();
                views.push(array);
            }
        }
        let winner = Winner::among(py, np, Method::Call, inputs)?;
        let arguments = Arguments { positional: &arrays, keywords: &[], names: std::ptr::null_mut() };
        let result = for_winner(np, &winner, || match fast::call(py, ufunc, &arguments).transpose() {
            Some(result) => {
                count_native();
                result
            }
            None => methods::call(py, ufunc, face, Method::Call, &arguments),
        })?;
        give::all(py, np, &winner, Bound::from_owned_ptr(py, result))
    }))
}

/// Runs `f` so that its new arrays are as the winner takes them.
fn for_winner<R>(np: &NumPy, winner: &Winner, f: impl FnOnce() -> R) -> R {
    if let Winner::Library(_) = winner { np.aligned(f) } else { f() }
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
pub unsafe fn function_on_views(
    py: Python<'_>,
    np: &NumPy,
    relevant: &[*mut ffi::PyObject],
    arguments: &Arguments<'_>,
    call: impl FnOnce(&Arguments<'_>) -> PyResult<*mut ffi::PyObject>,
) -> PyResult<*mut ffi::PyObject> {
    let views: RefCell<Views<'_>> = RefCell::default();
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
        let result = Bound::from_owned_ptr(py, call(&replaced.arguments())?);
        match views.borrow().iter().find(|(_, array)| array.is(&result)) {
            Some((object, _)) => Ok(ffi::Py_NewRef(*object)),
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
        let mut views: Views<'py> = SmallVec::new();
        let outputs: SmallVec<[_; 1]> = normal.outputs.iter().flatten().copied().collect();
        let read = normal.inputs.iter().copied().chain(normal.get(Keyword::Where));
        // What NumPy reads as an array it does not take for an output.
        // SAFETY: live objects.
        let written =
            outputs.iter().copied().filter(|&o| unsafe { !matches!(class_of(py, np, o), Class::Protocol) });
        for object in read.chain(written) {
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
        unsafe {
            let replaced = Replaced::new(py, arguments, by)?;
            let winner = Winner::among(py, np, method, &normal.inputs)?;
            Ok(Some(Translated { replaced, outputs, winner }))
        }
    }

    /// The call as it is run.
    pub fn arguments(&self) -> Arguments<'_> {
        self.replaced.arguments()
    }

    /// Runs the call and gives its results away.
    ///
    /// # Safety
    /// As for [`Translated::new`], whose arguments still live.
    pub unsafe fn call(
        &self,
        py: Python<'py>,
        np: &NumPy,
        ufunc: &Ufunc,
        face: *mut ffi::PyObject,
        method: Method,
    ) -> PyResult<*mut ffi::PyObject> {
        // SAFETY: live objects, which `replaced` keeps.
        unsafe {
            let arguments = self.replaced.arguments();
            let result = for_winner(np, &self.winner, || methods::call(py, ufunc, face, method, &arguments))?;
            give::given_or(py, np, &self.winner, &self.outputs, Bound::from_owned_ptr(py, result))
        }
    }
}
