//! Protocol attributes, looked up as NumPy does: on the class or on the instance, quietly, and not at all on Python's
//! own types. Names are interned once.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use ufunx::dispatch::arguments::{Keyword, Method};

/// Interned strings that live for ever.
pub struct Names {
    /// `__array_ufunc__`.
    pub array_ufunc: *mut ffi::PyObject,
    /// `__array_function__`.
    pub array_function: *mut ffi::PyObject,
    /// `__array_wrap__`.
    pub array_wrap: *mut ffi::PyObject,
    /// `__array_finalize__`.
    pub array_finalize: *mut ffi::PyObject,
    /// `__array_priority__`.
    pub array_priority: *mut ffi::PyObject,
    /// `__ufunx_handoff__`.
    pub handoff: *mut ffi::PyObject,
    /// What nobody calls an attribute.
    pub nothing: *mut ffi::PyObject,
    methods: [*mut ffi::PyObject; METHODS.len()],
    keywords: Vec<*mut ffi::PyObject>,
}

const METHODS: [Method; 6] =
    [Method::Call, Method::Outer, Method::Reduce, Method::Accumulate, Method::Reduceat, Method::At];

// SAFETY: immortal strings, used with the GIL held.
unsafe impl Send for Names {}
// SAFETY: as above.
unsafe impl Sync for Names {}

impl Names {
    /// The names.
    #[inline]
    pub fn get(py: Python<'_>) -> &'static Names {
        static NAMES: PyOnceLock<Names> = PyOnceLock::new();
        NAMES.get_or_init(py, || {
            let intern = |text: &str| pyo3::types::PyString::intern(py, text).into_ptr();
            Names {
                array_ufunc: intern("__array_ufunc__"),
                array_function: intern("__array_function__"),
                array_wrap: intern("__array_wrap__"),
                array_finalize: intern("__array_finalize__"),
                array_priority: intern("__array_priority__"),
                handoff: intern("__ufunx_handoff__"),
                nothing: intern("__ufunx_nothing__"),
                methods: METHODS.map(|m| intern(m.name())),
                keywords: Keyword::ALL.iter().map(|k| intern(k.text())).collect(),
            }
        })
    }

    /// A method's name.
    pub fn method(&self, method: Method) -> *mut ffi::PyObject {
        self.methods[method as usize]
    }

    /// A keyword.
    pub fn keyword(&self, keyword: Keyword) -> *mut ffi::PyObject {
        self.keywords[keyword as usize]
    }
}

/// `type(object).name`, owned; an error while looking is as good as no attribute, as it is to NumPy.
///
/// # Safety
/// A live object, an interned name.
#[inline]
pub unsafe fn on_class(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> Option<*mut ffi::PyObject> {
    // SAFETY: live objects.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if is_basic(class) {
            return None;
        }
        let mut found = std::ptr::null_mut();
        if optional_attribute(class.cast(), name, &mut found) < 0 {
            ffi::PyErr_Clear();
            return None;
        }
        (!found.is_null()).then_some(found)
    }
}

/// `object.name`, owned.
///
/// # Safety
/// As [`on_class`].
pub unsafe fn on_instance(
    py: Python<'_>,
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
) -> PyResult<Option<*mut ffi::PyObject>> {
    // SAFETY: live objects.
    unsafe {
        if is_basic(ffi::Py_TYPE(object)) {
            return Ok(None);
        }
        let mut found = std::ptr::null_mut();
        if optional_attribute(object, name, &mut found) < 0 {
            return Err(PyErr::fetch(py));
        }
        Ok((!found.is_null()).then_some(found))
    }
}

/// Python's own types, which have none of the protocols.
fn is_basic(class: *mut ffi::PyTypeObject) -> bool {
    let basic = [
        &raw mut ffi::PyFloat_Type,
        &raw mut ffi::PyLong_Type,
        &raw mut ffi::PyBool_Type,
        &raw mut ffi::PyComplex_Type,
        &raw mut ffi::PyList_Type,
        &raw mut ffi::PyTuple_Type,
        &raw mut ffi::PyUnicode_Type,
        &raw mut ffi::PyBytes_Type,
        &raw mut ffi::PyDict_Type,
        &raw mut ffi::PySet_Type,
        &raw mut ffi::PyFrozenSet_Type,
        &raw mut ffi::PySlice_Type,
    ];
    // SAFETY: singletons that live for ever.
    let singletons = unsafe { [ffi::Py_TYPE(ffi::Py_None()), ffi::Py_TYPE(ffi::Py_Ellipsis())] };
    basic.contains(&class) || singletons.contains(&class)
}

#[cfg(Py_3_13)]
use ffi::PyObject_GetOptionalAttr as optional_attribute;

// What 3.13 made public. The public way before it raises an error and takes it away again, at ten times the cost.
#[cfg(not(Py_3_13))]
unsafe extern "C" {
    #[link_name = "_PyObject_LookupAttr"]
    fn optional_attribute(
        object: *mut ffi::PyObject,
        name: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> std::ffi::c_int;
}
