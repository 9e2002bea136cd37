//! The order of a call, and nothing else: short way → override? → foreign operands as arrays → ours, or NumPy's → results
//! to the library of the operand that wins.

use crate::arguments::convert::{Converted, plain_as_arrays};
use crate::arguments::normal::{NormalArguments, normal_form};
use crate::arguments::numpys::is_numpys;
use crate::arguments::parse::Reason;
use crate::arguments::passed::Arguments;
use crate::foreign::{self, Translated};
use crate::numpys::made::unfused;
use crate::numpys::twin::{call_as_passed, call_twin};
use crate::overrides::ask::{Plain, ask, ask_plainly};
use crate::python::entry::{attached, count_native};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use crate::run::at::{native_at, short_at};
use crate::run::call::{native_call, native_read};
use crate::run::core::{OfArrays, core_of_arrays, native_core};
use crate::run::folded::{self, fold_of};
use crate::run::outer::native_outer;
use crate::run::reduce::native_reduce;
use crate::run::scans::{native_accumulate, native_reduceat};
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use ufunx::dispatch::arguments::Method;

/// A ufunc, and the object that was called: ours or NumPy's.
#[derive(Clone, Copy)]
pub struct Called<'a, 'py> {
    /// What is behind it.
    pub ufunc: &'a Ufunc,
    /// The object.
    pub face: Object<'a, 'py>,
}

/// Calls the ufunc, whose short way for arrays and numbers did not take the arguments, but read as much of them.
///
/// # Safety
/// What was read is there: nobody's code has run since.
pub unsafe fn call_ufunc<'py>(
    py: Python<'py>,
    called: Called<'_, 'py>,
    arguments: &Arguments<'_, 'py>,
    read: &Read<'_, 'py>,
) -> Returned<'py> {
    let (np, ufunc, inputs) = (NumPy::get(py), called.ufunc, arguments.positional);
    // Exact arrays and numbers: nobody is asked, nothing is wrapped. Not in `attached`, which may drop somebody's objects, and so
    // run code of theirs, after the operands were read.
    if read.l.is_some()
        // SAFETY: the caller's promise.
        && let Some(result) = unsafe { native_read(py, np, ufunc, read) }
    {
        count_native();
        return result;
    }
    if ufunc.program().is_some() {
        if let Some(fold) = fold_of(ufunc) {
            return attached(py, || folded::call(py, np, ufunc, fold, arguments));
        }
        // SAFETY: the caller's promise.
        if let Some(result) = unsafe { short::programs::call(py, np, ufunc, arguments) }? {
            count_native();
            return Ok(result);
        }
    }
    if ufunc.target.generalized && arguments.keywords.is_empty() {
        match core_of_arrays(py, np, ufunc, inputs) {
            OfArrays::Done(result) => {
                count_native();
                return result;
            }
            OfArrays::Library => return call_as_passed(py, ufunc, Method::Call, arguments),
            OfArrays::Other => {}
        }
    }
    // (What NumPy alone has dtypes for is no call of its own ufuncs where there is a program: `run` has them called.)
    if ufunc.program().is_none() && is_numpys(np, arguments) {
        return call_as_passed(py, ufunc, Method::Call, arguments);
    }
    if arguments.keywords.is_empty()
        && let Some(result) = short::labelled::call_labelled(py, np, ufunc, inputs)?
    {
        count_native();
        return Ok(result);
    }
    if let Some(result) = short_on_arrays(py, np, ufunc, Method::Call, arguments)? {
        return Ok(result);
    }
    let plain = arguments.keywords.is_empty() && inputs.len() == ufunc.target.nin;
    let mut asked = Plain::General;
    if plain {
        if called.is_ours(np) && foreign::are_arrays(np, inputs) {
            if let Some(result) = foreign::call_shortly(py, np, ufunc, inputs)? {
                count_native();
                return Ok(result);
            }
            return attached(py, || {
                let translated = Translated::of_inputs(np, inputs)?;
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

/// Calls a method of the ufunc.
pub fn call_method<'py>(
    py: Python<'py>,
    called: Called<'_, 'py>,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let np = NumPy::get(py);
    if is_numpys(np, arguments) {
        return call_as_passed(py, called.ufunc, method, arguments);
    }
    if let Some(result) = short_way(py, np, called.ufunc, method, arguments) {
        count_native();
        return result;
    }
    if let Some(result) = short_on_arrays(py, np, called.ufunc, method, arguments)? {
        return Ok(result);
    }
    attached(py, || general(py, np, called, method, arguments, Plain::General))
}

/// Runs `reduce` or `accumulate` of what no override could take over on our kernels, or returns `None` having done nothing.
pub fn run_plain<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Option<Returned<'py>> {
    let general = || {
        let normal = normal_form(py, np, ufunc, method, arguments).ok()?;
        let native = if method == Method::Reduce { native_reduce } else { native_accumulate };
        native(py, np, ufunc, &normal).ok()
    };
    let short = short_way(py, np, ufunc, method, arguments);
    let result = short.or_else(|| attached(py, general))?;
    count_native();
    Some(result)
}

impl Called<'_, '_> {
    /// Whether the object is ours. NumPy's own keep NumPy's answers on foreign arrays.
    pub fn is_ours(&self, np: &NumPy) -> bool {
        self.face.get_type_ptr() != np.ufunc_type.as_ptr().cast()
    }
}

/// The short way of a method: exact arrays, and little else said.
fn short_way<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Option<Returned<'py>> {
    match method {
        Method::Call => {
            let cells = Cells::new();
            // SAFETY: what is left of it is used no more.
            unsafe { short::call::call_exact(py, ufunc, arguments, &mut Read::new(&cells)) }.transpose()
        }
        Method::At => short_at(py, np, ufunc, arguments),
        Method::Reduce | Method::Accumulate => {
            short::folds::reduce_or_accumulate(py, np, ufunc, method, arguments)
        }
        Method::Reduceat | Method::Outer => None,
    }
}

/// The short way of a call or a method on arrays made of plain sequences, if there are any.
fn short_on_arrays<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(replaced) = plain_as_arrays(np, (method, ufunc.target.nin), arguments)? else { return Ok(None) };
    let result = replaced.with(|arguments| short_way(py, np, ufunc, method, arguments)).transpose()?;
    if result.is_some() {
        count_native();
    }
    Ok(result)
}

