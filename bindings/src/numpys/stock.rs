//! NumPy's own code for its ufuncs, and where it is entered: what in-place mode changes, and the way past that.

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
pub fn of_twin(py: Python<'_>, twin: *mut ffi::PyObject) -> Option<&'static Ufunc> {
    UFUNCS.get(py)?.find(twin)
}

/// Makes NumPy's ufuncs known; the objects are kept for ever.
pub fn register(py: Python<'_>, objects: &[Bound<'_, PyAny>]) -> PyResult<()> {
    UFUNCS.get_or_try_init(py, || {
        let mut table = Table { slots: [(std::ptr::null_mut(), None); SLOTS] };
        for object in objects {
            // SAFETY: an object of ours, with a reference that is never given back.
            let ufunc: &'static Ufunc = unsafe { &*object.clone().into_ptr().cast::<Ufunc>() };
            table.insert(ufunc);
        }
        Ok::<_, PyErr>(table)
    })?;
    Ok(())
}

/// Ours by NumPy's, by address: a hash table with open addressing.
struct Table {
    slots: [(*mut ffi::PyObject, Option<&'static Ufunc>); SLOTS],
}

/// More than twice the ufuncs that NumPy has in public.
const SLOTS: usize = 256;
static UFUNCS: PyOnceLock<Table> = PyOnceLock::new();

// SAFETY: objects that live for ever, used with the GIL held.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    fn insert(&mut self, ufunc: &'static Ufunc) {
        let free = Table::places(ufunc.twin).find(|&i| self.slots[i].1.is_none());
        self.slots[free.unwrap_or_else(|| unreachable!("NumPy has fewer ufuncs"))] =
            (ufunc.twin, Some(ufunc));
    }

    #[inline]
    fn find(&self, twin: *mut ffi::PyObject) -> Option<&'static Ufunc> {
        let stops = |slot: &&(*mut ffi::PyObject, Option<&'static Ufunc>)| slot.0 == twin || slot.1.is_none();
        Table::places(twin).map(|i| &self.slots[i]).find(stops)?.1
    }

    /// Where to look, in order.
    #[inline]
    fn places(twin: *mut ffi::PyObject) -> impl Iterator<Item = usize> {
        // The golden ratio spreads neighbours; objects are 16 bytes apart at least.
        let start = ((twin.addr() as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
        (0..SLOTS).map(move |i| (start + i) % SLOTS)
    }

    /// Those with loops of ours, which are taken over.
    fn taken(&self) -> impl Iterator<Item = &'static Ufunc> + '_ {
        self.slots.iter().filter_map(|slot| slot.1).filter(|ufunc| ufunc.def.is_some())
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

/// NumPy's code for a ufunc, or one that runs NumPy's code for a method, while NumPy's own ways in lead here.
pub enum Way {
    Call(ffi::vectorcallfunc),
    Method(*mut ffi::PyObject),
}

/// The way past our entries; `None` while there are none.
pub fn way_past(py: Python<'_>, method: Method) -> Option<Way> {
    let stock = STOCK.get(py).filter(|_| is_active())?;
    Some(match method {
        Method::Call => Way::Call(stock.vectorcall),
        _ => Way::Method(stock.descriptors[method as usize]),
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
pub fn put(py: Python<'_>, entries: &Entries) -> PyResult<()> {
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
            let vectorcall = unsafe { vectorcall_field(fresh.as_ptr())?.load(Relaxed) };
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
            for ufunc in UFUNCS.get(py).into_iter().flat_map(Table::taken) {
                // SAFETY: twins live as long as their ufuncs, for ever.
                let at = unsafe { vectorcall_field(ufunc.twin)? };
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
unsafe fn vectorcall_field(ufunc: *mut ffi::PyObject) -> PyResult<&'static AtomicPtr<c_void>> {
    // SAFETY: the type says where in its objects the field is, an aligned pointer.
    unsafe {
        let class = ffi::Py_TYPE(ufunc);
        let offset = (*class).tp_vectorcall_offset;
        if (*class).tp_flags & ffi::Py_TPFLAGS_HAVE_VECTORCALL == 0 || offset <= 0 {
            return Err(unknown_layout());
        }
        Ok(AtomicPtr::from_ptr(ufunc.cast::<u8>().offset(offset).cast()))
    }
}

fn unknown_layout() -> PyErr {
    InPlaceError::new_err("NumPy's ufuncs are not built as in-place mode knows them")
}
