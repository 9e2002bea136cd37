//! Calls with moments or spans of time among their inputs. Whose unit counts, and what the result is in, NumPy says, once for
//! each pair of units: operands of another unit are cast by it, and what our loops see counts one unit.

use super::label::{Labels, Made, dtype_of, holds_dates, input, typed, unlabelled};
use super::normal::NormalArguments;
use crate::python::array_ref::ArrayRef;
use crate::python::dtypes::DateUnit;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, none};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Mutex;
use ufunx::DType;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::registry::Typed;

/// The version of NumPy from which sums and products that no date holds are errors; ours wrap, as all before do.
const RAISES_ON_OVERFLOW: (u32, u32) = (2, 6);

/// Puts arrays of one unit in place of the inputs; leaves all as it is where NumPy must have the call.
pub fn unlabel_dates<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
) -> PyResult<Labels<'py>> {
    let numpys = [Keyword::Dtype, Keyword::Signature, Keyword::Casting, Keyword::Initial];
    let numpys = numpys.into_iter().any(|keyword| normal.get(keyword).is_some_and(|value| !value.is_none()));
    if numpys || ufunc.def.is_none_or(|def| def.truth) || np.version >= RAISES_ON_OVERFLOW {
        return Ok(Labels::new());
    }
    match method {
        Method::Call | Method::Outer => {
            let Some(dtypes) = resolved(np, ufunc, normal, made)? else { return Ok(Labels::new()) };
            let (inputs, outputs) = dtypes.split_at(normal.inputs.len());
            if !outputs_fit(np, normal, outputs) || !has_loop(np, ufunc, inputs, outputs) {
                return Ok(Labels::new());
            }
            // NumPy warns of a division by one zero, and not by zeros of an array.
            if let [_, second] = inputs
                && np.dtypes.of_resolved(second.as_borrowed()) == Some(DType::I64)
                && is_one_zero(np, input(normal, made, 1))?
            {
                return Ok(Labels::new());
            }
            let mut plain = Made::new();
            for (i, dtype) in inputs.iter().enumerate() {
                plain.push((i, of_dtype(np, input(normal, made, i), dtype)?));
            }
            *made = plain;
            Ok(outputs.iter().cloned().collect())
        }
        Method::Reduce | Method::Accumulate | Method::Reduceat | Method::At => {
            let Some(first) = np.array(input(normal, made, 0)) else { return Ok(Labels::new()) };
            let (unit, dtype) = (first.unit(np), first.descr_object());
            let same = |array: ArrayRef<'_, '_>| holds_dates(np, array) && array.unit(np) == unit;
            let outputs = normal.outputs.iter().flatten().filter(|output| !output.is_none());
            let mut alike = outputs.map(|&output| np.array(output)).all(|array| array.is_some_and(same));
            if method == Method::At && normal.inputs.len() > 2 {
                alike &= np.array(input(normal, made, 2)).is_some_and(same);
            }
            if !alike || !same(first) {
                return Ok(Labels::new());
            }
            for i in 0..normal.inputs.len() {
                if i > 0 || method != Method::At {
                    unlabelled(np, normal, made, i)?;
                }
            }
            Ok(std::iter::once(dtype).collect())
        }
    }
}

/// The input as an array of that dtype, cast by NumPy if it is of another, without its label.
fn of_dtype<'py>(
    np: &NumPy,
    object: Object<'_, 'py>,
    dtype: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let array = np.array_cast(object, dtype)?;
    let Some(made) = np.array(array.as_borrowed()) else { return Ok(array) };
    match made.labelled(np) {
        Some(plain) => np.without_label(made, plain),
        None => Ok(array),
    }
}

/// Whether it is a number that is zero, or an array of one and no dimensions.
fn is_one_zero(np: &NumPy, object: Object<'_, '_>) -> PyResult<bool> {
    let is_one = np.array(object).is_none_or(|array| array.nd() == 0);
    Ok(is_one && !object.is_truthy()?)
}

