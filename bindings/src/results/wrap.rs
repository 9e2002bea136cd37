//! `__array_wrap__`: gives a result the type of the input that wins by priority, or of its given output.

use crate::arguments::normal::NormalArguments;
use crate::python::array_ref::ArrayRef;
use crate::python::class_cache::{ClassCache, Watch, standing};
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, none};
use crate::python::sequence::is_sequence;
use numpy::npyffi::PY_ARRAY_API;
use pyo3::exceptions::{PyDeprecationWarning, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;
use ufunx::dispatch::wrap::{DEFAULT_PRIORITY, Holder, choose};

/// Whose `__array_wrap__` is called: none's, or this bound method of an instance of that class.
pub struct Wrap<'py> {
    method: Option<Bound<'py, PyAny>>,
    class: *mut ffi::PyTypeObject,
}

/// What `__array_wrap__` is told of a call.
pub struct Context<'a, 'n, 'py> {
    /// The ufunc that was called.
    pub ufunc: Object<'a, 'py>,
    /// With these arguments.
    pub normal: &'a NormalArguments<'n, 'py>,
}

/// How a result is to be wrapped.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// As a scalar, as a new one of no dimensions is.
    pub to_scalar: bool,
    /// By the wrap even if it has the right type already.
    pub force: bool,
}

impl<'py> Wrap<'py> {
    /// Results stay plain arrays.
    pub fn plain(np: &NumPy) -> Wrap<'py> {
        Wrap { method: None, class: np.array_type }
    }

    /// The wrap that wins among the inputs, whatever they are.
    pub fn of_inputs(np: &NumPy, inputs: &[Object<'_, 'py>]) -> PyResult<Wrap<'py>> {
        if inputs.iter().all(|&object| np.is_exact_array(object)) {
            return Ok(Wrap::plain(np));
        }
        let holders = inputs.iter().map(|&object| holder(np, object));
        let holders = holders.collect::<PyResult<SmallVec<[_; 4]>>>()?;
        match choose(holders.into_iter()) {
            None => Ok(Wrap::plain(np)),
            Some(i) => Wrap::of(inputs[i]),
        }
    }

    /// The wrap of an object; `None` for one, or none at all, leaves results plain.
    fn of(object: Object<'_, 'py>) -> PyResult<Wrap<'py>> {
        let method = wrap_method(object)?.filter(|method| !method.is_none());
        Ok(Wrap { method, class: object.get_type_ptr() })
    }

    /// Wraps a result. A given output, as it was passed, has its own say, and never becomes a scalar.
    pub fn apply(
        &self,
        np: &NumPy,
        result: Bound<'py, PyAny>,
        original: Option<Object<'_, 'py>>,
        context: Option<(&Context<'_, '_, 'py>, usize)>,
        wanted: Wanted,
    ) -> Returned<'py> {
        let of_output;
        let (wrap, to_scalar) = match original.filter(|original| !original.is_none()) {
            None => (self, wanted.to_scalar),
            Some(original) => {
                of_output = if np.is_exact_array(original) { Wrap::plain(np) } else { Wrap::of(original)? };
                (&of_output, false)
            }
        };
        if !to_scalar && !wanted.force && result.get_type_ptr() == wrap.class {
            return Ok(result);
        }
        match &wrap.method {
            None if to_scalar => returned(np, result),
            None => Ok(result),
            Some(method) => call_wrap(np, method, &result, context, to_scalar),
        }
    }
}

/// An array as NumPy's functions return it: a scalar, if it has no dimensions.
fn returned<'py>(np: &NumPy, result: Bound<'py, PyAny>) -> Returned<'py> {
    let py = result.py();
    match np.array(result.as_borrowed()) {
        // NumPy's scalar would be opaque bytes.
        Some(array) if np.dtypes.stood_for(array.descr()).is_none() => {
            // SAFETY: an array, whose reference is taken over.
            unsafe {
                Bound::from_owned_ptr_or_err(py, PY_ARRAY_API.PyArray_Return(py, result.into_ptr().cast()))
            }
        }
        _ => Ok(result),
    }
}

impl<'py> Context<'_, '_, 'py> {
    /// The tuple of the ufunc, the arguments and the output's place.
    fn tuple(&self, place: usize) -> Returned<'py> {
        let py = self.ufunc.py();
        let objects: Vec<_> =
            self.normal.passed().iter().chain(self.normal.outputs.iter().flatten()).collect();
        Ok((self.ufunc, PyTuple::new(py, objects)?, place).into_pyobject(py)?.into_any())
    }
}

