//! In-place mode: NumPy's own ufunc objects run on the engine.
//!
//! A ufunc is called through a field of its object, which the type names (`tp_vectorcall_offset`, PEP 590), and its methods
//! through the type's table of methods. Both are made to point here. So operators, `ndarray.sum` and its like, methods that
//! somebody bound long ago and every reference to a ufunc arrive, while no object is replaced and no attribute set. The
//! entries find the engine's ufunc by the address of NumPy's, and hand on what the engine has no loops for.
//!
//! The GIL is held while the pointers are changed, and no Python code runs in between, so no thread sees half a change. A call
//! under way is finished by whoever began it: both sides' code stays where it is.

use super::methods::numbered;
use crate::arguments::passed::Arguments;
use crate::numpys::stock::{self, Entries, InPlaceError, is_active, of_twin, stock};
use crate::pipeline::{self, Called};
use crate::python::entry::{count_native, guarded};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, lent_by_c};
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
    // SAFETY: our functions for them.
    unsafe { stock::put(py, &ENTRIES) }
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
        (Method::Outer, IN_A_ROW, method::<{ Method::Outer as u8 }> as *mut c_void),
        (Method::Reduce, IN_A_ROW, method::<{ Method::Reduce as u8 }> as *mut c_void),
        (Method::Accumulate, IN_A_ROW, method::<{ Method::Accumulate as u8 }> as *mut c_void),
        (Method::Reduceat, IN_A_ROW, method::<{ Method::Reduceat as u8 }> as *mut c_void),
        (Method::At, ffi::METH_VARARGS, at as *mut c_void),
    ],
};
const IN_A_ROW: c_int = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;

/// What to run instead of NumPy's code for an object of NumPy's.
///
/// # Safety
/// The GIL is held, and the object lives as long as this runs.
#[inline]
unsafe fn taken(object: *mut ffi::PyObject) -> Option<&'static Ufunc> {
    if !is_active() {
        return None;
    }
    // SAFETY: the caller's promise.
    let twin = unsafe { lent_by_c(Python::assume_attached(), object) };
    of_twin(twin).map(|this| this.behind).filter(|ufunc| ufunc.def.is_some())
}

/// Whether an argument is an array of a dtype that is NumPy's own affair. NumPy asks overrides as we do, so it can have the
/// whole call, at once.
fn has_numpys(np: &NumPy, arguments: &Arguments<'_, '_>) -> bool {
    let beyond = |&object: &Object<'_, '_>| np.exact_array(object).is_some_and(|array| array.is_numpys(np));
    arguments.positional.iter().any(beyond)
}

unsafe extern "C" fn call(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called from Python with the GIL held, with a ufunc and as many arguments as it says; what is not taken is
    // passed on as it came, and what is read of the others is used at once.
    unsafe {
        let Some(ufunc) = taken(object) else {
            return (stock(Python::assume_attached()).vectorcall)(object, args, nargsf, names);
        };
        guarded(object, |face| {
            let py = face.py();
            let arguments = Arguments::new(py, args, ffi::PyVectorcall_NARGS(nargsf) as usize, names);
            let cells = Cells::new();
            let mut read = Read::new(&cells);
            if let Some(result) = short::call::call_exact(py, ufunc, &arguments, &mut read)? {
                count_native();
                return Ok(result);
            }
            if has_numpys(NumPy::get(py), &arguments) {
                let result = (stock(py).vectorcall)(object, args, nargsf, names);
                return Bound::from_owned_ptr_or_err(py, result);
            }
            pipeline::call_ufunc(py, Called { ufunc, face }, &arguments, &read)
        })
    }
}

/// Runs the method of that number.
unsafe extern "C" fn method<const METHOD: u8>(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as in `call`; the original takes its arguments as this does, which was checked.
    unsafe {
        match taken(object) {
            Some(ufunc) => guarded(object, |face| {
                let py = face.py();
                let arguments = Arguments::new(py, args, nargs as usize, names);
                if has_numpys(NumPy::get(py), &arguments) {
                    let result = stock_method(METHOD)(object, args, nargs, names);
                    return Bound::from_owned_ptr_or_err(py, result);
                }
                pipeline::call_method(py, Called { ufunc, face }, const { numbered(METHOD) }, &arguments)
            }),
            None => stock_method(METHOD)(object, args, nargs, names),
        }
    }
}

/// NumPy's code for the method of that number.
///
/// # Safety
/// The GIL is held, and an entry for the method is in place.
unsafe fn stock_method(number: u8) -> ffi::PyCFunctionFastWithKeywords {
    // SAFETY: the caller's promise; the original takes its arguments so, which was checked when the entry was put there.
    unsafe {
        let original = stock(Python::assume_attached()).methods[number as usize];
        std::mem::transmute::<*mut c_void, ffi::PyCFunctionFastWithKeywords>(original)
    }
}

/// `at` takes its arguments as a tuple.
unsafe extern "C" fn at(object: *mut ffi::PyObject, args: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `call`; CPython gives a tuple.
    unsafe {
        match taken(object) {
            Some(ufunc) => guarded(object, |face| {
                let args = lent_by_c(face.py(), args).cast_unchecked();
                let items: SmallVec<[_; 3]> = entries(args).collect();
                pipeline::call_method(
                    face.py(),
                    Called { ufunc, face },
                    Method::At,
                    &Arguments::positional(&items),
                )
            }),
            None => {
                let original = stock(Python::assume_attached()).methods[Method::At as usize];
                std::mem::transmute::<*mut c_void, ffi::PyCFunction>(original)(object, args)
            }
        }
    }
}
