//! Why an array cannot be read, in words that name the way out.

use super::class::Flags;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Refuses what the memory alone would get wrong: tensors that autograd tracks, or that are negated when read.
///
/// # Safety
/// What is known is of the object's class.
#[inline]
pub unsafe fn flags(object: &Bound<'_, PyAny>, known: &Flags) -> PyResult<()> {
    let py = object.py();
    // SAFETY: functions of the object's class; answers are released, errors taken away.
    let (tracked, negated) = unsafe {
        let tracked = match known.requires_grad {
            Some((get, closure)) => is_yes(py, get(object.as_ptr(), closure))?,
            None => {
                is_yes(py, ffi::PyObject_GetAttr(object.as_ptr(), intern!(py, "requires_grad").as_ptr()))?
            }
        };
        let negated = match known.is_neg {
            Some(is_neg) => is_yes(py, is_neg(object.as_ptr(), std::ptr::null_mut()))?,
            None => says_yes(object, intern!(py, "is_neg"))?,
        };
        (tracked, negated)
    };
    if tracked {
        return Err(PyBufferError::new_err(
            "the tensor requires grad, and what ufunx computes is not tracked; pass tensor.detach()",
        ));
    }
    if negated {
        return Err(PyBufferError::new_err(
            "the tensor has its negative bit set, so its memory has the wrong sign; pass tensor.resolve_neg()",
        ));
    }
    Ok(())
}

/// Whether an answer is `True`; it is released. Where there is nobody to answer it is not.
///
/// # Safety
/// A reference to give, or null with an error.
unsafe fn is_yes(py: Python<'_>, answer: *mut ffi::PyObject) -> PyResult<bool> {
    // SAFETY: the caller's promise; True lives for ever.
    unsafe {
        if answer.is_null() {
            if ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
                return Err(PyErr::fetch(py));
            }
            ffi::PyErr_Clear();
            return Ok(false);
        }
        let yes = answer == ffi::Py_True();
        ffi::Py_DECREF(answer);
        Ok(yes)
    }
}

/// Refuses tensors that are something else than their memory, or have none.
pub fn whatever_differs(object: &Bound<'_, PyAny>) -> PyResult<()> {
    // Torch's give a null address, with a warning.
    if object.get_type().name()?.to_string_lossy() == "FakeTensor" {
        return Err(PyBufferError::new_err(
            "a fake tensor has no memory, only a shape; call ufunx outside of FakeTensorMode and torch.compile",
        ));
    }
    // SAFETY: nothing is known.
    unsafe { flags(object, &Flags::UNKNOWN) }?;
    conjugated(object)
}

/// Refuses tensors that are conjugated when read, as complex ones can be.
pub fn conjugated(object: &Bound<'_, PyAny>) -> PyResult<()> {
    if says_yes(object, intern!(object.py(), "is_conj"))? {
        return Err(PyBufferError::new_err(
            "the tensor has its conjugate bit set, so its memory is not conjugated; pass tensor.resolve_conj()",
        ));
    }
    Ok(())
}

/// Whether a method of that name is there and answers `True`.
fn says_yes(object: &Bound<'_, PyAny>, method: &Bound<'_, PyString>) -> PyResult<bool> {
    let arguments = [object.as_ptr()];
    // SAFETY: live objects.
    unsafe {
        let null = std::ptr::null_mut();
        is_yes(object.py(), ffi::PyObject_VectorcallMethod(method.as_ptr(), arguments.as_ptr(), 1, null))
    }
}

/// An error of a library, with the way out where it is known; the library's own is the cause.
pub fn reworded(object: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = object.py();
    let reworded = match way_out(object) {
        Some(Remedy::Buffer(text)) => PyBufferError::new_err(text),
        Some(Remedy::Type(text)) => PyTypeError::new_err(text),
        None => return error,
    };
    reworded.set_cause(py, Some(error));
    reworded
}

/// The error that names the way out.
enum Remedy {
    Buffer(String),
    Type(String),
}

fn way_out(object: &Bound<'_, PyAny>) -> Option<Remedy> {
    let py = object.py();
    let class = object.get_type();
    if class.mro().iter().any(|base| is_tracer(&base).unwrap_or(false)) {
        return Some(Remedy::Type(
            "a JAX tracer has no values yet: under jit, grad or vmap call jax.numpy's function, or ufunx's through \
             jax.pure_callback"
                .to_owned(),
        ));
    }
    let device = object.getattr(intern!(py, "device")).ok()?;
    let on =
        device.getattr(intern!(py, "type")).and_then(|kind| kind.extract::<String>()).unwrap_or_default();
    if on == "meta" {
        return Some(Remedy::Buffer(
            "a meta tensor has no memory, only a shape; make it on a device that has, by torch.empty_like(tensor, \
             device=\"cpu\")"
                .to_owned(),
        ));
    }
    if !on.is_empty() && on != "cpu" {
        return Some(Remedy::Buffer(format!(
            "the tensor's memory is on device {device}, and ufunx reads the CPU's; pass tensor.cpu()"
        )));
    }
    if class.name().is_ok_and(|name| name.to_string_lossy().starts_with("Fake")) {
        return Some(Remedy::Buffer(
            "a fake tensor has no memory, only a shape; call ufunx outside of FakeTensorMode and torch.compile".to_owned(),
        ));
    }
    if is_true(object, intern!(py, "is_quantized")) {
        return Some(Remedy::Buffer("the tensor is quantised; pass tensor.dequantize()".to_owned()));
    }
    let layout = object.getattr(intern!(py, "layout")).ok()?.str().ok()?.to_string_lossy().into_owned();
    if layout.contains("sparse") || layout.contains("mkldnn") {
        return Some(Remedy::Buffer(format!("the tensor's layout is {layout}; pass tensor.to_dense()")));
    }
    if layout.contains("jagged") || is_true(object, intern!(py, "is_nested")) {
        return Some(Remedy::Buffer(
            "a nested tensor is not one array; pass its parts, by tensor.unbind()".to_owned(),
        ));
    }
    if object.call_method0(intern!(py, "data_ptr")).is_err() {
        return Some(Remedy::Buffer(
            "the tensor has no memory of its own: inside torch.func transforms (vmap, grad) call torch's function"
                .to_owned(),
        ));
    }
    None
}

/// `Tracer` of JAX.
fn is_tracer(class: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = class.py();
    let module = class.getattr(intern!(py, "__module__"))?;
    let name = class.getattr(intern!(py, "__name__"))?;
    Ok(name.extract::<&str>()? == "Tracer" && module.extract::<&str>()?.starts_with("jax"))
}

/// Whether an attribute of that name is there and true.
fn is_true(object: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> bool {
    object.getattr(name).is_ok_and(|value| value.is_truthy().unwrap_or(false))
}
