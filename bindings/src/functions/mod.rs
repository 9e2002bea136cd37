//! Functions with `__array_function__`: NumPy's, as far as they run on the engine, and those of the decorator.
//!
//! A call goes one way: `bind` (which argument is which) → the native way, where the first argument is an exact array and
//! the rest is plain (`reductions`, `moments`, `elementwise`) → `override_call` (`__array_function__`) → NumPy's own
//! implementation with the same arguments. Overrides are handed NumPy's public function, which libraries know.
//! `decorate` makes such functions of others'; both are objects of the type here, which is to `numpy.sum` what ours are to
//! `numpy.add`.

mod bind;
mod composed;
mod decorate;
mod elementwise;
mod list;
mod moments;
mod nans;
mod native;
mod objects;
mod override_call;
mod pairs;
mod read_dispatcher;
mod reductions;
mod short_moments;

pub use decorate::array_function_dispatch;
pub use list::{functions, of_public};

use crate::arguments::passed::Arguments;
use crate::foreign;
use crate::python::entry::{attached, guarded};
use crate::python::heap_type::{self, Behind, This, property};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use bind::{Fit, MOST};
use decorate::Dispatched;
use native::Native;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use smallvec::SmallVec;
use std::ffi::{CStr, c_int, c_ulong, c_void};

/// What is behind the object.
pub struct Function {
    /// What runs where nobody takes the call over.
    implementation: Py<PyAny>,
    kind: Kind,
}

/// Which function it is.
pub enum Kind {
    /// One of NumPy's.
    Native(Native),
    /// One that was decorated.
    Dispatched(Dispatched),
}

/// Makes the object; its attributes are its maker's to set.
pub fn new<'py>(implementation: &Bound<'py, PyAny>, kind: Kind) -> Returned<'py> {
    let function = Function { implementation: implementation.clone().unbind(), kind };
    heap_type::new(function, PyDict::new(implementation.py()))
}

unsafe extern "C" fn vectorcall(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours and as many arguments as it says.
    unsafe {
        guarded(callable, |object| {
            let n = ffi::PyVectorcall_NARGS(nargsf) as usize;
            called(This::of_own(object), &Arguments::new(object.py(), args, n, names))
        })
    }
}

fn called<'py>(this: This<'_, 'py, Function>, arguments: &Arguments<'_, 'py>) -> Returned<'py> {
    let implementation = this.behind.implementation.bind_borrowed(this.object.py());
    match &this.behind.kind {
        Kind::Native(native) => call_native(native, implementation, arguments),
        Kind::Dispatched(dispatched) => dispatched.run(this.object, implementation, arguments),
    }
}

/// Calls one of NumPy's functions. As in ufuncs, what drops more than `Bound`s is attached first.
fn call_native<'py>(
    native: &Native,
    implementation: Object<'_, 'py>,
    arguments: &Arguments<'_, 'py>,
) -> Returned<'py> {
    let py = implementation.py();
    let (np, public) = (NumPy::get(py), native.public.bind_borrowed(py));
    let mut bound = [None; MOST];
    let fit = native.parameters.bind(arguments, &mut bound);
    let (Fit::Whole | Fit::MoreKeywords, Some(first)) = (fit, bound[0]) else {
        return arguments.call(public);
    };
    let is_array = np.is_exact_array(first);
    if fit == Fit::Whole
        && is_array
        && let Some(result) = (native.run)(py, np, native, &bound)
    {
        return result;
    }
    let relevant = native.parameters.relevant(&bound);
    if let Some(answer) = override_call::ask(np, public, relevant, arguments)? {
        return Ok(answer);
    }
    // NumPy calls the object's method of the function's name, with keywords that torch's methods do not know.
    if foreign::has_exchange(np, first) {
        let relevant: SmallVec<[_; 4]> = native.parameters.relevant(&bound).collect();
        let call = |arguments: &Arguments<'_, 'py>| call_native(native, implementation, arguments);
        return attached(py, || foreign::function_on_views(py, np, &relevant, arguments, call));
    }
    if !is_array
        && let Some(reduction) = &native.reduction
        && !is_generator(first)
    {
        return attached(py, || reduction.foreign(np, native, first, &bound));
    }
    arguments.call(implementation)
}

