//! A foreign operand as an exact array over its memory: which protocol is asked, and in what order.
//!
//! The C exchange API first, a hundredth of the cost of `__dlpack__`; then, where a class has `__dlpack__`, its buffer,
//! which costs less and says whether it may be written to; then `__dlpack__`; then what NumPy reads.

use super::abi::{COMPLEX, ManagedTensorVersioned, Tensor};
use super::array;
use super::class::{Class, Exchange, class_of, has_buffer};
use super::import::{self, Owner};
use super::lent::Extent;
use super::refuse;
use crate::python::entry::attached;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use pyo3::exceptions::{PyAttributeError, PyBufferError, PyNotImplementedError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::operand::Operand;
use ufunx::registry::Kind;
use ufunx::short::head::Head;

/// An object's memory as an exact array; `None` where NumPy shall look at the object. The array may be used as long as the
/// object is alive.
pub fn view<'py>(np: &NumPy, object: Object<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match class_of(np, object) {
        Class::Plain => Ok(None),
        Class::Array => Ok(array::inside(&object)),
        // SAFETY: the object's class has the API.
        Class::Exchange(exchange) => unsafe { by_exchange(np, &object, exchange) }.map(Some),
        Class::Dlpack { has_flags, .. } => by_dlpack(np, &object, has_flags).map(Some),
        Class::Protocol => np.array_from(object).map(Some),
    }
}

/// Refuses an object whose memory alone would be read wrong. This runs code of its class.
///
/// # Safety
/// An object of the very class that has the API.
#[inline]
pub unsafe fn check(object: &Bound<'_, PyAny>, exchange: &Exchange) -> PyResult<()> {
    // SAFETY: functions of the class for an object of the class.
    if exchange.has_flags { unsafe { refuse::flags(object, &exchange.flags) } } else { Ok(()) }
}

/// The memory that the C exchange API lends, as the head of an array, for a small call that holds the GIL and runs nobody's
/// code: the object may give its memory back whenever it gets control. `None` where that needs a closer look.
///
/// # Safety
/// An object of the very class that has the API, which [`check`] has passed.
#[inline]
pub unsafe fn lend<'a>(
    object: &Bound<'_, PyAny>,
    exchange: &Exchange,
    extent: &'a mut Extent,
) -> PyResult<Option<Head<'a>>> {
    // SAFETY: functions of the class for an object of the class; the tensor's lengths and strides are the object's.
    unsafe {
        let Some(borrow) = exchange.api.borrow else { return Ok(None) };
        let mut tensor = Tensor::EMPTY;
        if borrow(object.as_ptr(), &mut tensor) != 0 {
            let py = object.py();
            return Err(attached(py, || refuse::reworded(object, raised(py))));
        }
        // A complex tensor may have to be conjugated, which the API does not say.
        if tensor.dtype.code == COMPLEX { Ok(None) } else { Ok(extent.head_over(&tensor)) }
    }
}

/// By the C exchange API, which gives a tensor that keeps the memory, whatever becomes of the object.
///
/// # Safety
/// An object of the very class that has it.
unsafe fn by_exchange<'py>(np: &NumPy, object: &Bound<'py, PyAny>, exchange: &Exchange) -> Returned<'py> {
    let py = object.py();
    // SAFETY: functions of the class for an object of the class; the tensor is ours to delete.
    unsafe {
        check(object, exchange)?;
        let object = &steady(object, exchange)?;
        let Some(export) = exchange.api.from_object else {
            return by_dlpack(np, object, exchange.has_flags);
        };
        let mut managed: *mut ManagedTensorVersioned = std::ptr::null_mut();
        match export(object.as_ptr(), &mut managed) {
            0 if !managed.is_null() => {
                let owner = Owner::versioned(managed);
                let is_complex = |(memory, _): (Operand, bool)| memory.dtype.kind() == Kind::Complex;
                if exchange.has_flags && owner.memory().is_ok_and(is_complex) {
                    refuse::conjugated(object)?;
                }
                import::adopt(py, np, owner).map_err(|error| attached(py, || refuse::reworded(object, error)))
            }
            0 => Err(PyBufferError::new_err("the C exchange API of the class gave no tensor")),
            _ => Err(attached(py, || refuse::reworded(object, raised(py)))),
        }
    }
}

