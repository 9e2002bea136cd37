//! The values of a call's arguments, read as far as they are plain. What is not plain (a list, a wrong value) makes the
//! call NumPy's, which then does exactly what NumPy does, its errors included.

use crate::arguments::ingest::{Foreign, Ingested, ingest, writable};
use crate::arguments::normal::NormalArguments;
use crate::python::numpy_api::stood_for;
use crate::python::numpy_api::{DescrHead, NumPy};
use numpy::npyffi::{PY_ARRAY_API, PyArray_Descr, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::ffi::CStr;
use ufunx::dispatch::arguments::Keyword;
use ufunx::operand::Operand;
use ufunx::{Casting, DType, Order};

/// Why a call is not ours to run: an override's, or NumPy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The registry has no such ufunc.
    NoUfunc,
    /// An operand answers.
    Override,
    /// A foreign operand whose memory cannot be read, or could be read wrong.
    Unreadable,
    /// Arguments that NumPy refuses, or a deprecated form.
    Arguments,
    /// An operand of a type that NumPy must look at.
    Operand,
    /// An operand of a dtype without loops of ours.
    DType,
    /// A keyword, or a value of one, that only NumPy handles.
    Keyword,
    /// Operands that NumPy refuses, or promotes in a way of its own.
    Resolution,
    /// Shapes or memory that NumPy refuses.
    Layout,
    /// A method that the loop has no kernel for.
    Method,
}

impl Reason {
    /// In words, for `explain`.
    pub fn text(self) -> &'static str {
        match self {
            Reason::NoUfunc => "the registry has no loops for this ufunc",
            Reason::Override => "an operand's __array_ufunc__ answers",
            Reason::Unreadable => "an operand's memory cannot be read here; the call says why",
            Reason::Arguments => "NumPy refuses the arguments",
            Reason::Operand => "an operand is not an ndarray, NumPy scalar or number",
            Reason::DType => "an operand's dtype has no native loops",
            Reason::Keyword => "a keyword or its value is NumPy's to handle",
            Reason::Resolution => "no native loop for these dtypes, or a cast that is refused",
            Reason::Layout => "shapes or memory that NumPy must judge",
            Reason::Method => "the method is NumPy's to handle here",
        }
    }
}

impl From<Foreign> for Reason {
    fn from(foreign: Foreign) -> Reason {
        match foreign {
            Foreign::Type => Reason::Operand,
            Foreign::DType => Reason::DType,
        }
    }
}

/// A call's arguments, read.
pub struct Parsed {
    /// Inputs, in order.
    pub inputs: SmallVec<[Ingested; 2]>,
    /// Given outputs, with their objects.
    pub outputs: Outputs,
    /// Whether an input is bfloat16 or float8 of no library's, which promote by the registry's rule.
    pub stand_ins: bool,
    /// `where=`, unless true.
    pub mask: Option<Operand>,
    /// `dtype=`.
    pub dtype: Option<DType>,
    /// `casting=`.
    pub casting: Casting,
    /// `order=`.
    pub order: Order,
}

/// Outputs that were given, with their objects.
pub type Outputs = SmallVec<[Option<(*mut ffi::PyObject, Operand)>; 1]>;

/// Their memory.
pub fn given(outputs: &Outputs) -> SmallVec<[Option<&Operand>; 1]> {
    outputs.iter().map(|o| o.as_ref().map(|(_, operand)| operand)).collect()
}

/// Reads the arguments of a call.
///
/// # Safety
/// Live objects.
pub unsafe fn parse(
    py: Python<'_>,
    np: &NumPy,
    nout: usize,
    normal: &NormalArguments,
) -> Result<Parsed, Reason> {
    let mut parsed = Parsed {
        inputs: SmallVec::new(),
        outputs: (0..nout).map(|_| None).collect(),
        stand_ins: false,
        mask: None,
        dtype: None,
        casting: Casting::SameKind,
        order: Order::K,
    };
    // What a keyword's value is may be for code of its own to say, and that may change any array. So keywords come before
    // operands, whose memory nobody touches from then on.
    let mut mask_object = None;
    for &(keyword, value) in &normal.keywords {
        // SAFETY: live objects.
        unsafe {
            match keyword {
                Keyword::Out => {}
                Keyword::Where if value == ffi::Py_True() => {}
                Keyword::Where => mask_object = Some(value),
                Keyword::Dtype if value == ffi::Py_None() => {}
                Keyword::Dtype => parsed.dtype = Some(dtype(py, np, value).ok_or(Reason::Keyword)?),
                Keyword::Casting => {
                    parsed.casting = text(value).and_then(Casting::from_name).ok_or(Reason::Keyword)?
                }
                Keyword::Order => parsed.order = order(value).ok_or(Reason::Keyword)?,
                Keyword::Subok if value == ffi::Py_True() || value == ffi::Py_False() => {}
                _ => return Err(Reason::Keyword),
            }
        }
    }
    // SAFETY: live objects.
    unsafe {
        for &object in &normal.inputs {
            parsed.stand_ins |= stood_for(np, object).is_some();
            parsed.inputs.push(ingest(py, np, object)?);
        }
        for (output, &object) in parsed.outputs.iter_mut().zip(normal.outputs.iter().flatten()) {
            if object != ffi::Py_None() {
                *output = Some((object, writable(np, object).ok_or(Reason::Keyword)?));
            }
        }
        if let Some(object) = mask_object {
            parsed.mask = Some(mask(np, object).ok_or(Reason::Keyword)?);
        }
    }
    // Without an output the elements left out are garbage; NumPy warns of that.
    if parsed.mask.is_some() && normal.outputs.is_none() && !normal.out_by_keyword {
        return Err(Reason::Keyword);
    }
    Ok(parsed)
}

/// An exact bool array.
///
/// # Safety
/// A live object.
pub unsafe fn mask(np: &NumPy, value: *mut ffi::PyObject) -> Option<Operand> {
    // SAFETY: a live object, an array once its type says so.
    unsafe {
        if ffi::Py_TYPE(value) != np.array_type {
            return None;
        }
        let array = value.cast::<PyArrayObject>();
        (np.dtype_of(array) == Some(DType::Bool))
            .then(|| crate::arguments::ingest::operand_of(array, DType::Bool))
    }
}

/// A dtype of ours, from whatever NumPy takes for one.
///
/// # Safety
/// A live object.
pub unsafe fn dtype(py: Python<'_>, np: &NumPy, value: *mut ffi::PyObject) -> Option<DType> {
    let mut descr: *mut PyArray_Descr = std::ptr::null_mut();
    // SAFETY: a live object; the reference the converter gives is released.
    unsafe {
        if PY_ARRAY_API.PyArray_DescrConverter(py, value, &mut descr) != 1 || descr.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        let found = np.dtype_of_descr(descr);
        ffi::Py_DECREF(descr.cast::<DescrHead>().cast());
        found
    }
}

/// A string's text.
unsafe fn text<'a>(value: *mut ffi::PyObject) -> Option<&'a str> {
    // SAFETY: a live object; the text lives with it.
    unsafe {
        if ffi::PyUnicode_CheckExact(value) == 0 {
            return None;
        }
        let utf8 = ffi::PyUnicode_AsUTF8(value);
        if utf8.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        CStr::from_ptr(utf8).to_str().ok()
    }
}

unsafe fn order(value: *mut ffi::PyObject) -> Option<Order> {
    // SAFETY: a live object.
    match unsafe { text(value) }? {
        "C" => Some(Order::C),
        "F" => Some(Order::F),
        "K" => Some(Order::K),
        _ => None,
    }
}
