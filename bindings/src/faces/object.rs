//! The ufunc object.
//!
//! It carries its NumPy twin's identity (DESIGN: overrides look ufuncs up by it): `__class__` is `numpy.ufunc`, and so
//! the type is named in messages; `==` and `hash` are the twin's, and every attribute it does not have itself is the
//! twin's. It is pickled by its name in `ufunx`, its `__module__`. What can be set on it is what the installed NumPy lets
//! be set on its own.

use super::methods;
use crate::arguments::passed::Arguments;
use crate::numpys::made;
use crate::pipeline::{self, Called};
use crate::python::entry::{count_native, guarded};
use crate::python::heap_type::{self, Behind, This, property};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, lent_by_c};
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::docs;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::PyAttributeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};
use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;
use ufunx::dispatch::arguments::Target;
use ufunx::program::Program;
use ufunx::registry::UfuncDef;

/// Makes the object for a NumPy ufunc.
pub fn new<'py>(twin: &Bound<'py, PyAny>) -> Returned<'py> {
    let name: String = twin.getattr("__name__")?.extract()?;
    let def = ufunx::table().get(&name);
    let target = Target {
        nin: twin.getattr("nin")?.extract()?,
        nout: twin.getattr("nout")?.extract()?,
        generalized: !twin.getattr("signature")?.is_none(),
    };
    heap_type::new(Ufunc::new(twin.clone().unbind(), def, target, name), own_dict(twin)?)
}

/// Makes the object for a definition made at run time.
pub fn made<'py>(py: Python<'py>, def: Arc<UfuncDef>) -> Returned<'py> {
    let Some(program) = Program::of(&def) else { unreachable!("it is made of a program") };
    let dict = PyDict::new(py);
    let definition = program.definition();
    dict.set_item("__module__", definition.module.as_deref().unwrap_or("ufunx"))?;
    dict.set_item("__qualname__", &definition.name)?;
    if let Some(doc) = &definition.doc {
        dict.set_item("__doc__", doc)?;
    }
    heap_type::new(Ufunc::made(def, made::twin), dict)
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

#[inline(always)]
fn called<'py>(this: This<'_, 'py, Ufunc>, arguments: &Arguments<'_, 'py>) -> Returned<'py> {
    let (py, ufunc) = (this.object.py(), this.behind);
    let cells = Cells::new();
    let mut read = Read::new(&cells);
    // SAFETY: what is read is used at once, or was not read to the end.
    unsafe {
        if let Some(result) = short::call::call_exact(py, ufunc, arguments, &mut read)? {
            count_native();
            return Ok(result);
        }
        pipeline::call_ufunc(py, Called { ufunc, face: this.object }, arguments, &read)
    }
}

/// The twin of an object.
fn twin<'a, 'py>(this: This<'a, 'py, Ufunc>) -> PyResult<Object<'a, 'py>> {
    this.behind.twin(this.object.py())
}

// SAFETY: the slots and methods are functions of their kinds.
unsafe impl Behind for Ufunc {
    const NAME: &'static CStr = c"numpy.ufunc";
    const VECTORCALL: ffi::vectorcallfunc = vectorcall;

    fn class() -> &'static PyOnceLock<Py<PyType>> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        &CLASS
    }

    fn repr<'py>(this: This<'_, 'py, Self>) -> Returned<'py> {
        match this.behind.program() {
            Some(program) => {
                let text = format!("<ufunc '{}'>", program.definition().name);
                Ok(PyString::new(this.object.py(), &text).into_any())
            }
            None => Ok(twin(this)?.repr()?.into_any()),
        }
    }

    fn str<'py>(this: This<'_, 'py, Self>) -> Returned<'py> {
        Self::repr(this)
    }

    fn hash(this: This<'_, '_, Self>) -> PyResult<ffi::Py_hash_t> {
        match this.behind.program() {
            // (Its twin is hashed by its address too.)
            Some(_) => Ok(this.object.as_ptr().addr().rotate_right(4) as ffi::Py_hash_t),
            None => twin(this)?.hash(),
        }
    }

    /// NumPy's own comparison knows nothing of ours and lets us answer.
    fn is_equal(this: This<'_, '_, Self>, other: Object<'_, '_>) -> bool {
        twin(this).is_ok_and(|twin| other.is(&*twin))
    }

    fn pickled<'py>(this: This<'_, 'py, Self>) -> Returned<'py> {
        match this.behind.program() {
            Some(program) => pickled_by_definition(this.object.py(), program),
            None => twin(this)?.getattr(intern!(this.object.py(), "__name__")),
        }
    }

    // [`setattro`] decides what setting one does.
    fn properties() -> Vec<ffi::PyGetSetDef> {
        vec![
            property::<Ufunc>(c"__class__", |this| {
                let py = this.object.py();
                Ok(NumPy::get(py).ufunc_type.bind(py).clone())
            }),
            property::<Ufunc>(c"__doc__", get_doc),
            property::<Ufunc>(c"__dict__", get_dict),
            property::<Ufunc>(c"__dask_tokenize__", get_token),
            property::<Ufunc>(c"definition", |this| Ok(definition(this)?.into_any())),
        ]
    }

    fn methods() -> Vec<ffi::PyMethodDef> {
        methods::table()
    }

    fn slots() -> Vec<(c_int, *mut c_void)> {
        vec![(ffi::Py_tp_getattro, getattro as *mut c_void), (ffi::Py_tp_setattro, setattro as *mut c_void)]
    }
}

