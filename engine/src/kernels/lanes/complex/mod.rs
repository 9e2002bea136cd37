//! Complex functions, made of the real ones of the files above ([`crate::simd::complex`]).
//!
//! Each has a formula without cancellation for ordinary numbers, written over blocks of parts, and the same formula one
//! element at a time with what it cannot do: what C99's Annex G says of infinities, NaNs and zeros, and numbers so large
//! or small that a step of it would leave the range. NumPy calls the C library's functions, which follow that annex; what
//! is raised beside a NaN the annex leaves open, and there it is what glibc raises.

mod arith;
mod inverse;
mod log;
mod power;
mod root;
mod tangent;
mod wave;

pub use arith::{Products, Squares};
pub use power::ComplexPower;

use super::arcsinh;
use super::atan2;
use super::exp;
use super::log as logs;
use super::periodic;
use super::sinh;
use crate::registry::{Complex64, FpFlags};
use crate::simd::level::{Level, Scalar};
use crate::simd::math::Math;

/// Real functions of one number at a time; one copy of each.
macro_rules! reals {
    ($($name:ident $op:ty;)*) => {$(
        #[inline(never)]
        fn $name(x: f64) -> f64 {
            <$op as Math<f64>>::full(Scalar.madd(), x)
        }
    )*};
}
reals! {
    exp_of exp::Exp;
    exp2_of exp::Exp2;
    expm1_of exp::Expm1;
    log1p_of logs::Log1p;
    sin_of periodic::Sin;
    cos_of periodic::Cos;
    sinh_of sinh::Sinh;
    cosh_of sinh::Cosh;
    arcsinh_of arcsinh::Arcsinh;
}

/// The angle of the point (x, y).
#[inline(never)]
fn angle_of(y: f64, x: f64) -> f64 {
    <atan2::Atan2 as Math<(f64, f64)>>::full(Scalar.madd(), (y, x))
}

const fn power_of_2(e: i64) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

/// Squares of these, and products of three of them, are within the range.
const LARGE: f64 = power_of_2(300);

/// Whether both parts are finite and not so large that a square overflows.
#[inline(always)]
fn moderate(z: Complex64) -> bool {
    (z.re.abs() <= LARGE) & (z.im.abs() <= LARGE)
}

/// What a result raises that comes of finite numbers, where its zeros are exact.
fn raised(z: Complex64) -> FpFlags {
    let tiny = |x: f64| x != 0.0 && x.abs() < f64::MIN_POSITIVE;
    FpFlags::OVERFLOW.when(z.re.is_infinite() || z.im.is_infinite())
        | FpFlags::UNDERFLOW.when(tiny(z.re) || tiny(z.im))
}

/// The number with its parts exchanged: `i` times the conjugate.
fn turned(z: Complex64) -> Complex64 {
    Complex64::new(z.im, z.re)
}
