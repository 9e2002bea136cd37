//! The values of a call's arguments, read as far as they are plain. What is not plain (a list, a wrong value) makes the
//! call NumPy's, which then does exactly what NumPy does, its errors included.

use crate::arguments::ingest::{Foreign, Ingested, ingest, writable};
use crate::arguments::normal::NormalArguments;
use crate::python::array_ref::stood_for;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, is_false, is_true, text};
use pyo3::prelude::*;
use smallvec::SmallVec;
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
    /// What NumPy's matrix library is faster for, or its loop.
    Library,
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
            Reason::Library => "NumPy's matrix library, or its loop, is faster for these operands",
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
pub struct Parsed<'a, 'py> {
    /// Inputs, in order.
    pub inputs: SmallVec<[Ingested; 2]>,
    /// Given outputs, with their objects.
    pub outputs: Outputs<'a, 'py>,
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
pub type Outputs<'a, 'py> = SmallVec<[Option<(Object<'a, 'py>, Operand)>; 1]>;

/// Their memory.
pub fn given<'o>(outputs: &'o Outputs<'_, '_>) -> SmallVec<[Option<&'o Operand>; 1]> {
    outputs.iter().map(|o| o.as_ref().map(|(_, operand)| operand)).collect()
}

/// Reads the arguments of a call.
pub fn parse<'a, 'py>(
    np: &NumPy,
    nout: usize,
    normal: &NormalArguments<'a, 'py>,
) -> Result<Parsed<'a, 'py>, Reason> {
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
        match keyword {
            Keyword::Out => {}
            Keyword::Where if is_true(value) => {}
            Keyword::Where => mask_object = Some(value),
            Keyword::Dtype if value.is_none() => {}
            Keyword::Dtype => parsed.dtype = Some(np.dtypes.said_by(value).ok_or(Reason::Keyword)?),
            Keyword::Casting => {
                parsed.casting = text(value).and_then(Casting::from_name).ok_or(Reason::Keyword)?
            }
            Keyword::Order => parsed.order = order(value).ok_or(Reason::Keyword)?,
            Keyword::Subok if is_true(value) || is_false(value) => {}
            // Of core axes, which their ufuncs read themselves; no other has them.
            Keyword::Axes | Keyword::Axis | Keyword::Keepdims => {}
            _ => return Err(Reason::Keyword),
        }
    }
    for &object in &normal.inputs {
        parsed.stand_ins |= stood_for(np, object).is_some();
        parsed.inputs.push(ingest(np, object)?);
    }
    for (output, &object) in parsed.outputs.iter_mut().zip(normal.outputs.iter().flatten()) {
        if !object.is_none() {
            *output = Some((object, writable(np, object).ok_or(Reason::Keyword)?));
        }
    }
    if let Some(object) = mask_object {
        parsed.mask = Some(mask(np, object).ok_or(Reason::Keyword)?);
    }
    // Without an output the elements left out are garbage; NumPy warns of that.
    if parsed.mask.is_some() && normal.outputs.is_none() && !normal.out_by_keyword {
        return Err(Reason::Keyword);
    }
    Ok(parsed)
}

/// An exact bool array.
pub fn mask(np: &NumPy, value: Object<'_, '_>) -> Option<Operand> {
    let array = np.exact_array(value)?;
    (array.dtype(np) == Some(DType::Bool)).then(|| array.operand(DType::Bool))
}

fn order(value: Object<'_, '_>) -> Option<Order> {
    match text(value)? {
        "C" => Some(Order::C),
        "F" => Some(Order::F),
        "K" => Some(Order::K),
        _ => None,
    }
}
