//! Correctly rounded float operations and the exceptions they raise, for any format: computed in f64, which holds more
//! than twice the digits of every narrower format, and rounded once. Whether an f64 result is exact is judged on
//! integers.

use crate::value::{Format, exponent, power_of_2};
use ufunx::registry::{DType, FpFlags};

/// An operation whose result IEEE defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// a + b
    Add,
    /// a - b
    Subtract,
    /// a * b
    Multiply,
    /// a / b
    Divide,
    /// The root of a.
    Sqrt,
}

/// The result in that dtype, and what is raised.
pub fn operate(operation: Operation, a: f64, b: f64, dtype: DType) -> (f64, FpFlags) {
    let apply = |a: f64, b: f64| match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Sqrt => a.sqrt(),
    };
    let format = Format::of(dtype);
    let wide = apply(a, b);
    let result = format.round(wide);
    let unary = operation == Operation::Sqrt;
    let finite = a.is_finite() && (unary || b.is_finite());
    let by_zero = operation == Operation::Divide && b == 0.0 && finite && a != 0.0;
    let flags = FpFlags::INVALID.when(wide.is_nan() && !a.is_nan() && (unary || !b.is_nan()))
        | FpFlags::DIVIDE.when(by_zero)
        | FpFlags::OVERFLOW.when(finite && !by_zero && !wide.is_nan() && !result.is_finite());
    if !finite || wide.is_nan() || !matches!(operation, Operation::Multiply | Operation::Divide) {
        return (result, flags); // sums that are subnormal are exact, and no root is subnormal
    }
    let inexact = match dtype {
        DType::F64 if operation == Operation::Multiply => b != 0.0 && !is_product(a, b, wide),
        DType::F64 => b != 0.0 && !is_product(wide, b, a),
        _ => wide != result,
    };
    (result, flags | FpFlags::UNDERFLOW.when(inexact && is_tiny(operation, a, b, wide, dtype)))
}

/// IEEE 754 leaves open whether a result is tiny before it is rounded, as AArch64 has it, or after, as x86 has it.
pub const TINY_BEFORE_ROUNDING: bool = cfg!(target_arch = "aarch64");

/// Whether the product or quotient counts as tiny: as the CPU has it where it computes in the format, before rounding where
/// software narrows an f32.
fn is_tiny(operation: Operation, a: f64, b: f64, wide: f64, dtype: DType) -> bool {
    let format = Format::of(dtype);
    let least = format.least_normal();
    match dtype {
        DType::F64 if TINY_BEFORE_ROUNDING => {
            let scale = power_of_2(100);
            let (a, b) = (a.abs(), b.abs());
            wide.abs() <= least
                && match operation {
                    Operation::Divide => a * scale < least * scale * b,
                    _ => (a.min(b) * scale).mul_add(a.max(b), -least * scale) < 0.0,
                }
        }
        DType::F32 if !TINY_BEFORE_ROUNDING => {
            wide.abs() < least && (wide == 0.0 || format.round_unbounded(wide, exponent(wide)).abs() < least)
        }
        DType::F64 => {
            let scale = power_of_2(100);
            let scaled = match operation {
                Operation::Divide => a * scale / b,
                _ if a.abs() < b.abs() => a * scale * b,
                _ => a * (b * scale),
            };
            wide.abs() <= least && scaled.abs() < least * scale
        }
        _ => wide.abs() < least,
    }
}

/// Whether `a * b` is exactly `p`.
fn is_product(a: f64, b: f64, p: f64) -> bool {
    let ((ma, ea), (mb, eb), (mp, ep)) = (parts(a), parts(b), parts(p));
    let normal = |m: u128, e: i32| {
        if m == 0 { (0, 0) } else { (m >> m.trailing_zeros(), e + m.trailing_zeros() as i32) }
    };
    normal(ma * mb, ea + eb) == normal(mp, ep)
}

/// |x| as an integer times a power of two.
fn parts(x: f64) -> (u128, i32) {
    let fraction = (x.to_bits() & ((1 << 52) - 1)) as u128;
    match exponent(x) {
        -1023 => (fraction, -1074),
        e => (fraction | 1 << 52, e - 52),
    }
}
