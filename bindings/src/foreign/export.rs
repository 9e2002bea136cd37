//! Arrays as DLPack tensors for others: the structure, its shape and strides in one block, which holds a reference to the
//! array until the consumer calls the deleter, on whatever thread; and the capsule that `__dlpack__` returns.

use super::abi::{
    DataType, Device, IS_COPIED, ManagedTensor, ManagedTensorVersioned, READ_ONLY, Tensor, VERSION,
};
use crate::python::array_ref::{ArrayRef, known_array};
use crate::python::exit;
use crate::python::numpy_api::NumPy;
use crate::python::object::Returned;
use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;
use std::ffi::{CStr, c_void};
use ufunx::DType;

/// What a capsule is called, before and after a consumer took the tensor out.
pub const VERSIONED: [&CStr; 2] = [c"dltensor_versioned", c"used_dltensor_versioned"];
/// The same for tensors of before 1.0.
pub const UNVERSIONED: [&CStr; 2] = [c"dltensor", c"used_dltensor"];

/// What `__dlpack__` is asked for.
pub struct Request<'a, 'py> {
    pub stream: Option<&'a Bound<'py, PyAny>>,
    pub max_version: Option<&'a Bound<'py, PyAny>>,
    pub dl_device: Option<&'a Bound<'py, PyAny>>,
    pub copy: Option<&'a Bound<'py, PyAny>>,
}

/// `array.__dlpack__(...)` as NumPy has it, order of checks and words included, for every dtype of ours.
pub fn dlpack<'py>(np: &NumPy, array: &Bound<'py, PyAny>, request: &Request<'_, 'py>) -> Returned<'py> {
    let py = array.py();
    check_device(request.dl_device)?;
    let copy = wants_copy(request.copy)?;
    let major = match request.max_version {
        None => 0,
        Some(version) => major_version(version)?,
    };
    if request.stream.is_some() {
        let text = "NumPy only supports stream=None.";
        return Err(match np.version >= (2, 5) {
            true => PyValueError::new_err(text),
            false => PyRuntimeError::new_err(text),
        });
    }
    let copied;
    let array = match copy {
        false => array,
        true => {
            copied = array.call_method1(intern!(py, "copy"), ("K",))?;
            &copied
        }
    };
    // SAFETY: made just now.
    unsafe {
        match major {
            ..1 => capsule(py, unversioned(np, array)?),
            _ => capsule(py, versioned(np, array, copy)?),
        }
    }
}

/// A tensor in a capsule, which deletes it if nobody takes it out.
///
/// # Safety
/// A tensor of `versioned` or `unversioned`, which is taken over.
unsafe fn capsule<M: Managed>(py: Python<'_>, tensor: *mut M) -> Returned<'_> {
    // SAFETY: the caller's promise; a name that lives for ever, and the destructor for such a capsule; without a capsule the
    // tensor is still ours to delete.
    unsafe {
        let capsule = ffi::PyCapsule_New(tensor.cast(), M::NAMES[0].as_ptr(), Some(drop_capsule::<M>));
        if capsule.is_null() {
            delete(tensor);
        }
        Bound::from_owned_ptr_or_err(py, capsule)
    }
}

/// Plain memory is what there is.
fn check_device(device: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let Some(device) = device else { return Ok(()) };
    let Ok(pair) = device.cast::<PyTuple>() else {
        return Err(PyTypeError::new_err("dl_device must be a tuple"));
    };
    let (kind, id): (i32, i32) = match pair.len() {
        2 => (pair.get_item(0)?.extract()?, pair.get_item(1)?.extract()?),
        n => return Err(PyTypeError::new_err(format!("dl_device must have two elements, not {n}"))),
    };
    match (Device { kind, id }) == Device::CPU {
        true => Ok(()),
        false => Err(PyBufferError::new_err("unsupported device requested")),
    }
}

/// Whether the consumer wants memory of its own; `None` and false leave it the array's.
fn wants_copy(copy: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    match copy {
        None => Ok(false),
        Some(text) if text.is_instance_of::<PyString>() => Err(PyValueError::new_err(
            "strings are not allowed for 'copy' keyword. Use True/False/None instead.",
        )),
        Some(copy) => copy.is_truthy(),
    }
}

/// The first of the two numbers of `max_version`.
fn major_version(version: &Bound<'_, PyAny>) -> PyResult<i64> {
    match version.cast::<PyTuple>() {
        Ok(pair) if pair.len() == 2 => pair.get_item(0)?.extract(),
        _ => Err(PyTypeError::new_err("max_version must be None or a tuple with two elements.")),
    }
}

/// A tensor in either layout.
trait Managed {
    /// What a capsule of it is called.
    const NAMES: [&CStr; 2];
    /// The array that it holds a reference to.
    fn array(&self) -> *mut ffi::PyObject;
}
impl Managed for ManagedTensorVersioned {
    const NAMES: [&CStr; 2] = VERSIONED;
    fn array(&self) -> *mut ffi::PyObject {
        self.manager.cast()
    }
}
impl Managed for ManagedTensor {
    const NAMES: [&CStr; 2] = UNVERSIONED;
    fn array(&self) -> *mut ffi::PyObject {
        self.manager.cast()
    }
}

/// Deletes the tensor of a capsule that nobody took it out of.
unsafe extern "C" fn drop_capsule<M: Managed>(capsule: *mut ffi::PyObject) {
    // SAFETY: a capsule of `capsule`, which holds such a tensor until it is renamed.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, M::NAMES[0].as_ptr()) != 0 {
            delete(ffi::PyCapsule_GetPointer(capsule, M::NAMES[0].as_ptr()).cast::<M>());
        }
    }
}

