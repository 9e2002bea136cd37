//! The Rust types behind the dtypes: `Element` ties each to its row, and the three types Rust lacks are defined here
//! (`B8`, a byte read as true when non-zero, and the two float8 formats, which exist only to be widened to f32).

use crate::dtype::DType;
use half::{bf16, f16};
use num_complex::{Complex32, Complex64};

/// A type whose memory is one element of a dtype. Any bit pattern is a valid value of every implementor, and none has
/// padding; the engine relies on both, which is why the trait is sealed.
pub trait Element: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The row this type belongs to.
    const DTYPE: DType;
    /// The type users hold: itself, but `bool` for [`B8`].
    type User: UserElement<Lane = Self>;
}

/// A type users hold arrays of: every `Element` but `B8`, and `bool` in its place.
pub trait UserElement: Copy + Send + Sync + 'static {
    /// The element type with the same memory.
    type Lane: Element<User = Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! define_elements {
    (Bool: B8 { $($bool:tt)* } $($variant:ident: $rust:ident { $($row:tt)* })*) => {
        impl sealed::Sealed for B8 {}
        impl Element for B8 {
            const DTYPE: DType = DType::Bool;
            type User = bool;
        }
        impl UserElement for bool {
            type Lane = B8;
        }
        const _: () = assert!(size_of::<B8>() == DType::Bool.size());
        $(
            impl sealed::Sealed for $rust {}
            impl Element for $rust {
                const DTYPE: DType = DType::$variant;
                type User = $rust;
            }
            impl UserElement for $rust {
                type Lane = $rust;
            }
            const _: () = assert!(size_of::<$rust>() == DType::$variant.size());
        )*
    };
}
crate::for_each_dtype!(define_elements);

/// A boolean as arrays hold it: any non-zero byte is true (a Rust `bool` with such a byte would be undefined behaviour).
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct B8(pub u8);

impl B8 {
    /// As a Rust bool.
    #[inline(always)]
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for B8 {
    #[inline(always)]
    fn from(value: bool) -> B8 {
        B8(value as u8)
    }
}

impl PartialEq for B8 {
    fn eq(&self, other: &B8) -> bool {
        self.get() == other.get()
    }
}

/// A span of time, in some unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct TimeDelta64(pub i64);

/// A moment: the span since 1970 began, in some unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct DateTime64(pub i64);

/// What is no time at all, as NumPy has it.
pub const NOT_A_TIME: i64 = i64::MIN;

impl TimeDelta64 {
    /// Not a time.
    pub const NAT: TimeDelta64 = TimeDelta64(NOT_A_TIME);
}

impl DateTime64 {
    /// Not a time.
    pub const NAT: DateTime64 = DateTime64(NOT_A_TIME);
}

/// 8-bit float: 5 exponent bits, 2 mantissa bits, IEEE-like (infinities and NaNs); the upper byte of an f16.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct F8E5M2(pub u8);

/// 8-bit float: 4 exponent bits, 3 mantissa bits, no infinities, one NaN magnitude (0x7f), largest value 448.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct F8E4M3FN(pub u8);

impl F8E5M2 {
    /// Exact.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        f16::from_bits((self.0 as u16) << 8).to_f32()
    }

    /// Rounded to nearest, ties to even; overflow gives infinity.
    pub fn from_f32(x: f32) -> F8E5M2 {
        F8E5M2(round_to_f8(x, 2, -14, 0x7c, 0x7c, 0x7e))
    }
}

impl F8E4M3FN {
    /// Exact.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        let magnitude = self.0 & 0x7f;
        let sign = ((self.0 & 0x80) as u32) << 24;
        let (exponent, mantissa) = ((magnitude >> 3) as u32, (magnitude & 7) as u32);
        let bits = match (exponent, mantissa) {
            (15, 7) => f32::NAN.to_bits(),
            (0, m) => (m as f32 / 512.0).to_bits(), // subnormals: m * 2^-9
            (e, m) => ((e + 120) << 23) | (m << 20),
        };
        f32::from_bits(sign | bits)
    }

    /// Rounded to nearest, ties to even; what does not fit becomes NaN, as the format has no infinity.
    pub fn from_f32(x: f32) -> F8E4M3FN {
        F8E4M3FN(round_to_f8(x, 3, -6, 0x7e, 0x7f, 0x7f))
    }
}

/// Rounds to a byte float with `mantissa` bits and least normal exponent `min_exp`. `max_finite` is the largest
/// magnitude that is a number (or the infinity's, which rounding may reach by carry), `overflow` what lies beyond it.
fn round_to_f8(x: f32, mantissa: i32, min_exp: i32, max_finite: u32, overflow: u32, nan: u32) -> u8 {
    let sign = ((x.to_bits() >> 24) & 0x80) as u8;
    let magnitude = x.abs();
    if magnitude.is_nan() {
        return sign | nan as u8;
    }
    if magnitude.is_infinite() {
        return sign | overflow as u8;
    }
    // Count in units of the last place at this exponent; `f32` holds both factors exactly.
    let exponent = (((magnitude.to_bits() >> 23) as i32) - 127).max(min_exp);
    let units = (magnitude * 2f32.powi(mantissa - exponent)).round_ties_even() as u32;
    // A carry out of the mantissa lands on the next exponent by itself, as in any IEEE encoding.
    let bits = (((exponent - min_exp) as u32) << mantissa) + units;
    sign | if bits > max_finite { overflow } else { bits } as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f8_round_trips_and_rounds() {
        for byte in 0..=255u8 {
            let a = F8E5M2(byte).to_f32();
            let b = F8E4M3FN(byte).to_f32();
            if !a.is_nan() {
                assert_eq!(F8E5M2::from_f32(a).0, byte);
            }
            if !b.is_nan() {
                assert_eq!(F8E4M3FN::from_f32(b).0, byte);
            }
        }
        assert_eq!(F8E4M3FN::from_f32(448.0).0, 0x7e);
        assert_eq!(F8E4M3FN::from_f32(464.0).0, 0x7e); // tie, to even
        assert_eq!(F8E4M3FN::from_f32(464.1).0, 0x7f);
        assert_eq!(F8E5M2::from_f32(57344.0).0, 0x7b);
        assert_eq!(F8E5M2::from_f32(61440.0).0, 0x7c);
        assert_eq!(F8E5M2::from_f32(-0.0).0, 0x80);
        assert_eq!(F8E4M3FN::from_f32(1e-9).0, 0);
    }
}
