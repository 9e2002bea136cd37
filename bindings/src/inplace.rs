//! In-place mode: NumPy's own ufunc objects run on the engine.
//!
//! A ufunc is called through a field of its object, which the type names (`tp_vectorcall_offset`, PEP 590), and its methods
//! through the type's table of methods. Both are made to point here. So operators, `ndarray.sum` and its like, methods that
//! somebody bound long ago and every reference to a ufunc arrive, while no object is replaced and no attribute set. The
//! entries find the engine's ufunc by the address of NumPy's, and hand on what the engine has no loops for.
//!
//! The GIL is held while the pointers are changed, and no Python code runs in between, so no thread sees half a change. A call
//! under way is finished by whoever began it: both sides' code stays where it is.

use crate::fast;
use crate::methods;
use crate::numpy_api::NumPy;
use crate::object::{Arguments, Ufunc, count_native, guarded};
use pyo3::create_exception;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use smallvec::SmallVec;
use std::ffi::{c_int, c_void};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::Relaxed};
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

/// The versions of NumPy whose own tests have passed in this mode.
const TESTED: RangeInclusive<(u32, u32)> = (2, 1)..=(2, 5);

/// Whether NumPy's ufuncs run here now.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// Whether `install` was called after the last `uninstall`.
static WANTED: AtomicBool = AtomicBool::new(false);
/// How many `with` blocks want it.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// Let NumPy's own ufuncs run on the engine: `numpy.add(a, b)` and every method, `a + b`, `a.sum()`, and whatever other
/// libraries do with them. Calling it again changes nothing; `uninstall` puts everything back. A NumPy that was not
/// tested is refused with `InPlaceError` unless `force` is true.
///
/// >>> import numpy, ufunx
/// >>> ufunx.install()
/// >>> before = ufunx.native_calls()
/// >>> numpy.arange(4.0) + 1
/// array([1., 2., 3., 4.])
/// >>> ufunx.native_calls() > before
/// True
/// >>> ufunx.uninstall()
#[pyfunction]
#[pyo3(signature = (*, force = false))]
pub fn install(py: Python<'_>, force: bool) -> PyResult<()> {
    switch_on(py, force)?;
    WANTED.store(true, Relaxed);
    Ok(())
}

/// Give NumPy's ufuncs back to NumPy, as they were. Where a `with ufunx.installed()` block is running in any thread, that
/// happens at its end. What another library has put in place meanwhile is left alone, and gets NumPy's code from here.
///
/// >>> import ufunx
/// >>> ufunx.uninstall()
/// >>> ufunx.show_config()["in_place"]
/// False
#[pyfunction]
pub fn uninstall(py: Python<'_>) {
    WANTED.store(false, Relaxed);
    switch_off_if_unwanted(py);
}

/// Begins a `with` block.
#[pyfunction]
pub fn enter_block(py: Python<'_>, force: bool) -> PyResult<()> {
    switch_on(py, force)?;
    BLOCKS.fetch_add(1, Relaxed);
    Ok(())
}