/// Whether a subclass of `ndarray` leaves ufuncs, priority and finalizing to it, so that the first instance of such a class,
/// of which this is one, gives the result its class, by a view.
pub fn is_plain_subclass(np: &NumPy, object: Object<'_, '_>) -> bool {
    static PLAIN: ClassCache = ClassCache::new();
    if let Some(verdict) = PLAIN.find(object) {
        return verdict != 0;
    }
    let names = Names::get(object.py());
    let inherited = [
        (&names.array_ufunc, &np.ndarray_array_ufunc),
        (&names.array_priority, &np.array_priority),
        (&names.array_finalize, &np.array_finalize),
    ];
    let watch = Watch::new(object);
    let same = |&(name, of_ndarray): &(&Py<PyString>, &Py<PyAny>)| {
        let name = name.bind(object.py());
        lookup::on_class(object, name).is_some_and(|found| found.is(of_ndarray))
            && standing(object, name).is_some_and(|stands| stands.is(of_ndarray))
    };
    let plain = inherited.iter().all(same);
    PLAIN.keep(watch, usize::from(plain));
    plain
}

/// Whether the wrap of an instance of a plain subclass is `ndarray`'s, which makes a view.
pub fn wraps_by_view(np: &NumPy, object: Object<'_, '_>) -> PyResult<bool> {
    Ok(wrap_method(object)?.is_some_and(|method| np.is_array_wrap(&method)))
}

/// An array as an instance of the class of `like`, a plain subclass; what `ndarray.__array_wrap__` does.
pub fn view_like<'py>(array: ArrayRef<'_, 'py>, like: ArrayRef<'_, 'py>) -> Returned<'py> {
    let (py, descr) = (array.object().py(), array.descr());
    // SAFETY: live objects; the array keeps its memory for the view, whose base it becomes.
    unsafe {
        let fields = &(*array.as_ptr()).fields;
        ffi::Py_INCREF(descr.cast());
        let view = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            like.object().get_type_ptr(),
            descr,
            fields.nd,
            fields.dimensions,
            fields.strides,
            fields.data.cast(),
            fields.flags,
            like.object().as_ptr(),
        );
        let view = Bound::from_owned_ptr_or_err(py, view)?;
        let base = array.object().to_owned().into_ptr();
        if PY_ARRAY_API.PyArray_SetBaseObject(py, view.as_ptr().cast(), base) < 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(view)
    }
}

/// What an input says of wrapping.
fn holder(np: &NumPy, object: Object<'_, '_>) -> PyResult<Holder> {
    if np.is_exact_array(object) {
        return Ok(Holder::Array);
    }
    if is_sequence(object) {
        return Ok(Holder::Nothing);
    }
    if !np.is_array(object) && np.is_any_scalar(object) {
        return Ok(Holder::Scalar);
    }
    match wrap_method(object)? {
        None => Ok(Holder::Nothing),
        Some(none) if none.is_none() => Ok(Holder::Refuses(priority(np, object))),
        Some(_) => Ok(Holder::Wrap(priority(np, object))),
    }
}

fn wrap_method<'py>(object: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    lookup::on_instance(object, Names::get(object.py()).array_wrap.bind(object.py()))
}

/// `__array_priority__`; one that is not a number counts as none, as to NumPy.
pub fn priority(np: &NumPy, object: Object<'_, '_>) -> f64 {
    let name = Names::get(object.py()).array_priority.bind(object.py());
    // `ndarray` says it by a property, which no instance can hide; most classes inherit it.
    if lookup::on_class(object, name).is_some_and(|of_class| of_class.is(&np.array_priority)) {
        return DEFAULT_PRIORITY;
    }
    match lookup::on_instance(object, name) {
        Ok(Some(found)) => found.extract().unwrap_or(DEFAULT_PRIORITY),
        _ => DEFAULT_PRIORITY,
    }
}

/// Calls a wrap with three arguments, with two if it does not take three, with one if it does not take two.
fn call_wrap<'py>(
    np: &NumPy,
    wrap: &Bound<'py, PyAny>,
    result: &Bound<'py, PyAny>,
    context: Option<(&Context<'_, '_, 'py>, usize)>,
    to_scalar: bool,
) -> Returned<'py> {
    let py = wrap.py();
    // What `ndarray` has does not look at it.
    let context = context.filter(|_| !np.is_array_wrap(wrap));
    let context = context.map(|(context, i)| context.tuple(i)).transpose()?;
    let told = context.as_ref().map_or(none(py), Bound::as_borrowed);
    let mut first = match wrap.call1((result, told, to_scalar)) {
        Err(error) if error.is_instance_of::<PyTypeError>(py) => error,
        answer => return answer,
    };
    // Which of the shorter forms did it; without a context there is no reason to try the one with it.
    let mut wrapped = None;
    if let Some(context) = &context {
        match wrap.call1((result, context)) {
            Ok(value) => wrapped = Some(value),
            Err(error) if error.is_instance_of::<PyTypeError>(py) => first = error,
            Err(error) => return Err(error),
        }
    }
    let wrapped = match wrapped {
        Some(value) => value,
        None => wrap.call1((result,))?,
    };
    let text =
        c"__array_wrap__ must accept context and return_scalar arguments (positionally) in the future. \
                 (Deprecated NumPy 2.0)";
    if let Err(warned) = PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), text, 1) {
        warned.set_cause(py, Some(first));
        return Err(warned);
    }
    Ok(wrapped)
}
