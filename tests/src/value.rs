//! One element as a number: what the bits of each dtype mean, and the rounding of a real number to a dtype, written
//! from the formats' definitions.

use ufunx::registry::{DType, Kind};

/// An element's value. Every dtype's values fit one of these exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Of bool.
    Bool(bool),
    /// Of the integers, and of dates what they count.
    Int(i128),
    /// Of the real floats.
    Float(f64),
    /// Of the complex floats.
    Complex(f64, f64),
}

impl Value {
    /// Whether the two are the same number: -0 is not 0, and all NaNs are alike.
    pub fn same(self, other: Value) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        match (self, other) {
            (Value::Float(a), Value::Float(b)) => same(a, b),
            (Value::Complex(a, b), Value::Complex(c, d)) => same(a, c) && same(b, d),
            _ => self == other,
        }
    }

    /// The float, or an integer or bool as one.
    pub fn real(self) -> f64 {
        match self {
            Value::Bool(b) => b as u8 as f64,
            Value::Int(i) => i as f64,
            Value::Float(x) | Value::Complex(x, _) => x,
        }
    }

    /// The integer, or a bool as one.
    ///
    /// # Panics
    /// If it is a float.
    pub fn int(self) -> i128 {
        match self {
            Value::Bool(b) => b as i128,
            Value::Int(i) => i,
            other => panic!("{other:?} is not an integer"),
        }
    }

    /// Whether it differs from zero.
    pub fn truth(self) -> bool {
        match self {
            Value::Bool(b) => b,
            Value::Int(i) => i != 0,
            Value::Float(x) => x != 0.0,
            Value::Complex(re, im) => re != 0.0 || im != 0.0,
        }
    }
}

/// A binary floating-point format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Significant bits, the implied one included.
    pub precision: i32,
    /// Exponent of the least normal number.
    pub min_exponent: i32,
    /// The largest finite number.
    pub max: f64,
    /// Whether there are infinities; without them, what is too large is NaN.
    pub infinite: bool,
    /// Bits in all.
    pub bits: i32,
}

impl Format {
    /// Of a float dtype, or of a complex one's parts.
    pub fn of(dtype: DType) -> Format {
        let (precision, e, parts) =
            (dtype.precision() as i32, dtype.max_exponent(), dtype.kind() == Kind::Complex);
        let ieee = (2.0 - power_of_2(1 - precision)) * power_of_2(e);
        let bits = dtype.size() as i32 * if parts { 4 } else { 8 };
        match dtype {
            // The "FN" variant: its largest exponent holds numbers, and only the last pattern is NaN.
            DType::F8E4M3FN => Format { precision, min_exponent: -6, max: 448.0, infinite: false, bits },
            _ => Format { precision, min_exponent: 1 - e, max: ieee, infinite: true, bits },
        }
    }

    /// The least positive normal number.
    pub fn least_normal(&self) -> f64 {
        power_of_2(self.min_exponent)
    }

    /// To nearest, ties to even.
    pub fn round(&self, x: f64) -> f64 {
        if x.is_nan() || self.precision == 53 {
            return x;
        }
        let too_large = if self.infinite { f64::INFINITY } else { f64::NAN }.copysign(x);
        if x.is_infinite() {
            return too_large;
        }
        let r = self.round_unbounded(x, exponent(x).max(self.min_exponent));
        if r.abs() > self.max { too_large } else { r }
    }

    /// To nearest as if there were no least and no greatest exponent.
    pub fn round_unbounded(&self, x: f64, exponent: i32) -> f64 {
        let last_place = power_of_2(exponent - self.precision + 1);
        (x / last_place).round_ties_even() * last_place
    }

    fn decode(&self, bits: u64) -> f64 {
        if self.precision == 53 {
            return f64::from_bits(bits);
        }
        let mantissa_bits = self.precision - 1;
        let sign = if bits >> (self.bits - 1) & 1 == 1 { -1.0 } else { 1.0 };
        let magnitude = bits & ((1 << (self.bits - 1)) - 1);
        let (field, mantissa) = (magnitude >> mantissa_bits, magnitude & ((1 << mantissa_bits) - 1));
        let last_field = (1 << (self.bits - self.precision)) - 1;
        let absolute = match (self.infinite, field) {
            (true, f) if f == last_field => {
                if mantissa == 0 {
                    f64::INFINITY
                } else {
                    f64::NAN
                }
            }
            (false, _) if magnitude == (1 << (self.bits - 1)) - 1 => f64::NAN,
            (_, 0) => mantissa as f64 * power_of_2(self.min_exponent - mantissa_bits),
            (_, f) => {
                let significand = 1.0 + mantissa as f64 * power_of_2(-mantissa_bits);
                significand * power_of_2(f as i32 - 1 + self.min_exponent)
            }
        };
        absolute.copysign(sign)
    }

