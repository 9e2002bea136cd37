//! Labels: the name that a dtype has of its own where it shares another's memory and loops (C's `long long`, dates by their
//! units). Inputs without them, and the labels that new results have in turn.

use super::normal::NormalArguments;
use super::resolved::Resolved;
use crate::python::array_ref::ArrayRef;
use crate::python::numpy_api::NumPy;
use crate::python::object::Object;
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::registry::{Kind, LoopDef};

/// Arrays in place of inputs, with those inputs' places.
pub type Made<'py> = SmallVec<[(usize, Bound<'py, PyAny>); 3]>;

/// The descriptors of new results, one per output; none where they are called as their loops have it.
pub type Labels<'py> = SmallVec<[Bound<'py, PyAny>; 1]>;

/// The version of NumPy from which sums and products that no date holds are errors; ours wrap, as all before do.
const RAISES_ON_OVERFLOW: (u32, u32) = (2, 6);

/// Puts arrays without labels in place of inputs, if some have one, and says what the results are labelled. All stays as it is
/// where NumPy must have the call.
pub fn unlabel<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
) -> PyResult<Labels<'py>> {
    let arrays = || (0..normal.inputs.len()).filter_map(|i| np.array(input(normal, made, i)));
    if !arrays().any(|array| array.labelled(np).is_some()) {
        return Ok(Labels::new());
    }
    let dates = arrays().any(|array| holds_dates(np, array));
    let asked = |keywords: &[Keyword]| {
        keywords.iter().any(|&keyword| normal.get(keyword).is_some_and(|asked| !asked.is_none()))
    };
    let of_dtype = asked(&[Keyword::Dtype, Keyword::Signature]);
    if dates && (of_dtype || asked(&[Keyword::Casting, Keyword::Initial]) || !takes_dates(np, ufunc)) {
        return Ok(Labels::new());
    }
    match method {
        Method::Call | Method::Outer if !of_dtype => of_call(np, ufunc, normal, made),
        _ if dates && !of_one_unit(np, method, normal, made) => Ok(Labels::new()),
        _ => {
            let first = np.array(input(normal, made, 0)).map(|array| array.descr_object());
            // What is written to has its label already.
            for i in usize::from(method == Method::At)..normal.inputs.len() {
                unlabelled(np, normal, made, i)?;
            }
            // What a dtype is asked for by name is called by it.
            Ok(if of_dtype { Labels::new() } else { first.into_iter().collect() })
        }
    }
}

/// Whether our loops give what NumPy's give of dates.
pub fn takes_dates(np: &NumPy, ufunc: &Ufunc) -> bool {
    ufunc.def.is_some_and(|def| !def.truth) && np.version < RAISES_ON_OVERFLOW
}

/// Whether an array holds dates.
pub fn holds_dates(np: &NumPy, array: ArrayRef<'_, '_>) -> bool {
    array.labelled(np).is_some_and(|dtype| dtype.kind() == Kind::Date)
}

