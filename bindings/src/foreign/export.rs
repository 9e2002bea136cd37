//! Arrays as DLPack tensors for others: the structure, its shape and strides in one block, which holds a reference to the
//! array until the consumer calls the deleter, on whatever thread; and the capsule that `__dlpack__` returns.

use super::abi::{
    DataType, Device, IS_COPIED, ManagedTensor, ManagedTensorVersioned, READ_ONLY, Tensor, VERSION,
};
use crate::python::exit;
use crate::python::numpy_api::NumPy;
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PyArrayObject};
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
pub fn dlpack<'py>(
    np: &NumPy,
    array: &Bound<'py, PyAny>,
    request: &Request<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    check_device(request.dl_device)?;
    let copy = wants_copy(request.copy)?;
    let major = match request.max_version {
        None => 0,
        Some(version) => major_version(version)?,
    };
    if request.stream.is_some() {
        return Err(PyRuntimeError::new_err("NumPy only supports stream=None."));
    }
    let copied;
    let array = match copy {
        false => array,
        true => {
            copied = array.call_method1(intern!(py, "copy"), ("K",))?;
            &copied
        }
    };
    let (tensor, name, drop): (*mut c_void, _, ffi::PyCapsule_Destructor) = match major {
        ..1 => (unversioned(np, array)?.cast(), UNVERSIONED[0], drop_unversioned),
        _ => (versioned(np, array, copy)?.cast(), VERSIONED[0], drop_versioned),
    };
    // SAFETY: a pointer that is not null, a name that lives for ever, and the destructor for such a capsule; without a
    // capsule the tensor is still ours to delete.
    unsafe {
        let capsule = ffi::PyCapsule_New(tensor, name.as_ptr(), Some(drop));
        if capsule.is_null() {
            match major {
                ..1 => delete_unversioned(tensor.cast()),
                _ => delete_versioned(tensor.cast()),
            }
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

/// Deletes the tensor of a capsule that nobody took it out of.
unsafe extern "C" fn drop_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: a capsule of `dlpack`, which holds such a tensor until it is renamed.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, VERSIONED[0].as_ptr()) != 0 {
            delete_versioned(ffi::PyCapsule_GetPointer(capsule, VERSIONED[0].as_ptr()).cast());
        }
    }
}

/// The same in the layout of before 1.0.
unsafe extern "C" fn drop_unversioned(capsule: *mut ffi::PyObject) {
    // SAFETY: as above.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, UNVERSIONED[0].as_ptr()) != 0 {
            delete_unversioned(ffi::PyCapsule_GetPointer(capsule, UNVERSIONED[0].as_ptr()).cast());
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
        deleter: Some(delete_versioned),
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
    let managed = ManagedTensor { tensor: described.tensor, manager, deleter: Some(delete_unversioned) };
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
    fn new(np: &NumPy, array: &Bound<'_, PyAny>) -> PyResult<Described> {
        // SAFETY: every caller has an array.
        unsafe {
            let object = array.as_ptr().cast::<PyArrayObject>();
            let Some(dtype) = np.dtype_of(object) else {
                let name = array.getattr("dtype")?;
                return Err(PyBufferError::new_err(format!("DLPack has no elements of dtype {name}")));
            };
            let fields = &(*object).fields;
            let nd = fields.nd as usize;
            let mut axes: SmallVec<[i64; 8]> = (0..nd).map(|i| *fields.dimensions.add(i) as i64).collect();
            axes.extend(steps(array, dtype)?);
            let tensor = Tensor {
                data: fields.data.cast::<c_void>(),
                ndim: fields.nd,
                dtype: DataType::of(dtype),
                device: Device::CPU,
                ..Tensor::EMPTY
            };
            Ok(Described { tensor, axes, writable: fields.flags & NPY_ARRAY_WRITEABLE != 0 })
        }
    }
}

/// Strides in elements.
pub fn steps(array: &Bound<'_, PyAny>, dtype: DType) -> PyResult<SmallVec<[i64; 8]>> {
    // SAFETY: every caller has an array; its lengths and strides have an entry per axis.
    let axis = |i: usize| unsafe {
        let fields = &(*array.as_ptr().cast::<PyArrayObject>()).fields;
        let (length, stride) = (*fields.dimensions.add(i), *fields.strides.add(i));
        let size = dtype.size() as isize;
        // Where there is no second element along an axis its stride says nothing.
        if stride % size != 0 && length > 1 { None } else { Some((stride / size) as i64) }
    };
    // SAFETY: as above.
    let nd = unsafe { (*array.as_ptr().cast::<PyArrayObject>()).fields.nd } as usize;
    (0..nd).map(axis).collect::<Option<_>>().ok_or_else(|| {
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

unsafe extern "C" fn delete_versioned(managed: *mut ManagedTensorVersioned) {
    // SAFETY: made by `versioned`, and deleted once.
    unsafe {
        if !managed.is_null() {
            let exported = Box::from_raw(managed.cast::<Exported<ManagedTensorVersioned>>());
            release(exported.managed.manager.cast());
        }
    }
}

unsafe extern "C" fn delete_unversioned(managed: *mut ManagedTensor) {
    // SAFETY: made by `unversioned`, and deleted once.
    unsafe {
        if !managed.is_null() {
            let exported = Box::from_raw(managed.cast::<Exported<ManagedTensor>>());
            release(exported.managed.manager.cast());
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
