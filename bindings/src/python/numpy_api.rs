//! What the bindings ask of NumPy beyond the `numpy` crate: objects fetched once, the dtypes, the error state.

use super::blocks;
use super::dtypes::Dtypes;
use super::exit;
use super::object::{Object, lent_by_c};
use numpy::npyffi::{self, NpyTypes};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyFloat, PyInt, PyString};
use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::atomic::AtomicU64;
use ufunx::{DType, FpFlags};

/// What does not change while the process lives.
pub struct NumPy {
    /// `numpy.ndarray`, to compare classes with.
    pub array_type: *mut ffi::PyTypeObject,
    /// `numpy.generic`.
    generic_type: *mut ffi::PyTypeObject,
    /// `numpy.ufunc`.
    pub ufunc_type: Py<PyAny>,
    /// `numpy._NoValue`.
    pub no_value: Py<PyAny>,
    /// `numpy.ndarray.__array_ufunc__`.
    pub ndarray_array_ufunc: Py<PyAny>,
    /// `numpy.ndarray.__array_function__`.
    pub ndarray_array_function: Py<PyAny>,
    /// `numpy.ndarray.__array_priority__`, a property.
    pub array_priority: Py<PyAny>,
    /// `numpy.ndarray.__array_finalize__`, which does nothing.
    pub array_finalize: Py<PyAny>,
    /// The function behind `numpy.ndarray.__array_wrap__`.
    array_wrap: Option<ffi::PyCFunction>,
    /// What words the error when every override has refused.
    pub refusal_formatter: Py<PyAny>,
    /// Major and minor version.
    pub version: (u32, u32),
    /// Its dtypes and ours.
    pub dtypes: Dtypes,
    /// The thread whose new arrays start at a cache line, or 0; see [`NumPy::aligned`].
    pub(super) aligned: AtomicU64,
    /// What frees the memory of arrays that own blocks of ours.
    pub(super) blocks: Py<PyAny>,
    /// Asks NumPy what allocates in this context.
    pub(super) get_handler: unsafe extern "C" fn() -> *mut ffi::PyObject,
    /// What allocates unless told otherwise, which lives for ever.
    pub(super) default_handler: *mut ffi::PyObject,
    give_fp_errors: unsafe extern "C" fn(*const c_char, c_int) -> c_int,
}

// SAFETY: the address is that of a type which lives for ever; everything else may be shared anyway.
unsafe impl Send for NumPy {}
// SAFETY: as above.
unsafe impl Sync for NumPy {}

static NUMPY: PyOnceLock<NumPy> = PyOnceLock::new();

impl NumPy {
    /// Fetches everything; called when the module is imported.
    pub fn load(py: Python<'_>) -> PyResult<&'static NumPy> {
        NUMPY.get_or_try_init(py, || {
            let module = py.import("numpy")?;
            let ndarray = module.getattr("ndarray")?;
            let of_ndarray = |name: &str| ndarray.getattr(name).map(Bound::unbind);
            // SAFETY: a type NumPy never frees.
            let array_type = unsafe { npyffi::get_type_object(py, NpyTypes::PyArray_Type) };
            let (get_handler, default_handler) = handlers(&module)?;
            let formatter = py.import("numpy._core._internal")?.getattr("array_ufunc_errmsg_formatter")?;
            // SAFETY: the same.
            let generic_type = unsafe { npyffi::get_type_object(py, NpyTypes::PyGenericArrType_Type) };
            Ok(NumPy {
                array_type,
                generic_type,
                ufunc_type: module.getattr("ufunc")?.unbind(),
                no_value: module.getattr("_NoValue")?.unbind(),
                ndarray_array_ufunc: of_ndarray("__array_ufunc__")?,
                ndarray_array_function: of_ndarray("__array_function__")?,
                array_priority: of_ndarray("__array_priority__")?,
                array_finalize: of_ndarray("__array_finalize__")?,
                array_wrap: builtin(&module.call_method1("empty", (0,))?.getattr("__array_wrap__")?),
                refusal_formatter: formatter.unbind(),
                version: version(&module)?,
                dtypes: Dtypes::load(&module)?,
                aligned: AtomicU64::new(0),
                blocks: blocks::handler(py)?,
                get_handler,
                default_handler,
                give_fp_errors: give_fp_errors(py)?,
            })
        })
    }

    /// The one loaded at import. Whoever asks for it may go on into the interpreter, see [`exit`].
    #[inline]
    pub fn get(py: Python<'_>) -> &'static NumPy {
        exit::survive();
        NUMPY.get(py).unwrap_or_else(|| unreachable!("loaded when the module is imported"))
    }

    /// `numpy.ndarray`, as an object.
    pub fn ndarray<'py>(&self, py: Python<'py>) -> Object<'py, 'py> {
        // SAFETY: a type NumPy never frees.
        unsafe { lent_by_c(py, self.array_type.cast()) }
    }

    /// Whether it is an array of no subclass.
    #[inline]
    pub fn is_exact_array(&self, object: Object<'_, '_>) -> bool {
        object.get_type_ptr() == self.array_type
    }

    /// Whether it is an array, of whatever class.
    #[inline]
    pub fn is_array(&self, object: Object<'_, '_>) -> bool {
        // SAFETY: a live object, and a type that lives for ever.
        unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), self.array_type) != 0 }
    }

    /// Whether it is an array of a subclass.
    #[inline]
    pub fn is_subclass(&self, object: Object<'_, '_>) -> bool {
        !self.is_exact_array(object) && self.is_array(object)
    }

    /// Whether it is a scalar of NumPy's, of whatever dtype.
    pub fn is_scalar(&self, object: Object<'_, '_>) -> bool {
        // SAFETY: a live object, and a type that lives for ever.
        unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), self.generic_type) != 0 }
    }

    /// The value of a `numpy.float64` of no subclass.
    #[inline]
    pub fn float64(&self, object: Object<'_, '_>) -> Option<f64> {
        let is_one = object.get_type_ptr() == self.dtypes.scalars[DType::F64 as usize];
        // SAFETY: NumPy's class is a subclass of `float`, and has its layout.
        is_one.then(|| unsafe { ffi::PyFloat_AS_DOUBLE(object.as_ptr()) })
    }

    /// Whether it is a number, text or bytes of no subclass, or a scalar of NumPy's own types.
    pub fn is_exact_scalar(&self, object: Object<'_, '_>) -> bool {
        let class = object.get_type_ptr();
        // SAFETY: a live object has a live type. NumPy's scalars have static ones; a subclass is made at run time.
        let is_static = || unsafe { ffi::PyType_HasFeature(class, ffi::Py_TPFLAGS_HEAPTYPE) == 0 };
        object.is_exact_instance_of::<PyFloat>()
            || object.is_exact_instance_of::<PyInt>()
            || object.is_exact_instance_of::<PyComplex>()
            || object.is_exact_instance_of::<PyString>()
            || object.is_exact_instance_of::<PyBytes>()
            || object.is_exact_instance_of::<PyBool>()
            || self.is_scalar(object) && is_static()
    }

    /// Whether it is what NumPy takes for a scalar: its own, numbers, text and bytes, subclasses included.
    pub fn is_any_scalar(&self, object: Object<'_, '_>) -> bool {
        self.is_scalar(object)
            || object.is_instance_of::<PyFloat>()
            || object.is_instance_of::<PyInt>()
            || object.is_instance_of::<PyComplex>()
            || object.is_instance_of::<PyString>()
            || object.is_instance_of::<PyBytes>()
    }

    /// Whether it is `numpy._NoValue`.
    #[inline]
    pub fn is_no_value(&self, object: Object<'_, '_>) -> bool {
        object.is(&self.no_value)
    }

    /// Whether a bound method is `ndarray`'s own `__array_wrap__`.
    pub fn is_array_wrap(&self, method: &Bound<'_, PyAny>) -> bool {
        builtin(method).is_some_and(|function| {
            Some(function as usize) == self.array_wrap.map(|function| function as usize)
        })
    }

    /// Does with IEEE flags what `numpy.errstate` says: nothing, a warning, a call, an error.
    pub fn report(&self, py: Python<'_>, name: &str, flags: FpFlags) -> PyResult<()> {
        if flags.is_empty() {
            return Ok(());
        }
        let name = CString::new(name)?;
        // SAFETY: a valid C string for the call, the GIL held.
        match unsafe { (self.give_fp_errors)(name.as_ptr(), c_int::from(flags.0)) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(py)),
        }
    }
}

