//! What an object's class tells of it: by which protocol its memory is read. Found out once a class.

use super::abi::ExchangeApi;
use super::exchange::{inherited_api, makes, own_api};
use crate::python::array_class::array_class;
use crate::python::class_cache::{ClassCache, Watch};
use crate::python::entry::attached;
use crate::python::lookup;
use crate::python::numpy_api::NumPy;
use crate::results::wrap;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

/// The protocol of a class.
#[derive(Clone, Copy)]
pub enum Class {
    /// None that would be read here: NumPy's own types and their subclasses, numbers, sequences, what answers ufuncs by
    /// `__array_ufunc__` or has results wrapped by `__array_wrap__`.
    Plain,
    /// Exactly `ufunx.Array`.
    Array,
    /// The functions of DLPack's C exchange API.
    Exchange(&'static Exchange),
    /// `__dlpack__`; whether its objects have flags, as [`Exchange::has_flags`] says, and whose results for them are.
    Dlpack { has_flags: bool, container: Container },
    /// The older ones that NumPy reads: buffer, `__array_interface__`, `__array_struct__`, `__array__`.
    Protocol,
}

/// Whose the results for objects of a class are that has no C exchange API itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Nobody's: its library has no arrays for any shape and dtype, or takes none.
    None,
    /// Of the class whose exchange API it inherits.
    Inherited,
    /// Its library's, as `ufunx._foreign` knows it.
    Library,
}

/// A class that has the C exchange API itself. What it inherits is made for another class's objects.
pub struct Exchange {
    /// Its functions.
    pub api: &'static ExchangeApi,
    /// Whether its objects can be something else than their memory says: negated, conjugated, tracked by autograd. The
    /// API does not look.
    pub has_flags: bool,
    /// What answers whether they are, without the look-ups.
    pub flags: Flags,
    /// `__array_priority__`.
    pub priority: f64,
}

// SAFETY: tables and functions that live as long as the process, called with the GIL held.
unsafe impl Send for Exchange {}
// SAFETY: as above.
unsafe impl Sync for Exchange {}

/// C functions behind attributes of a class, where the class has them in C; good as long as the class does not change.
#[derive(Clone, Copy)]
pub struct Flags {
    /// Of the attribute `requires_grad`.
    pub requires_grad: Option<(ffi::getter, *mut c_void)>,
    /// Of the method `is_neg`.
    pub is_neg: Option<ffi::PyCFunction>,
}

impl PartialEq for Flags {
    fn eq(&self, other: &Flags) -> bool {
        let getter = |flags: &Flags| flags.requires_grad.map(|(get, closure)| (get as usize, closure));
        let method = |flags: &Flags| flags.is_neg.map(|is_neg| is_neg as usize);
        getter(self) == getter(other) && method(self) == method(other)
    }
}

impl Flags {
    /// To be asked by name.
    pub const UNKNOWN: Flags = Flags { requires_grad: None, is_neg: None };

    fn of(class: &Bound<'_, PyAny>) -> Flags {
        let py = class.py();
        // SAFETY: a live object; descriptors once their type says so, which the class keeps.
        unsafe {
            let requires_grad =
                class.getattr_opt(intern!(py, "requires_grad")).ok().flatten().and_then(|found| {
                    let is_property = ffi::Py_TYPE(found.as_ptr()) == &raw mut ffi::PyGetSetDescr_Type;
                    let property = found.as_ptr().cast::<Descriptor<ffi::PyGetSetDef>>();
                    let definition = is_property.then(|| Descriptor::of(property, class)).flatten()?;
                    Some((definition.get?, definition.closure))
                });
            let is_neg = class.getattr_opt(intern!(py, "is_neg")).ok().flatten().and_then(|found| {
                let is_method = ffi::Py_TYPE(found.as_ptr()) == &raw mut ffi::PyMethodDescr_Type;
                let method = found.as_ptr().cast::<Descriptor<ffi::PyMethodDef>>();
                let definition = is_method.then(|| Descriptor::of(method, class)).flatten()?;
                (definition.ml_flags == ffi::METH_NOARGS).then_some(definition.ml_meth.PyCFunction)
            });
            Flags { requires_grad, is_neg }
        }
    }
}

/// The head of CPython's descriptors (descrobject.h) and what they describe.
#[repr(C)]
struct Descriptor<D> {
    base: ffi::PyObject,
    class: *mut ffi::PyTypeObject,
    name: *mut ffi::PyObject,
    qualname: *mut ffi::PyObject,
    definition: *mut D,
}

impl<D> Descriptor<D> {
    /// What it describes, if that is made for objects of the class: a class can borrow another's descriptors, and what is
    /// behind them does not look at what it is given.
    ///
    /// # Safety
    /// A live descriptor.
    unsafe fn of<'a>(this: *mut Descriptor<D>, class: &Bound<'_, PyAny>) -> Option<&'a D> {
        // SAFETY: live classes; a definition lives as long as its class, which the descriptor keeps.
        unsafe {
            let made_for = ffi::PyType_IsSubtype(class.as_ptr().cast(), (*this).class) != 0;
            made_for.then(|| &*(*this).definition)
        }
    }
}

