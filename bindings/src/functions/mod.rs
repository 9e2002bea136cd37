//! Functions with `__array_function__`: NumPy's, as far as they run on the engine, and those of the decorator.
//!
//! A call goes one way: `bind` (which argument is which) → the native way, where the first argument is an exact array and
//! the rest is plain (`reductions`, `moments`, `elementwise`) → `override_call` (`__array_function__`) → NumPy's own
//! implementation with the same arguments. Overrides are handed NumPy's public function, which libraries know.
//! `decorate` makes such functions of others'; both are objects of the type here, which is to `numpy.sum` what ours are to
//! `numpy.add`.

mod bind;
mod decorate;
mod elementwise;
mod list;
mod moments;
mod native;
mod objects;
mod override_call;
mod quick;
mod reductions;

pub use decorate::array_function_dispatch;
pub use list::{functions, of_public};

use crate::arguments::passed::Arguments;
use crate::foreign;
use crate::python::entry::{attached, guarded};
use crate::python::heap_type::{HeapType, property};
use crate::python::numpy_api::NumPy;
use bind::{Fit, MOST};
use decorate::Dispatched;
use native::Native;
use objects::call_with;
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;
use std::ffi::{c_int, c_void};
use std::mem::offset_of;

/// The object's memory.
#[repr(C)]
pub struct Function {
    base: ffi::PyObject,
    vectorcall: ffi::vectorcallfunc,
    dict: *mut ffi::PyObject,
    weakrefs: *mut ffi::PyObject,
    /// What runs where nobody takes the call over.
    implementation: *mut ffi::PyObject,
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
pub fn new<'py>(implementation: &Bound<'py, PyAny>, kind: Kind) -> PyResult<Bound<'py, PyAny>> {
    let py = implementation.py();
    let class = class(py)?.cast::<ffi::PyTypeObject>();
    // SAFETY: the type's basic size is that of `Function`; `tp_alloc` zeroes it and sets up the head, every other field
    // is written here.
    unsafe {
        let Some(alloc) = (*class).tp_alloc else {
            return Err(PySystemError::new_err("type without tp_alloc"));
        };
        let object = alloc(class, 0);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        let function = object.cast::<Function>();
        (&raw mut (*function).vectorcall).write(vectorcall);
        (&raw mut (*function).implementation).write(implementation.clone().into_ptr());
        (&raw mut (*function).kind).write(kind);
        (&raw mut (*function).dict).write(PyDict::new(py).into_ptr());
        Ok(Bound::from_owned_ptr(py, object))
    }
}

unsafe extern "C" fn vectorcall(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls this, with an object of ours and as many arguments as it says.
    unsafe {
        guarded(|py| {
            let arguments = Arguments::new(args, ffi::PyVectorcall_NARGS(nargsf) as usize, names);
            let function = &*callable.cast::<Function>();
            match &function.kind {
                Kind::Native(native) => call_native(py, function, native, &arguments),
                Kind::Dispatched(dispatched) => {
                    dispatched.call(py, callable, function.implementation, &arguments)
                }
            }
        })
    }
}

/// Calls one of NumPy's functions. As in ufuncs, what drops more than `Bound`s is attached first.
unsafe fn call_native<'py>(
    py: Python<'py>,
    function: &Function,
    native: &Native,
    arguments: &Arguments<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let np = NumPy::get(py);
    let mut bound = [std::ptr::null_mut(); MOST];
    // SAFETY: live arguments.
    unsafe {
        let fit = native.parameters.bind(arguments, &mut bound);
        if fit == Fit::Not {
            return call_with(py, native.public, arguments);
        }
        let is_array = ffi::Py_TYPE(bound[0]) == np.array_type;
        if fit == Fit::Whole
            && is_array
            && let Some(result) = (native.run)(py, np, native, &bound)
        {
            return result;
        }
        let relevant = native.parameters.relevant(&bound);
        if let Some(answer) = override_call::ask(py, np, native.public, relevant, arguments)? {
            return Ok(answer);
        }
        // NumPy calls the object's method of the function's name, with keywords that torch's methods do not know.
        if !bound[0].is_null() && foreign::has_exchange(py, np, bound[0]) {
            let relevant: SmallVec<[_; 4]> = native.parameters.relevant(&bound).collect();
            let call = |arguments: &Arguments<'_>| call_native(py, function, native, arguments);
            return attached(py, || foreign::function_on_views(py, np, &relevant, arguments, call));
        }
        if !is_array
            && let Some(reduction) = &native.reduction
            && ffi::PyGen_Check(bound[0]) == 0
        {
            return attached(py, || reduction.foreign(py, np, native, &bound));
        }
        call_with(py, function.implementation, arguments)
    }
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
    let positional: Vec<_> = args.iter().map(|arg| arg.as_ptr()).collect();
    let keywords: Vec<_> = named.iter().map(|(_, value)| value.as_ptr()).collect();
    let arguments = Arguments { positional: &positional, keywords: &keywords, names: names.as_ptr() };
    // SAFETY: an object of ours once its type says so; live arguments.
    unsafe {
        let np = NumPy::get(py);
        if ffi::Py_TYPE(function.as_ptr()) != class(py)?.cast() {
            return Ok(None);
        }
        let Kind::Native(native) = &(*function.as_ptr().cast::<Function>()).kind else { return Ok(None) };
        let mut bound = [std::ptr::null_mut(); MOST];
        if native.parameters.bind(&arguments, &mut bound) != Fit::Whole || !np.is_exact_array(bound[0]) {
            return Ok(None);
        }
        (native.run)(py, np, native, &bound).transpose()
    }
}

