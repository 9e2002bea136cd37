//! `__array_wrap__`: gives a result the type of the input that wins by priority, or of its given output.

use crate::arguments::normal::NormalArguments;
use crate::python::class_cache::{ClassCache, Watch, standing};
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use numpy::npyffi::{PY_ARRAY_API, PyArrayObject};
use pyo3::exceptions::{PyDeprecationWarning, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use ufunx::dispatch::wrap::{DEFAULT_PRIORITY, Holder, choose};

/// Whose `__array_wrap__` is called: none's, or this bound method of an instance of that class.
pub struct Wrap<'py> {
    method: Option<Bound<'py, PyAny>>,
    class: *mut ffi::PyTypeObject,
}

/// What `__array_wrap__` is told of a call.
pub struct Context<'a> {
    /// The ufunc that was called.
    pub ufunc: *mut ffi::PyObject,
    /// With these arguments.
    pub normal: &'a NormalArguments,
}

impl<'py> Wrap<'py> {
    /// Results stay plain arrays.
    pub fn plain(np: &NumPy) -> Wrap<'py> {
        Wrap { method: None, class: np.array_type }
    }

    /// The wrap that wins among the inputs: arrays, instances of subclasses, scalars.
    ///
    /// # Safety
    /// Live objects.
    pub unsafe fn of_inputs(
        py: Python<'py>,
        np: &NumPy,
        inputs: &[*mut ffi::PyObject],
    ) -> PyResult<Wrap<'py>> {
        // SAFETY: live objects.
        if inputs.iter().all(|&object| unsafe { ffi::Py_TYPE(object) == np.array_type }) {
            return Ok(Wrap::plain(np));
        }
        // SAFETY: live objects.
        let holders = inputs.iter().map(|&object| unsafe { holder(py, np, object) });
        let holders = holders.collect::<PyResult<SmallVec<[_; 4]>>>()?;
        match choose(holders.into_iter()) {
            None => Ok(Wrap::plain(np)),
            // SAFETY: as above.
            Some(i) => unsafe { Wrap::of(py, inputs[i]) },
        }
    }

    /// The wrap of an object; `None` for one, or none at all, leaves results plain.
    unsafe fn of(py: Python<'py>, object: *mut ffi::PyObject) -> PyResult<Wrap<'py>> {
        // SAFETY: a live object.
        unsafe {
            let method = wrap_method(py, object)?.filter(|method| !method.is_none());
            Ok(Wrap { method, class: ffi::Py_TYPE(object) })
        }
    }

    /// Wraps a result; the reference is taken over. A given output has its own say, and never becomes a scalar. Without
    /// `force` an array that has the right type already is left alone.
    ///
    /// # Safety
    /// Live objects; `original` is the output as it was passed, or null.
    pub unsafe fn apply(
        &self,
        np: &NumPy,
        result: Bound<'py, PyAny>,
        original: *mut ffi::PyObject,
        context: Option<(&Context<'_>, usize)>,
        to_scalar: bool,
        force: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = result.py();
        let of_output;
        // SAFETY: live objects.
        let (wrap, to_scalar) = unsafe {
            if original.is_null() || original == ffi::Py_None() {
                (self, to_scalar)
            } else {
                of_output = if ffi::Py_TYPE(original) == np.array_type {
                    Wrap::plain(np)
                } else {
                    Wrap::of(py, original)?
                };
                (&of_output, false)
            }
        };
        // SAFETY: a live object.
        let class = unsafe { ffi::Py_TYPE(result.as_ptr()) };
        if !to_scalar && !force && class == wrap.class {
            return Ok(result);
        }
        match &wrap.method {
            None if to_scalar => {
                // SAFETY: an array, whose reference is taken over.
                unsafe {
                    let array = result.as_ptr().cast::<PyArrayObject>();
                    if np.stood_for((*array).fields.descr).is_some() {
                        return Ok(result); // NumPy's scalar would be opaque bytes
                    }
                    let array = result.into_ptr().cast::<PyArrayObject>();
                    Bound::from_owned_ptr_or_err(py, PY_ARRAY_API.PyArray_Return(py, array))
                }
            }
            None => Ok(result),
            // SAFETY: live objects.
            Some(method) => unsafe { call(np, method, &result, context, to_scalar) },
        }
    }
}

impl Context<'_> {
    /// The tuple of the ufunc, the arguments and the output's place.
    unsafe fn tuple<'py>(&self, py: Python<'py>, place: usize) -> PyResult<Bound<'py, PyAny>> {
        let objects = self.normal.inputs.iter().chain(self.normal.outputs.iter().flatten());
        // SAFETY: live objects.
        unsafe {
            let args: Vec<_> = objects.map(|&object| Bound::from_borrowed_ptr(py, object)).collect();
            let ufunc: Bound<'_, PyAny> = Bound::from_borrowed_ptr(py, self.ufunc);
            Ok((ufunc, PyTuple::new(py, args)?, place).into_pyobject(py)?.into_any())
        }
    }
}