/// The bytes of the definition that a ufunc was made of.
fn definition<'py>(this: This<'_, 'py, Ufunc>) -> PyResult<Bound<'py, PyBytes>> {
    match this.behind.program() {
        Some(program) => Ok(PyBytes::new(this.object.py(), &program.definition().to_bytes())),
        None => Err(PyAttributeError::new_err("only a ufunc made at run time has a definition")),
    }
}

/// What Dask calls to tell a made ufunc from others.
fn get_token<'py>(this: This<'_, 'py, Ufunc>) -> Returned<'py> {
    let (py, definition) = (this.object.py(), definition(this)?);
    py.import("functools")?.getattr("partial")?.call1((py.get_type::<PyTuple>(), ("ufunx", definition)))
}

/// What makes an equal ufunc: the function that does, and the definition.
fn pickled_by_definition<'py>(py: Python<'py>, program: &Program) -> Returned<'py> {
    let make = py.import("ufunx._native")?.getattr("from_definition")?;
    let bytes = PyBytes::new(py, &program.definition().to_bytes());
    Ok((make, (bytes,)).into_pyobject(py)?.into_any())
}

/// The doc in the instance's dict, where setting puts it, else the registry's, else the twin's.
fn get_doc<'py>(this: This<'_, 'py, Ufunc>) -> Returned<'py> {
    if let Some(set) = this.dict().get_item("__doc__")? {
        return Ok(set);
    }
    let twins = twin(this)?.getattr("__doc__")?;
    if let Some(program) = this.behind.program() {
        let text = format!("{}\n\n{}", twins.extract::<String>()?.trim(), program.definition());
        return Ok(PyString::new(this.object.py(), &text).into_any());
    }
    let Some(def) = this.behind.def else { return Ok(twins) };
    let first_line = twins.cast::<PyString>().ok().map(|doc| doc.to_string_lossy().into_owned());
    let first_line = first_line.as_deref().and_then(|doc| doc.lines().next()).unwrap_or(def.name);
    Ok(PyString::new(this.object.py(), &docs::docstring(def, first_line)).into_any())
}

/// The instance's dict; none where NumPy's ufuncs have none (before 2.2).
fn get_dict<'py>(this: This<'_, 'py, Ufunc>) -> Returned<'py> {
    twin(this)?.getattr(intern!(this.object.py(), "__dict__"))?;
    Ok(this.dict().into_any())
}

/// An attribute of the object, else of its twin.
unsafe extern "C" fn getattro(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours and a name; a failed look-up leaves an exception, which is taken away
    // before the next.
    unsafe {
        let found = ffi::PyObject_GenericGetAttr(object, name);
        if !found.is_null() || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
            return found;
        }
        ffi::PyErr_Clear();
        let this = This::<Ufunc>::of_own(lent_by_c(Python::assume_attached(), object));
        match twin(this) {
            Ok(twin) => ffi::PyObject_GetAttr(twin.as_ptr(), name),
            Err(error) => {
                error.restore(this.object.py());
                std::ptr::null_mut()
            }
        }
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
    // SAFETY: CPython calls it with an object of ours and a string, which is looked at first; a null value deletes.
    unsafe {
        let this = This::<Ufunc>::of_own(lent_by_c(Python::assume_attached(), object));
        let dict = this.dict();
        // Compared as it is: a name need not be one that UTF-8 can write.
        let is = |text: &CStr| ffi::PyUnicode_CompareWithASCIIString(name, text.as_ptr()) == 0;
        let is_made = this.behind.program().is_some();
        if READ_ONLY.into_iter().any(is) || !is_made {
            let twin = match twin(this) {
                Ok(twin) => twin.as_ptr(),
                Err(error) => {
                    error.restore(this.object.py());
                    return -1;
                }
            };
            if READ_ONLY.into_iter().any(is) || ffi::PyObject_HasAttrString(twin, c"__dict__".as_ptr()) == 0 {
                return ffi::PyObject_SetAttr(twin, name, value);
            }
        }
        match is(c"__doc__") {
            false => ffi::PyObject_GenericSetAttr(object, name, value),
            true if value.is_null() => ffi::PyDict_DelItem(dict.as_ptr(), name),
            true => ffi::PyDict_SetItem(dict.as_ptr(), name, value),
        }
    }
}
