//! The ufunc object: a heap type with vectorcall, made by hand because pyo3's `__call__` goes through tuples and dicts.
//!
//! It carries its NumPy twin's identity (DESIGN: overrides look ufuncs up by it): `__class__` is `numpy.ufunc`, and so
//! the type is named in messages; `==` and `hash` are the twin's, and every attribute it does not have itself is the
//! twin's. It is pickled by its name in `ufunx`, its `__module__`. What can be set on it is what the installed NumPy lets
//! be set on its own. Every entry from Python goes through [`guarded`], which turns a panic into an exception.

use super::methods;
use crate::arguments::passed::Arguments;
use crate::pipeline::{self, Called};
use crate::python::entry::{count_native, guarded};
use crate::python::heap_type::{HeapType, property};
use crate::python::numpy_api::NumPy;
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::docs;
use crate::ufunc::record::{Ufunc, set_class};
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use ufunx::dispatch::arguments::Target;
use ufunx::short::loops::ShortLoops;

/// Makes the object for a NumPy ufunc.
pub fn new(py: Python<'_>, twin: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let class = class(py)?.cast::<ffi::PyTypeObject>();
    let name: String = twin.getattr("__name__")?.extract()?;
    let def = ufunx::table().get(&name);
    let target = Target {
        nin: twin.getattr("nin")?.extract()?,
        nout: twin.getattr("nout")?.extract()?,
        generalized: !twin.getattr("signature")?.is_none(),
    };
    // SAFETY: the type's basic size is that of `Ufunc`; `tp_alloc` zeroes it and sets up the head, every other field is
    // written here.
    unsafe {
        let Some(alloc) = (*class).tp_alloc else {
            return Err(PySystemError::new_err("type without tp_alloc"));
        };
        let object = alloc(class, 0);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        let ufunc = object.cast::<Ufunc>();
        (&raw mut (*ufunc).vectorcall).write(vectorcall);
        (&raw mut (*ufunc).twin).write(twin.clone().into_ptr());
        (&raw mut (*ufunc).def).write(def);
        (&raw mut (*ufunc).target).write(target);
        (&raw mut (*ufunc).name).write(name);
        (&raw mut (*ufunc).short).write(ShortLoops::new(def));
        let made = Bound::from_owned_ptr(py, object);
        (&raw mut (*ufunc).dict).write(own_dict(twin)?.into_ptr());
        Ok(made.unbind())
    }
}

/// What `__dict__` starts with: `__module__` and, where NumPy has it there, `__qualname__`.
fn own_dict<'py>(twin: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(twin.py());
    dict.set_item("__module__", "ufunx")?;
    if let Some(name) = twin.getattr_opt("__qualname__")? {
        dict.set_item("__qualname__", name)?;
    }
    Ok(dict)
}

unsafe extern "C" fn vectorcall(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    kwnames: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls this, with an object of ours and as many arguments as it says.
    unsafe {
        guarded(|py| {
            let arguments = Arguments::new(args, ffi::PyVectorcall_NARGS(nargsf) as usize, kwnames);
            let ufunc = &*callable.cast::<Ufunc>();
            let cells = Cells::new();
            let mut read = Read::new(&cells);
            if let Some(result) = short::call::call(py, ufunc, &arguments, &mut read)? {
                count_native();
                return Ok(result);
            }
            pipeline::call(py, Called { ufunc, face: callable }, &arguments, &read)
        })
    }
}

fn class(py: Python<'_>) -> PyResult<*mut ffi::PyObject> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || make_class(py))?.as_ptr();
    set_class(class.cast());
    Ok(class)
}

fn make_class(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let class = HeapType {
        name: c"numpy.ufunc",
        size: size_of::<Ufunc>(),
        offsets: [offset_of!(Ufunc, vectorcall), offset_of!(Ufunc, dict), offset_of!(Ufunc, weakrefs)],
        flags: 0,
        // [`setattro`] decides what setting one does.
        properties: vec![
            property(c"__class__", get_class),
            property(c"__doc__", get_doc),
            property(c"__dict__", get_dict),
        ],
        slots: vec![
            (ffi::Py_tp_methods, methods::table().cast()),
            (ffi::Py_tp_getattro, getattro as *mut c_void),
            (ffi::Py_tp_setattro, setattro as *mut c_void),
            (ffi::Py_tp_repr, repr as *mut c_void),
            (ffi::Py_tp_hash, hash as *mut c_void),
            (ffi::Py_tp_richcompare, richcompare as *mut c_void),
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
        ],
    };
    // SAFETY: the places are those of a `Ufunc`, and the slots are functions of their kinds.
    unsafe { class.make(py) }
}

