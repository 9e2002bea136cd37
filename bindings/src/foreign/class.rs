//! What an object's class tells of it: by which protocol its memory is read. Found out once a class.

use super::abi::ExchangeApi;
use super::exchange::{inherited_api, makes, own_api};
use crate::python::array_class::array_class;
use crate::python::class_cache::{ClassCache, Watch, is_subtype};
use crate::python::entry::attached;
use crate::python::lookup;
use crate::python::number::{is_float, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::Object;
use crate::results::wrap;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyType};
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

    fn of<'py>(class: &Bound<'py, PyType>) -> Flags {
        let py = class.py();
        let found = |name: &Bound<'py, PyString>| class.getattr_opt(name).ok().flatten();
        let requires_grad = found(intern!(py, "requires_grad")).and_then(|found| {
            let definition = described::<ffi::PyGetSetDef>(&found, class)?;
            Some((definition.get?, definition.closure))
        });
        let is_neg = found(intern!(py, "is_neg")).and_then(|found| {
            let definition = described::<ffi::PyMethodDef>(&found, class)?;
            // SAFETY: the flags say which kind of function it is.
            (definition.ml_flags == ffi::METH_NOARGS).then_some(unsafe { definition.ml_meth.PyCFunction })
        });
        Flags { requires_grad, is_neg }
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

/// What one of CPython's own types of descriptors describes.
trait Definition: Copy {
    /// That type.
    const DESCRIPTOR: *const ffi::PyTypeObject;
}
impl Definition for ffi::PyGetSetDef {
    const DESCRIPTOR: *const ffi::PyTypeObject = &raw const ffi::PyGetSetDescr_Type;
}
impl Definition for ffi::PyMethodDef {
    const DESCRIPTOR: *const ffi::PyTypeObject = &raw const ffi::PyMethodDescr_Type;
}

/// What a descriptor describes, if that is made for objects of the class: a class can borrow another's descriptors, and what
/// is behind them does not look at what it is given.
fn described<D: Definition>(descriptor: &Bound<'_, PyAny>, class: &Bound<'_, PyType>) -> Option<D> {
    if !std::ptr::eq(descriptor.get_type_ptr(), D::DESCRIPTOR) {
        return None;
    }
    // SAFETY: a descriptor of that type, which keeps its class, and so the definition.
    let (made_for, definition) = unsafe {
        let this = descriptor.as_ptr().cast::<Descriptor<D>>();
        ((*this).class, *(*this).definition)
    };
    is_subtype(class, made_for).then_some(definition)
}

/// The class of an object.
#[inline]
pub fn class_of(np: &NumPy, object: Object<'_, '_>) -> Class {
    static CLASSES: ClassCache = ClassCache::new();
    if np.is_exact_array(object) || is_float(object) || is_int(object) {
        return Class::Plain;
    }
    if object.get_type_ptr() == array_class() {
        return Class::Array;
    }
    match CLASSES.find(object) {
        Some(PLAIN) => Class::Plain,
        Some(PROTOCOL) => Class::Protocol,
        Some(dlpack @ DLPACK..=DLPACK_LAST) => Class::Dlpack {
            has_flags: (dlpack - DLPACK) % 2 == 1,
            container: CONTAINERS[(dlpack - DLPACK) / 2],
        },
        // SAFETY: a number above the small ones is the address of what is kept for ever, exposed below.
        Some(exchange) => Class::Exchange(unsafe { &*std::ptr::with_exposed_provenance(exchange) }),
        None => {
            let watch = Watch::new(object);
            // What is looked for in vain leaves errors, which hold `Py`s.
            let judged = attached(object.py(), || judge(np, object));
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

/// Whether an object's class has the C exchange API.
pub fn has_exchange(np: &NumPy, object: Object<'_, '_>) -> bool {
    matches!(class_of(np, object), Class::Exchange(_))
}

/// How the cache writes what is no pointer.
const PLAIN: usize = 1;
const PROTOCOL: usize = 2;
const DLPACK: usize = 3;
const DLPACK_LAST: usize = DLPACK + 2 * CONTAINERS.len() - 1;
const CONTAINERS: [Container; 3] = [Container::None, Container::Inherited, Container::Library];

fn judge(np: &NumPy, object: Object<'_, '_>) -> Class {
    let py = object.py();
    let has = |name: &Bound<'_, PyString>| lookup::on_class(object, name).is_some();
    if np.is_array(object) || has(intern!(py, "__array_ufunc__")) {
        return Class::Plain;
    }
    let class = object.get_type();
    let has_flags = has(intern!(py, "is_neg"));
    if let Some(api) = own_api(&class).filter(|api| makes(py, api, &class)) {
        let (priority, flags) = (wrap::priority(np, object), Flags::of(&class));
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
    let readable = has_buffer(&object) || protocols.iter().any(|name| has(&PyString::intern(py, name)));
    // Bytes are text to NumPy.
    let text = object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyString>();
    if readable && !text && !has(intern!(py, "__array_wrap__")) { Class::Protocol } else { Class::Plain }
}

/// Whether an object has the buffer protocol.
pub fn has_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) != 0 }
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
