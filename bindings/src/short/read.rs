//! What a small call reads of its objects: the heads of its inputs, arrays as they are and numbers in the dtype beside them;
//! its outputs; the loop for all that. Nobody's code runs meanwhile. It travels with the call where the short way declines.

use crate::arguments::parse::dtype;
use crate::arguments::passed::Arguments;
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use numpy::npyffi::{PY_ARRAY_API, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::Cell;
use ufunx::DType;
use ufunx::registry::{Complex64, Kind, LoopDef, f16};
use ufunx::short::head::{Head, Lies};
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
pub struct Read<'a> {
    cells: &'a Cells,
    /// The inputs, as many as the ufunc has.
    pub heads: [Head<'a>; MOST_INPUTS],
    /// The outputs as they were given, or null.
    pub outputs: [*mut ffi::PyObject; MOST_OUTPUTS],
    /// `dtype=`.
    dtype: Option<DType>,
    /// The loop for the inputs' dtypes, once everything was read; `None` where there is anything that the short way does not
    /// read.
    pub l: Option<&'static LoopDef>,
}

/// A Python number.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
    Complex(Complex64),
}

impl<'a> Read<'a> {
    /// Nothing yet.
    #[inline(always)]
    pub fn new(cells: &'a Cells) -> Read<'a> {
        Read {
            cells,
            heads: [Head::EMPTY; MOST_INPUTS],
            outputs: [std::ptr::null_mut(); MOST_OUTPUTS],
            dtype: None,
            l: None,
        }
    }

    /// Reads the outputs of a call and its keywords, before any operand: a dtype's name may be NumPy's to look up. The inputs'
    /// objects; `None` where their number or a keyword wants the general way.
    #[inline]
    pub fn outputs<'b>(
        &mut self,
        py: Python<'_>,
        ufunc: &Ufunc,
        arguments: &Arguments<'b>,
    ) -> Option<&'b [*mut ffi::PyObject]> {
        let nin = ufunc.short.nin;
        if arguments.positional.len() != nin || !arguments.keywords.is_empty() {
            self.given_outputs(py, ufunc, arguments)?;
        }
        Some(&arguments.positional[..nin])
    }

    /// Outputs by position or by name.
    #[inline(never)]
    fn given_outputs(&mut self, py: Python<'_>, ufunc: &Ufunc, arguments: &Arguments<'_>) -> Option<()> {
        let (nin, nout) = (ufunc.short.nin, ufunc.short.nout);
        // SAFETY: singletons that live for ever.
        let (truth, falsehood, none) = unsafe { (ffi::Py_True(), ffi::Py_False(), ffi::Py_None()) };
        let by_position = arguments.positional.get(nin..)?;
        let deprecated = ufunc.def.is_some_and(|def| def.positional_out_deprecated);
        if by_position.len() > nout || (deprecated && !by_position.is_empty()) {
            return None;
        }
        let given = |object: *mut ffi::PyObject| if object == none { std::ptr::null_mut() } else { object };
        for (output, &object) in self.outputs.iter_mut().zip(by_position) {
            *output = given(object);
        }
        for (name, value) in arguments.named() {
            match name.to_bytes() {
                b"out" if value == none && nout == 1 => {} // of two NumPy wants a tuple
                b"out" if !by_position.is_empty() => return None,
                // SAFETY: a live object, a tuple once its type says so.
                b"out" => unsafe {
                    if ffi::PyTuple_CheckExact(value) == 0 {
                        self.outputs[0] = if nout == 1 { value } else { return None };
                    } else if ffi::PyTuple_GET_SIZE(value) as usize == nout {
                        for (i, output) in self.outputs[..nout].iter_mut().enumerate() {
                            *output = given(ffi::PyTuple_GET_ITEM(value, i as isize));
                        }
                    } else {
                        return None;
                    }
                },
                b"where" if value == truth => {}
                b"dtype" if value == none => {}
                // SAFETY: a live object.
                b"dtype" if nout == 1 => self.dtype = Some(unsafe { plain_dtype(py, value) }?),
                b"subok" if value == truth || value == falsehood => {}
                _ => return None,
            }
        }
        Some(())
    }

    /// Reads the inputs, but for those that were `lent`, and finds the loop. `None` where one is nothing that the short way
    /// takes.
    ///
    /// # Safety
    /// Live objects, as many as the ufunc has inputs, at most [`MOST_INPUTS`].
    #[inline(always)]
    pub unsafe fn inputs(
        &mut self,
        py: Python<'_>,
        np: &NumPy,
        ufunc: &Ufunc,
        objects: &[*mut ffi::PyObject],
        subclasses: bool,
        lent: impl Fn(usize) -> Option<Head<'a>>,
    ) -> Option<&'static LoopDef> {
        let (mut beside, mut first_number) = (None, None);
        for (i, &object) in objects.iter().enumerate() {
            let head = &mut self.heads[i];
            // SAFETY: live objects; each branch has checked the type.
            unsafe {
                if let Some(lent) = lent(i) {
                    *head = lent;
                } else if ffi::Py_TYPE(object) == np.array_type || (subclasses && np.is_array(object)) {
                    read_array(np, object.cast(), head)?;
                } else if let Some(number) = number(object)? {
                    match beside {
                        None if i == 0 => first_number = Some(number),
                        beside => self.set_number(ufunc, i, number, beside)?,
                    }
                    continue;
                } else {
                    let (bits, dtype) = scalar(py, np, object)?;
                    self.cells.0[i].set(bits);
                    *head = Head::value(self.cells.0[i].as_ptr().cast(), dtype);
                }
                beside = Some(head.dtype);
            }
        }
        if let Some(number) = first_number {
            self.set_number(ufunc, 0, number, beside)?;
        }
        let l = ufunc.short.find([self.heads[0].dtype, self.heads[objects.len() - 1].dtype])?;
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
        let (dtype, bits) = match (beside, number) {
            (Some(_), _) if !ufunc.short.adapts => return None,
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

    /// Takes operands that were read otherwise, for that loop. Arrays of no dimensions are no values.
    pub fn operands(&mut self, l: &'static LoopDef, heads: impl Iterator<Item = Head<'a>>) {
        for (mine, head) in self.heads.iter_mut().zip(heads) {
            *mine = head;
        }
        self.l = Some(l);
    }
}

