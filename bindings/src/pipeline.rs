//! The order of a call, and nothing else: short way → override? → foreign operands as arrays → ours, or NumPy's → results
//! to the library of the operand that wins.

use crate::arguments::normal::{NormalArguments, normal_form};
use crate::arguments::parse::Reason;
use crate::arguments::passed::Arguments;
use crate::foreign::{self, Translated};
use crate::numpys::twin::call_twin;
use crate::overrides::ask::{Plain, ask, ask_plainly};
use crate::python::entry::{attached, count_native};
use crate::python::numpy_api::NumPy;
use crate::run::at::{native_at, short_at};
use crate::run::call::{native_call, native_read};
use crate::run::outer::native_outer;
use crate::run::reduce::native_reduce;
use crate::run::scans::{native_accumulate, native_reduceat};
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::Method;

/// What a call returns.
type Answer<'py> = PyResult<Bound<'py, PyAny>>;

/// A ufunc, and the object that was called: ours or NumPy's.
#[derive(Clone, Copy)]
pub struct Called<'a> {
    /// What is behind it.
    pub ufunc: &'a Ufunc,
    /// The object.
    pub face: *mut ffi::PyObject,
}

/// Calls the ufunc, whose short way for arrays and numbers did not take the arguments, but read as much of them.
///
/// # Safety
/// Live arguments.
pub unsafe fn call<'py>(
    py: Python<'py>,
    called: Called<'_>,
    arguments: &Arguments<'_>,
    read: &Read<'_>,
) -> Answer<'py> {
    let (np, ufunc, inputs) = (NumPy::get(py), called.ufunc, arguments.positional);
    // Exact arrays and numbers: nobody is asked, nothing is wrapped.
    if read.l.is_some()
        // SAFETY: live arguments.
        && let Some(result) = attached(py, || unsafe { native_read(py, np, ufunc, read) })
    {
        count_native();
        return result;
    }
    let plain = arguments.keywords.is_empty() && inputs.len() == ufunc.target.nin;
    let mut asked = Plain::General;
    // SAFETY: live arguments.
    unsafe {
        if plain {
            if called.is_ours(np) && foreign::are_arrays(py, np, inputs) {
                if let Some(result) = foreign::call_shortly(py, np, ufunc, inputs)? {
                    count_native();
                    return Ok(result);
                }
                return attached(py, || {
                    let translated = Translated::of_inputs(py, np, inputs)?;
                    translate_or_run(py, np, called, Method::Call, arguments, translated)
                });
            }
            if let Some(result) = short::call::call_subclasses(py, np, ufunc, inputs)? {
                count_native();
                return Ok(result);
            }
            asked = ask_plainly(py, np, ufunc, called.face, inputs)?;
        }
        match asked {
            Plain::Answer(answer) => Ok(answer),
            asked => attached(py, || general(py, np, called, Method::Call, arguments, asked)),
        }
    }
}

/// Calls a method of the ufunc.
///
/// # Safety
/// Live arguments.
pub unsafe fn method<'py>(
    py: Python<'py>,
    called: Called<'_>,
    method: Method,
    arguments: &Arguments<'_>,
) -> Answer<'py> {
    let np = NumPy::get(py);
    // SAFETY: live arguments.
    unsafe {
        if let Some(result) = short_way(py, np, called.ufunc, method, arguments) {
            count_native();
            return result;
        }
        attached(py, || general(py, np, called, method, arguments, Plain::General))
    }
}

/// Runs `reduce` or `accumulate` on our kernels, or returns `None` having done nothing.
///
/// # Safety
/// Live arguments, which no override could take over.
pub unsafe fn run_plain<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> Option<Answer<'py>> {
    // SAFETY: live arguments.
    let general = || unsafe {
        let normal = normal_form(np, ufunc, method, arguments).ok()?;
        let native = if method == Method::Reduce { native_reduce } else { native_accumulate };
        native(py, np, ufunc, &normal).ok()
    };
    // SAFETY: live arguments.
    let short = unsafe { short_way(py, np, ufunc, method, arguments) };
    let result = short.or_else(|| attached(py, general))?;
    count_native();
    Some(result)
}