/// The loop that NumPy would run, if we have it: `sign` of spans gives other things in other versions.
pub fn loop_of(np: &NumPy, ufunc: &Ufunc, resolved: &Resolved<'_>) -> Option<&'static LoopDef> {
    let of = |dtype: Object<'_, '_>| np.dtypes.of_resolved(dtype);
    let inputs: SmallVec<[DType; 3]> = resolved.inputs().map(of).collect::<Option<_>>()?;
    let l = ufunc.def?.loop_for(&inputs)?;
    resolved.outputs().map(of).eq(l.outputs.iter().map(|&dtype| Some(dtype))).then_some(l)
}

/// Whether a loop divides a span by one number that is zero, of which NumPy warns, as it does not of zeros in an array.
pub fn divides_by_one_zero(np: &NumPy, l: &LoopDef, second: Option<Object<'_, '_>>) -> PyResult<bool> {
    let Some(second) = second.filter(|_| l.inputs == [DType::TimeDelta, DType::I64]) else {
        return Ok(false);
    };
    Ok(np.array(second).is_none_or(|array| array.nd() == 0) && !second.is_truthy()?)
}

/// A call's.
fn of_call<'py>(
    np: &NumPy,
    ufunc: &Ufunc,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
) -> PyResult<Labels<'py>> {
    let inputs = (0..normal.inputs.len()).map(|i| input(normal, made, i));
    let Some(resolved) = Resolved::of(np, ufunc, inputs.clone())? else { return Ok(Labels::new()) };
    let Some(l) = loop_of(np, ufunc, &resolved) else { return Ok(Labels::new()) };
    if !outputs_fit(np, normal, &resolved) || divides_by_one_zero(np, l, inputs.clone().nth(1))? {
        return Ok(Labels::new());
    }
    if l.inputs.iter().any(|dtype| dtype.kind() == Kind::Date) {
        let plain = inputs.zip(resolved.inputs()).map(|(object, dtype)| of_dtype(np, object, dtype));
        let plain: SmallVec<[Bound<'py, PyAny>; 3]> = plain.collect::<PyResult<_>>()?;
        *made = plain.into_iter().enumerate().collect();
    } else {
        for i in 0..normal.inputs.len() {
            unlabelled(np, normal, made, i)?;
        }
    }
    Ok(resolved.outputs().map(|dtype| dtype.to_owned()).collect())
}

/// The input as an array of that dtype, cast by NumPy if it is of another, without its label.
fn of_dtype<'py>(np: &NumPy, object: Object<'_, 'py>, dtype: Object<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let array = np.array_cast(object, dtype)?;
    let Some(made) = np.array(array.as_borrowed()) else { return Ok(array) };
    match made.labelled(np) {
        Some(plain) => np.without_label(made, plain),
        None => Ok(array),
    }
}

/// Whether given outputs of dates are in the unit that the results are in.
fn outputs_fit(np: &NumPy, normal: &NormalArguments<'_, '_>, resolved: &Resolved<'_>) -> bool {
    let given = normal.outputs.iter().flatten().zip(resolved.outputs());
    given.filter(|(output, _)| !output.is_none()).all(|(&output, dtype)| {
        let array = np.array(output).filter(|&array| holds_dates(np, array));
        array.is_none_or(|array| array.unit(np) == np.dtypes.unit(dtype))
    })
}

/// Whether all dates of a method are in the unit of its first input.
fn of_one_unit<'py>(np: &NumPy, method: Method, normal: &NormalArguments<'_, 'py>, made: &Made<'py>) -> bool {
    let Some(first) = np.array(input(normal, made, 0)) else { return false };
    let same = |object: Object<'_, '_>| {
        np.array(object).is_some_and(|array| holds_dates(np, array) && array.unit(np) == first.unit(np))
    };
    let values = (method == Method::At && normal.inputs.len() > 2).then(|| input(normal, made, 2));
    let mut outputs = normal.outputs.iter().flatten().filter(|output| !output.is_none());
    same(first.object()) && outputs.all(|&output| same(output)) && values.is_none_or(same)
}

/// Puts an array without a label in place of an input, if that has one.
fn unlabelled<'py>(
    np: &NumPy,
    normal: &NormalArguments<'_, 'py>,
    made: &mut Made<'py>,
    i: usize,
) -> PyResult<()> {
    let labelled = np.array(input(normal, made, i)).and_then(|array| Some((array, array.labelled(np)?)));
    if let Some((array, dtype)) = labelled {
        let plain = np.without_label(array, dtype)?;
        made.retain(|(place, _)| *place != i);
        made.push((i, plain));
    }
    Ok(())
}

/// An input, or the array in its place.
fn input<'b, 'py>(normal: &'b NormalArguments<'_, 'py>, made: &'b Made<'py>, i: usize) -> Object<'b, 'py> {
    let instead = made.iter().find(|(place, _)| *place == i);
    instead.map_or(normal.inputs[i], |(_, array)| array.as_borrowed())
}