/// What NumPy does with IEEE flags, under the name of a ufunc.
fn give_fp_errors(py: Python<'_>) -> PyResult<unsafe extern "C" fn(*const c_char, c_int) -> c_int> {
    // Slot 46 of the ufunc API (since NumPy 2.0), which the `numpy` crate does not name.
    const GIVE_FP_ERRORS: usize = 46;
    let table = table(&py.import("numpy._core.umath")?.getattr("_UFUNC_API")?)?;
    // SAFETY: NumPy's table of function pointers, whose layout is NumPy's stable ABI.
    unsafe {
        Ok(std::mem::transmute::<*const c_void, unsafe extern "C" fn(*const c_char, c_int) -> c_int>(
            *table.add(GIVE_FP_ERRORS),
        ))
    }
}

type GetHandler = unsafe extern "C" fn() -> *mut ffi::PyObject;

/// `PyDataMem_GetHandler` and `PyDataMem_DefaultHandler`.
fn handlers(numpy: &Bound<'_, PyModule>) -> PyResult<(GetHandler, *mut ffi::PyObject)> {
    // Slots of the array API since NumPy 1.22.
    const GET_HANDLER: usize = 305;
    const DEFAULT_HANDLER: usize = 306;
    let table = table(&numpy.getattr("_core")?.getattr("multiarray")?.getattr("_ARRAY_API")?)?;
    // SAFETY: NumPy's table, whose layout is NumPy's stable ABI; the second of the two is the address of a variable.
    unsafe {
        let get_handler = std::mem::transmute::<*const c_void, GetHandler>(*table.add(GET_HANDLER));
        Ok((get_handler, *(*table.add(DEFAULT_HANDLER)).cast::<*mut ffi::PyObject>()))
    }
}

/// The table that a capsule of NumPy's holds.
fn table(capsule: &Bound<'_, PyAny>) -> PyResult<*const *const c_void> {
    // SAFETY: any object may be asked for; what is no capsule is an error.
    let table = unsafe { ffi::PyCapsule_GetPointer(capsule.as_ptr(), std::ptr::null()) };
    if table.is_null() { Err(PyErr::fetch(capsule.py())) } else { Ok(table as *const *const c_void) }
}

/// The function that a builtin method binds; `None` for anything else.
fn builtin(method: &Bound<'_, PyAny>) -> Option<ffi::PyCFunction> {
    // SAFETY: a builtin method once its type says so.
    unsafe {
        let builtin = ffi::PyCFunction_CheckExact(method.as_ptr()) != 0;
        if builtin { ffi::PyCFunction_GetFunction(method.as_ptr()) } else { None }
    }
}

fn version(module: &Bound<'_, PyModule>) -> PyResult<(u32, u32)> {
    let text: String = module.getattr("__version__")?.extract()?;
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    Ok((parts.next().unwrap_or(0), parts.next().unwrap_or(0)))
}
