//! New arrays: over memory of NumPy's, over blocks of ours, over somebody else's.

use super::array_ref::ArrayRef;
use super::blocks;
use super::numpy_api::NumPy;
use super::object::{Object, Returned};
use numpy::npyffi::{NPY_ARRAY_OWNDATA, NPY_ARRAY_WRITEABLE, PY_ARRAY_API, PyArray_Descr, PyArrayObject};
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use ufunx::DType;

impl NumPy {
    /// A new array, and its memory: C-contiguous, or in these byte strides, which leave no gaps. From [`OWN_FROM`] bytes on it
    /// owns a block of ours, as it would own NumPy's memory; but what a program has set to allocate does so.
    pub fn new_array<'py>(
        &self,
        py: Python<'py>,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
    ) -> PyResult<(Bound<'py, PyAny>, *mut u8)> {
        let bytes = shape.iter().try_fold(dtype.size(), |bytes, &n| bytes.checked_mul(n)).unwrap_or(0);
        let aligned = self.is_aligning();
        if bytes > 0 && (aligned || bytes >= OWN_FROM && self.allocates_as_ever(py)) {
            let block = blocks::allocate(bytes);
            if block.is_null() && aligned {
                return Err(PyMemoryError::new_err("no memory is left for the result"));
            }
            // Without one NumPy says what could not be had.
            if !block.is_null() {
                return self.over_block(py, dtype, shape, strides, block, bytes);
            }
        }
        let lengths = (shape.len(), shape.as_ptr().cast());
        // SAFETY: lengths and strides have an entry per axis; without an address NumPy allocates.
        unsafe {
            let descr = self.dtypes.descr(dtype);
            let array = self.make_array(py, descr, lengths, strides, null_mut(), 0)?;
            let data = (*array.as_ptr().cast::<PyArrayObject>()).fields.data.cast();
            Ok((array, data))
        }
    }

    /// Whether this thread's arrays are to start at a cache line, whatever allocates.
    #[inline]
    fn is_aligning(&self) -> bool {
        let aligned = self.aligned.load(Ordering::Relaxed);
        aligned != 0 && aligned == this_thread()
    }

    /// Whether no other way to allocate was set (`PyDataMem_SetHandler`).
    #[inline]
    fn allocates_as_ever(&self, py: Python<'_>) -> bool {
        // SAFETY: a new reference, or null with an error, which is NumPy's to raise again.
        unsafe {
            let handler = (self.get_handler)();
            if handler.is_null() {
                ffi::PyErr_Clear();
                return false;
            }
            drop(Bound::from_owned_ptr(py, handler));
            handler == self.default_handler
        }
    }

    /// An array that owns that block.
    fn over_block<'py>(
        &self,
        py: Python<'py>,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
        block: *mut u8,
        bytes: usize,
    ) -> PyResult<(Bound<'py, PyAny>, *mut u8)> {
        let (lengths, data) = ((shape.len(), shape.as_ptr().cast()), block.cast());
        // SAFETY: a block for as many bytes as the elements have; a new array, which nobody else has yet.
        unsafe {
            let descr = self.dtypes.descr(dtype);
            let array = match self.make_array(py, descr, lengths, strides, data, NPY_ARRAY_WRITEABLE) {
                Ok(array) => array,
                Err(error) => {
                    blocks::free(block);
                    return Err(error);
                }
            };
            let owner: *mut OwningArray = array.as_ptr().cast();
            (*owner).array.fields.flags |= NPY_ARRAY_OWNDATA;
            (*owner).handler = self.blocks.clone_ref(py).into_ptr();
            // What NumPy does for its own, so that `tracemalloc` counts them.
            PyTraceMalloc_Track(NUMPYS_TRACES, block as usize, bytes);
            Ok((array, block))
        }
    }

    /// An array of no subclass, as `PyArray_NewFromDescr` makes it.
    ///
    /// # Safety
    /// A live descriptor; as many lengths and strides as the array has axes; memory there for all of them, or null for
    /// NumPy's.
    #[inline]
    unsafe fn make_array<'py>(
        &self,
        py: Python<'py>,
        descr: *mut PyArray_Descr,
        (nd, shape): (usize, *const isize),
        strides: Option<&[isize]>,
        data: *mut c_void,
        flags: c_int,
    ) -> Returned<'py> {
        let strides = strides.map_or(null_mut(), |strides| strides.as_ptr().cast_mut());
        let null: *mut ffi::PyObject = null_mut();
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

    /// An array over somebody's memory, with the owner as its base. Elements that NumPy has no dtype for get a stand-in.
    /// Strides in bytes; none for rows.
    ///
    /// # Safety
    /// The memory is there as long as the owner is, for as many lengths, and as many strides if there are any.
    pub unsafe fn view<'py>(
        &self,
        dtype: DType,
        shape: &[isize],
        strides: Option<&[isize]>,
        data: *mut c_void,
        writable: bool,
        owner: Bound<'py, PyAny>,
    ) -> Returned<'py> {
        let py = owner.py();
        let flags = if writable { NPY_ARRAY_WRITEABLE } else { 0 };
        let lengths = (shape.len(), shape.as_ptr());
        // SAFETY: the caller's promise; the base's reference is taken over. The array's other flags are found out from the
        // address and the strides.
        unsafe {
            let made = self.make_array(py, self.dtypes.view_descr(dtype), lengths, strides, data, flags)?;
            if PY_ARRAY_API.PyArray_SetBaseObject(py, made.as_ptr().cast(), owner.into_ptr()) < 0 {
                return Err(PyErr::fetch(py));
            }
            Ok(made)
        }
    }

    /// The array's memory as elements of the dtype whose loops they share, of no subclass.
    pub fn without_label<'py>(&self, array: ArrayRef<'_, 'py>, dtype: DType) -> Returned<'py> {
        let (py, descr) = (array.object().py(), self.dtypes.descr(dtype));
        // SAFETY: a live array; a descriptor that lives for ever, whose new reference is taken over; NumPy's own type.
        unsafe {
            ffi::Py_INCREF(descr.cast());
            let view = PY_ARRAY_API.PyArray_View(py, array.as_ptr(), descr, self.array_type);
            Bound::from_owned_ptr_or_err(py, view)
        }
    }

    /// Gives the elements of a new array, which nobody else has yet, another name, if that shares their dtype's memory.
    pub fn label(&self, array: &Bound<'_, PyAny>, descr: Object<'_, '_>) {
        let Some(made) = self.exact_array(array.as_borrowed()) else { return };
        let descr: *mut PyArray_Descr = descr.as_ptr().cast();
        // SAFETY: live descriptors of elements alike: the old one's reference is released, a new one's kept.
        unsafe {
            if made.dtype(self).is_some() && made.dtype(self) == self.dtypes.of_label(descr) {
                ffi::Py_INCREF(descr.cast());
                ffi::Py_DECREF(made.descr().cast());
                (*made.as_ptr()).fields.descr = descr;
            }
        }
    }

    /// An object as an array of no subclass, as NumPy makes it of anything.
    pub fn array_from<'py>(&self, object: Object<'_, 'py>) -> Returned<'py> {
        self.array_of(object, null_mut())
    }

    /// An object as an array of no subclass with elements of that dtype, cast whatever is lost.
    pub fn array_cast<'py>(&self, object: Object<'_, 'py>, dtype: Object<'_, 'py>) -> Returned<'py> {
        const NPY_ARRAY_FORCECAST: c_int = 0x10;
        // SAFETY: what NumPy resolves are descriptors; a new reference, which is taken over.
        let made = unsafe {
            let flags = NPY_ARRAY_ENSUREARRAY | NPY_ARRAY_FORCECAST;
            let (py, descr) = (object.py(), dtype.to_owned().into_ptr());
            let null: *mut ffi::PyObject = null_mut();
            PY_ARRAY_API.PyArray_FromAny(py, object.as_ptr(), descr.cast(), 0, 0, flags, null)
        };
        // SAFETY: an array, owned, or null with an error.
        unsafe { Bound::from_owned_ptr_or_err(object.py(), made) }
    }

    /// The same of elements with that descriptor, or of those that NumPy finds if it is null.
    pub(super) fn array_of<'py>(&self, object: Object<'_, 'py>, descr: *mut PyArray_Descr) -> Returned<'py> {
        let (py, null): (_, *mut ffi::PyObject) = (object.py(), null_mut());
        // SAFETY: a live object; a descriptor that lives for ever, whose new reference is taken over, or none.
        unsafe {
            ffi::Py_XINCREF(descr.cast());
            let flags = NPY_ARRAY_ENSUREARRAY;
            let made = PY_ARRAY_API.PyArray_FromAny(py, object.as_ptr(), descr, 0, 0, flags, null);
            Bound::from_owned_ptr_or_err(py, made)
        }
    }
}

/// Smaller arrays have memory of NumPy's, which keeps the freed of those itself.
const OWN_FROM: usize = 1024;

/// An array as it is since NumPy 1.22, to the last of what its header shows.
#[repr(C)]
struct OwningArray {
    array: PyArrayObject,
    buffer_info: *mut c_void,
    /// What frees the memory that the array owns: a capsule, referenced.
    handler: *mut ffi::PyObject,
}

/// The domain of what NumPy tells `tracemalloc`.
const NUMPYS_TRACES: c_uint = 389_047;

unsafe extern "C" {
    /// Public since 3.7.
    fn PyTraceMalloc_Track(domain: c_uint, address: usize, bytes: usize) -> c_int;
}

/// Of no subclass.
const NPY_ARRAY_ENSUREARRAY: c_int = 0x40;

/// A number for the thread, never 0.
fn this_thread() -> u64 {
    // SAFETY: asks for no lock.
    unsafe { ffi::PyThread_get_thread_ident() }
}
