//! DLPack tensors of others as arrays over the same memory. A capsule is renamed before anything is read, so that the
//! tensor is ours whatever happens next; its deleter runs once, when the last array that looks at it is gone. What a
//! tensor says of itself is checked before it is believed.

use super::abi::{Device, ManagedTensor, ManagedTensorVersioned, VERSION, Version};
use super::export::{UNVERSIONED, VERSIONED};
use crate::python::exit;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Returned, none, vectorcall_method};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;
use std::ffi::{CStr, c_void};
use ufunx::exchange::Refused;
use ufunx::operand::{MAX_DIMS, Operand};

/// An array over the memory of an object with `__dlpack__`.
pub fn from_object<'py>(
    np: &NumPy,
    object: &Bound<'py, PyAny>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
) -> Returned<'py> {
    from_capsule(object.py(), np, &ask(object, device, copy)?)
}

/// Asks an object for a capsule by `__dlpack__`, as NumPy asks: for DLPack 1.0 and, where the method knows no keywords and
/// none is needed, once more without any.
pub fn ask<'py>(
    object: &Bound<'py, PyAny>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
) -> Returned<'py> {
    let py = object.py();
    if let Some(device) = device
        && !device.extract::<&str>().is_ok_and(|name| name == "cpu")
    {
        let text = format!("Device not understood. Only \"cpu\" is allowed, but received: {device}");
        return Err(PyValueError::new_err(text));
    }
    static NAMES: PyOnceLock<(Py<PyTuple>, Py<PyAny>)> = PyOnceLock::new();
    let (names, version) = NAMES.get_or_try_init(py, || {
        let names = ["dl_device", "copy", "max_version"].map(|name| PyString::intern(py, name));
        let names = PyTuple::new(py, names)?.unbind();
        let version = (VERSION.major, VERSION.minor).into_pyobject(py)?.into_any().unbind();
        Ok::<_, PyErr>((names, version))
    })?;
    let cpu = device.map(|_| (Device::CPU.kind, Device::CPU.id).into_pyobject(py)).transpose()?;
    let dl_device = cpu.as_ref().map_or(none(py), |device| device.as_any().as_borrowed());
    let copied = copy.map_or(none(py), Bound::as_borrowed);
    // Three keywords after the object.
    let arguments = [object.as_borrowed(), dl_device, copied, version.bind_borrowed(py)];
    let answer = vectorcall_method(intern!(py, "__dlpack__"), &arguments, Some(names.bind_borrowed(py)));
    match answer {
        // No subclass of it: those are what a library says of its array, as Arrow does.
        Err(error)
            if device.is_none() && copy.is_none() && error.get_type(py).is(py.get_type::<PyTypeError>()) =>
        {
            object.call_method0(intern!(py, "__dlpack__"))
        }
        answer => answer,
    }
}

/// Takes the tensor out of a capsule.
pub fn from_capsule<'py>(py: Python<'py>, np: &NumPy, capsule: &Bound<'py, PyAny>) -> Returned<'py> {
    // SAFETY: what a capsule of that name holds is a tensor of that layout.
    let owner = unsafe {
        if let Some(managed) = take(py, capsule, VERSIONED)? {
            Owner::versioned(managed.cast())
        } else if let Some(managed) = take(py, capsule, UNVERSIONED)? {
            Owner(Layout::Unversioned(managed.cast()))
        } else {
            return Err(not_a_tensor(capsule));
        }
    };
    adopt(py, np, owner)
}

/// An array over a tensor, which lives until nobody looks at its memory.
pub fn adopt<'py>(py: Python<'py>, np: &NumPy, owner: Owner) -> Returned<'py> {
    let (Operand { ptr, dtype, shape, strides }, writable) = owner.memory().map_err(refusal)?;
    let shape: SmallVec<[isize; 8]> = shape.iter().map(|&n| n as isize).collect();
    let base = owner.into_base(py)?;
    // SAFETY: the owner keeps the memory, and what has no elements may be anywhere.
    unsafe { np.view(dtype, &shape, Some(&strides), ptr.cast(), writable, base) }
}

/// A tensor that is ours, and what must be done when its memory is no longer looked at.
pub struct Owner(Layout);

enum Layout {
    Versioned(*mut ManagedTensorVersioned),
    Unversioned(*mut ManagedTensor),
}

/// Runs a tensor's deleter, unless an array has become the owner.
impl Drop for Owner {
    #[allow(deprecated, reason = "what replaces PyErr_Fetch came with CPython 3.12")]
    fn drop(&mut self) {
        exit::survive();
        // SAFETY: a live tensor, deleted once. The GIL is held, and an error under way is kept from the deleter, as the
        // deleter's are from the caller.
        unsafe {
            let mut under_way = [std::ptr::null_mut(); 3];
            let [kind, value, traceback] = &mut under_way;
            ffi::PyErr_Fetch(kind, value, traceback);
            match self.0 {
                Layout::Versioned(managed) => {
                    if let Some(delete) = (*managed).deleter {
                        delete(managed);
                    }
                }
                Layout::Unversioned(managed) => {
                    if let Some(delete) = (*managed).deleter {
                        delete(managed);
                    }
                }
            }
            if !ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_WriteUnraisable(std::ptr::null_mut());
            }
            ffi::PyErr_Restore(under_way[0], under_way[1], under_way[2]);
        }
    }
}

