//! NumPy's own code for its ufuncs, and where it is entered: what in-place mode changes, and the way past that.

use crate::python::heap_type::This;
use crate::python::object::{Object, lent_by_c};
use crate::ufunc::record::Ufunc;
use pyo3::create_exception;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};
use ufunx::dispatch::arguments::Method;

create_exception!(
    ufunx,
    InPlaceError,
    PyRuntimeError,
    "In-place mode cannot be switched on: this NumPy was not tested with it, or another library changed its ufuncs.

>>> import ufunx
>>> issubclass(ufunx.InPlaceError, RuntimeError)
True"
);

/// Whether NumPy's ufuncs run here now.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// Whether NumPy's ufuncs run here now.
pub fn is_active() -> bool {
    ACTIVE.load(Relaxed)
}

/// The object of ours for a ufunc of NumPy's public namespace.
#[inline]
pub fn of_twin<'py>(twin: Object<'_, 'py>) -> Option<This<'py, 'py, Ufunc>> {
    let found = UFUNCS.get(twin.py())?.find(twin.as_ptr().addr())?;
    // SAFETY: an object of that type, as `register` saw.
    Some(unsafe { This::of_own(found.bind_borrowed(twin.py())) })
}

/// Makes NumPy's ufuncs known, by our objects for them, which are kept for ever.
pub fn register(py: Python<'_>, objects: &[Bound<'_, PyAny>]) -> PyResult<()> {
    UFUNCS.get_or_try_init(py, || {
        let mut table = Table { slots: [const { None }; SLOTS] };
        for object in objects {
            let Some(this) = This::<Ufunc>::of(object.as_borrowed()) else { unreachable!("objects of ours") };
            table.insert(this.behind.twin(py)?.as_ptr().addr(), object.clone().unbind());
        }
        Ok::<_, PyErr>(table)
    })?;
    Ok(())
}

/// Ours by the addresses of NumPy's: a hash table with open addressing.
struct Table {
    slots: [Option<(usize, Py<PyAny>)>; SLOTS],
}

/// More than twice the ufuncs that NumPy has in public.
const SLOTS: usize = 256;
static UFUNCS: PyOnceLock<Table> = PyOnceLock::new();

impl Table {
    fn insert(&mut self, twin: usize, object: Py<PyAny>) {
        let free = Table::places(twin).find(|&i| self.slots[i].is_none());
        self.slots[free.unwrap_or_else(|| unreachable!("NumPy has fewer ufuncs"))] = Some((twin, object));
    }

    #[inline]
    fn find(&self, twin: usize) -> Option<&Py<PyAny>> {
        let mut met =
            Table::places(twin).map(|i| self.slots[i].as_ref()).take_while(Option::is_some).flatten();
        met.find(|(known, _)| *known == twin).map(|(_, object)| object)
    }

    /// Where to look, in order.
    #[inline]
    fn places(twin: usize) -> impl Iterator<Item = usize> {
        // The golden ratio spreads neighbours; objects are 16 bytes apart at least.
        let start = ((twin as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
        (0..SLOTS).map(move |i| (start + i) % SLOTS)
    }

    /// Those with loops of ours, which are taken over.
    fn taken<'a, 'py: 'a>(&'a self, py: Python<'py>) -> impl Iterator<Item = &'a Ufunc> {
        let behind = move |(_, object): &'a (usize, Py<PyAny>)| {
            // SAFETY: an object of that type, as `register` saw.
            unsafe { This::<Ufunc>::of_own(object.bind_borrowed(py)) }.behind
        };
        self.slots.iter().flatten().map(behind).filter(|ufunc| ufunc.def.is_some())
    }
}

/// NumPy's code and where it is entered, as the first switching on finds them.
pub struct Stock {
    /// The code that calls a ufunc.
    pub vectorcall: ffi::vectorcallfunc,
    /// The code of the methods, by [`Method`].
    pub methods: [*mut c_void; 6],
    /// Methods of the type that run that code whatever the type's table says, by [`Method`].
    descriptors: [*mut ffi::PyObject; 6],
    places: Vec<Place>,
}

/// A pointer to code of NumPy's, which is made to point at ours.
struct Place {
    at: &'static AtomicPtr<c_void>,
    stock: *mut c_void,
    ours: *mut c_void,
    name: String,
}

static STOCK: PyOnceLock<Stock> = PyOnceLock::new();

// SAFETY: code, and statics and objects of NumPy that live for ever; used with the GIL held.
unsafe impl Send for Stock {}
// SAFETY: as above.
unsafe impl Sync for Stock {}

/// NumPy's code for a ufunc, or an object that runs NumPy's code for a method, while NumPy's own ways in lead here.
pub enum Detour<'py> {
    Call(ffi::vectorcallfunc),
    Method(Object<'py, 'py>),
}