/// Whether we have the loop that NumPy would run: `sign` of spans gives other things in other versions.
fn has_loop(np: &NumPy, ufunc: &Ufunc, inputs: &[Bound<'_, PyAny>], outputs: &[Bound<'_, PyAny>]) -> bool {
    let of = |dtypes: &[Bound<'_, PyAny>]| -> Option<SmallVec<[DType; 3]>> {
        dtypes.iter().map(|dtype| np.dtypes.of_resolved(dtype.as_borrowed())).collect()
    };
    let (Some(def), Some(inputs), Some(outputs)) = (ufunc.def, of(inputs), of(outputs)) else { return false };
    def.loop_for(&inputs).is_some_and(|l| l.outputs == &outputs[..])
}

/// Whether given outputs of dates are in the unit that the results are in.
fn outputs_fit(np: &NumPy, normal: &NormalArguments<'_, '_>, dtypes: &[Bound<'_, PyAny>]) -> bool {
    let given = normal.outputs.iter().flatten().zip(dtypes);
    given.filter(|(output, _)| !output.is_none()).all(|(&output, dtype)| {
        let array = np.array(output).filter(|&array| holds_dates(np, array));
        array.is_none_or(|array| array.unit(np) == np.dtypes.unit(dtype.as_borrowed()))
    })
}

/// What an input is to resolution.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Seen {
    /// An array or a scalar of NumPy's, by type number and unit.
    Strong(i32, DateUnit),
    /// A number of Python's, by the name of its class.
    Weak(&'static str),
}

/// A ufunc, by its address, and its inputs.
type Question = (usize, SmallVec<[Seen; 3]>);

/// The dtypes of all operands as NumPy resolves them; `None` where it refuses, which it does again in the words of the call.
fn resolved<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
    made: &Made<'py>,
) -> PyResult<Option<SmallVec<[Bound<'py, PyAny>; 4]>>> {
    static ANSWERS: PyOnceLock<Mutex<HashMap<Question, Option<Py<PyTuple>>>>> = PyOnceLock::new();
    /// More questions than programs ask; they are all forgotten then.
    const MOST: usize = 1024;
    let py = normal.inputs[0].py();
    let mut seen = SmallVec::new();
    for i in 0..normal.inputs.len() {
        let object = input(normal, made, i);
        seen.push(match (np.array(object), typed(np, object)) {
            (Some(array), _) => Seen::Strong(array.number(), array.unit(np)),
            (None, Some(typed)) => match typed {
                Typed::Strong(dtype) => match dtype.numpy_number() {
                    Some(number) => Seen::Strong(number, DateUnit::NONE),
                    None => return Ok(None),
                },
                Typed::Weak(weak) => Seen::Weak(weak.name()),
            },
            _ => return Ok(None),
        });
    }
    let question = (ufunc.twin.as_ptr().addr(), seen);
    let answers = ANSWERS.get_or_init(py, Default::default);
    // Nobody's code runs while it is locked.
    let known = match answers.lock() {
        Ok(answers) => {
            answers.get(&question).map(|answer| answer.as_ref().map(|answer| answer.clone_ref(py)))
        }
        Err(_) => None,
    };
    let answer = match known {
        Some(answer) => answer,
        None => {
            let answer = ask(np, ufunc, normal, made)?.map(Bound::unbind);
            if let Ok(mut answers) = answers.lock() {
                if answers.len() >= MOST {
                    answers.clear();
                }
                answers.insert(question, answer.as_ref().map(|answer| answer.clone_ref(py)));
            }
            answer
        }
    };
    Ok(answer.map(|answer| answer.bind(py).iter().collect()))
}

/// Asks NumPy.
fn ask<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
    made: &Made<'py>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let py = normal.inputs[0].py();
    let mut dtypes = SmallVec::<[Bound<'py, PyAny>; 4]>::new();
    for i in 0..normal.inputs.len() {
        let Some(dtype) = dtype_of(np, input(normal, made, i)) else { return Ok(None) };
        dtypes.push(dtype);
    }
    dtypes.extend((0..ufunc.target.nout).map(|_| none(py).to_owned()));
    match ufunc.twin.bind(py).call_method1("resolve_dtypes", (PyTuple::new(py, dtypes)?,)) {
        Ok(resolved) => Ok(Some(resolved.cast_into::<PyTuple>()?)),
        Err(_) => Ok(None),
    }
}
