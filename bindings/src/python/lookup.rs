//! Protocol attributes, looked up as NumPy does: on the class or on the instance, quietly, and not at all on Python's
//! own types. Names are interned once.

use super::object::Object;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyEllipsis, PyNone, PyString};
use ufunx::dispatch::arguments::{Keyword, Method};

/// Interned strings.
pub struct Names {
    /// `__array_ufunc__`.
    pub array_ufunc: Py<PyString>,
    /// `__array_function__`.
    pub array_function: Py<PyString>,
    /// `__array_wrap__`.
    pub array_wrap: Py<PyString>,
    /// `__array_finalize__`.
    pub array_finalize: Py<PyString>,
    /// `__array_priority__`.
    pub array_priority: Py<PyString>,
    /// `__ufunx_handoff__`.
    pub handoff: Py<PyString>,
    /// What nobody calls an attribute.
    pub nothing: Py<PyString>,
    methods: [Py<PyString>; METHODS.len()],
    keywords: Vec<Py<PyString>>,
}

const METHODS: [Method; 6] =
    [Method::Call, Method::Outer, Method::Reduce, Method::Accumulate, Method::Reduceat, Method::At];

impl Names {
    /// The names.
    #[inline]
    pub fn get(py: Python<'_>) -> &'static Names {
        static NAMES: PyOnceLock<Names> = PyOnceLock::new();
        NAMES.get_or_init(py, || {
            let intern = |text: &str| PyString::intern(py, text).unbind();
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
    pub fn method<'a, 'py>(&'a self, py: Python<'py>, method: Method) -> &'a Bound<'py, PyString> {
        self.methods[method as usize].bind(py)
    }

    /// A keyword.
    pub fn keyword<'a, 'py>(&'a self, py: Python<'py>, keyword: Keyword) -> &'a Bound<'py, PyString> {
        self.keywords[keyword as usize].bind(py)
    }
}

/// `type(object).name`; an error while looking is as good as no attribute, as it is to NumPy.
#[inline]
pub fn on_class<'py>(object: Object<'_, 'py>, name: &Bound<'_, PyString>) -> Option<Bound<'py, PyAny>> {
    let class = object.get_type_ptr();
    if is_basic(object.py(), class) {
        return None;
    }
    // SAFETY: the class of a live object, which the look-up itself keeps.
    match unsafe { found(object.py(), class.cast(), name) } {
        Ok(found) => found,
        Err(Raised) => {
            // SAFETY: the GIL is held, as the object says.
            unsafe { ffi::PyErr_Clear() };
            None
        }
    }
}

/// `object.name`.
pub fn on_instance<'py>(
    object: Object<'_, 'py>,
    name: &Bound<'_, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if is_basic(object.py(), object.get_type_ptr()) {
        return Ok(None);
    }
    // SAFETY: a live object.
    unsafe { found(object.py(), object.as_ptr(), name) }.map_err(|Raised| PyErr::fetch(object.py()))
}

/// An error that was raised, and is still there.
struct Raised;

/// An attribute, if there is one.
///
/// # Safety
/// A live object.
#[inline]
unsafe fn found<'py>(
    py: Python<'py>,
    object: *mut ffi::PyObject,
    name: &Bound<'_, PyString>,
) -> Result<Option<Bound<'py, PyAny>>, Raised> {
    let mut found = std::ptr::null_mut();
    // SAFETY: the caller's promise; what is found is owned.
    unsafe {
        if optional_attribute(object, name.as_ptr(), &mut found) < 0 {
            return Err(Raised);
        }
        Ok(Bound::from_owned_ptr_or_opt(py, found))
    }
}

/// Python's own types, which have none of the protocols.
#[inline]
fn is_basic(py: Python<'_>, class: *mut ffi::PyTypeObject) -> bool {
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
    let singletons = [PyNone::get(py).get_type_ptr(), PyEllipsis::get(py).get_type_ptr()];
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