/// What no short way took. `asked` says whether operands with overrides were looked for already.
fn general<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_, 'py>,
    method: Method,
    arguments: &Arguments<'_, 'py>,
    asked: Plain<'py>,
) -> Returned<'py> {
    let Ok(normal) = normal_form(py, np, called.ufunc, method, arguments) else {
        return call_twin(py, np, called.ufunc, method, arguments);
    };
    if let Plain::General = asked
        && let Some(answer) = ask(py, np, called.ufunc, called.face, method, &normal)?
    {
        return Ok(answer);
    }
    if called.is_ours(np) {
        let translated = Translated::new(np, method, arguments, &normal)?;
        if translated.is_some() {
            return translate_or_run(py, np, called, method, arguments, translated);
        }
    }
    run(py, np, called, method, arguments, &normal)
}

/// Runs the call with arrays in place of its foreign operands, and gives the results away; or as it is, if there are none.
fn translate_or_run<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_, 'py>,
    method: Method,
    arguments: &Arguments<'_, 'py>,
    translated: Option<Translated<'_, 'py>>,
) -> Returned<'py> {
    let on_arrays = |arguments: &Arguments<'_, 'py>| {
        if let Some(result) = short_way(py, np, called.ufunc, method, arguments) {
            count_native();
            return result;
        }
        match normal_form(py, np, called.ufunc, method, arguments) {
            Ok(normal) => run(py, np, called, method, arguments, &normal),
            Err(_) => call_twin(py, np, called.ufunc, method, arguments),
        }
    };
    match translated {
        Some(translated) => translated.run(np, on_arrays),
        None => on_arrays(arguments),
    }
}

/// On our kernels, or NumPy's; nobody is asked any more.
fn run<'py>(
    py: Python<'py>,
    np: &NumPy,
    called: Called<'_, 'py>,
    method: Method,
    arguments: &Arguments<'_, 'py>,
    normal: &NormalArguments<'_, 'py>,
) -> Returned<'py> {
    let twins = |arguments: &Arguments<'_, 'py>| call_twin(py, np, called.ufunc, method, arguments);
    let reason = match natively(py, np, called, method, normal) {
        Ok(result) => return result,
        Err(reason) => reason,
    };
    let numpys = |arguments: &Arguments<'_, 'py>| {
        let unfused = || unfused_call(py, np, called.ufunc, reason, normal);
        if method == Method::Call { unfused() } else { None }.unwrap_or_else(|| twins(arguments))
    };
    if !matches!(reason, Reason::Operand | Reason::DType) || called.ufunc.def.is_none() {
        return numpys(arguments);
    }
    let Some(converted) = Converted::new(np, called.ufunc, method, normal)? else { return numpys(arguments) };
    match natively(py, np, called, method, &converted.normal(normal)) {
        Ok(result) => result,
        Err(_) => converted.call(np, arguments, numpys),
    }
}

/// A call of a made ufunc on operands that it has no loop for: its ufuncs, one after the other. What NumPy refuses of a call
/// otherwise is its twin's to refuse.
fn unfused_call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    reason: Reason,
    normal: &NormalArguments<'_, 'py>,
) -> Option<Returned<'py>> {
    ufunc.program()?;
    let has_loop = || {
        let dtypes: Option<Vec<_>> = normal.inputs.iter().map(|&input| np.array(input)?.dtype(np)).collect();
        dtypes.is_some_and(|dtypes| ufunc.def.is_some_and(|def| def.loop_for(&dtypes).is_some()))
    };
    let no_loop = match reason {
        Reason::Operand | Reason::DType => true,
        Reason::Resolution => !has_loop(),
        _ => false,
    };
    if no_loop { unfused(py, np, ufunc.def?, normal) } else { None }
}

/// On our kernels, or why not.
fn natively<'py>(
    py: Python<'py>,
    np: &NumPy,
    Called { ufunc, face }: Called<'_, 'py>,
    method: Method,
    normal: &NormalArguments<'_, 'py>,
) -> Result<Returned<'py>, Reason> {
    let result = match method {
        Method::Call => match ufunc.def {
            Some(def) if def.core.is_some() => native_core(py, np, ufunc, def, face, normal),
            _ => native_call(py, np, ufunc, face, normal),
        },
        Method::Outer => native_outer(py, np, ufunc, face, normal),
        Method::Reduce => native_reduce(py, np, ufunc, normal),
        Method::Accumulate => native_accumulate(py, np, ufunc, normal),
        Method::Reduceat => native_reduceat(py, np, ufunc, normal),
        Method::At => native_at(py, np, ufunc, normal),
    }?;
    count_native();
    Ok(result)
}
