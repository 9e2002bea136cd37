//! The dtype table: one row per native element type, everything else derived from it.
//!
//! `for_each_dtype!` hands its rows to a callback macro; the `DType` enum, the properties below and the `Element`
//! trait are all made from it. To add a dtype, add a row (and its conversions in `element.rs` if it is a new Rust type).

/// What a dtype's values are, in promotion order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `bool`
    Bool,
    /// Signed and unsigned integers.
    Int,
    /// Real floating point.
    Float,
    /// A pair of floats.
    Complex,
}

/// Calls `$callback! { rows... }` with every dtype. Columns:
/// variant, Rust type, name, kind, bytes, signed, precision, max exponent, NumPy char, NumPy number, DLPack code, buffer format.
///
/// *precision* is the number of significant bits of a value (of one part, for complex); *max exponent* the largest
/// power of two in range, 0 for the exact kinds. NumPy number -1: a dtype NumPy itself does not have.
/// Rows stand in promotion order: the common dtype of two is the first row that both cast to safely. Signed integers
/// come first, as in NumPy's loops, so that bool becomes int8 where a ufunc has no loop for it.
#[macro_export]
macro_rules! for_each_dtype {
    ($callback:ident) => {
        $callback! {
            Bool     B8        "bool"          Bool    1  false 1  0    '?' 0  6  "?";
            I8       i8        "int8"          Int     1  true  7  0    'b' 1  0  "b";
            U8       u8        "uint8"         Int     1  false 8  0    'B' 2  1  "B";
            I16      i16       "int16"         Int     2  true  15 0    'h' 3  0  "h";
            U16      u16       "uint16"        Int     2  false 16 0    'H' 4  1  "H";
            I32      i32       "int32"         Int     4  true  31 0    'i' 5  0  "i";
            U32      u32       "uint32"        Int     4  false 32 0    'I' 6  1  "I";
            I64      i64       "int64"         Int     8  true  63 0    'l' 7  0  "l";
            U64      u64       "uint64"        Int     8  false 64 0    'L' 8  1  "L";
            F8E5M2   F8E5M2    "float8_e5m2"   Float   1  true  3  15   '4' -1 12 "";
            F8E4M3FN F8E4M3FN  "float8_e4m3fn" Float   1  true  4  8    '3' -1 10 "";
            F16      f16       "float16"       Float   2  true  11 15   'e' 23 2  "e";
            BF16     bf16      "bfloat16"      Float   2  true  8  127  'E' -1 4  "";
            F32      f32       "float32"       Float   4  true  24 127  'f' 11 2  "f";
            F64      f64       "float64"       Float   8  true  53 1023 'd' 12 2  "d";
            C64      Complex32 "complex64"     Complex 8  true  24 127  'F' 14 5  "Zf";
            C128     Complex64 "complex128"    Complex 16 true  53 1023 'D' 15 5  "Zd";
        }
    };
}

macro_rules! define_dtype {
    ($($variant:ident $rust:ident $name:literal $kind:ident $bytes:literal $signed:literal $precision:literal
       $exponent:literal $char:literal $number:literal $dlpack:literal $format:literal;)*) => {
        /// A native element type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DType {
            $(#[doc = $name] $variant,)*
        }

        impl DType {
            /// Every dtype, in promotion order.
            pub const ALL: &'static [DType] = &[$(DType::$variant),*];
            const ROWS: &'static [Row] = &[$(Row {
                name: $name, kind: Kind::$kind, bytes: $bytes, signed: $signed, precision: $precision,
                exponent: $exponent, char: $char, number: $number, dlpack: $dlpack, format: $format,
            }),*];
        }
    };
}

struct Row {
    name: &'static str,
    kind: Kind,
    bytes: usize,
    signed: bool,
    precision: u32,
    exponent: i32,
    char: char,
    number: i32,
    dlpack: u8,
    format: &'static str,
}

for_each_dtype!(define_dtype);

/// NumPy's second 64-bit integers (`long long`): same memory as `l`/`L`, other type number and typecode.
pub const LONG_LONG: [(char, i32, DType); 2] = [('q', 9, DType::I64), ('Q', 10, DType::U64)];

impl DType {
    const fn row(self) -> &'static Row {
        &Self::ROWS[self as usize]
    }

    /// NumPy's name, e.g. `float64`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Bool, integer, float or complex.
    pub const fn kind(self) -> Kind {
        self.row().kind
    }

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        self.row().bytes
    }

    /// Bytes an element's address is a multiple of in aligned memory (complex aligns as its parts).
    pub const fn align(self) -> usize {
        match self.row().kind {
            Kind::Complex => self.row().bytes / 2,
            _ => self.row().bytes,
        }
    }

    /// Whether negative values exist.
    pub const fn is_signed(self) -> bool {
        self.row().signed
    }

    /// Significant bits of a value (of one part, for complex).
    pub const fn precision(self) -> u32 {
        self.row().precision
    }

    /// The values of an integer dtype.
    pub const fn int_range(self) -> std::ops::Range<i128> {
        let past = 1 << self.precision();
        (if self.is_signed() { -past } else { 0 })..past
    }

    /// Largest binary exponent of a float; 0 for bool and integers.
    pub const fn max_exponent(self) -> i32 {
        self.row().exponent
    }

    /// NumPy's typecode (ml_dtypes' for the ones NumPy lacks).
    pub const fn char(self) -> char {
        self.row().char
    }

    /// NumPy's type number, where NumPy has the dtype built in.
    pub const fn numpy_number(self) -> Option<i32> {
        match self.row().number {
            -1 => None,
            number => Some(number),
        }
    }

    /// DLPack's type code; the bit count is `8 * size()` (bool counts 8), one lane.
    pub const fn dlpack_code(self) -> u8 {
        self.row().dlpack
    }

    /// The buffer protocol's format string; `None` where the protocol has none.
    pub const fn buffer_format(self) -> Option<&'static str> {
        let format = self.row().format;
        if format.is_empty() { None } else { Some(format) }
    }

    /// The dtype with that name.
    pub fn from_name(name: &str) -> Option<DType> {
        Self::ALL.iter().copied().find(|d| d.name() == name)
    }

    /// The dtype with that typecode, `q` and `Q` included.
    pub fn from_char(char: char) -> Option<DType> {
        let twin = LONG_LONG.iter().find(|(c, ..)| *c == char).map(|(.., d)| *d);
        twin.or_else(|| Self::ALL.iter().copied().find(|d| d.char() == char))
    }

    /// The dtype with that NumPy type number, `long long` included.
    pub fn from_numpy_number(number: i32) -> Option<DType> {
        let twin = LONG_LONG.iter().find(|(_, n, _)| *n == number).map(|(.., d)| *d);
        twin.or_else(|| Self::ALL.iter().copied().find(|d| d.numpy_number() == Some(number)))
    }

    /// Narrower than f32: stored so, computed in f32.
    pub const fn is_small_float(self) -> bool {
        matches!(self.kind(), Kind::Float) && self.size() < 4
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_chars_and_numbers_are_unique_and_found_again() {
        for (i, &d) in DType::ALL.iter().enumerate() {
            assert_eq!(d as usize, i);
            assert_eq!(DType::from_name(d.name()), Some(d));
            assert_eq!(DType::from_char(d.char()), Some(d));
            if let Some(n) = d.numpy_number() {
                assert_eq!(DType::from_numpy_number(n), Some(d));
            }
        }
        assert_eq!(DType::from_char('q'), Some(DType::I64));
        assert_eq!(DType::from_numpy_number(10), Some(DType::U64));
        assert_eq!(DType::from_name("object"), None);
    }
}
