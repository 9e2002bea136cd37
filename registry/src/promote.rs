//! Promotion (NEP 50) and casting rules, derived from the dtype table.
//!
//! A cast is *safe* when every value survives it (with NumPy's one exception: 64-bit integers cast safely to f64).
//! The common dtype of two is the first row of the table to which both cast safely. Python scalars are *weak*: they
//! contribute only their kind, after all strong dtypes are settled.

use crate::dtype::{DType, Kind};

/// Which casts a call permits, strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Casting {
    /// None at all.
    No,
    /// Byte order only (all dtypes here are native, so as `No`).
    Equiv,
    /// Only those that keep every value.
    Safe,
    /// Safe ones, and those within a kind or to a higher one.
    #[default]
    SameKind,
    /// Any.
    Unsafe,
}

impl Casting {
    /// The five rules, strictest first.
    pub const ALL: [Casting; 5] =
        [Casting::No, Casting::Equiv, Casting::Safe, Casting::SameKind, Casting::Unsafe];

    /// NumPy's spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Casting::No => "no",
            Casting::Equiv => "equiv",
            Casting::Safe => "safe",
            Casting::SameKind => "same_kind",
            Casting::Unsafe => "unsafe",
        }
    }

    /// The rule spelled so.
    pub fn from_name(name: &str) -> Option<Casting> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// The kind of a Python `int`, `float` or `complex`, which adapts to the dtypes beside it. (`bool` is strong.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weak {
    /// A Python int.
    Int,
    /// A Python float.
    Float,
    /// A Python complex.
    Complex,
}

impl Weak {
    /// The dtype it has with nothing strong beside it.
    pub const fn default_dtype(self) -> DType {
        match self {
            Weak::Int => DType::I64,
            Weak::Float => DType::F64,
            Weak::Complex => DType::C128,
        }
    }

    /// Python's name of its class.
    pub const fn name(self) -> &'static str {
        match self {
            Weak::Int => "int",
            Weak::Float => "float",
            Weak::Complex => "complex",
        }
    }

    /// The dtype it takes beside `strong`.
    pub const fn beside(self, strong: DType) -> DType {
        match (self, strong.kind()) {
            (Weak::Int, Kind::Bool) => DType::I64,
            (Weak::Int, _) => strong,
            (Weak::Float, Kind::Bool | Kind::Int) => DType::F64,
            (Weak::Float, _) => strong,
            (Weak::Complex, Kind::Bool | Kind::Int) => DType::C128,
            (Weak::Complex, Kind::Float) if strong.precision() > DType::F32.precision() => DType::C128,
            (Weak::Complex, Kind::Float) => DType::C64,
            (Weak::Complex, Kind::Complex) | (_, Kind::Date) => strong,
        }
    }
}

/// An operand's type as promotion sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Typed {
    /// An array or a NumPy scalar.
    Strong(DType),
    /// A Python scalar.
    Weak(Weak),
}

impl Typed {
    /// Its dtype if nothing else takes part.
    pub const fn alone(self) -> DType {
        match self {
            Typed::Strong(dtype) => dtype,
            Typed::Weak(weak) => weak.default_dtype(),
        }
    }
}

impl From<DType> for Typed {
    fn from(dtype: DType) -> Typed {
        Typed::Strong(dtype)
    }
}

/// Whether a cast is permitted.
pub const fn can_cast(from: DType, to: DType, casting: Casting) -> bool {
    match casting {
        Casting::No | Casting::Equiv => from as u8 == to as u8,
        Casting::Safe => is_safe(from, to),
        Casting::SameKind => is_safe(from, to) || is_same_kind(from, to),
        Casting::Unsafe => true,
    }
}

/// Whether an operand may be cast: a weak scalar goes wherever its kind does, its value is the caller's to check.
pub const fn can_cast_typed(from: Typed, to: DType, casting: Casting) -> bool {
    match from {
        Typed::Strong(from) => can_cast(from, to, casting),
        Typed::Weak(Weak::Int) => {
            !matches!(to.kind(), Kind::Bool | Kind::Date) || matches!(casting, Casting::Unsafe)
        }
        Typed::Weak(Weak::Float) => {
            matches!(to.kind(), Kind::Float | Kind::Complex) || matches!(casting, Casting::Unsafe)
        }
        Typed::Weak(Weak::Complex) => {
            matches!(to.kind(), Kind::Complex) || matches!(casting, Casting::Unsafe)
        }
    }
}

/// The common dtype of two strong ones; dates have none with others here, as NumPy is asked what becomes of their units.
pub const fn promote(a: DType, b: DType) -> Option<DType> {
    let mut i = 0;
    while i < DType::ALL.len() {
        let candidate = DType::ALL[i];
        if is_safe(a, candidate) && is_safe(b, candidate) {
            return Some(candidate);
        }
        i += 1;
    }
    None
}

/// The common dtype of any number of operands, if they have one.
pub fn promote_all(operands: &[Typed]) -> Option<DType> {
    let dtypes = || operands.iter().filter_map(|t| if let Typed::Strong(d) = t { Some(*d) } else { None });
    // The first of the highest kind takes the others in, one by one, as NumPy has it: int8, uint8 and float16 are float16, and no
    // int16 comes between.
    let mut strong = dtypes().reduce(|a, b| if b.kind() > a.kind() { b } else { a });
    let mut weak: Option<Weak> = None;
    for &operand in operands {
        match operand {
            Typed::Strong(d) => strong = Some(strong.map_or(Some(d), |s| promote(s, d))?),
            Typed::Weak(w) => weak = weak.max(Some(w)),
        }
    }
    match (strong, weak) {
        (Some(s), Some(w)) => Some(w.beside(s)),
        (Some(s), None) => Some(s),
        (None, Some(w)) => Some(w.default_dtype()),
        (None, None) => None,
    }
}

const fn is_safe(from: DType, to: DType) -> bool {
    if from as u8 == to as u8 {
        return true;
    }
    let fits_precision = from.precision() <= to.precision();
    match (from.kind(), to.kind()) {
        (_, Kind::Date) => false,
        (Kind::Bool, _) => true,
        (Kind::Int, Kind::Int) => fits_precision && (to.is_signed() || !from.is_signed()),
        // The one inexact cast NumPy calls safe: 64-bit integers to f64.
        (Kind::Int, Kind::Float | Kind::Complex) => {
            (fits_precision && from.precision() as i32 <= to.max_exponent() + 1)
                || (from.size() == 8 && to.precision() == DType::F64.precision())
        }
        (Kind::Float, Kind::Float | Kind::Complex) | (Kind::Complex, Kind::Complex) => {
            fits_precision && from.max_exponent() <= to.max_exponent()
        }
        _ => false,
    }
}

const fn is_same_kind(from: DType, to: DType) -> bool {
    match (from.kind(), to.kind()) {
        (_, Kind::Date) => false,
        // An unsigned integer may not be reached from a signed one; every other cast within a kind or upwards may.
        (Kind::Int, Kind::Int) => to.is_signed() || !from.is_signed(),
        (Kind::Bool, _) => true,
        (Kind::Int, Kind::Float | Kind::Complex) => true,
        (Kind::Float, Kind::Float | Kind::Complex) | (Kind::Complex, Kind::Complex) => true,
        _ => false,
    }
}
