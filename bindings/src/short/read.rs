//! What a small call reads of its objects: the heads of its inputs, arrays as they are and numbers in the dtype beside them;
//! its outputs; the loop for all that. Nobody's code runs meanwhile. It travels with the call where the short way declines.

use crate::arguments::passed::Arguments;
use crate::python::array_ref::ArrayRef;
use crate::python::number::{complex, float, integer, is_int};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, exact_tuple, is_false, is_true};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use std::cell::Cell;
use ufunx::DType;
use ufunx::registry::{Complex64, Kind, LoopDef, Weak, f16};
use ufunx::short::head::{Head, Lies};
use ufunx::short::loops::NumbersDType;
use ufunx::short::{MOST_INPUTS, MOST_OUTPUTS};

/// Room for the elements that are values.
pub struct Cells([Cell<u128>; MOST_INPUTS]);

impl Cells {
    /// Nothing in them yet.
    #[inline(always)]
    pub const fn new() -> Cells {
        Cells([const { Cell::new(0) }; MOST_INPUTS])
    }
}

/// What was read. Filled where it is: moving what was just written stalls.
pub struct Read<'a, 'py> {
    cells: &'a Cells,
    /// The inputs, as many as the ufunc has.
    pub heads: [Head<'a>; MOST_INPUTS],
    /// The outputs as they were given.
    pub outputs: [Option<Object<'a, 'py>>; MOST_OUTPUTS],
    /// `where=`, an array.
    pub mask: Option<ArrayRef<'a, 'py>>,
    /// `dtype=`.
    dtype: Option<DType>,
    /// The loop for the inputs' dtypes, once everything was read; `None` where there is anything that the short way does not
    /// read.
    pub l: Option<&'static LoopDef>,
}

/// A Python number.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
    Complex(Complex64),
}

impl<'a, 'py> Read<'a, 'py> {
    /// Nothing yet.
    #[inline(always)]
    pub fn new(cells: &'a Cells) -> Read<'a, 'py> {
        Read {
            cells,
            heads: [Head::EMPTY; MOST_INPUTS],
            outputs: [None; MOST_OUTPUTS],
            mask: None,
            dtype: None,
            l: None,
        }
    }

