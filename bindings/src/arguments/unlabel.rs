//! Inputs with labels as arrays without, and the labels that new results have in turn.

use super::dates::unlabel_dates;
use super::label::{Labels, Made, dtype_of, holds_dates, input, unlabelled};
use super::normal::NormalArguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::none;
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use ufunx::dispatch::arguments::{Keyword, Method};

/// Puts arrays without labels in place of inputs that have some, and says what the results are labelled.
pub fn unlabel<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
) -> PyResult<Labels<'py>> {
    let arrays = || (0..normal.inputs.len()).filter_map(|i| np.array(input(normal, made, i)));
    if arrays().any(|array| holds_dates(np, array)) {
        return unlabel_dates(np, ufunc, method, normal, made);
    }
    if !arrays().any(|array| array.labelled(np).is_some()) {
        return Ok(Labels::new());
    }
    let asked = [Keyword::Dtype, Keyword::Signature].into_iter().filter_map(|keyword| normal.get(keyword));
    let labels = match method {
        // What a dtype is asked for by name is called by it.
        _ if asked.into_iter().any(|asked| !asked.is_none()) => Labels::new(),
        Method::At => Labels::new(),
        Method::Reduce | Method::Accumulate | Method::Reduceat => {
            np.array(input(normal, made, 0)).map(|array| array.descr_object()).into_iter().collect()
        }
        Method::Call | Method::Outer => of_results(np, ufunc, normal, made)?,
    };
    for i in 0..normal.inputs.len() {
        unlabelled(np, normal, made, i)?;
    }
    Ok(labels)
}

/// What a call's results are called: as all of its inputs are, else as NumPy says. (Beside a number of Python's some ufuncs keep
/// the name and some do not.)
fn of_results<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
    made: &Made<'py>,
) -> PyResult<Labels<'py>> {
    let (py, nin, nout) = (normal.inputs[0].py(), normal.inputs.len(), ufunc.target.nout);
    let objects = || (0..nin).map(|i| input(normal, made, i));
    let number = |object| np.array(object).map(|array| array.number());
    let dtypes: Option<SmallVec<[Bound<'py, PyAny>; 4]>> =
        objects().map(|object| dtype_of(np, object)).collect();
    let Some(mut dtypes) = dtypes else { return Ok(Labels::new()) };
    if objects().all(|object| number(object).is_some() && number(object) == number(input(normal, made, 0))) {
        return Ok((0..nout).map(|_| dtypes[0].clone()).collect());
    }
    dtypes.extend((0..nout).map(|_| none(py).to_owned()));
    let resolved = ufunc.twin.bind(py).call_method1("resolve_dtypes", (PyTuple::new(py, dtypes)?,));
    // What NumPy refuses it refuses again, in the words of the call.
    let Ok(resolved) = resolved else { return Ok(Labels::new()) };
    Ok(resolved.cast::<PyTuple>()?.iter().skip(nin).collect())
}
