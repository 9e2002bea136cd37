//! The C exchange API of other classes: finding it on a class, and making objects by it.

use super::abi::{ExchangeApi, ExchangeHeader, ManagedTensorVersioned, VERSION};
use super::import::Owner;
use super::lent::Block;
use crate::python::class_cache::is_subtype;
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};
use ufunx::DType;

/// The exchange API in a class's own namespace.
pub fn own_api(class: &Bound<'_, PyType>) -> Option<&'static ExchangeApi> {
    let name = intern!(class.py(), "__dlpack_c_exchange_api__");
    api_in(&class.getattr(intern!(class.py(), "__dict__")).ok()?.get_item(name).ok()?)
}

/// The exchange API that a class has or inherits, by which results are given to it.
pub fn inherited_api(class: &Bound<'_, PyType>) -> Option<&'static ExchangeApi> {
    api_in(&class.getattr(intern!(class.py(), "__dlpack_c_exchange_api__")).ok()?)
}

/// The table in a capsule, or an older one it leads to, in the layout known here.
fn api_in(capsule: &Bound<'_, PyAny>) -> Option<&'static ExchangeApi> {
    const NAME: &CStr = c"dlpack_exchange_api";
    // SAFETY: a live object; a capsule of that name holds such a table, whose head all versions share and which lives as
    // long as the process (dlpack.h).
    unsafe {
        if ffi::PyCapsule_IsValid(capsule.as_ptr(), NAME.as_ptr()) == 0 {
            return None;
        }
        let mut header = ffi::PyCapsule_GetPointer(capsule.as_ptr(), NAME.as_ptr()).cast::<ExchangeHeader>();
        while !header.is_null() && (*header).version.major != VERSION.major {
            header = (*header).previous;
        }
        header.cast::<ExchangeApi>().as_ref()
    }
}

/// Whether a class is one whose objects an exchange API makes, or a subclass of it: another class may have borrowed the API,
/// whose functions do not look at what they are given.
pub fn makes(py: Python<'_>, api: &'static ExchangeApi, class: &Bound<'_, PyType>) -> bool {
    /// The addresses of tables, which live as long as the process, and the class of what they make.
    static MADE: Mutex<Vec<(usize, Py<PyType>)>> = Mutex::new(Vec::new());
    let address = std::ptr::from_ref(api).addr();
    let known = || {
        let made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().find(|(known, _)| *known == address).map(|(_, class)| class.clone_ref(py))
    };
    let made = known().or_else(|| {
        let made = sample_class(py, api)?;
        MADE.lock().unwrap_or_else(PoisonError::into_inner).push((address, made.clone_ref(py)));
        Some(made)
    });
    made.is_some_and(|made| is_subtype(class, made.bind(py).as_type_ptr()))
}

/// The class of an object that a table makes, of one element.
fn sample_class(py: Python<'_>, api: &ExchangeApi) -> Option<Py<PyType>> {
    let sample = Block::new(DType::F64, &[1], None).and_then(|(block, element)| {
        // SAFETY: the memory of the element; the tensor is given away.
        unsafe {
            element.cast::<f64>().write(0.0);
            to_object(py, api, block.into_tensor())
        }
    });
    sample.ok().map(|sample| sample.get_type().unbind())
}

/// A tensor as an object of the class whose API it is.
///
/// # Safety
/// A tensor that is the caller's, which is taken over.
pub unsafe fn to_object<'py>(
    py: Python<'py>,
    api: &ExchangeApi,
    tensor: *mut ManagedTensorVersioned,
) -> PyResult<Bound<'py, PyAny>> {
    let mut object = std::ptr::null_mut();
    let answer = match api.to_object {
        // SAFETY: a function of that API, with a tensor to take over.
        Some(to_object) => unsafe { to_object(tensor, &mut object) },
        None => {
            // SAFETY: the caller's promise.
            drop(unsafe { Owner::versioned(tensor) });
            return Err(PySystemError::new_err("the C exchange API of the operand's class makes no objects"));
        }
    };
    match answer {
        // SAFETY: a new reference.
        0 if !object.is_null() => Ok(unsafe { Bound::from_owned_ptr(py, object) }),
        0 => Err(PySystemError::new_err("the C exchange API of the operand's class made no object")),
        _ => Err(PyErr::fetch(py)),
    }
}