    /// Reads the outputs of a call and its keywords, before any operand: a dtype's name may be NumPy's to look up. The inputs'
    /// objects; `None` where their number or a keyword wants the general way.
    #[inline]
    pub fn outputs(
        &mut self,
        ufunc: &Ufunc,
        arguments: &Arguments<'a, 'py>,
    ) -> Option<&'a [Object<'a, 'py>]> {
        let nin = ufunc.short.nin;
        if arguments.positional.len() != nin || !arguments.keywords.is_empty() {
            self.given_outputs(ufunc, arguments)?;
        }
        Some(&arguments.positional[..nin])
    }

    /// Outputs by position or by name.
    #[inline(never)]
    fn given_outputs(&mut self, ufunc: &Ufunc, arguments: &Arguments<'a, 'py>) -> Option<()> {
        let (nin, nout) = (ufunc.short.nin, ufunc.short.nout);
        let by_position = arguments.positional.get(nin..)?;
        let deprecated = ufunc.def.is_some_and(|def| def.positional_out_deprecated);
        if by_position.len() > nout || (deprecated && !by_position.is_empty()) {
            return None;
        }
        let given = |object: Object<'a, 'py>| (!object.is_none()).then_some(object);
        for (output, &object) in self.outputs.iter_mut().zip(by_position) {
            *output = given(object);
        }
        for (name, value) in arguments.named() {
            match name.to_bytes() {
                b"out" if value.is_none() && nout == 1 => {} // of two NumPy wants a tuple
                b"out" if !by_position.is_empty() => return None,
                b"out" => match exact_tuple(value) {
                    None if nout == 1 => self.outputs[0] = Some(value),
                    Some(tuple) if tuple.len() == nout => {
                        for (output, object) in self.outputs.iter_mut().zip(entries(tuple)) {
                            *output = given(object);
                        }
                    }
                    _ => return None,
                },
                b"where" if is_true(value) => {}
                b"where" if nout == 1 => self.mask = Some(NumPy::get(value.py()).exact_array(value)?),
                b"dtype" if value.is_none() => {}
                b"dtype" if nout == 1 => {
                    self.dtype = Some(NumPy::get(value.py()).dtypes.said_plainly(value)?);
                }
                b"subok" if is_true(value) || is_false(value) => {}
                _ => return None,
            }
        }
        Some(())
    }

    /// Reads the inputs, but for those that were `lent`, and finds the loop. `None` where one is nothing that the short way
    /// takes.
    ///
    /// # Safety
    /// What is read is used only as long as nobody's code has run: an array may get another shape, or other memory.
    #[inline(always)]
    pub unsafe fn inputs(
        &mut self,
        np: &NumPy,
        ufunc: &Ufunc,
        objects: &[Object<'_, '_>],
        subclasses: bool,
        lent: impl Fn(usize) -> Option<Head<'a>>,
    ) -> Option<&'static LoopDef> {
        let (mut beside, mut first_number) = (None, None);
        let mut fraction = None;
        for (i, &object) in objects.iter().enumerate() {
            let head = &mut self.heads[i];
            let array = || if subclasses { np.array(object) } else { np.exact_array(object) };
            if let Some(lent) = lent(i) {
                *head = lent;
            } else if let Some(array) = array() {
                // SAFETY: the caller's promise.
                unsafe { read_array(np, array, head) }?;
            } else if let Some(number) = number(object)? {
                if !matches!(number, Number::Int(_)) {
                    fraction = Some(i);
                }
                match beside {
                    None if i == 0 => first_number = Some(number),
                    beside => self.set_number(ufunc, i, number, beside)?,
                }
                continue;
            } else {
                let (bits, dtype) = scalar(np, object)?;
                self.cells.0[i].set(bits);
                *head = Head::value(self.cells.0[i].as_ptr().cast(), dtype);
            }
            beside = Some(head.dtype);
        }
        if let Some(number) = first_number {
            self.set_number(ufunc, 0, number, beside)?;
        }
        let l = ufunc.short.find([self.heads[0].dtype, self.heads[objects.len() - 1].dtype])?;
        // What a loop takes wider than the dtype beside it keeps more of a fraction's digits than that.
        if fraction.is_some_and(|i| l.inputs[i] != self.heads[i].dtype) {
            return None;
        }
        // The first loop that the inputs can be cast to is the first of those with such an output too.
        if self.dtype.is_some_and(|dtype| dtype != l.outputs[0]) {
            return None;
        }
        self.l = Some(l);
        self.l
    }

    /// A number in the dtype of what is beside it; in its own, where that is a number too, or nothing.
    #[inline]
    fn set_number(&mut self, ufunc: &Ufunc, i: usize, number: Number, beside: Option<DType>) -> Option<()> {
        if ufunc.short.number == NumbersDType::Kept {
            return None;
        }
        let (dtype, bits) = match (beside, number) {
            // The integer of `ldexp`; another number is resolved with care.
            (Some(_), Number::Int(x)) if ufunc.short.number == NumbersDType::Own && i > 0 => {
                (DType::I64, u128::from(x as u64))
            }
            (Some(_), _) if ufunc.short.number != NumbersDType::Theirs => return None,
            (Some(DType::F64), Number::Float(x)) => (DType::F64, u128::from(x.to_bits())),
            (Some(DType::F64), Number::Int(x)) => (DType::F64, u128::from((x as f64).to_bits())),
            (beside, number) => {
                let dtype = beside.map_or(number.dtype(), |beside| number.dtype_beside(beside));
                (dtype, number.bits(dtype)?)
            }
        };
        self.cells.0[i].set(bits);
        self.heads[i] = Head::value(self.cells.0[i].as_ptr().cast(), dtype);
        Some(())
    }

    /// Takes operands that were read otherwise, for that loop.
    pub fn operands(&mut self, l: &'static LoopDef, heads: impl Iterator<Item = Head<'a>>) {
        for (mine, head) in self.heads.iter_mut().zip(heads) {
            *mine = head;
        }
        self.l = Some(l);
    }
}

