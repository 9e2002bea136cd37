//! Our heap types, made by hand as pyo3's `__call__` goes through tuples and dicts: objects with vectorcall, a `__dict__` and
//! weak references, never made from Python. What they have in common is here; every entry from Python goes through
//! [`guarded`], which turns a panic into an exception.

use super::entry::{attached, guarded, guarded_or};
use super::object::{Object, Returned, any, boolean, lent_by_c};
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyNotImplemented, PyType};
use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::mem::offset_of;

/// What is behind the objects of a type, and what they do.
///
/// # Safety
/// [`Behind::slots`], [`Behind::methods`] and [`Behind::properties`] are functions of their slots' and flags' kinds, and
/// `VECTORCALL` is one for objects of this type.
pub unsafe trait Behind: Sized + 'static {
    /// The type's name.
    const NAME: &'static CStr;
    /// Its flags beyond those of all such types.
    const FLAGS: c_ulong = 0;
    /// What calls an object.
    const VECTORCALL: ffi::vectorcallfunc;

    /// Where the type is kept.
    fn class() -> &'static PyOnceLock<Py<PyType>>;
    /// `repr`.
    fn repr<'py>(this: This<'_, 'py, Self>) -> Returned<'py>;
    /// `str`.
    fn str<'py>(this: This<'_, 'py, Self>) -> Returned<'py>;
    /// `hash`.
    fn hash(this: This<'_, '_, Self>) -> PyResult<ffi::Py_hash_t>;
    /// Whether it is equal to another object, which is not itself.
    fn is_equal(this: This<'_, '_, Self>, other: Object<'_, '_>) -> bool;
    /// The name by which it is pickled and copied.
    fn pickled<'py>(this: This<'_, 'py, Self>) -> Returned<'py>;
    /// Attributes that are computed.
    fn properties() -> Vec<ffi::PyGetSetDef>;
    /// Methods.
    fn methods() -> Vec<ffi::PyMethodDef>;
    /// The slots that are its own.
    fn slots() -> Vec<(c_int, *mut c_void)>;
}

/// An object's memory.
#[repr(C)]
struct Instance<T> {
    base: ffi::PyObject,
    /// What CPython calls.
    vectorcall: ffi::vectorcallfunc,
    /// Attributes that were set.
    dict: *mut ffi::PyObject,
    /// CPython's list of weak references.
    weakrefs: *mut ffi::PyObject,
    behind: T,
}

/// An object of ours and what is behind it.
pub struct This<'a, 'py, T> {
    /// The object.
    pub object: Object<'a, 'py>,
    /// What is behind it, which never changes once it is made.
    pub behind: &'a T,
}

impl<T> Clone for This<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for This<'_, '_, T> {}

impl<'a, 'py, T: Behind> This<'a, 'py, T> {
    /// The object, if it is one of that type.
    #[inline]
    pub fn of(object: Object<'a, 'py>) -> Option<This<'a, 'py, T>> {
        let class = T::class().get(object.py())?.as_ptr();
        // SAFETY: its type says so.
        (object.get_type_ptr() == class.cast()).then(|| unsafe { This::of_own(object) })
    }

    /// The object, which is one of that type.
    ///
    /// # Safety
    /// It is.
    #[inline]
    pub unsafe fn of_own(object: Object<'a, 'py>) -> This<'a, 'py, T> {
        // SAFETY: objects of the type have such memory, which lives as long as they do.
        This { object, behind: unsafe { &(*object.as_ptr().cast::<Instance<T>>()).behind } }
    }

    /// Its `__dict__`.
    pub fn dict(self) -> Bound<'py, PyDict> {
        // SAFETY: an object of ours has a dict from when it is made.
        unsafe {
            let dict = (*self.object.as_ptr().cast::<Instance<T>>()).dict;
            Bound::from_borrowed_ptr(self.object.py(), dict).cast_into_unchecked()
        }
    }
}

/// Makes an object, with that `__dict__`.
pub fn new<'py, T: Behind>(behind: T, dict: Bound<'py, PyDict>) -> Returned<'py> {
    let py = dict.py();
    let class = T::class().get_or_try_init(py, || make_class::<T>(py))?.bind(py).as_type_ptr();
    // SAFETY: the type's basic size is that of the instance; `tp_alloc` zeroes it and sets up the head, every other field is
    // written here.
    unsafe {
        let Some(alloc) = (*class).tp_alloc else {
            return Err(PySystemError::new_err("type without tp_alloc"));
        };
        let object = alloc(class, 0);
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        let instance = object.cast::<Instance<T>>();
        (&raw mut (*instance).vectorcall).write(T::VECTORCALL);
        (&raw mut (*instance).dict).write(dict.into_ptr());
        (&raw mut (*instance).behind).write(behind);
        Ok(Bound::from_owned_ptr(py, object))
    }
}

