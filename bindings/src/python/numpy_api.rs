//! What the bindings ask of NumPy's C API beyond the `numpy` crate: pointers fetched once, type numbers, the error state.

use super::exit;
use numpy::npyffi::{self, NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, PyArray_Descr, PyArrayObject};
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::IntoPyDict;
use smallvec::SmallVec;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use ufunx::{DType, FpFlags};

/// Addresses that do not change while the process lives.
pub struct NumPy {
    /// `numpy.ndarray`.
    pub array_type: *mut ffi::PyTypeObject,
    /// `numpy.ufunc`.
    pub ufunc_type: *mut ffi::PyObject,
    /// `numpy._NoValue`.
    pub no_value: *mut ffi::PyObject,
    /// `numpy.ndarray.__array_ufunc__`.
    pub ndarray_array_ufunc: *mut ffi::PyObject,
    /// `numpy.ndarray.__array_function__`.
    pub ndarray_array_function: *mut ffi::PyObject,
    /// `numpy.ndarray.__array_priority__`, a property.
    pub array_priority: *mut ffi::PyObject,
    /// `numpy.ndarray.__array_finalize__`, which does nothing.
    pub array_finalize: *mut ffi::PyObject,
    /// The function behind `numpy.ndarray.__array_wrap__`.
    array_wrap: Option<ffi::PyCFunction>,
    /// What words the error when every override has refused.
    pub refusal_formatter: *mut ffi::PyObject,
    /// Major and minor version.
    pub version: (u32, u32),
    /// Descriptors by our numbering: NumPy's own from the start, ml_dtypes' from when one is first met.
    descrs: [AtomicPtr<PyArray_Descr>; DTYPES],
    /// Descriptors of ours for what NumPy has no dtype for; see [`NumPy::stand_in`].
    stand_ins: [*mut PyArray_Descr; DTYPES],
    /// The scalar types of what NumPy has.
    pub scalars: [*mut ffi::PyTypeObject; DTYPES],
    /// The descriptors' dtypes by NumPy type number; `None` for those that are NumPy's own affair.
    by_number: [Option<DType>; 32],
    /// The thread whose new arrays start at a cache line, or 0; see [`NumPy::aligned`].
    aligned: AtomicU64,
    give_fp_errors: unsafe extern "C" fn(*const c_char, c_int) -> c_int,
}

/// Rows of the dtype table.
pub const DTYPES: usize = DType::ALL.len();

// SAFETY: addresses of immortal or for ever referenced objects, used with the GIL held.
unsafe impl Send for NumPy {}
// SAFETY: as above.
unsafe impl Sync for NumPy {}

static NUMPY: PyOnceLock<NumPy> = PyOnceLock::new();