/// The way past our entries; `None` while there are none.
pub fn past_entries(py: Python<'_>, method: Method) -> Option<Detour<'_>> {
    let stock = STOCK.get(py).filter(|_| is_active())?;
    Some(match method {
        Method::Call => Detour::Call(stock.vectorcall),
        // SAFETY: a descriptor that was made for the method, and is kept for ever.
        _ => Detour::Method(unsafe { lent_by_c(py, stock.descriptors[method as usize]) }),
    })
}

/// NumPy's code, which an entry found when it was put in place.
pub fn stock(py: Python<'_>) -> &'static Stock {
    STOCK.get(py).unwrap_or_else(|| unreachable!("entries are put in place by one that has it"))
}

/// Our code: what calls a ufunc, and each method with how it takes its arguments.
pub struct Entries {
    /// In place of what calls a ufunc.
    pub call: *mut c_void,
    /// In place of the methods, with the flags of their definitions.
    pub methods: [(Method, c_int, *mut c_void); 5],
}

/// Makes NumPy's own ways in lead to these entries; nothing if they do.
///
/// # Safety
/// They are functions that take arguments as they say, and pass on to NumPy's code what is not for them.
pub unsafe fn put(py: Python<'_>, entries: &Entries) -> PyResult<()> {
    let stock = Stock::get(py, entries)?;
    let changed = |place: &&Place| ![place.stock, place.ours].contains(&place.at.load(Relaxed));
    if let Some(place) = stock.places.iter().find(changed) {
        let text = format!("another library has put its own code behind numpy.{}", place.name);
        return Err(InPlaceError::new_err(text));
    }
    for place in &stock.places {
        place.at.store(place.ours, Relaxed);
    }
    ACTIVE.store(true, Relaxed);
    Ok(())
}

/// Makes them lead to NumPy's code again. Another library's code stays, and its calls to ours go on to NumPy's.
pub fn take_back(py: Python<'_>) {
    let Some(stock) = STOCK.get(py) else { return };
    for place in &stock.places {
        let _ = place.at.compare_exchange(place.ours, place.stock, Relaxed, Relaxed);
    }
    ACTIVE.store(false, Relaxed);
}

impl Stock {
    fn get(py: Python<'_>, entries: &Entries) -> PyResult<&'static Stock> {
        STOCK.get_or_try_init(py, || {
            // A new ufunc, which nobody has changed.
            let fresh = py.import("numpy")?.call_method1("frompyfunc", (py.get_type::<PyDict>(), 2, 1))?;
            // SAFETY: a ufunc, whose field holds what calls it.
            let vectorcall = unsafe { vectorcall_field(fresh.as_borrowed()) }?.load(Relaxed);
            let mut stock = Stock {
                // SAFETY: as above.
                vectorcall: unsafe { std::mem::transmute::<*mut c_void, ffi::vectorcallfunc>(vectorcall) },
                methods: [std::ptr::null_mut(); 6],
                descriptors: [std::ptr::null_mut(); 6],
                places: vec![],
            };
            for (method, flags, ours) in entries.methods {
                stock.add_method(py, &fresh, method, flags, ours)?;
            }
            for ufunc in UFUNCS.get(py).into_iter().flat_map(|table| table.taken(py)) {
                // SAFETY: twins live as long as their ufuncs, for ever.
                let at = unsafe { vectorcall_field(ufunc.twin(py)?) }?;
                let name = ufunc.own_name().to_owned();
                stock.places.push(Place { at, stock: vectorcall, ours: entries.call, name });
            }
            Ok(stock)
        })
    }

    fn add_method(
        &mut self,
        py: Python<'_>,
        fresh: &Bound<'_, PyAny>,
        method: Method,
        flags: c_int,
        ours: *mut c_void,
    ) -> PyResult<()> {
        let bound = fresh.getattr(method.name())?;
        // SAFETY: a builtin method once its type says so; it points into the table of its type, a static of NumPy's. The copy
        // of the entry is leaked, as the descriptor keeps a pointer to it.
        unsafe {
            if ffi::PyCFunction_CheckExact(bound.as_ptr()) == 0 {
                return Err(unknown_layout());
            }
            let definition = (*bound.as_ptr().cast::<ffi::PyCFunctionObject>()).m_ml;
            if (*definition).ml_flags != flags {
                return Err(unknown_layout());
            }
            let at = AtomicPtr::from_ptr((&raw mut (*definition).ml_meth).cast());
            let stock = at.load(Relaxed);
            let copy = Box::leak(Box::new(*definition));
            let descriptor = ffi::PyDescr_NewMethod(ffi::Py_TYPE(fresh.as_ptr()), copy);
            if descriptor.is_null() {
                return Err(PyErr::fetch(py));
            }
            self.methods[method as usize] = stock;
            self.descriptors[method as usize] = descriptor;
            self.places.push(Place { at, stock, ours, name: format!("ufunc.{}", method.name()) });
        }
        Ok(())
    }
}

/// The field of a ufunc through which it is called.
///
/// # Safety
/// A ufunc of NumPy's that lives for ever, or as long as the field is used.
unsafe fn vectorcall_field(ufunc: Object<'_, '_>) -> PyResult<&'static AtomicPtr<c_void>> {
    // SAFETY: the type says where in its objects the field is, an aligned pointer.
    unsafe {
        let class = ufunc.get_type_ptr();
        let offset = (*class).tp_vectorcall_offset;
        if (*class).tp_flags & ffi::Py_TPFLAGS_HAVE_VECTORCALL == 0 || offset <= 0 {
            return Err(unknown_layout());
        }
        Ok(AtomicPtr::from_ptr(ufunc.as_ptr().cast::<u8>().offset(offset).cast()))
    }
}

fn unknown_layout() -> PyErr {
    InPlaceError::new_err("NumPy's ufuncs are not built as in-place mode knows them")
}