fn class(py: Python<'_>) -> PyResult<*mut ffi::PyObject> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || make_class(py)).map(|c| c.as_ptr())
}

fn make_class(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let methods = Box::leak(Box::new([
        ffi::PyMethodDef {
            ml_name: c"__reduce__".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce_by_name },
            ml_flags: ffi::METH_NOARGS,
            ml_doc: std::ptr::null(),
        },
        ffi::PyMethodDef::zeroed(),
    ]));
    let class = HeapType {
        name: c"ufunx._ArrayFunctionDispatcher",
        size: size_of::<Function>(),
        offsets: [
            offset_of!(Function, vectorcall),
            offset_of!(Function, dict),
            offset_of!(Function, weakrefs),
        ],
        flags: ffi::Py_TPFLAGS_METHOD_DESCRIPTOR,
        properties: vec![
            property(c"__dict__", ffi::PyObject_GenericGetDict),
            property(c"_implementation", get_implementation),
        ],
        slots: vec![
            (ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
            (ffi::Py_tp_descr_get, bind_method as *mut c_void),
            (ffi::Py_tp_repr, repr as *mut c_void),
            (ffi::Py_tp_str, str as *mut c_void),
            (ffi::Py_tp_hash, hash as *mut c_void),
            (ffi::Py_tp_richcompare, richcompare as *mut c_void),
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
        ],
    };
    // SAFETY: the places are those of a `Function`, and the slots are functions of their kinds.
    unsafe { class.make(py) }
}

unsafe extern "C" fn get_implementation(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: an object of ours.
    unsafe { ffi::Py_NewRef((*object.cast::<Function>()).implementation) }
}

/// `__reduce__`: pickled and copied by name.
unsafe extern "C" fn reduce_by_name(object: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live object.
    unsafe { ffi::PyObject_GetAttrString(object, c"__qualname__".as_ptr()) }
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

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live object; the name is released.
    unsafe {
        let name = ffi::PyObject_GetAttrString(object, c"__name__".as_ptr());
        if name.is_null() {
            return name;
        }
        let text = ffi::PyUnicode_FromFormat(c"<function %S at %p>".as_ptr(), name, object);
        ffi::Py_DECREF(name);
        text
    }
}

unsafe extern "C" fn str(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: an object of ours.
    unsafe { ffi::PyObject_Str((*object.cast::<Function>()).implementation) }
}

/// NumPy's public function of one of NumPy's, else the object itself: what an override is handed.
unsafe fn identity(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: an object of ours.
    match unsafe { &(*object.cast::<Function>()).kind } {
        Kind::Native(native) => native.public,
        Kind::Dispatched(_) => object,
    }
}

unsafe extern "C" fn hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // SAFETY: an object of ours.
    match unsafe { identity(object) } {
        // By address, whose low bits say nothing.
        itself if itself == object => (object.addr() >> 4) as ffi::Py_hash_t,
        // SAFETY: a live object.
        public => unsafe { ffi::PyObject_Hash(public) },
    }
}

unsafe extern "C" fn richcompare(
    a: *mut ffi::PyObject,
    b: *mut ffi::PyObject,
    op: c_int,
) -> *mut ffi::PyObject {
    // SAFETY: `a` is an object of ours, `b` any.
    unsafe {
        let same = a == b || identity(a) == b;
        let answer = match op {
            ffi::Py_EQ if same => ffi::Py_True(),
            ffi::Py_NE if same => ffi::Py_False(),
            _ => ffi::Py_NotImplemented(),
        };
        ffi::Py_NewRef(answer)
    }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the last reference is gone; what `new` took is given back, then the memory and the type.
    unsafe {
        let function = object.cast::<Function>();
        if !(*function).weakrefs.is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        ffi::Py_XDECREF((*function).dict);
        ffi::Py_XDECREF((*function).implementation);
        // It holds `Py`s, which go at once only where PyO3 knows the thread as attached.
        attached(Python::assume_attached(), || std::ptr::drop_in_place(&raw mut (*function).kind));
        let class = ffi::Py_TYPE(object);
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}