impl NumPy {
    /// Fetches everything; called when the module is imported.
    pub fn load(py: Python<'_>) -> PyResult<&'static NumPy> {
        NUMPY.get_or_try_init(py, || {
            let module = py.import("numpy")?;
            let descrs = [const { AtomicPtr::new(std::ptr::null_mut()) }; DTYPES];
            let mut scalars = [std::ptr::null_mut(); DTYPES];
            let mut by_number = [None; 32];
            for &dtype in DType::ALL {
                let Some(number) = dtype.numpy_number() else { continue };
                // SAFETY: a valid type number; the reference returned is kept for ever.
                unsafe {
                    let descr = PY_ARRAY_API.PyArray_DescrFromType(py, number);
                    descrs[dtype as usize].store(descr, Ordering::Relaxed);
                    scalars[dtype as usize] = (*descr.cast::<DescrHead>()).typeobj;
                }
                by_number[number as usize] = Some(dtype);
            }
            // Slot 46 of the ufunc API (since NumPy 2.0), which the `numpy` crate does not name.
            const GIVE_FP_ERRORS: usize = 46;
            let capsule = py.import("numpy._core.umath")?.getattr("_UFUNC_API")?;
            // SAFETY: the capsule holds NumPy's table of function pointers, whose layout is NumPy's stable ABI.
            let give_fp_errors = unsafe {
                let table =
                    ffi::PyCapsule_GetPointer(capsule.as_ptr(), std::ptr::null()) as *const *const c_void;
                if table.is_null() {
                    return Err(PyErr::fetch(py));
                }
                std::mem::transmute::<*const c_void, unsafe extern "C" fn(*const c_char, c_int) -> c_int>(
                    *table.add(GIVE_FP_ERRORS),
                )
            };
            // SAFETY: a type NumPy never frees.
            let array_type = unsafe { npyffi::get_type_object(py, NpyTypes::PyArray_Type) };
            Ok(NumPy {
                array_type,
                ufunc_type: module.getattr("ufunc")?.into_ptr(),
                no_value: module.getattr("_NoValue")?.into_ptr(),
                ndarray_array_ufunc: module.getattr("ndarray")?.getattr("__array_ufunc__")?.into_ptr(),
                ndarray_array_function: module.getattr("ndarray")?.getattr("__array_function__")?.into_ptr(),
                array_priority: module.getattr("ndarray")?.getattr("__array_priority__")?.into_ptr(),
                array_finalize: module.getattr("ndarray")?.getattr("__array_finalize__")?.into_ptr(),
                array_wrap: array_wrap(&module)?,
                refusal_formatter: py
                    .import("numpy._core._internal")?
                    .getattr("array_ufunc_errmsg_formatter")?
                    .into_ptr(),
                version: version(&module)?,
                descrs,
                stand_ins: stand_ins(&module)?,
                scalars,
                by_number,
                aligned: AtomicU64::new(0),
                give_fp_errors,
            })
        })
    }

    /// The one loaded at import. Whoever asks for it may go on into the interpreter, see [`exit`].
    #[inline]
    pub fn get(py: Python<'_>) -> &'static NumPy {
        exit::survive();
        NUMPY.get(py).unwrap_or_else(|| unreachable!("loaded when the module is imported"))
    }

    /// The dtype of a native descriptor with that type number.
    #[inline]
    pub fn dtype(&self, number: c_int) -> Option<DType> {
        self.by_number.get(usize::try_from(number).ok()?).copied().flatten()
    }

    /// The dtype of an array's elements; `None` for what NumPy itself must handle, foreign byte order included.
    ///
    /// # Safety
    /// `array` is a live array.
    #[inline]
    pub unsafe fn dtype_of(&self, array: *mut PyArrayObject) -> Option<DType> {
        // SAFETY: a live array has a live descriptor.
        unsafe {
            let descr = (*array).fields.descr.cast::<DescrHead>();
            match (*descr).byteorder as u8 {
                b'>' | b'<' if (*descr).byteorder as u8 != NATIVE => None,
                _ if (*descr).type_num == VOID_NUMBER => self.stood_for(descr.cast()),
                _ if (*descr).type_num < FIRST_USER_NUMBER => self.dtype((*descr).type_num),
                _ => self.user_dtype(descr),
            }
        }
    }

    /// The dtype of a descriptor that another library registered: bfloat16 and float8 of ml_dtypes.
    ///
    /// # Safety
    /// A live descriptor.
    unsafe fn user_dtype(&self, descr: *mut DescrHead) -> Option<DType> {
        let known = |d: DType| self.descrs[d as usize].load(Ordering::Relaxed) == descr.cast();
        let minis = || DType::ALL.iter().copied().filter(|d| d.numpy_number().is_none());
        if let Some(dtype) = minis().find(|&d| known(d)) {
            return Some(dtype);
        }
        // SAFETY: a live descriptor has a live type, whose name is a C string.
        let name = unsafe { CStr::from_ptr((*(*descr).typeobj).tp_name) }.to_str().ok()?;
        let name = name.rsplit_once('.').map_or(name, |(_, last)| last);
        let dtype = minis().find(|d| d.name() == name)?;
        let cell = &self.descrs[dtype as usize];
        if cell.load(Ordering::Relaxed).is_null() {
            // SAFETY: a live descriptor; the reference is kept for ever.
            unsafe { ffi::Py_INCREF(descr.cast()) };
            cell.store(descr.cast(), Ordering::Relaxed);
        }
        known(dtype).then_some(dtype)
    }

    /// The descriptor of a dtype: NumPy's, ml_dtypes' once it was met, else a stand-in.
    #[inline]
    pub fn descr(&self, dtype: DType) -> *mut PyArray_Descr {
        let known = self.descrs[dtype as usize].load(Ordering::Relaxed);
        if known.is_null() { self.stand_ins[dtype as usize] } else { known }
    }

    /// The descriptor by which an array holds elements of bfloat16 or float8 that NumPy takes for opaque bytes, so that
    /// these need no other library. Such arrays are the insides of `ufunx.Array` and the views of foreign ones, and never
    /// get out. Null for what NumPy has.
    pub fn stand_in(&self, dtype: DType) -> *mut PyArray_Descr {
        self.stand_ins[dtype as usize]
    }

    /// The descriptor of an array over foreign memory: NumPy's or a stand-in.
    #[inline]
    pub fn view_descr(&self, dtype: DType) -> *mut PyArray_Descr {
        let stand_in = self.stand_in(dtype);
        if stand_in.is_null() { self.descr(dtype) } else { stand_in }
    }

    /// The dtype a descriptor stands in for.
    pub fn stood_for(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        self.stand_ins.iter().position(|&d| d == descr).map(|i| DType::ALL[i])
    }

    /// The dtype with that very descriptor.
    pub fn dtype_of_descr(&self, descr: *mut PyArray_Descr) -> Option<DType> {
        let found = self.descrs.iter().position(|d| d.load(Ordering::Relaxed) == descr && !descr.is_null());
        found.map(|i| DType::ALL[i])
    }

    /// The dtype of a NumPy scalar of exactly that type.
    #[inline]
    pub fn scalar_dtype(&self, class: *mut ffi::PyTypeObject) -> Option<DType> {
        self.scalars.iter().position(|&t| t == class).map(|i| DType::ALL[i])
    }

    /// The dtype of a scalar of ml_dtypes, once an array of it was met.
    pub fn mini_scalar(&self, class: *mut ffi::PyTypeObject) -> Option<DType> {
        DType::ALL.iter().copied().filter(|d| d.numpy_number().is_none()).find(|&dtype| {
            let known = self.descrs[dtype as usize].load(Ordering::Relaxed).cast::<DescrHead>();
            // SAFETY: a descriptor that lives for ever, where there is one.
            !known.is_null() && unsafe { (*known).typeobj } == class
        })
    }

    /// A new array, and its memory: C-contiguous, or in these byte strides, which leave no gaps.
    pub fn new_array<'py>(
        &self,
        py: Python<'py>,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
    ) -> PyResult<(Bound<'py, PyAny>, *mut u8)> {
        let aligned = self.aligned.load(Ordering::Relaxed);
        if aligned != 0 && aligned == this_thread() {
            return self.new_aligned(py, dtype, shape, strides);
        }
        let lengths = (shape.len(), shape.as_ptr().cast());
        // SAFETY: lengths and strides have an entry per axis; without an address NumPy allocates.
        unsafe {
            let array = self.make_array(py, self.descr(dtype), lengths, strides, std::ptr::null_mut(), 0)?;
            let data = (*array.as_ptr().cast::<PyArrayObject>()).fields.data.cast();
            Ok((array, data))
        }
    }

    /// An array of no subclass, as `PyArray_NewFromDescr` makes it.
    ///
    /// # Safety
    /// As many lengths and strides as it has axes; memory there for all of them, or null for NumPy's.
    #[inline]
    unsafe fn make_array<'py>(
        &self,
        py: Python<'py>,
        descr: *mut PyArray_Descr,
        (nd, shape): (usize, *const isize),
        strides: Option<&[isize]>,
        data: *mut c_void,
        flags: c_int,
    ) -> PyResult<Bound<'py, PyAny>> {
        let strides = strides.map_or(std::ptr::null_mut(), |strides| strides.as_ptr().cast_mut());
        let null: *mut ffi::PyObject = std::ptr::null_mut();
        // SAFETY: the caller's promise; lengths and strides are copied, the descriptor's reference is taken over.
        unsafe {
            ffi::Py_INCREF(descr.cast());
            let (class, nd, shape) = (self.array_type, nd as c_int, shape.cast_mut());
            let made =
                PY_ARRAY_API.PyArray_NewFromDescr(py, class, descr, nd, shape, strides, data, flags, null);
            Bound::from_owned_ptr_or_err(py, made)
        }
    }

    /// Runs `f` with new arrays that start at a cache line. XLA and TensorFlow take memory as it is only where it does;
    /// what NumPy allocates starts 16 bytes past one. One thread at a time can have that: for another, they copy.
    pub fn aligned<R>(&self, f: impl FnOnce() -> R) -> R {
        /// Ends it, in a panic too.
        struct End<'a>(&'a AtomicU64);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(0, Ordering::Relaxed);
            }
        }
        let begun = self.aligned.compare_exchange(0, this_thread(), Ordering::Relaxed, Ordering::Relaxed);
        let _end = begun.is_ok().then(|| End(&self.aligned));
        f()
    }

    fn new_aligned<'py>(
        &self,
        py: Python<'py>,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
    ) -> PyResult<(Bound<'py, PyAny>, *mut u8)> {
        const CACHE_LINE: usize = 64;
        let bytes = shape.iter().try_fold(dtype.size(), |bytes, &n| bytes.checked_mul(n));
        let room = bytes
            .and_then(|bytes| bytes.checked_add(CACHE_LINE))
            .filter(|&room| isize::try_from(room).is_ok());
        let room = room.ok_or_else(|| PyMemoryError::new_err("the result is larger than memory can be"))?;
        let lengths: SmallVec<[isize; 8]> = shape.iter().map(|&n| n as isize).collect();
        // SAFETY: the elements lie in the bytes, which are their array's base.
        unsafe {
            let room = room as isize;
            let bytes = (1, &raw const room);
            let raw = self.make_array(py, self.descr(DType::U8), bytes, None, std::ptr::null_mut(), 0)?;
            let start: *mut u8 = (*raw.as_ptr().cast::<PyArrayObject>()).fields.data.cast();
            let start = start.map_addr(|address| address.next_multiple_of(CACHE_LINE));
            let array = self.view(py, dtype, &lengths, strides, start.cast(), true, raw.into_ptr())?;
            Ok((array, start))
        }
    }

    /// An array over somebody's memory, with the owner as its base, whose reference is taken over in any case. Elements that
    /// NumPy has no dtype for get a stand-in. Strides in bytes; none for rows.
    ///
    /// # Safety
    /// The memory is there as long as the owner is.
    #[expect(clippy::too_many_arguments, reason = "what an array is made of")]
    pub unsafe fn view<'py>(
        &self,
        py: Python<'py>,
        dtype: DType,
        shape: &[isize],
        strides: Option<&[isize]>,
        data: *mut c_void,
        writable: bool,
        owner: *mut ffi::PyObject,
    ) -> PyResult<Bound<'py, PyAny>> {
        let flags = if writable { NPY_ARRAY_WRITEABLE } else { 0 };
        let lengths = (shape.len(), shape.as_ptr());
        // SAFETY: lengths and strides have an entry per axis; the base's reference is taken over. The array's other flags are
        // found out from the address and the strides.
        unsafe {
            let owner: Bound<'py, PyAny> = Bound::from_owned_ptr(py, owner);
            let made = self.make_array(py, self.view_descr(dtype), lengths, strides, data, flags)?;
            if PY_ARRAY_API.PyArray_SetBaseObject(py, made.as_ptr().cast(), owner.into_ptr()) < 0 {
                return Err(PyErr::fetch(py));
            }
            Ok(made)
        }
    }

    /// Whether it is an array of no subclass.
    ///
    /// # Safety
    /// A live object.
    #[inline]
    pub unsafe fn is_exact_array(&self, object: *mut ffi::PyObject) -> bool {
        // SAFETY: a live object.
        unsafe { ffi::Py_TYPE(object) == self.array_type }
    }

    /// Whether it is an array, of whatever class.
    ///
    /// # Safety
    /// A live object.
    #[inline]
    pub unsafe fn is_array(&self, object: *mut ffi::PyObject) -> bool {
        // SAFETY: a live object.
        unsafe { ffi::PyObject_TypeCheck(object, self.array_type) != 0 }
    }

    /// Whether it is an array of a subclass.
    ///
    /// # Safety
    /// A live object.
    #[inline]
    pub unsafe fn is_subclass(&self, object: *mut ffi::PyObject) -> bool {
        // SAFETY: a live object.
        unsafe { !self.is_exact_array(object) && self.is_array(object) }
    }

    /// Whether a bound method is `ndarray`'s own `__array_wrap__`.
    ///
    /// # Safety
    /// A live object.
    pub unsafe fn is_array_wrap(&self, method: *mut ffi::PyObject) -> bool {
        // SAFETY: a builtin method once its type says so.
        unsafe {
            ffi::PyCFunction_CheckExact(method) != 0
                && ffi::PyCFunction_GetFunction(method).map(|f| f as usize)
                    == self.array_wrap.map(|f| f as usize)
        }
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

/// The dtype whose stand-in an exact array has.
///
/// # Safety
/// A live object.
#[inline]
pub unsafe fn stood_for(np: &NumPy, object: *mut ffi::PyObject) -> Option<DType> {
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        if !np.is_exact_array(object) {
            return None;
        }
        np.stood_for((*object.cast::<PyArrayObject>()).fields.descr)
    }
}