impl Number {
    /// What it is where nothing says otherwise.
    fn dtype(self) -> DType {
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
    fn bits(self, beside: DType) -> Option<u128> {
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

/// `dtype=`, where no code of anybody's says it: a dtype, a scalar type, a name.
///
/// # Safety
/// A live object.
unsafe fn plain_dtype(py: Python<'_>, value: *mut ffi::PyObject) -> Option<DType> {
    let np = NumPy::get(py);
    // SAFETY: a live object, a string once its type says so.
    unsafe {
        if value == (&raw mut ffi::PyFloat_Type).cast() {
            return Some(DType::F64);
        }
        if ffi::PyUnicode_CheckExact(value) != 0 {
            return dtype(py, np, value);
        }
        np.dtype_of_descr(value.cast()).or_else(|| np.scalar_dtype(value.cast()))
    }
}

/// Reads an array; `None` for one of a dtype without loops of ours.
///
/// # Safety
/// A live array.
#[inline(always)]
pub unsafe fn read_array(np: &NumPy, array: *mut PyArrayObject, head: &mut Head<'_>) -> Option<()> {
    // SAFETY: a live array's dimensions and strides have `nd` entries each, none of the former negative.
    unsafe {
        head.dtype = np.dtype_of(array)?;
        let fields = &(*array).fields;
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
///
/// # Safety
/// A live object.
#[inline]
unsafe fn number(object: *mut ffi::PyObject) -> Option<Option<Number>> {
    // SAFETY: a live object of the type that was checked.
    unsafe {
        if ffi::PyFloat_CheckExact(object) != 0 {
            return Some(Some(Number::Float(ffi::PyFloat_AS_DOUBLE(object))));
        }
        if ffi::PyLong_CheckExact(object) != 0 {
            let mut overflow = 0;
            let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow);
            return (overflow == 0).then_some(Some(Number::Int(value)));
        }
        if ffi::PyComplex_CheckExact(object) != 0 {
            let value = ffi::PyComplex_AsCComplex(object);
            return Some(Some(Number::Complex(Complex64::new(value.real, value.imag))));
        }
        Some(None)
    }
}

/// A NumPy scalar or a truth value: its bits and its dtype.
///
/// # Safety
/// A live object.
unsafe fn scalar(py: Python<'_>, np: &NumPy, object: *mut ffi::PyObject) -> Option<(u128, DType)> {
    // SAFETY: a live object of the type that was checked; no scalar has more than 16 bytes.
    unsafe {
        if ffi::PyBool_Check(object) != 0 {
            return Some((u128::from(object == ffi::Py_True()), DType::Bool));
        }
        let dtype = np.scalar_dtype(ffi::Py_TYPE(object))?;
        let mut cell = [0u128];
        PY_ARRAY_API.PyArray_ScalarAsCtype(py, object, cell.as_mut_ptr().cast());
        Some((cell[0], dtype))
    }
}