/// An object of the same memory that keeps it whatever becomes of this one. torch's tensors, and the DLPack tensors made of
/// them, keep what holds the memory only as long as nobody gives the tensor other memory (`t.data = ...`, `t.set_(...)`);
/// `detach`, which such classes have, gives another tensor.
pub fn steady<'py>(object: &Bound<'py, PyAny>, exchange: &Exchange) -> Returned<'py> {
    let py = object.py();
    if !exchange.has_flags {
        return Ok(object.clone());
    }
    match object.getattr_opt(intern!(py, "detach"))? {
        Some(detach) => {
            let detached = detach.call0()?;
            let same = detached.get_type().is(object.get_type());
            Ok(if same { detached } else { object.clone() })
        }
        None => Ok(object.clone()),
    }
}

/// The error of an exchange function.
fn raised(py: Python<'_>) -> PyErr {
    PyErr::take(py).unwrap_or_else(|| PyBufferError::new_err("the C exchange API of the class failed"))
}

/// By the buffer of a class that has `__dlpack__`, else by that, else as NumPy does.
fn by_dlpack<'py>(np: &NumPy, object: &Bound<'py, PyAny>, has_flags: bool) -> Returned<'py> {
    if has_flags {
        refuse::whatever_differs(object)?;
    }
    if let Some(array) = by_buffer(np, object)? {
        return Ok(array);
    }
    let error = match import::ask(object, None, None) {
        Ok(capsule) => {
            return import::from_capsule(object.py(), np, &capsule).map_err(|e| refuse::reworded(object, e));
        }
        Err(error) => error,
    };
    // An Arrow array with nulls, or of strings: nothing that DLPack has, but NumPy may read it where it lies on the CPU.
    if !has_flags
        && is_refusal(object.py(), &error)
        && import::device_of(object).is_ok_and(|device| device.is_host())
        && object.hasattr(intern!(object.py(), "__array__"))?
    {
        return np.array_from(object.as_borrowed()).map_err(|_| refuse::reworded(object, error));
    }
    Err(refuse::reworded(object, error))
}

/// Whether an error says that a protocol is not for this object; any other is a failure.
fn is_refusal(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyBufferError>(py)
        || error.is_instance_of::<PyTypeError>(py)
        || error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyNotImplementedError>(py)
        || error.is_instance_of::<PyAttributeError>(py)
}

/// By the buffer protocol, where its elements are of a native dtype.
fn by_buffer<'py>(np: &NumPy, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = object.py();
    if !has_buffer(object) {
        return Ok(None);
    }
    let mut buffer = Box::new(ffi::Py_buffer::new());
    // SAFETY: a live object, and a buffer to fill.
    if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &mut *buffer, ffi::PyBUF_FULL_RO) } != 0 {
        let error = PyErr::fetch(py);
        return if is_refusal(py, &error) { Ok(None) } else { Err(error) };
    }
    // SAFETY: the capsule keeps the buffer, and the array the capsule; a buffer with strides has as many of each as it has
    // dimensions.
    unsafe {
        let buffer = Box::into_raw(buffer);
        let owner = ffi::PyCapsule_New(buffer.cast(), std::ptr::null(), Some(release_buffer));
        let owner: Bound<'py, PyAny> = Bound::from_owned_ptr_or_err(py, owner)?;
        let buffer = &*buffer;
        let Some(dtype) = element(buffer) else { return Ok(None) };
        if !buffer.suboffsets.is_null() || buffer.buf.is_null() {
            return Ok(None);
        }
        let axes = |values: *mut isize| -> SmallVec<[isize; 8]> {
            (0..buffer.ndim as usize).map(|i| *values.add(i)).collect()
        };
        let (shape, strides) = (axes(buffer.shape), axes(buffer.strides));
        np.view(dtype, &shape, Some(&strides), buffer.buf, buffer.readonly == 0, owner).map(Some)
    }
}

unsafe extern "C" fn release_buffer(capsule: *mut ffi::PyObject) {
    // SAFETY: a capsule of `by_buffer`, which is gone after this.
    unsafe {
        let buffer = ffi::PyCapsule_GetPointer(capsule, std::ptr::null()).cast::<ffi::Py_buffer>();
        ffi::PyBuffer_Release(buffer);
        drop(Box::from_raw(buffer));
    }
}

/// The dtype of a buffer's elements.
///
/// # Safety
/// A buffer that an object has filled.
unsafe fn element(buffer: &ffi::Py_buffer) -> Option<DType> {
    let format = match buffer.format.is_null() {
        true => "B", // plain bytes
        // SAFETY: a C string where there is one.
        false => unsafe { std::ffi::CStr::from_ptr(buffer.format) }.to_str().ok()?,
    };
    ufunx::exchange::buffer::element(format, buffer.itemsize)
}