/// A descriptor for each dtype that NumPy lacks: opaque bytes, told from others by its address, aligned as the dtype is.
fn stand_ins(module: &Bound<'_, PyModule>) -> PyResult<[*mut PyArray_Descr; DTYPES]> {
    let mut made = [std::ptr::null_mut(); DTYPES];
    for &dtype in DType::ALL.iter().filter(|d| d.numpy_number().is_none()) {
        let metadata = [("ufunx", dtype.name())].into_py_dict(module.py())?;
        let keywords = [("metadata", metadata)].into_py_dict(module.py())?;
        let descr = module.getattr("dtype")?.call((format!("V{}", dtype.size()),), Some(&keywords))?;
        // SAFETY: a descriptor nobody else has yet; the reference is kept for ever.
        unsafe {
            let head = descr.into_ptr().cast::<DescrHead>();
            (*head).alignment = dtype.align() as isize;
            made[dtype as usize] = head.cast();
        }
    }
    Ok(made)
}

/// The function that `ndarray.__array_wrap__` binds.
fn array_wrap(module: &Bound<'_, PyModule>) -> PyResult<Option<ffi::PyCFunction>> {
    let bound = module.call_method1("empty", (0,))?.getattr("__array_wrap__")?;
    // SAFETY: a builtin method once its type says so.
    unsafe {
        let builtin = ffi::PyCFunction_Check(bound.as_ptr()) != 0;
        Ok(if builtin { ffi::PyCFunction_GetFunction(bound.as_ptr()) } else { None })
    }
}

fn version(module: &Bound<'_, PyModule>) -> PyResult<(u32, u32)> {
    let text: String = module.getattr("__version__")?.extract()?;
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    Ok((parts.next().unwrap_or(0), parts.next().unwrap_or(0)))
}

/// A number for the thread, never 0.
fn this_thread() -> u64 {
    // SAFETY: asks for no lock.
    unsafe { ffi::PyThread_get_thread_ident() }
}

#[cfg(target_endian = "little")]
const NATIVE: u8 = b'<';
#[cfg(target_endian = "big")]
const NATIVE: u8 = b'>';

/// `NPY_VOID`: opaque bytes.
const VOID_NUMBER: c_int = 20;

/// Type numbers from here on are given to other libraries' dtypes.
const FIRST_USER_NUMBER: c_int = 256;

/// The head of `PyArray_Descr`, as NumPy 2 has it.
#[repr(C)]
pub struct DescrHead {
    base: ffi::PyObject,
    /// The scalar type.
    pub typeobj: *mut ffi::PyTypeObject,
    kind: c_char,
    char: c_char,
    byteorder: c_char,
    former_flags: c_char,
    type_num: c_int,
    flags: u64,
    size: isize,
    alignment: isize,
}
