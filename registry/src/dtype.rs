//! The dtype table: one row per native element type, everything else derived from it.
//!
//! `for_each_dtype!` hands its rows to a callback macro; the `DType` enum, the properties below and the `Element`
//! trait are all made from it. Classes of dtypes that share loops are sorted from
//! it too, by `for_each_class!`.

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
    /// A moment or a span of time: a count of some unit, which is not the dtype's to know.
    Date,
}

/// Which dtypes a ufunc has loops for together: each class of loops is made by one line of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, reason = "the names that rows and `loops!` spell")]
pub enum Class {
    /// `bool`
    bools,
    /// Signed and unsigned integers.
    ints,
    /// Floats of NumPy's narrower than f32, which are stored so and computed in f32.
    halves,
    /// f32 and f64.
    floats,
    /// Pairs of those.
    complexes,
    /// Moments and spans of time, whose loops are made one by one.
    dates,
    /// The narrow floats that NumPy lacks, likewise computed in f32.
    minis,
}

/// Calls `$callback! { rows... }` with every dtype: `variant: Rust type { fields }`.
///
/// *class* says which loops the dtype shares; *precision* is the number of significant bits of a value (of one part, for
/// complex); *exponent* the largest power of two in range, 0 for the exact kinds; *char* NumPy's typecode (ml_dtypes' for
/// the ones NumPy lacks); *numpy* NumPy's type number, if it has the dtype built in; *dlpack* DLPack's type code and
/// *buffer* the buffer protocol's format, if they have one.
///
/// Rows stand in promotion order: the common dtype of two is the first row that both cast to safely. Signed integers
/// come first, as in NumPy's loops, so that bool becomes int8 where a ufunc has no loop for it.
#[macro_export]
macro_rules! for_each_dtype {
    ($callback:ident) => { $crate::for_each_dtype! { [$callback] } };
    ([$($callback:tt)+] $($first:tt)*) => {
        $($callback)+! { $($first)*
            Bool: B8 { class: bools, name: "bool", bytes: 1, signed: false, precision: 1, exponent: 0,
                char: '?', numpy: Some(0), dlpack: Some(6), buffer: Some("?") }
            I8: i8 { class: ints, name: "int8", bytes: 1, signed: true, precision: 7, exponent: 0,
                char: 'b', numpy: Some(1), dlpack: Some(0), buffer: Some("b") }
            U8: u8 { class: ints, name: "uint8", bytes: 1, signed: false, precision: 8, exponent: 0,
                char: 'B', numpy: Some(2), dlpack: Some(1), buffer: Some("B") }
            I16: i16 { class: ints, name: "int16", bytes: 2, signed: true, precision: 15, exponent: 0,
                char: 'h', numpy: Some(3), dlpack: Some(0), buffer: Some("h") }
            U16: u16 { class: ints, name: "uint16", bytes: 2, signed: false, precision: 16, exponent: 0,
                char: 'H', numpy: Some(4), dlpack: Some(1), buffer: Some("H") }
            I32: i32 { class: ints, name: "int32", bytes: 4, signed: true, precision: 31, exponent: 0,
                char: 'i', numpy: Some(5), dlpack: Some(0), buffer: Some("i") }
            U32: u32 { class: ints, name: "uint32", bytes: 4, signed: false, precision: 32, exponent: 0,
                char: 'I', numpy: Some(6), dlpack: Some(1), buffer: Some("I") }
            I64: i64 { class: ints, name: "int64", bytes: 8, signed: true, precision: 63, exponent: 0,
                char: 'l', numpy: Some(7), dlpack: Some(0), buffer: Some("l") }
            U64: u64 { class: ints, name: "uint64", bytes: 8, signed: false, precision: 64, exponent: 0,
                char: 'L', numpy: Some(8), dlpack: Some(1), buffer: Some("L") }
            F8E5M2: F8E5M2 { class: minis, name: "float8_e5m2", bytes: 1, signed: true, precision: 3, exponent: 15,
                char: '4', numpy: None, dlpack: Some(12), buffer: None }
            F8E4M3FN: F8E4M3FN { class: minis, name: "float8_e4m3fn", bytes: 1, signed: true, precision: 4, exponent: 8,
                char: '3', numpy: None, dlpack: Some(10), buffer: None }
            F16: f16 { class: halves, name: "float16", bytes: 2, signed: true, precision: 11, exponent: 15,
                char: 'e', numpy: Some(23), dlpack: Some(2), buffer: Some("e") }
            BF16: bf16 { class: minis, name: "bfloat16", bytes: 2, signed: true, precision: 8, exponent: 127,
                char: 'E', numpy: None, dlpack: Some(4), buffer: None }
            F32: f32 { class: floats, name: "float32", bytes: 4, signed: true, precision: 24, exponent: 127,
                char: 'f', numpy: Some(11), dlpack: Some(2), buffer: Some("f") }
            F64: f64 { class: floats, name: "float64", bytes: 8, signed: true, precision: 53, exponent: 1023,
                char: 'd', numpy: Some(12), dlpack: Some(2), buffer: Some("d") }
            C64: Complex32 { class: complexes, name: "complex64", bytes: 8, signed: true, precision: 24, exponent: 127,
                char: 'F', numpy: Some(14), dlpack: Some(5), buffer: Some("Zf") }
            C128: Complex64 { class: complexes, name: "complex128", bytes: 16, signed: true, precision: 53, exponent: 1023,
                char: 'D', numpy: Some(15), dlpack: Some(5), buffer: Some("Zd") }
            TimeDelta: TimeDelta64 { class: dates, name: "timedelta64", bytes: 8, signed: true, precision: 63, exponent: 0,
                char: 'm', numpy: Some(22), dlpack: None, buffer: None }
            DateTime: DateTime64 { class: dates, name: "datetime64", bytes: 8, signed: true, precision: 63, exponent: 0,
                char: 'M', numpy: Some(21), dlpack: None, buffer: None }
        }
    };
}