/// The class of an object.
///
/// # Safety
/// A live object.
#[inline]
pub unsafe fn class_of(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> Class {
    static CLASSES: ClassCache = ClassCache::new();
    // SAFETY: live objects; a number above the small ones is a pointer made below.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if class == np.array_type
            || ffi::PyFloat_CheckExact(object) != 0
            || ffi::PyLong_CheckExact(object) != 0
        {
            return Class::Plain;
        }
        if class == array_class() {
            return Class::Array;
        }
        match CLASSES.find(class) {
            Some(PLAIN) => Class::Plain,
            Some(PROTOCOL) => Class::Protocol,
            Some(dlpack @ DLPACK..=DLPACK_LAST) => Class::Dlpack {
                has_flags: (dlpack - DLPACK) % 2 == 1,
                container: CONTAINERS[(dlpack - DLPACK) / 2],
            },
            Some(exchange) => Class::Exchange(&*(exchange as *const Exchange)),
            None => {
                let watch = Watch::new(py, class);
                // What is looked for in vain leaves errors, which hold `Py`s.
                let judged = attached(py, || judge(py, np, object));
                let number = match judged {
                    Class::Plain | Class::Array => PLAIN,
                    Class::Dlpack { has_flags, container } => {
                        DLPACK + usize::from(has_flags) + 2 * container as usize
                    }
                    Class::Protocol => PROTOCOL,
                    Class::Exchange(exchange) => std::ptr::from_ref(exchange).expose_provenance(),
                };
                CLASSES.keep(watch, number);
                judged
            }
        }
    }
}

/// Whether an object's class has the C exchange API.
///
/// # Safety
/// A live object.
pub unsafe fn has_exchange(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> bool {
    // SAFETY: a live object.
    matches!(unsafe { class_of(py, np, object) }, Class::Exchange(_))
}

/// How the cache writes what is no pointer.
const PLAIN: usize = 1;
const PROTOCOL: usize = 2;
const DLPACK: usize = 3;
const DLPACK_LAST: usize = DLPACK + 2 * CONTAINERS.len() - 1;
const CONTAINERS: [Container; 3] = [Container::None, Container::Inherited, Container::Library];

unsafe fn judge(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> Class {
    // SAFETY: live objects; what is found is released.
    unsafe {
        let has = |name: &Bound<'_, pyo3::types::PyString>| {
            let found = lookup::on_class(object, name.as_ptr());
            found.inspect(|found| ffi::Py_DECREF(*found)).is_some()
        };
        if np.is_array(object) || has(intern!(py, "__array_ufunc__")) {
            return Class::Plain;
        }
        let class: Bound<'_, PyAny> = Bound::from_borrowed_ptr(py, ffi::Py_TYPE(object).cast());
        let has_flags = has(intern!(py, "is_neg"));
        if let Some(api) = own_api(&class).filter(|api| makes(py, api, &class)) {
            let priority = wrap::priority(py, np, object);
            let flags = Flags::of(&class);
            return Class::Exchange(kept(Exchange { api, has_flags, flags, priority }));
        }
        if has(intern!(py, "__dlpack__")) {
            let container = match inherited_api(&class) {
                Some(_) => Container::Inherited,
                None if has_container(&class) => Container::Library,
                None => Container::None,
            };
            return Class::Dlpack { has_flags, container };
        }
        let protocols = ["__array_interface__", "__array_struct__", "__array__"];
        let readable = ffi::PyObject_CheckBuffer(object) != 0
            || protocols.iter().any(|name| has(&pyo3::types::PyString::intern(py, name)));
        // Bytes are text to NumPy.
        let text = ffi::PyBytes_Check(object) != 0 || ffi::PyUnicode_Check(object) != 0;
        if readable && !text && !has(intern!(py, "__array_wrap__")) { Class::Protocol } else { Class::Plain }
    }
}

/// `ufunx._foreign.has_container`.
fn has_container(class: &Bound<'_, PyAny>) -> bool {
    let py = class.py();
    let asked = py.import("ufunx._foreign").and_then(|module| module.call_method1("has_container", (class,)));
    asked.and_then(|answer| answer.is_truthy()).unwrap_or(false)
}

/// A place for ever, the same for the same: classes are judged anew whenever they change.
fn kept(exchange: Exchange) -> &'static Exchange {
    static KEPT: Mutex<Vec<&'static Exchange>> = Mutex::new(Vec::new());
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = all.iter().copied().find(|known| {
        std::ptr::eq(known.api, exchange.api)
            && known.has_flags == exchange.has_flags
            && known.priority.to_bits() == exchange.priority.to_bits()
            && known.flags == exchange.flags
    });
    known.unwrap_or_else(|| {
        let new: &'static Exchange = Box::leak(Box::new(exchange));
        all.push(new);
        new
    })
}
