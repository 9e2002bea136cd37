//! The ufunc object: a heap type with vectorcall, made by hand because pyo3's `__call__` goes through tuples and dicts.
//!
//! It carries its NumPy twin's identity (DESIGN: overrides look ufuncs up by it): `__class__` is `numpy.ufunc`, and so
//! the type is named in messages; `==` and `hash` are the twin's, and every attribute it does not have itself is the
//! twin's. It is pickled by its name in `ufunx`, its `__module__`. What can be set on it is what the installed NumPy lets
//! be set on its own. Every entry from Python goes through [`guarded`], which turns a panic into an exception.

use crate::docs;
use crate::fast;
use crate::foreign::{self, Replaced};
use crate::loops::FastLoops;
use crate::methods;
use crate::numpy_api::NumPy;
use crate::twin;
use pyo3::exceptions::{PySystemError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use ufunx::FpFlags;
use ufunx::dispatch::arguments::{Method, Target};
use ufunx::registry::UfuncDef;

/// The object's memory.
#[repr(C)]
pub struct Ufunc {
    base: ffi::PyObject,
    vectorcall: ffi::vectorcallfunc,
    dict: *mut ffi::PyObject,
    weakrefs: *mut ffi::PyObject,
    /// NumPy's ufunc of the same name.
    pub twin: *mut ffi::PyObject,
    /// Ours; `None` where the registry has none yet, and the twin does everything.
    pub def: Option<&'static UfuncDef>,
    /// How many operands it has.
    pub target: Target,
    name: String,
    /// Loops for inputs of one dtype, by dtype.
    pub fast: FastLoops,
}

impl Ufunc {
    /// Raises or warns of what a loop raised, under that name. A refusal comes first: NumPy raises it inside the loop.
    #[inline]
    pub fn report(&self, py: Python<'_>, np: &NumPy, name: &str, flags: FpFlags) -> PyResult<()> {
        match self.def.and_then(|def| def.refusal) {
            Some(why) if flags.contains(FpFlags::REFUSED) => Err(PyValueError::new_err(why)),
            _ => np.report(py, name, flags),
        }
    }

    /// NumPy's name of it, not an alias.
    pub fn own_name(&self) -> &str {
        &self.name
    }
}

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
        (&raw mut (*ufunc).fast).write(FastLoops::new(def));
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

/// The ufunc behind an object of ours.
pub fn of<'a>(py: Python<'_>, object: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a Ufunc>> {
    // SAFETY: the type is checked; objects of it are `Ufunc`s, and never change after `new`.
    unsafe {
        let ours = ffi::Py_TYPE(object.as_ptr()) == class(py)?.cast();
        Ok(ours.then(|| &*object.as_ptr().cast::<Ufunc>()))
    }
}

/// Runs `f` with the GIL's token; an error or a panic becomes the exception raised.
///
/// PyO3 does not count this thread as attached here, which would cost as much as a tenth of a small call, and so it puts off
/// whatever `Py` is dropped until it attaches. Short ways drop `Bound`s only; the others run in [`attached`].
pub fn guarded(f: impl FnOnce(Python<'_>) -> PyResult<*mut ffi::PyObject>) -> *mut ffi::PyObject {
    // SAFETY: called from Python only, so the GIL is held.
    let py = unsafe { Python::assume_attached() };
    let error = match catch_unwind(AssertUnwindSafe(|| f(py))) {
        Ok(Ok(object)) => return object,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            pyo3::panic::PanicException::new_err(format!("ufunx: a bug, please report it: {text}"))
        }
    };
    // An error holds `Py`s.
    attached(|py| error.restore(py));
    std::ptr::null_mut()
}

/// Runs `f` where PyO3 counts the thread as attached, for code that is called from Python.
pub fn attached<R>(f: impl FnOnce(Python<'_>) -> R) -> R {
    // SAFETY: Python called, so the thread is attached. The checks left out refuse an interpreter that is about to end, in
    // which `__del__`s still run.
    unsafe { Python::attach_unchecked(f) }
}

unsafe extern "C" fn vectorcall(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    kwnames: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guarded(|py| {
        // SAFETY: Python calls this with an object of ours and as many arguments as it says.
        unsafe {
            let nargs = ffi::PyVectorcall_NARGS(nargsf) as usize;
            let arguments = Arguments::new(args, nargs, kwnames);
            let ufunc = &*callable.cast::<Ufunc>();
            if let Some(result) = fast::call(py, ufunc, &arguments)? {
                count_native();
                return Ok(result);
            }
            if let Some(result) = foreign::call_plainly(py, ufunc, callable, &arguments) {
                return result;
            }
            crate::call::call(py, ufunc, callable, &arguments)
        }
    })
}

static NATIVE_CALLS: AtomicU64 = AtomicU64::new(0);

/// Notes that a call ran on our kernels. Not an atomic addition, which would cost a tenth of a small call: with the GIL
/// held nothing is lost.
#[inline]
pub fn count_native() {
    NATIVE_CALLS.store(native_calls() + 1, Ordering::Relaxed);
}

/// How many calls, methods included, ran on our kernels in this process.
pub fn native_calls() -> u64 {
    NATIVE_CALLS.load(Ordering::Relaxed)
}

/// Arguments as vectorcall hands them over.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    /// Positional ones.
    pub positional: &'a [*mut ffi::PyObject],
    /// Values of keywords.
    pub keywords: &'a [*mut ffi::PyObject],
    /// Their names, a tuple, or null.
    pub names: *mut ffi::PyObject,
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// `args` holds `nargs` objects, then as many as `names` has, alive for `'a`.
    pub unsafe fn new(
        args: *const *mut ffi::PyObject,
        nargs: usize,
        names: *mut ffi::PyObject,
    ) -> Arguments<'a> {
        let slice = |start: usize, n: usize| match n {
            0 => &[][..],
            // SAFETY: the caller's promise.
            _ => unsafe { std::slice::from_raw_parts(args.add(start), n) },
        };
        // SAFETY: `names` is a tuple or null.
        let named = if names.is_null() { 0 } else { unsafe { ffi::PyTuple_GET_SIZE(names) as usize } };
        Arguments { positional: slice(0, nargs), keywords: slice(nargs, named), names }
    }

    /// Keywords as text and value.
    pub fn named(&self) -> impl Iterator<Item = (&'a CStr, *mut ffi::PyObject)> + '_ {
        self.keywords.iter().enumerate().map(|(i, &value)| {
            // SAFETY: keyword names are strings; CPython keeps their UTF-8 with them.
            let name = unsafe {
                let text = ffi::PyUnicode_AsUTF8(ffi::PyTuple_GET_ITEM(self.names, i as isize));
                if text.is_null() { c"" } else { CStr::from_ptr(text) }
            };
            (name, value)
        })
    }
}

fn class(py: Python<'_>) -> PyResult<*mut ffi::PyObject> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || make_class(py)).map(|c| c.as_ptr())
}

fn make_class(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let members = Box::leak(Box::new([
        member(c"__vectorcalloffset__", std::mem::offset_of!(Ufunc, vectorcall)),
        member(c"__dictoffset__", std::mem::offset_of!(Ufunc, dict)),
        member(c"__weaklistoffset__", std::mem::offset_of!(Ufunc, weakrefs)),
        ffi::PyMemberDef::default(),
    ]));
    let getset = Box::leak(Box::new([
        property(c"__class__", get_class),
        property(c"__doc__", get_doc),
        property(c"__dict__", get_dict),
        ffi::PyGetSetDef::default(),
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let slots = Box::leak(Box::new([
        slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, getset.as_mut_ptr().cast()),
        slot(ffi::Py_tp_methods, methods::table().cast()),
        slot(ffi::Py_tp_getattro, getattro as *mut c_void),
        slot(ffi::Py_tp_setattro, setattro as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_tp_hash, hash as *mut c_void),
        slot(ffi::Py_tp_richcompare, richcompare as *mut c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(0, std::ptr::null_mut()),
    ]));
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_VECTORCALL
        | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION
        | ffi::Py_TPFLAGS_IMMUTABLETYPE;
    let mut spec = ffi::PyType_Spec {
        name: c"numpy.ufunc".as_ptr(),
        basicsize: size_of::<Ufunc>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables it points at are leaked, as types keep pointers into them.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))?.unbind()) }
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

/// An attribute that is computed; [`setattro`] decides what setting it does.
fn property(name: &'static CStr, get: ffi::getter) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: std::ptr::null::<c_char>(),
        closure: std::ptr::null_mut(),
    }
}

unsafe extern "C" fn get_class(_: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    guarded(|py| {
        let class = NumPy::get(py).ufunc_type;
        // SAFETY: a type that lives for ever.
        Ok(unsafe { ffi::Py_NewRef(class) })
    })
}

/// The doc in the instance's dict, where setting puts it, else the registry's, else the twin's.
unsafe extern "C" fn get_doc(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    guarded(|py| {
        // SAFETY: an object of ours; its dict is a dict.
        let (ufunc, set) = unsafe {
            let ufunc = &*object.cast::<Ufunc>();
            let dict = Bound::from_borrowed_ptr(py, ufunc.dict);
            (ufunc, dict.cast_into_unchecked::<PyDict>().get_item("__doc__")?)
        };
        if let Some(set) = set {
            return Ok(set.into_ptr());
        }
        // SAFETY: the twin is alive as long as the object.
        let twins = unsafe { Bound::from_borrowed_ptr(py, ufunc.twin) }.getattr("__doc__")?;
        let Some(def) = ufunc.def else { return Ok(twins.into_ptr()) };
        let first_line = twins.cast::<PyString>().ok().map(|doc| doc.to_string_lossy().into_owned());
        let first_line = first_line.as_deref().and_then(|doc| doc.lines().next()).unwrap_or(def.name);
        Ok(PyString::new(py, &docs::docstring(def, first_line)).into_any().into_ptr())
    })
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
        let text = ffi::PyUnicode_AsUTF8(name);
        if text.is_null() {
            return -1;
        }
        let text = CStr::from_ptr(text);
        if READ_ONLY.contains(&text) || ffi::PyObject_HasAttrString(ufunc.twin, c"__dict__".as_ptr()) == 0 {
            return ffi::PyObject_SetAttr(ufunc.twin, name, value);
        }
        match text {
            _ if text != c"__doc__" => ffi::PyObject_GenericSetAttr(object, name, value),
            _ if value.is_null() => ffi::PyDict_DelItem(ufunc.dict, name),
            _ => ffi::PyDict_SetItem(ufunc.dict, name, value),
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
        std::ptr::drop_in_place(&raw mut (*ufunc).fast);
        std::ptr::drop_in_place(&raw mut (*ufunc).name);
        let class = ffi::Py_TYPE(object);
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// `__reduce__`: pickled and copied by name.
pub unsafe extern "C" fn reduce_by_name(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: an object of ours.
    unsafe { ffi::PyObject_GetAttrString((*object.cast::<Ufunc>()).twin, c"__name__".as_ptr()) }
}

/// Calls the twin's method, or the twin itself, with the same arguments, but for arrays of dtypes that NumPy must be told
/// of.
pub fn call_twin(
    py: Python<'_>,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_>,
) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: live arguments.
    let replaced = unsafe { foreign::to_numpy(py, NumPy::get(py), ufunc.own_name(), arguments) }?;
    let arguments = replaced.as_ref().map_or(*arguments, Replaced::arguments);
    twin::call(py, ufunc.twin, method, &arguments)
}
