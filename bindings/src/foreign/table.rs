//! DLPack's C exchange API for `ufunx.Array`: a table of functions that other libraries find on the class, so that they can
//! read and make arrays without a call of Python's.

use super::abi::{
    DataType, Device, ExchangeApi, ExchangeHeader, ManagedTensorVersioned, SetError, Tensor, VERSION,
};
use super::array::{self, Array};
use super::{export, import};
use crate::python::entry::attached;
use crate::python::numpy_api::NumPy;
use crate::python::object::lent_by_c;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{CString, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use ufunx::DType;
use ufunx::operand::MAX_DIMS;

/// A table that is only read.
struct Table(ExchangeApi);
// SAFETY: functions, and a null pointer.
unsafe impl Sync for Table {}

static TABLE: Table = Table(ExchangeApi {
    header: ExchangeHeader { version: VERSION, previous: std::ptr::null_mut() },
    allocate: Some(allocate),
    from_object: Some(from_object),
    to_object: Some(to_object),
    borrow: Some(borrow),
    current_stream: Some(current_stream),
});

/// `type(x).__dlpack_c_exchange_api__`.
pub fn capsule(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let table = (&raw const TABLE.0).cast_mut().cast::<c_void>();
    // SAFETY: the table and the name live for ever.
    unsafe {
        let capsule = ffi::PyCapsule_New(table, c"dlpack_exchange_api".as_ptr(), None);
        Ok(Bound::from_owned_ptr_or_err(py, capsule)?.unbind())
    }
}

/// Runs a function that is called with the GIL held and puts what it makes there: 0, or -1 with an exception set.
///
/// # Safety
/// The GIL is held, as by whoever calls the functions of the table (dlpack.h); a place to write to.
unsafe fn status<T>(out: *mut T, f: impl for<'py> FnOnce(Python<'py>) -> PyResult<T>) -> c_int {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    attached(py, || match caught(|| f(py)) {
        Ok(made) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(made) };
            0
        }
        Err(error) => {
            error.restore(py);
            -1
        }
    })
}

/// A panic as an exception: it must not leave a C function.
fn caught<R>(f: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        Err(pyo3::panic::PanicException::new_err("ufunx: a bug in its C exchange API, please report it"))
    })
}

/// Makes a tensor of the prototype's dtype and shape. The caller may not hold the GIL, and has a way of its own for errors.
unsafe extern "C" fn allocate(
    prototype: *mut Tensor,
    out: *mut *mut ManagedTensorVersioned,
    context: *mut c_void,
    set_error: SetError,
) -> c_int {
    let made = Python::attach(|py| {
        // SAFETY: the caller gives a tensor whose shape has an entry per axis.
        let made = caught(|| unsafe { new_tensor(py, &*prototype) });
        made.map_err(|error| {
            (error.get_type(py).name().map(|name| name.to_string()), error.value(py).to_string())
        })
    });
    // SAFETY: the caller gives a place to write to and a function for errors, which copies the texts.
    unsafe {
        match made {
            Ok(tensor) => {
                *out = tensor;
                0
            }
            Err((kind, message)) => {
                let kind = kind.ok().and_then(|kind| CString::new(kind).ok()).unwrap_or_default();
                let message = CString::new(message).unwrap_or_default();
                set_error(context, kind.as_ptr(), message.as_ptr());
                -1
            }
        }
    }
}

/// # Safety
/// The shape has an entry per axis.
unsafe fn new_tensor(py: Python<'_>, prototype: &Tensor) -> PyResult<*mut ManagedTensorVersioned> {
    let np = NumPy::get(py);
    if prototype.device.kind != Device::CPU.kind {
        let name = prototype.device.name();
        return Err(PyBufferError::new_err(format!("ufunx has no memory on device {name}")));
    }
    let dtype = element(prototype.dtype)?;
    let nd = usize::try_from(prototype.ndim).ok().filter(|&nd| nd <= MAX_DIMS);
    let shape: Option<Vec<usize>> = nd.and_then(|nd| {
        // SAFETY: the caller's promise.
        (0..nd).map(|i| usize::try_from(unsafe { *prototype.shape.add(i) }).ok()).collect()
    });
    let shape = shape.ok_or_else(|| PyBufferError::new_err("no shape that an array can have"))?;
    let (array, _) = np.new_array(py, dtype, &shape, None)?;
    export::versioned(np, &array, false)
}

fn element(dtype: DataType) -> PyResult<DType> {
    dtype.dtype().ok_or_else(|| PyBufferError::new_err(format!("ufunx has no elements of {}", dtype.name())))
}

/// The `Array` that was passed.
///
/// # Safety
/// A live object.
unsafe fn passed<'py>(py: Python<'py>, object: *mut ffi::PyObject) -> PyResult<Bound<'py, Array>> {
    // SAFETY: the caller's promise.
    let object = unsafe { lent_by_c(py, object) }.to_owned();
    object.cast_into_exact::<Array>().map_err(|_| PyTypeError::new_err("not a ufunx.Array"))
}

unsafe extern "C" fn from_object(object: *mut ffi::PyObject, out: *mut *mut ManagedTensorVersioned) -> c_int {
    // SAFETY: the caller gives a live object and a place to write to, and holds the GIL.
    unsafe {
        status(out, |py| export::versioned(NumPy::get(py), passed(py, object)?.get().ndarray(py), false))
    }
}

unsafe extern "C" fn to_object(tensor: *mut ManagedTensorVersioned, out: *mut *mut ffi::PyObject) -> c_int {
    // SAFETY: the caller gives a tensor away, and a place to write to, and holds the GIL.
    unsafe {
        status(out, |py| {
            let np = NumPy::get(py);
            let array = import::adopt(py, np, import::Owner::versioned(tensor))?;
            array::wrap(py, np, array).map(Bound::into_ptr)
        })
    }
}

/// Lends the memory of an array that may be written to: a tensor cannot say that it may not.
unsafe extern "C" fn borrow(object: *mut ffi::PyObject, out: *mut Tensor) -> c_int {
    // SAFETY: the caller gives a live object and a place to write to, and holds the GIL.
    unsafe { status(out, |py| lent(&passed(py, object)?)) }
}

/// The memory of an array that may be written to; the array keeps shape and strides.
fn lent(array: &Bound<'_, Array>) -> PyResult<Tensor> {
    let (py, this) = (array.py(), array.get());
    let inner = this.as_array_ref(py);
    if !inner.is_writable() {
        return Err(PyBufferError::new_err("a read-only array cannot be lent; ask for a managed tensor"));
    }
    let (steps, null) = (this.steps(py)?.as_ptr().cast_mut(), std::ptr::null_mut());
    let empty = inner.nd() == 0;
    Ok(Tensor {
        data: inner.data().cast(),
        device: Device::CPU,
        ndim: inner.nd() as i32,
        dtype: DataType::of(this.element(py)),
        shape: if empty { null } else { inner.lengths().cast() },
        strides: if empty { null } else { steps },
        byte_offset: 0,
    })
}

/// The CPU has no streams.
unsafe extern "C" fn current_stream(kind: i32, id: i32, out: *mut *mut c_void) -> c_int {
    let device = Device { kind, id };
    if device.kind == Device::CPU.kind {
        // SAFETY: the caller gives a place to write to.
        unsafe { out.write(std::ptr::null_mut()) };
        return 0;
    }
    let name = device.name();
    let error = |_: Python<'_>| Err(PyBufferError::new_err(format!("ufunx has no streams on device {name}")));
    // SAFETY: as above, and it holds the GIL.
    unsafe { status(out, error) }
}