    fn encode(&self, x: f64) -> u64 {
        if self.precision == 53 {
            return x.to_bits();
        }
        let mantissa_bits = self.precision - 1;
        let sign = (x.is_sign_negative() as u64) << (self.bits - 1);
        let infinity = ((1u64 << (self.bits - self.precision)) - 1) << mantissa_bits;
        let magnitude = x.abs();
        sign | if x.is_nan() {
            if self.infinite { infinity | 1 << (mantissa_bits - 1) } else { (1 << (self.bits - 1)) - 1 }
        } else if x.is_infinite() {
            infinity
        } else if magnitude < self.least_normal() {
            (magnitude / power_of_2(self.min_exponent - mantissa_bits)) as u64
        } else {
            let e = exponent(magnitude);
            let mantissa = (magnitude / power_of_2(e) - 1.0) * power_of_2(mantissa_bits);
            ((e - self.min_exponent + 1) as u64) << mantissa_bits | mantissa as u64
        }
    }
}

/// 2^e, also where it is subnormal.
pub fn power_of_2(e: i32) -> f64 {
    match e {
        -1022..=1023 => f64::from_bits(((e + 1023) as u64) << 52),
        -1074..=-1023 => f64::from_bits(1 << (e + 1074)),
        _ => panic!("2^{e} is no f64"),
    }
}

/// The e of 2^e <= |x| < 2^(e+1); -1023 for subnormals and zero.
pub fn exponent(x: f64) -> i32 {
    (x.to_bits() >> 52 & 0x7ff) as i32 - 1023
}

/// The low bits of `i`, read as an integer dtype.
pub fn wrap(i: i128, dtype: DType) -> i128 {
    let unused = 128 - dtype.size() * 8;
    match dtype.is_signed() {
        true => i << unused >> unused,
        false => ((i as u128) << unused >> unused) as i128,
    }
}

/// The value that the low bytes of `bits` are.
pub fn decode(bits: u128, dtype: DType) -> Value {
    match dtype.kind() {
        Kind::Bool => Value::Bool(bits & 0xff != 0),
        Kind::Int | Kind::Date => Value::Int(wrap(bits as i128, dtype)),
        Kind::Float => Value::Float(Format::of(dtype).decode(bits as u64)),
        Kind::Complex => {
            let format = Format::of(dtype);
            let mask = u64::MAX >> (64 - format.bits);
            let part = |bits: u128| format.decode(bits as u64 & mask);
            Value::Complex(part(bits), part(bits >> format.bits))
        }
    }
}

/// The bits of a value that is one of the dtype's.
pub fn encode(value: Value, dtype: DType) -> u128 {
    match (value, dtype.kind()) {
        (Value::Bool(b), Kind::Bool) => b as u128,
        (Value::Int(i), Kind::Int | Kind::Date) => i as u128 & (u128::MAX >> (128 - dtype.size() * 8)),
        (Value::Float(x), Kind::Float) => Format::of(dtype).encode(x) as u128,
        (Value::Complex(re, im), Kind::Complex) => {
            let format = Format::of(dtype);
            format.encode(re) as u128 | (format.encode(im) as u128) << format.bits
        }
        _ => panic!("{value:?} is no {dtype}"),
    }
}

/// Reads an element.
///
/// # Safety
/// `dtype.size()` bytes at `ptr` may be read.
pub unsafe fn read(ptr: *const u8, dtype: DType) -> Value {
    let mut bytes = [0u8; 16];
    // SAFETY: the caller's promise; no dtype is wider than 16 bytes.
    unsafe { std::ptr::copy_nonoverlapping(ptr, bytes.as_mut_ptr(), dtype.size()) };
    decode(u128::from_le_bytes(bytes), dtype)
}

/// Writes an element.
///
/// # Safety
/// `dtype.size()` bytes at `ptr` may be written.
pub unsafe fn write(ptr: *mut u8, value: Value, dtype: DType) {
    let bytes = encode(value, dtype).to_le_bytes();
    // SAFETY: the caller's promise; no dtype is wider than 16 bytes.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), ptr, dtype.size()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_small_pattern_survives() {
        for &dtype in DType::ALL.iter().filter(|d| d.size() <= 2) {
            for bits in 0..1u128 << (8 * dtype.size()) {
                let value = decode(bits, dtype);
                let again = decode(encode(value, dtype), dtype);
                assert!(value.same(again), "{dtype} {bits:x}: {value:?} {again:?}");
                if let Value::Float(x) = value {
                    assert!(Format::of(dtype).round(x).to_bits() == x.to_bits() || x.is_nan());
                }
            }
        }
    }

    #[test]
    fn f32_is_rusts() {
        let mut rng = crate::Rng::new(1);
        for _ in 0..20_000 {
            let x = f64::from_bits(rng.bits() >> 4 | 0x3000_0000_0000_0000);
            for x in [x, f32::from_bits(rng.bits() as u32) as f64] {
                let r = Format::of(DType::F32).round(x);
                assert_eq!(r.to_bits(), (x as f32 as f64).to_bits(), "{x:e}");
                if !x.is_nan() {
                    assert_eq!(encode(Value::Float(r), DType::F32), (x as f32).to_bits() as u128);
                }
            }
        }
    }
}