impl Owner {
    /// Of a tensor that is the caller's to give.
    ///
    /// # Safety
    /// A live tensor; what it points at is as it says.
    pub unsafe fn versioned(managed: *mut ManagedTensorVersioned) -> Owner {
        Owner(Layout::Versioned(managed))
    }

    /// The memory, and whether it may be written to; a tensor that cannot say so may not.
    pub fn memory(&self) -> Result<(Operand, bool), Refused> {
        // SAFETY: a live tensor, as whoever made this has promised.
        unsafe {
            match self.0 {
                Layout::Versioned(managed) => ManagedTensorVersioned::read(managed),
                Layout::Unversioned(managed) => Ok(((*managed).read()?, false)),
            }
        }
    }

    /// As the base of an array: the tensor's deletion is put off until the object is gone.
    fn into_base(self, py: Python<'_>) -> Returned<'_> {
        let (tensor, delete): (*mut c_void, ffi::PyCapsule_Destructor) = match self.0 {
            Layout::Versioned(managed) => (managed.cast(), drop_versioned),
            Layout::Unversioned(managed) => (managed.cast(), drop_unversioned),
        };
        // SAFETY: a pointer that is not null, and the destructor for what it points at; the result is owned.
        let capsule = unsafe {
            let capsule = ffi::PyCapsule_New(tensor, std::ptr::null(), Some(delete));
            Bound::from_owned_ptr_or_err(py, capsule)
        }?;
        std::mem::forget(self);
        Ok(capsule)
    }
}

unsafe extern "C" fn drop_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: a capsule of `into_base`.
    drop(Owner(Layout::Versioned(unsafe { ffi::PyCapsule_GetPointer(capsule, std::ptr::null()) }.cast())));
}

unsafe extern "C" fn drop_unversioned(capsule: *mut ffi::PyObject) {
    // SAFETY: a capsule of `into_base`.
    drop(Owner(Layout::Unversioned(unsafe { ffi::PyCapsule_GetPointer(capsule, std::ptr::null()) }.cast())));
}

/// Why a tensor is none of ours, in words.
fn refusal(refused: Refused) -> PyErr {
    let text = match refused {
        Refused::Version(Version { major, minor }) => format!(
            "the array comes as DLPack {major}.{minor}, and only version {}.x can be read",
            VERSION.major
        ),
        Refused::Device(device) => return on_device(device),
        Refused::DType(dtype) => format!(
            "no ufunc and no array here has elements of {}; convert the array in its own library first",
            dtype.name()
        ),
        Refused::Dimensions(n) => format!("an array of {n} dimensions; at most {MAX_DIMS} are possible"),
        Refused::NoLengths(n) => format!("an array of {n} dimensions that does not say how long they are"),
        Refused::Length(n) => format!("a dimension of length {n}"),
        Refused::TooLarge => "the array is larger than memory can be".to_owned(),
        Refused::NoMemory => {
            "the array has elements but no memory; is it a placeholder (meta, fake)?".to_owned()
        }
    };
    PyBufferError::new_err(text)
}

/// Memory that the processor does not reach.
fn on_device(device: Device) -> PyErr {
    PyBufferError::new_err(format!(
        "the array's memory is on device {}, and ufunx reads the CPU's; bring it over first, by its library's own \
         function (such as x.cpu()) or by ufunx.from_dlpack(x, device=\"cpu\")",
        device.name()
    ))
}

/// The pointer in a capsule of the first name, which then has the second: the tensor is the caller's.
fn take(
    py: Python<'_>,
    capsule: &Bound<'_, PyAny>,
    [name, used]: [&'static CStr; 2],
) -> PyResult<Option<*mut c_void>> {
    // SAFETY: a live object; names that live for ever.
    unsafe {
        let capsule = capsule.as_ptr();
        if ffi::PyCapsule_IsValid(capsule, name.as_ptr()) == 0 {
            return Ok(None);
        }
        let pointer = ffi::PyCapsule_GetPointer(capsule, name.as_ptr());
        if pointer.is_null() || ffi::PyCapsule_SetName(capsule, used.as_ptr()) != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Some(pointer))
    }
}

fn not_a_tensor(object: &Bound<'_, PyAny>) -> PyErr {
    // SAFETY: a live object, a capsule once its type says so; names are C strings.
    let name = unsafe {
        if ffi::PyCapsule_CheckExact(object.as_ptr()) == 0 {
            let class = object.get_type();
            return PyTypeError::new_err(format!("__dlpack__ must return a capsule, not {class}"));
        }
        let name = ffi::PyCapsule_GetName(object.as_ptr());
        if name.is_null() { None } else { Some(CStr::from_ptr(name)) }
    };
    let text = match name {
        Some(used) if used == VERSIONED[1] || used == UNVERSIONED[1] => {
            "the DLPack capsule has been consumed already".to_owned()
        }
        Some(other) => {
            format!("a DLPack capsule is called 'dltensor_versioned' or 'dltensor', not {other:?}")
        }
        None => "a DLPack capsule has a name, and this one has none".to_owned(),
    };
    PyBufferError::new_err(text)
}

/// `(type, number)` as `__dlpack_device__` gives it.
pub fn device_of(object: &Bound<'_, PyAny>) -> PyResult<Device> {
    let answer = object.call_method0(intern!(object.py(), "__dlpack_device__"))?;
    let pair = answer.cast::<PyTuple>()?;
    let number =
        |i: usize| pair.get_item(i)?.call_method0(intern!(object.py(), "__index__"))?.extract::<i32>();
    Ok(Device { kind: number(0)?, id: number(1)? })
}