impl Number {
    /// Its kind.
    pub(super) fn weak(self) -> Weak {
        match self {
            Number::Int(_) => Weak::Int,
            Number::Float(_) => Weak::Float,
            Number::Complex(_) => Weak::Complex,
        }
    }

    /// What it is where nothing says otherwise.
    pub(super) fn dtype(self) -> DType {
        match self {
            Number::Int(_) => DType::I64,
            Number::Float(_) => DType::F64,
            Number::Complex(_) => DType::C128,
        }
    }

    /// What it is beside that dtype: of the same, unless that is of a lower kind.
    fn dtype_beside(self, beside: DType) -> DType {
        match (self, beside.kind()) {
            (Number::Complex(_), Kind::Float) if beside.size() < 8 => DType::C64,
            (Number::Complex(_), Kind::Bool | Kind::Int | Kind::Float) => DType::C128,
            (Number::Float(_), Kind::Bool | Kind::Int) => DType::F64,
            (Number::Int(_), Kind::Bool) => DType::I64,
            _ => beside,
        }
    }

    /// Its bits in the dtype beside it; `None` where NumPy warns or refuses, or has a dtype of its own for it.
    #[inline(never)]
    pub(super) fn bits(self, beside: DType) -> Option<u128> {
        let number = match (self, beside.kind()) {
            // An integer's low bytes are its value in any dtype that holds it.
            (Number::Int(x), Kind::Int) => {
                return beside.int_range().contains(&x.into()).then_some(u128::from(x as u64));
            }
            (Number::Complex(z), Kind::Complex) => z,
            (Number::Float(x), Kind::Float | Kind::Complex) => Complex64::new(x, 0.0),
            (Number::Int(x), Kind::Float | Kind::Complex) => Complex64::new(x as f64, 0.0),
            _ => return None,
        };
        // What no rounding takes beyond the largest number: else NumPy warns.
        let within = |most: f64| [number.re, number.im].iter().all(|x| x.abs() <= most || !x.is_finite());
        let f32_bits = |x: f64| u128::from((x as f32).to_bits());
        match beside {
            DType::F64 => Some(u128::from(number.re.to_bits())),
            DType::C128 => Some(u128::from(number.re.to_bits()) | u128::from(number.im.to_bits()) << 64),
            DType::F32 if within(f32::MAX.into()) => Some(f32_bits(number.re)),
            DType::C64 if within(f32::MAX.into()) => Some(f32_bits(number.re) | f32_bits(number.im) << 32),
            DType::F16 if within(f16::MAX.into()) => Some(f16::from_f64(number.re).to_bits().into()),
            _ => None,
        }
    }
}

/// Reads an array; `None` for one of a dtype without loops of ours.
///
/// # Safety
/// Nobody gives it another shape, or other memory, as long as the head is used.
#[inline(always)]
pub unsafe fn read_array(np: &NumPy, array: ArrayRef<'_, '_>, head: &mut Head<'_>) -> Option<()> {
    head.dtype = array.dtype(np)?;
    // SAFETY: a live array's dimensions and strides have `nd` entries each, none of the former negative.
    unsafe {
        let fields = &(*array.as_ptr()).fields;
        head.ptr = fields.data.cast();
        head.lies = Lies(fields.flags);
        let nd = fields.nd as usize;
        if nd > 0 {
            head.dims = std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), nd);
            head.strides = std::slice::from_raw_parts(fields.strides, nd);
        }
    }
    Some(())
}

/// A Python number, if it is one; `None` for an integer that is no `i64`.
#[inline]
pub(super) fn number(object: Object<'_, '_>) -> Option<Option<Number>> {
    if let Some(x) = float(object) {
        return Some(Some(Number::Float(x)));
    }
    if is_int(object) {
        return integer(object).map(|x| Some(Number::Int(x as i64)));
    }
    Some(complex(object).map(Number::Complex))
}

/// A NumPy scalar or a truth value: its bits and its dtype.
pub(super) fn scalar(np: &NumPy, object: Object<'_, '_>) -> Option<(u128, DType)> {
    if object.is_exact_instance_of::<PyBool>() {
        return Some((u128::from(is_true(object)), DType::Bool));
    }
    np.dtypes.scalar_value(object).map(|(dtype, [bits])| (bits, dtype))
}