/// Makes the type. Its tables are leaked, as types keep pointers into them.
fn make_class<T: Behind>(py: Python<'_>) -> PyResult<Py<PyType>> {
    let members = vec![
        member(c"__vectorcalloffset__", offset_of!(Instance<T>, vectorcall)),
        member(c"__dictoffset__", offset_of!(Instance<T>, dict)),
        member(c"__weaklistoffset__", offset_of!(Instance<T>, weakrefs)),
        ffi::PyMemberDef::default(),
    ];
    let mut properties = T::properties();
    properties.push(ffi::PyGetSetDef::default());
    let mut methods = T::methods();
    let by_name = ffi::PyMethodDef {
        ml_name: c"__reduce__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce::<T> },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    };
    methods.extend([by_name, ffi::PyMethodDef::zeroed()]);
    let mut slots = T::slots();
    slots.extend([
        (ffi::Py_tp_repr, repr::<T> as *mut c_void),
        (ffi::Py_tp_str, str::<T> as *mut c_void),
        (ffi::Py_tp_hash, hash::<T> as *mut c_void),
        (ffi::Py_tp_richcompare, richcompare::<T> as *mut c_void),
        (ffi::Py_tp_dealloc, dealloc::<T> as *mut c_void),
        (ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
        (ffi::Py_tp_members, members.leak().as_mut_ptr().cast()),
        (ffi::Py_tp_getset, properties.leak().as_mut_ptr().cast()),
        (ffi::Py_tp_methods, methods.leak().as_mut_ptr().cast()),
        (0, std::ptr::null_mut()),
    ]);
    let slots: Vec<_> = slots.into_iter().map(|(slot, pfunc)| ffi::PyType_Slot { slot, pfunc }).collect();
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_VECTORCALL
        | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION
        | ffi::Py_TPFLAGS_IMMUTABLETYPE
        | T::FLAGS;
    let mut spec = ffi::PyType_Spec {
        name: T::NAME.as_ptr(),
        basicsize: size_of::<Instance<T>>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.leak().as_mut_ptr(),
    };
    // SAFETY: size and places are those of an `Instance`; the slots are functions of their kinds, those of the implementor as
    // its `Behind` promises; the tables it points at were leaked.
    let class = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)) }?;
    Ok(class.cast_into::<PyType>()?.unbind())
}

fn member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as isize,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    }
}

/// Computes an attribute.
pub type Getter<T> = for<'a, 'py> fn(This<'a, 'py, T>) -> Returned<'py>;

/// An attribute that is computed.
pub fn property<T: Behind>(name: &'static CStr, getter: Getter<T>) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get::<T>),
        set: None,
        doc: std::ptr::null(),
        closure: getter as *mut c_void,
    }
}

unsafe extern "C" fn get<T: Behind>(object: *mut ffi::PyObject, getter: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it as `property` says: with an object of ours, and the function that was put beside it.
    unsafe {
        let getter = std::mem::transmute::<*mut c_void, Getter<T>>(getter);
        guarded(object, |object| getter(This::of_own(object)))
    }
}

unsafe extern "C" fn repr<T: Behind>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours.
    unsafe { guarded(object, |object| T::repr(This::of_own(object))) }
}

unsafe extern "C" fn str<T: Behind>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours.
    unsafe { guarded(object, |object| T::str(This::of_own(object))) }
}

unsafe extern "C" fn reduce<T: Behind>(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours.
    unsafe { guarded(object, |object| T::pickled(This::of_own(object))) }
}

unsafe extern "C" fn hash<T: Behind>(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // SAFETY: CPython calls it with an object of ours.
    unsafe { guarded_or(object, -1, |object| T::hash(This::of_own(object))) }
}

unsafe extern "C" fn richcompare<T: Behind>(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    op: c_int,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it with an object of ours and any other.
    unsafe {
        guarded(object, |object| {
            let (py, other) = (object.py(), lent_by_c(object.py(), other));
            let is_equal = || object.is(other) || T::is_equal(This::of_own(object), other);
            let answer = match op {
                ffi::Py_EQ if is_equal() => boolean(py, true),
                ffi::Py_NE if is_equal() => boolean(py, false),
                _ => any(PyNotImplemented::get(py)),
            };
            Ok(answer.to_owned())
        })
    }
}

unsafe extern "C" fn dealloc<T: Behind>(object: *mut ffi::PyObject) {
    // SAFETY: the last reference is gone; what `new` took is given back, then the memory and the type.
    unsafe {
        let instance = object.cast::<Instance<T>>();
        if !(*instance).weakrefs.is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        ffi::Py_XDECREF((*instance).dict);
        // It holds `Py`s, which go at once only where PyO3 knows the thread as attached.
        attached(Python::assume_attached(), || std::ptr::drop_in_place(&raw mut (*instance).behind));
        let class = ffi::Py_TYPE(object);
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}