fn is_generator(object: Object<'_, '_>) -> bool {
    // SAFETY: a live object.
    unsafe { ffi::PyGen_Check(object.as_ptr()) != 0 }
}

/// Runs one of NumPy's functions by its native way alone; `None` where that does not take the arguments.
pub fn run_natively<'py>(
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = function.py();
    let named: Vec<_> = kwargs.into_iter().flatten().collect();
    let names = PyTuple::new(py, named.iter().map(|(name, _)| name))?;
    if !named.iter().all(|(name, _)| name.is_instance_of::<PyString>()) {
        return Ok(None);
    }
    let positional: Vec<_> = args.as_slice().iter().map(Bound::as_borrowed).collect();
    let keywords: Vec<_> = named.iter().map(|(_, value)| value.as_borrowed()).collect();
    let arguments = Arguments::with_names(&positional, &keywords, names.as_borrowed());
    let Some(this) = This::<Function>::of(function.as_borrowed()) else { return Ok(None) };
    let Kind::Native(native) = &this.behind.kind else { return Ok(None) };
    let (np, mut bound) = (NumPy::get(py), [None; MOST]);
    let fit = native.parameters.bind(&arguments, &mut bound);
    if fit != Fit::Whole || !bound[0].is_some_and(|first| np.is_exact_array(first)) {
        return Ok(None);
    }
    (native.run)(py, np, native, &bound).transpose()
}

// SAFETY: the slots are functions of their kinds.
unsafe impl Behind for Function {
    const NAME: &'static CStr = c"ufunx._ArrayFunctionDispatcher";
    const FLAGS: c_ulong = ffi::Py_TPFLAGS_METHOD_DESCRIPTOR;
    const VECTORCALL: ffi::vectorcallfunc = vectorcall;

    fn class() -> &'static PyOnceLock<Py<PyType>> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        &CLASS
    }

    fn repr<'py>(this: This<'_, 'py, Self>) -> Returned<'py> {
        let name = this.object.getattr(intern!(this.object.py(), "__name__"))?.str()?;
        let text = format!("<function {} at {:p}>", name.to_string_lossy(), this.object.as_ptr());
        Ok(PyString::new(this.object.py(), &text).into_any())
    }

    fn str<'py>(this: This<'_, 'py, Self>) -> Returned<'py> {
        Ok(this.behind.implementation.bind(this.object.py()).str()?.into_any())
    }

    fn hash(this: This<'_, '_, Self>) -> PyResult<ffi::Py_hash_t> {
        match &this.behind.kind {
            Kind::Native(native) => native.public.bind(this.object.py()).hash(),
            // By address, whose low bits say nothing.
            Kind::Dispatched(_) => Ok((this.object.as_ptr().addr() >> 4) as ffi::Py_hash_t),
        }
    }

    /// NumPy's public function is what an override is handed.
    fn is_equal(this: This<'_, '_, Self>, other: Object<'_, '_>) -> bool {
        matches!(&this.behind.kind, Kind::Native(native) if other.is(&native.public))
    }

    fn pickled<'py>(this: This<'_, 'py, Self>) -> Returned<'py> {
        this.object.getattr(intern!(this.object.py(), "__qualname__"))
    }

    fn properties() -> Vec<ffi::PyGetSetDef> {
        vec![
            property::<Function>(c"__dict__", |this| Ok(this.dict().into_any())),
            property::<Function>(c"_implementation", |this| {
                Ok(this.behind.implementation.bind(this.object.py()).clone())
            }),
        ]
    }

    fn methods() -> Vec<ffi::PyMethodDef> {
        vec![]
    }

    fn slots() -> Vec<(c_int, *mut c_void)> {
        vec![(ffi::Py_tp_descr_get, bind_method as *mut c_void)]
    }
}

/// In a class body it is a method, as any function.
unsafe extern "C" fn bind_method(
    object: *mut ffi::PyObject,
    instance: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: live objects, or null for the instance.
    unsafe {
        match instance.is_null() {
            true => ffi::Py_NewRef(object),
            false => PyMethod_New(object, instance),
        }
    }
}

unsafe extern "C" {
    /// CPython's, which pyo3 does not name.
    fn PyMethod_New(function: *mut ffi::PyObject, instance: *mut ffi::PyObject) -> *mut ffi::PyObject;
}
