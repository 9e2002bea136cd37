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
use crate::python::array_ref::stood_for;
use crate::python::number::{is_float, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex};
use smallvec::SmallVec;
use std::cell::RefCell;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::dispatch::wrap::DEFAULT_PRIORITY;
use ufunx::short::MOST_INPUTS;
use ufunx::short::head::Head;

/// Foreign objects and the arrays over their memory.
type Views<'a, 'py> = SmallVec<[(Object<'a, 'py>, Bound<'py, PyAny>); 4]>;

/// Whether all inputs are arrays or numbers, foreign arrays among them: no object with an override, and none that is NumPy's
/// to look at.
#[inline]
pub fn are_arrays(np: &NumPy, inputs: &[Object<'_, '_>]) -> bool {
    let mut any = false;
    inputs.iter().all(|&object| match class_of(np, object) {
        Class::Plain => np.is_exact_array(object) || is_value(np, object),
        _ => {
            any = true;
            true
        }
    }) && any
}

/// A small call in which some inputs have the C exchange API and the others are plain; `None` for any other.
pub fn call_shortly<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    inputs: &[Object<'_, 'py>],
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if inputs.len() != ufunc.short.nin || ufunc.short.nout != 1 {
        return Ok(None); // no loops of ours, or none for short calls
    }
    let mut winner: Option<(f64, Option<&ExchangeApi>)> = None;
    let mut exchanges: [Option<&Exchange>; MOST_INPUTS] = [None; MOST_INPUTS];
    // What may run code of the operands' classes comes first, and what reads memory after it.
    for (i, &object) in inputs.iter().enumerate() {
        match class_of(np, object) {
            Class::Exchange(exchange) => {
                if winner.is_none_or(|(most, _)| exchange.priority > most) {
                    winner = Some((exchange.priority, Some(exchange.api)));
                }
                // SAFETY: the object's class has the API.
                unsafe { check(&object, exchange) }?;
                exchanges[i] = Some(exchange);
            }
            Class::Plain if np.is_exact_array(object) => winner = winner.or(Some((DEFAULT_PRIORITY, None))),
            Class::Plain => {}
            _ => return Ok(None),
        }
    }
    let Some((_, Some(api))) = winner else { return Ok(None) };
    let mut extents: [Extent; MOST_INPUTS] = Default::default();
    let mut lent: [Option<Head<'_>>; MOST_INPUTS] = [None; MOST_INPUTS];
    for (i, extent) in extents[..inputs.len()].iter_mut().enumerate() {
        let Some(exchange) = exchanges[i] else { continue };
        if let Some(before) = inputs[..i].iter().position(|known| known.is(inputs[i])) {
            lent[i] = lent[before];
            continue;
        }
        // SAFETY: the object's class has the API, and its flags were looked at.
        lent[i] = unsafe { lend(&inputs[i], exchange, extent) }?;
        if lent[i].is_none() {
            return Ok(None);
        }
    }
    let cells = Cells::new();
    let mut read = Read::new(&cells);
    // SAFETY: what is lent and read is used at once; the tensor is new, and given away.
    unsafe {
        let Some(l) = read.inputs(np, ufunc, inputs, false, |i| lent[i]) else { return Ok(None) };
        match short::call::run_fresh::<Tensors>(py, np, ufunc, l, &read.heads[..inputs.len()], true)? {
            Some(block) => to_object(py, api, block.into_tensor()).map(Some),
            None => Ok(None),
        }
    }
}

/// Python numbers and NumPy scalars, which never win.
fn is_value(np: &NumPy, object: Object<'_, '_>) -> bool {
    is_float(object)
        || is_int(object)
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyComplex>()
        || np.dtypes.of_scalar(object.get_type_ptr()).is_some()
}

/// A function's call with its foreign arguments as arrays, and its result in the library of those that win; a result that
/// is an argument's array is the argument. `relevant` are the arguments that count.
pub fn function_on_views<'py>(
    py: Python<'py>,
    np: &NumPy,
    relevant: &[Object<'_, 'py>],
    arguments: &Arguments<'_, 'py>,
    call: impl FnOnce(&Arguments<'_, 'py>) -> Returned<'py>,
) -> Returned<'py> {
    let views: RefCell<SmallVec<[[Bound<'py, PyAny>; 2]; 4]>> = RefCell::default();
    let by = |object: Object<'_, 'py>| {
        let array = match class_of(np, object) {
            Class::Plain | Class::Protocol => None,
            _ => view(np, object)?,
        };
        // NumPy's half of a function cannot read a stand-in; `Array` knows which functions can.
        let array = match array {
            Some(mini) if stood_for(np, mini.as_borrowed()).is_some() => Some(array::wrap(py, np, mini)?),
            array => array,
        };
        views.borrow_mut().extend(array.iter().map(|array| [object.to_owned(), array.clone()]));
        Ok(array)
    };
    let replaced = Replaced::new(arguments, by)?;
    let winner = Winner::among(np, Method::Call, relevant)?;
    let result = replaced.with(call)?;
    match views.borrow().iter().find(|[_, array]| array.is(&result)) {
        Some([object, _]) => Ok(object.clone()),
        None => match array::inside(&result) {
            Some(inner) => give::all(py, np, &winner, inner),
            None => give::all(py, np, &winner, result),
        },
    }
}

/// A call whose operands are arrays now.
pub struct Translated<'a, 'py> {
    replaced: Replaced<'a, 'py>,
    /// Given outputs as they were passed.
    outputs: SmallVec<[Object<'a, 'py>; 1]>,
    winner: Winner,
}

impl<'a, 'py> Translated<'a, 'py> {
    /// Replaces what is foreign in arguments that nobody has an `__array_ufunc__` among; `None` if nothing is.
    pub fn new(
        np: &NumPy,
        method: Method,
        arguments: &Arguments<'a, 'py>,
        normal: &NormalArguments<'a, 'py>,
    ) -> PyResult<Option<Translated<'a, 'py>>> {
        let outputs: SmallVec<[_; 1]> = normal.outputs.iter().flatten().copied().collect();
        let read = normal.inputs.iter().copied().chain(normal.get(Keyword::Where));
        // What NumPy reads as an array it does not take for an output.
        let written = outputs.iter().copied().filter(|&o| !matches!(class_of(np, o), Class::Protocol));
        let Some(replaced) = replace(np, arguments, read.chain(written))? else { return Ok(None) };
        let winner = Winner::among(np, method, &normal.inputs)?;
        Ok(Some(Translated { replaced, outputs, winner }))
    }

    /// The same for a call of nothing but inputs.
    pub fn of_inputs(np: &NumPy, inputs: &'a [Object<'a, 'py>]) -> PyResult<Option<Translated<'a, 'py>>> {
        let arguments = Arguments::positional(inputs);
        let Some(replaced) = replace(np, &arguments, inputs.iter().copied())? else { return Ok(None) };
        let winner = Winner::among(np, Method::Call, inputs)?;
        Ok(Some(Translated { replaced, outputs: SmallVec::new(), winner }))
    }

    /// Looks at the call as it is run.
    pub fn with<R>(&self, f: impl FnOnce(&Arguments<'_, 'py>) -> R) -> R {
        self.replaced.with(f)
    }

    /// Runs the call on arrays and gives its results away.
    pub fn run(&self, np: &NumPy, call: impl FnOnce(&Arguments<'_, 'py>) -> Returned<'py>) -> Returned<'py> {
        let result = match self.winner {
            // Some libraries take new memory as it is only where it starts at a cache line.
            Winner::Library(_) => np.aligned(|| self.replaced.with(call)),
            _ => self.replaced.with(call),
        }?;
        give::given_or(np, &self.winner, &self.outputs, result)
    }
}

/// The arguments with arrays over the memory of those `operands` that are foreign; `None` if none is.
fn replace<'a, 'py>(
    np: &NumPy,
    arguments: &Arguments<'a, 'py>,
    operands: impl Iterator<Item = Object<'a, 'py>>,
) -> PyResult<Option<Replaced<'a, 'py>>> {
    let mut views: Views<'a, 'py> = SmallVec::new();
    for object in operands {
        if views.iter().any(|(known, _)| known.is(object)) {
            continue;
        }
        if let Some(array) = view(np, object)? {
            views.push((object, array));
        }
    }
    if views.is_empty() {
        return Ok(None);
    }
    let by = |object: Object<'_, 'py>| {
        Ok(views.iter().find(|(known, _)| known.is(object)).map(|(_, array)| array.clone()))
    };
    Replaced::new(arguments, by).map(Some)
}