/// Whether a subclass of `ndarray` leaves ufuncs, priority and finalizing to it, so that the first instance of such a class
/// gives the result its class, by a view.
///
/// # Safety
/// A live instance of a subclass.
pub unsafe fn is_plain_subclass(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> bool {
    static PLAIN: ClassCache = ClassCache::new();
    let names = Names::get(py);
    let inherited = [
        (names.array_ufunc, np.ndarray_array_ufunc),
        (names.array_priority, np.array_priority),
        (names.array_finalize, np.array_finalize),
    ];
    // SAFETY: live objects; what is found is owned.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if let Some(verdict) = PLAIN.find(class) {
            return verdict != 0;
        }
        let watch = Watch::new(py, class);
        let same = |&(name, of_ndarray): &(*mut ffi::PyObject, *mut ffi::PyObject)| {
            let found = lookup::on_class(object, name);
            found.inspect(|found| ffi::Py_DECREF(*found)) == Some(of_ndarray)
                && standing(py, class, name).is_some_and(|stands| stands.as_ptr() == of_ndarray)
        };
        let plain = inherited.iter().all(same);
        PLAIN.keep(watch, usize::from(plain));
        plain
    }
}

/// Whether the wrap of an instance of a plain subclass is `ndarray`'s, which makes a view.
///
/// # Safety
/// A live object.
pub unsafe fn wraps_by_view(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> PyResult<bool> {
    // SAFETY: live objects.
    unsafe { Ok(wrap_method(py, object)?.is_some_and(|method| np.is_array_wrap(method.as_ptr()))) }
}

/// A new array as an instance of the class of `like`, a plain subclass; what `ndarray.__array_wrap__` does.
///
/// # Safety
/// A live instance of a plain subclass.
pub unsafe fn view_like<'py>(
    py: Python<'py>,
    array: &Bound<'py, PyAny>,
    like: *mut ffi::PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: live objects; the array keeps its memory for the view, whose base it becomes.
    unsafe {
        let fields = &(*array.as_ptr().cast::<PyArrayObject>()).fields;
        ffi::Py_INCREF(fields.descr.cast());
        let view = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            ffi::Py_TYPE(like),
            fields.descr,
            fields.nd,
            fields.dimensions,
            fields.strides,
            fields.data.cast(),
            fields.flags,
            like,
        );
        let view = Bound::from_owned_ptr_or_err(py, view)?;
        if PY_ARRAY_API.PyArray_SetBaseObject(py, view.as_ptr().cast(), array.clone().into_ptr()) < 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(view)
    }
}

/// What an input says of wrapping.
unsafe fn holder(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> PyResult<Holder> {
    // SAFETY: a live object.
    unsafe {
        if ffi::Py_TYPE(object) == np.array_type {
            return Ok(Holder::Array);
        }
        if !np.is_array(object) {
            return Ok(Holder::Scalar);
        }
        match wrap_method(py, object)? {
            None => Ok(Holder::Nothing),
            Some(none) if none.is_none() => Ok(Holder::Refuses(priority(py, np, object))),
            Some(_) => Ok(Holder::Wrap(priority(py, np, object))),
        }
    }
}

unsafe fn wrap_method<'py>(
    py: Python<'py>,
    object: *mut ffi::PyObject,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: a live object; what is found is owned.
    unsafe {
        let found = lookup::on_instance(py, object, Names::get(py).array_wrap)?;
        Ok(found.map(|method| Bound::from_owned_ptr(py, method)))
    }
}

/// `__array_priority__`; one that is not a number counts as none, as to NumPy.
///
/// # Safety
/// A live object.
pub unsafe fn priority(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> f64 {
    let name = Names::get(py).array_priority;
    // SAFETY: a live object; what is found is owned.
    unsafe {
        // `ndarray` says it by a property, which no instance can hide; most classes inherit it.
        if let Some(of_class) = lookup::on_class(object, name) {
            ffi::Py_DECREF(of_class);
            if of_class == np.array_priority {
                return DEFAULT_PRIORITY;
            }
        }
        match lookup::on_instance(py, object, name) {
            Ok(Some(found)) => Bound::from_owned_ptr(py, found).extract().unwrap_or(DEFAULT_PRIORITY),
            _ => DEFAULT_PRIORITY,
        }
    }
}

/// Calls a wrap with three arguments, with two if it does not take three, with one if it does not take two.
unsafe fn call<'py>(
    np: &NumPy,
    wrap: &Bound<'py, PyAny>,
    result: &Bound<'py, PyAny>,
    context: Option<(&Context<'_>, usize)>,
    to_scalar: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = wrap.py();
    let context = match context {
        // What `ndarray` has does not look at it.
        // SAFETY: a builtin method once its type says so; live objects.
        Some((context, i)) if unsafe { !np.is_array_wrap(wrap.as_ptr()) } => {
            // SAFETY: live objects.
            Some(unsafe { context.tuple(py, i) }?)
        }
        _ => None,
    };
    let none = py.None().into_bound(py);
    let mut first = match wrap.call1((result, context.as_ref().unwrap_or(&none), to_scalar)) {
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