impl Called<'_> {
    /// Whether the object is ours. NumPy's own keep NumPy's answers on foreign arrays.
    pub fn is_ours(&self, np: &NumPy) -> bool {
        // SAFETY: a live object.
        unsafe { ffi::Py_TYPE(self.face).cast() != np.ufunc_type }
    }
}

/// The short way of a method: exact arrays, and little else said.
unsafe fn short_way<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> Option<Answer<'py>> {
    // SAFETY: live arguments.
    unsafe {
        match method {
            Method::Call => {
                let cells = Cells::new();
                short::call::call(py, ufunc, arguments, &mut Read::new(&cells)).transpose()
            }
            Method::At => short_at(py, np, ufunc, arguments),
            Method::Reduce | Method::Accumulate => short::folds::call(py, np, ufunc, method, arguments),
            Method::Reduceat | Method::Outer => None,
        }
    }
}

/// What no short way took. `asked` says whether operands with overrides were looked for already.
unsafe fn general<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_>,
    method: Method,
    arguments: &Arguments<'_>,
    asked: Plain<'py>,
) -> Answer<'py> {
    // SAFETY: live arguments.
    unsafe {
        let Ok(normal) = normal_form(np, called.ufunc, method, arguments) else {
            return call_twin(py, np, called.ufunc, method, arguments);
        };
        if let Plain::General = asked
            && let Some(answer) = ask(py, np, called.ufunc, called.face, method, &normal)?
        {
            return Ok(answer);
        }
        if called.is_ours(np) {
            let translated = Translated::new(py, np, method, arguments, &normal)?;
            if translated.is_some() {
                return translate_or_run(py, np, called, method, arguments, translated);
            }
        }
        run(py, np, called, method, arguments, &normal)
    }
}

/// Runs the call with arrays in place of its foreign operands, and gives the results away; or as it is, if there are none.
unsafe fn translate_or_run<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_>,
    method: Method,
    arguments: &Arguments<'_>,
    translated: Option<Translated<'py>>,
) -> Answer<'py> {
    // SAFETY: live arguments; what replaces them is kept by `translated`.
    let on_arrays = |arguments: &Arguments<'_>| unsafe {
        if let Some(result) = short_way(py, np, called.ufunc, method, arguments) {
            count_native();
            return result;
        }
        match normal_form(np, called.ufunc, method, arguments) {
            Ok(normal) => run(py, np, called, method, arguments, &normal),
            Err(_) => call_twin(py, np, called.ufunc, method, arguments),
        }
    };
    match translated {
        // SAFETY: the arguments it was made of live.
        Some(translated) => unsafe { translated.run(py, np, on_arrays) },
        None => on_arrays(arguments),
    }
}

/// On our kernels, or NumPy's; nobody is asked any more.
unsafe fn run<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_>,
    method: Method,
    arguments: &Arguments<'_>,
    normal: &NormalArguments,
) -> Answer<'py> {
    let Called { ufunc, face } = called;
    // SAFETY: live arguments.
    unsafe {
        let native: Result<Answer<'py>, Reason> = match method {
            Method::Call => native_call(py, np, ufunc, face, normal),
            Method::Outer => native_outer(py, np, ufunc, face, normal),
            Method::Reduce => native_reduce(py, np, ufunc, normal),
            Method::Accumulate => native_accumulate(py, np, ufunc, normal),
            Method::Reduceat => native_reduceat(py, np, ufunc, normal),
            Method::At => native_at(py, np, ufunc, normal),
        };
        match native {
            Ok(result) => {
                count_native();
                result
            }
            Err(_reason) => call_twin(py, np, ufunc, method, arguments),
        }
    }
}
