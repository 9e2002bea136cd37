//! In-place mode: NumPy's own ufunc objects run on the engine.
//!
//! A ufunc is called through a field of its object, which the type names (`tp_vectorcall_offset`, PEP 590), and its methods
//! through the type's table of methods. Both are made to point here. So operators, `ndarray.sum` and its like, methods that
//! somebody bound long ago and every reference to a ufunc arrive, while no object is replaced and no attribute set. The
//! entries find the engine's ufunc by the address of NumPy's, and hand on what the engine has no loops for.
//!
//! The GIL is held while the pointers are changed, and no Python code runs in between, so no thread sees half a change. A call
//! under way is finished by whoever began it: both sides' code stays where it is.

use crate::arguments::passed::Arguments;
use crate::numpys::stock::{self, Entries, InPlaceError, is_active, of_twin, stock};
use crate::pipeline::{self, Called};
use crate::python::entry::{count_native, guarded};
use crate::python::numpy_api::NumPy;
use crate::short;
use crate::short::read::{Cells, Read};
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::ffi::{c_int, c_void};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use ufunx::dispatch::arguments::Method;

/// The versions of NumPy whose own tests have passed in this mode.
const TESTED: RangeInclusive<(u32, u32)> = (2, 1)..=(2, 5);

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
    stock::put(py, &ENTRIES)
}

fn switch_off_if_unwanted(py: Python<'_>) {
    if !WANTED.load(Relaxed) && BLOCKS.load(Relaxed) == 0 {
        stock::take_back(py);
    }
}

/// Our code for NumPy's ufuncs and their methods.
const ENTRIES: Entries = Entries {
    call: call as *mut c_void,
    methods: [
        (Method::Outer, FAST, outer as *mut c_void),
        (Method::Reduce, FAST, reduce as *mut c_void),
        (Method::Accumulate, FAST, accumulate as *mut c_void),
        (Method::Reduceat, FAST, reduceat as *mut c_void),
        (Method::At, ffi::METH_VARARGS, at as *mut c_void),
    ],
};
const FAST: c_int = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;

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
            let cells = Cells::new();
            let mut read = Read::new(&cells);
            if let Some(result) = short::call::call(py, ufunc, &arguments, &mut read)? {
                count_native();
                return Ok(result);
            }
            if is_numpys(py, &arguments) {
                let result = (stock(py).vectorcall)(object, args, nargsf, names);
                return Bound::from_owned_ptr_or_err(py, result);
            }
            pipeline::call(py, Called { ufunc, face: object }, &arguments, &read)
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
                        pipeline::method(py, Called { ufunc, face: object }, Method::$method, &arguments)
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
                pipeline::method(py, Called { ufunc, face: object }, Method::At, &arguments)
            }),
            None => {
                let original = stock(py).methods[Method::At as usize];
                std::mem::transmute::<*mut c_void, ffi::PyCFunction>(original)(object, args)
            }
        }
    }
}