unsafe extern "C" fn get_class(_: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: called from Python; a type that lives for ever.
    unsafe { ffi::Py_NewRef(NumPy::get(Python::assume_attached()).ufunc_type) }
}

/// The doc in the instance's dict, where setting puts it, else the registry's, else the twin's.
unsafe extern "C" fn get_doc(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: called from Python, with an object of ours; its dict is a dict, and its twin is alive as long as it is.
    unsafe {
        guarded(|py| {
            let ufunc = &*object.cast::<Ufunc>();
            let dict = Bound::from_borrowed_ptr(py, ufunc.dict);
            if let Some(set) = dict.cast_into_unchecked::<PyDict>().get_item("__doc__")? {
                return Ok(set);
            }
            let twins: Bound<'_, PyAny> = Bound::from_borrowed_ptr(py, ufunc.twin).getattr("__doc__")?;
            let Some(def) = ufunc.def else { return Ok(twins) };
            let first_line = twins.cast::<PyString>().ok().map(|doc| doc.to_string_lossy().into_owned());
            let first_line = first_line.as_deref().and_then(|doc| doc.lines().next()).unwrap_or(def.name);
            Ok(PyString::new(py, &docs::docstring(def, first_line)).into_any())
        })
    }
}

/// The instance's dict; none where NumPy's ufuncs have none (before 2.2).
unsafe extern "C" fn get_dict(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: an object of ours, with a dict.
    unsafe {
        let ufunc = &*object.cast::<Ufunc>();
        let twins = ffi::PyObject_GetAttrString(ufunc.twin, c"__dict__".as_ptr());
        if twins.is_null() {
            return twins;
        }
        ffi::Py_DECREF(twins);
        ffi::Py_NewRef(ufunc.dict)
    }
}

/// An attribute of the object, else of its twin.
unsafe extern "C" fn getattro(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: an object of ours; a failed look-up leaves an exception, which is taken away before the next.
    unsafe {
        let found = ffi::PyObject_GenericGetAttr(object, name);
        if !found.is_null() || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
            return found;
        }
        ffi::PyErr_Clear();
        ffi::PyObject_GetAttr((*object.cast::<Ufunc>()).twin, name)
    }
}

/// Attributes that NumPy refuses to set: facts of a ufunc, and what any object has.
const READ_ONLY: [&CStr; 10] = [
    c"__class__",
    c"__dict__",
    c"__name__",
    c"identity",
    c"nargs",
    c"nin",
    c"nout",
    c"ntypes",
    c"signature",
    c"types",
];

/// Sets or deletes in the instance's dict. What NumPy refuses for its own ufunc it is left to refuse here, in its words.
unsafe extern "C" fn setattro(
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> c_int {
    // SAFETY: an object of ours, with a dict; the name is a string, which is looked at first; a null value deletes.
    unsafe {
        let ufunc = &*object.cast::<Ufunc>();
        // Compared as it is: a name need not be one that UTF-8 can write.
        let is = |text: &CStr| ffi::PyUnicode_CompareWithASCIIString(name, text.as_ptr()) == 0;
        if READ_ONLY.into_iter().any(is) || ffi::PyObject_HasAttrString(ufunc.twin, c"__dict__".as_ptr()) == 0
        {
            return ffi::PyObject_SetAttr(ufunc.twin, name, value);
        }
        match is(c"__doc__") {
            false => ffi::PyObject_GenericSetAttr(object, name, value),
            true if value.is_null() => ffi::PyDict_DelItem(ufunc.dict, name),
            true => ffi::PyDict_SetItem(ufunc.dict, name, value),
        }
    }
}

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: an object of ours.
    unsafe { ffi::PyObject_Repr((*object.cast::<Ufunc>()).twin) }
}

unsafe extern "C" fn hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // SAFETY: an object of ours.
    unsafe { ffi::PyObject_Hash((*object.cast::<Ufunc>()).twin) }
}

unsafe extern "C" fn richcompare(
    a: *mut ffi::PyObject,
    b: *mut ffi::PyObject,
    op: c_int,
) -> *mut ffi::PyObject {
    // SAFETY: `a` is an object of ours; `b` any. NumPy's own comparison knows nothing of ours and lets us answer.
    unsafe {
        let same = a == b || (*a.cast::<Ufunc>()).twin == b;
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
        let ufunc = object.cast::<Ufunc>();
        if !(*ufunc).weakrefs.is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        ffi::Py_XDECREF((*ufunc).dict);
        ffi::Py_XDECREF((*ufunc).twin);
        std::ptr::drop_in_place(&raw mut (*ufunc).short);
        std::ptr::drop_in_place(&raw mut (*ufunc).name);
        let class = ffi::Py_TYPE(object);
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}