/// Calls `$callback! { bools: [(variant Rust-type)...] ints: [...] ... }` with the dtypes of each [`Class`], in the order in
/// which a ufunc's loops are searched; but for dates, whose loops are made one by one.
#[macro_export]
macro_rules! for_each_class {
    ($callback:ident) => {
        $crate::for_each_dtype! { [$crate::sort_into_classes] $callback [] [] [] [] [] [] }
    };
}

/// Sorts rows by their class; each goes behind the others in its brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! sort_into_classes {
    ($cb:ident [$($b:tt)*] [$($i:tt)*] [$($h:tt)*] [$($f:tt)*] [$($c:tt)*] [$($m:tt)*]) => {
        $cb! { bools: [$($b)*] ints: [$($i)*] halves: [$($h)*] floats: [$($f)*] complexes: [$($c)*] minis: [$($m)*] }
    };
    ($cb:ident [$($b:tt)*] $i:tt $h:tt $f:tt $c:tt $m:tt $v:ident: $r:ident { class: bools, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb [$($b)* ($v $r)] $i $h $f $c $m $($rest)* }
    };
    ($cb:ident $b:tt [$($i:tt)*] $h:tt $f:tt $c:tt $m:tt $v:ident: $r:ident { class: ints, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb $b [$($i)* ($v $r)] $h $f $c $m $($rest)* }
    };
    ($cb:ident $b:tt $i:tt [$($h:tt)*] $f:tt $c:tt $m:tt $v:ident: $r:ident { class: halves, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb $b $i [$($h)* ($v $r)] $f $c $m $($rest)* }
    };
    ($cb:ident $b:tt $i:tt $h:tt [$($f:tt)*] $c:tt $m:tt $v:ident: $r:ident { class: floats, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb $b $i $h [$($f)* ($v $r)] $c $m $($rest)* }
    };
    ($cb:ident $b:tt $i:tt $h:tt $f:tt [$($c:tt)*] $m:tt $v:ident: $r:ident { class: complexes, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb $b $i $h $f [$($c)* ($v $r)] $m $($rest)* }
    };
    ($cb:ident $b:tt $i:tt $h:tt $f:tt $c:tt $m:tt $v:ident: $r:ident { class: dates, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb $b $i $h $f $c $m $($rest)* }
    };
    ($cb:ident $b:tt $i:tt $h:tt $f:tt $c:tt [$($m:tt)*] $v:ident: $r:ident { class: minis, $($row:tt)* } $($rest:tt)*) => {
        $crate::sort_into_classes! { $cb $b $i $h $f $c [$($m)* ($v $r)] $($rest)* }
    };
}

macro_rules! define_dtype {
    ($($variant:ident: $rust:ident { class: $class:ident, name: $name:literal, $($field:ident: $value:expr),* })*) => {
        /// A native element type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DType {
            $(#[doc = $name] $variant,)*
        }

        impl DType {
            /// Every dtype, in promotion order.
            pub const ALL: &'static [DType] = &[$(DType::$variant),*];
            const ROWS: &'static [Row] =
                &[$(Row { class: Class::$class, name: $name, $($field: $value),* }),*];
        }
    };
}

struct Row {
    class: Class,
    name: &'static str,
    bytes: usize,
    signed: bool,
    precision: u32,
    exponent: i32,
    char: char,
    numpy: Option<i32>,
    dlpack: Option<u8>,
    buffer: Option<&'static str>,
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

    /// Which dtypes it shares loops with.
    pub const fn class(self) -> Class {
        self.row().class
    }

    /// Bool, integer, float, complex or date.
    pub const fn kind(self) -> Kind {
        match self.class() {
            Class::bools => Kind::Bool,
            Class::ints => Kind::Int,
            Class::halves | Class::floats | Class::minis => Kind::Float,
            Class::complexes => Kind::Complex,
            Class::dates => Kind::Date,
        }
    }

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        self.row().bytes
    }

    /// Bytes an element's address is a multiple of in aligned memory (complex aligns as its parts).
    pub const fn align(self) -> usize {
        match self.kind() {
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
        self.row().numpy
    }

    /// DLPack's type code, where it has one; the bit count is `8 * size()` (bool counts 8), one lane.
    pub const fn dlpack_code(self) -> Option<u8> {
        self.row().dlpack
    }

    /// The buffer protocol's format string; `None` where the protocol has none.
    pub const fn buffer_format(self) -> Option<&'static str> {
        self.row().buffer
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
    pub const fn is_narrow_float(self) -> bool {
        matches!(self.class(), Class::halves | Class::minis)
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