/// Ends a `with` block.
#[pyfunction]
pub fn leave_block(py: Python<'_>) {
    BLOCKS.fetch_sub(1, Relaxed);
    switch_off_if_unwanted(py);
}

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
struct Stock {
    /// The code that calls a ufunc.
    vectorcall: ffi::vectorcallfunc,
    /// The code of the methods, by [`Method`].
    methods: [*mut c_void; 6],
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

/// The methods, how they take arguments, and our code for each.
const METHODS: [(Method, c_int, *mut c_void); 5] = [
    (Method::Outer, FAST, outer as *mut c_void),
    (Method::Reduce, FAST, reduce as *mut c_void),
    (Method::Accumulate, FAST, accumulate as *mut c_void),
    (Method::Reduceat, FAST, reduceat as *mut c_void),
    (Method::At, ffi::METH_VARARGS, at as *mut c_void),
];
const FAST: c_int = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;

impl Stock {
    fn get(py: Python<'_>) -> PyResult<&'static Stock> {
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
            for (method, flags, ours) in METHODS {
                stock.add_method(py, &fresh, method, flags, ours)?;
            }
            for ufunc in UFUNCS.get(py).into_iter().flat_map(Table::taken) {
                // SAFETY: twins live as long as their ufuncs, for ever.
                let at = unsafe { vectorcall_field(ufunc.twin)? };
                let name = ufunc.own_name().to_owned();
                stock.places.push(Place { at, stock: vectorcall, ours: call as *mut c_void, name });
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

fn switch_on(py: Python<'_>, force: bool) -> PyResult<()> {
    if is_active() {
        return Ok(());
    }
    if !force && !TESTED.contains(&NumPy::get(py).version) {
        let version: String = py.import("numpy")?.getattr("__version__")?.extract()?;
        let ((_, first), (_, last)) = (TESTED.start(), TESTED.end());
        return Err(InPlaceError::new_err(format!(
            "in-place mode was tested with NumPy 2.{first} to 2.{last}, and this is NumPy {version}; \
             force=True switches it on all the same"
        )));
    }
    let stock = Stock::get(py)?;
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

fn switch_off_if_unwanted(py: Python<'_>) {
    let Some(stock) = STOCK.get(py) else { return };
    if WANTED.load(Relaxed) || BLOCKS.load(Relaxed) > 0 {
        return;
    }
    for place in &stock.places {
        // Another library's code stays, and its calls to ours go on to NumPy's.
        let _ = place.at.compare_exchange(place.ours, place.stock, Relaxed, Relaxed);
    }
    ACTIVE.store(false, Relaxed);
}

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
fn stock(py: Python<'_>) -> &'static Stock {
    STOCK.get(py).unwrap_or_else(|| unreachable!("entries are put in place by one that has it"))
}

/// What to run instead of NumPy's code.
#[inline]
fn taken(py: Python<'_>, object: *mut ffi::PyObject) -> Option<&'static Ufunc> {
    if is_active() { of_twin(py, object).filter(|ufunc| ufunc.def.is_some()) } else { None }
}

/// Whether an argument is an array of a dtype that is NumPy's own affair. NumPy asks overrides as we do, so it can have the
/// whole call, at once.
unsafe fn is_numpys(py: Python<'_>, arguments: &Arguments<'_>) -> bool {
    let np = NumPy::get(py);
    // SAFETY: live objects, arrays once their type says so.
    let beyond = |&object: &*mut ffi::PyObject| unsafe {
        ffi::Py_TYPE(object) == np.array_type && np.dtype_of(object.cast()).is_none()
    };
    arguments.positional.iter().any(beyond)
}

unsafe extern "C" fn call(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called from Python with the GIL held, with a ufunc and as many arguments as it says; what is not taken is
    // passed on as it came.
    unsafe {
        let py = Python::assume_attached();
        let Some(ufunc) = taken(py, object) else {
            return (stock(py).vectorcall)(object, args, nargsf, names);
        };
        guarded(|py| {
            let arguments = Arguments::new(args, ffi::PyVectorcall_NARGS(nargsf) as usize, names);
            if let Some(result) = fast::call(py, ufunc, &arguments)? {
                count_native();
                return Ok(result);
            }
            if is_numpys(py, &arguments) {
                let result = (stock(py).vectorcall)(object, args, nargsf, names);
                return if result.is_null() { Err(PyErr::fetch(py)) } else { Ok(result) };
            }
            crate::call::call(py, ufunc, object, &arguments)
        })
    }
}

macro_rules! entries {
    ($($entry:ident $method:ident;)*) => {$(
        unsafe extern "C" fn $entry(
            object: *mut ffi::PyObject,
            args: *const *mut ffi::PyObject,
            nargs: ffi::Py_ssize_t,
            names: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            // SAFETY: as in `call`; the original takes its arguments as this does, which was checked.
            unsafe {
                let py = Python::assume_attached();
                match taken(py, object) {
                    Some(ufunc) => guarded(|py| {
                        let arguments = Arguments::new(args, nargs as usize, names);
                        methods::call(py, ufunc, object, Method::$method, &arguments)
                    }),
                    None => {
                        let original = stock(py).methods[Method::$method as usize];
                        std::mem::transmute::<*mut c_void, ffi::PyCFunctionFastWithKeywords>(original)(
                            object, args, nargs, names,
                        )
                    }
                }
            }
        }
    )*};
}
entries! {
    outer Outer;
    reduce Reduce;
    accumulate Accumulate;
    reduceat Reduceat;
}

/// `at` takes its arguments as a tuple.
unsafe extern "C" fn at(object: *mut ffi::PyObject, args: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let py = Python::assume_attached();
        match taken(py, object) {
            Some(ufunc) => guarded(|py| {
                let items: SmallVec<[_; 3]> =
                    (0..ffi::PyTuple_GET_SIZE(args)).map(|i| ffi::PyTuple_GET_ITEM(args, i)).collect();
                let arguments = Arguments { positional: &items, keywords: &[], names: std::ptr::null_mut() };
                methods::call(py, ufunc, object, Method::At, &arguments)
            }),
            None => {
                let original = stock(py).methods[Method::At as usize];
                std::mem::transmute::<*mut c_void, ffi::PyCFunction>(original)(object, args)
            }
        }
    }
}