/// A tensor of either layout, with what it points at.
#[repr(C)]
struct Exported<M> {
    /// First, so that a pointer to it is one to the whole.
    managed: M,
    /// Lengths, then strides.
    axes: SmallVec<[i64; 8]>,
}

/// An array as a tensor that the caller owns.
pub fn versioned(
    np: &NumPy,
    array: &Bound<'_, PyAny>,
    copied: bool,
) -> PyResult<*mut ManagedTensorVersioned> {
    let described = Described::new(np, array)?;
    let read_only = if described.writable { 0 } else { READ_ONLY };
    let managed = ManagedTensorVersioned {
        version: VERSION,
        manager: array.clone().into_ptr().cast(),
        deleter: Some(delete),
        flags: read_only | if copied { IS_COPIED } else { 0 },
        tensor: described.tensor,
    };
    let mut exported = Box::new(Exported { managed, axes: described.axes });
    point_at_axes(&mut exported.managed.tensor, &mut exported.axes);
    Ok(Box::into_raw(exported).cast())
}

/// The same in the layout of before 1.0, which cannot say that nobody may write.
pub fn unversioned(np: &NumPy, array: &Bound<'_, PyAny>) -> PyResult<*mut ManagedTensor> {
    let described = Described::new(np, array)?;
    if !described.writable {
        return Err(PyBufferError::new_err(
            "a read-only array needs a consumer that knows DLPack 1.0: pass max_version=(1, 0)",
        ));
    }
    let manager = array.clone().into_ptr().cast();
    let managed = ManagedTensor { tensor: described.tensor, manager, deleter: Some(delete) };
    let mut exported = Box::new(Exported { managed, axes: described.axes });
    point_at_axes(&mut exported.managed.tensor, &mut exported.axes);
    Ok(Box::into_raw(exported).cast())
}

/// A tensor but for its lengths and strides, which move once more.
struct Described {
    tensor: Tensor,
    axes: SmallVec<[i64; 8]>,
    writable: bool,
}

impl Described {
    fn new(np: &NumPy, object: &Bound<'_, PyAny>) -> PyResult<Described> {
        let array = known_array(np, object);
        let Some(dtype) = array.dtype(np) else {
            let name = object.getattr("dtype")?;
            return Err(PyBufferError::new_err(format!("DLPack has no elements of dtype {name}")));
        };
        let mut axes: SmallVec<[i64; 8]> = array.dims().map(|n| n as i64).collect();
        axes.extend(steps(array, dtype)?);
        let tensor = Tensor {
            data: array.data().cast::<c_void>(),
            ndim: array.nd() as i32,
            dtype: DataType::of(dtype),
            device: Device::CPU,
            ..Tensor::EMPTY
        };
        Ok(Described { tensor, axes, writable: array.is_writable() })
    }
}

/// Strides in elements.
pub fn steps(array: ArrayRef<'_, '_>, dtype: DType) -> PyResult<SmallVec<[i64; 8]>> {
    let size = dtype.size() as isize;
    let step = |(length, stride): (usize, isize)| {
        // Where there is no second element along an axis its stride says nothing.
        if stride % size != 0 && length > 1 { None } else { Some((stride / size) as i64) }
    };
    array.dims().zip(array.strides()).map(step).collect::<Option<_>>().ok_or_else(|| {
        PyBufferError::new_err(
            "DLPack counts strides in elements, and these are no multiple of one; copy the array",
        )
    })
}

/// Once the axes lie where they stay.
fn point_at_axes(tensor: &mut Tensor, axes: &mut SmallVec<[i64; 8]>) {
    if tensor.ndim > 0 {
        tensor.shape = axes.as_mut_ptr();
        tensor.strides = tensor.shape.wrapping_add(tensor.ndim as usize);
    }
}

/// The deleter of either layout.
unsafe extern "C" fn delete<M: Managed>(managed: *mut M) {
    // SAFETY: made by `versioned` or `unversioned`, and deleted once.
    unsafe {
        if !managed.is_null() {
            let exported = Box::from_raw(managed.cast::<Exported<M>>());
            release(exported.managed.array());
        }
    }
}

/// Gives an array back, from any thread. When the interpreter is gone so is the array.
///
/// # Safety
/// A reference that is the caller's.
unsafe fn release(array: *mut ffi::PyObject) {
    // SAFETY: the interpreter is asked first; the thread may hold the GIL already, which `Ensure` allows.
    unsafe {
        if ffi::Py_IsInitialized() == 0 || is_finalizing() {
            return;
        }
        exit::survive();
        let state = ffi::PyGILState_Ensure();
        ffi::Py_DECREF(array);
        ffi::PyGILState_Release(state);
    }
}

/// Whether the interpreter is ending: a thread that asked for the GIL then would never return. The thread that ends it
/// holds the GIL and needs not ask.
fn is_finalizing() -> bool {
    // SAFETY: may be called from any thread at any time.
    unsafe { ffi::PyGILState_Check() == 0 && _Py_IsFinalizing() != 0 }
}

#[cfg(Py_3_13)]
use ffi::Py_IsFinalizing as _Py_IsFinalizing;

#[cfg(not(Py_3_13))]
unsafe extern "C" {
    /// What 3.13 made public.
    fn _Py_IsFinalizing() -> std::ffi::c_int;
}
