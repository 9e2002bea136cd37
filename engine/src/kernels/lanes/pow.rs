//! Powers of floats: e to the power of `x2 * log x1`, the logarithm and the product in two parts (see `pair.rs`). What the
//! logarithm and the exponential leave is under 0.25 ULP, to which the last rounding adds its half.
//!
//! f32 is computed in f64, where no part needs a second one (`coarse.rs`).
//!
//! The AVX-512 lanes are in `pair_v4.rs` and `pow32_v4.rs`.

use super::coarse;
use super::pair::{Parts, exp, log, product_rest, reduce};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;
#[cfg(target_arch = "x86_64")]
use crate::simd::math::{MathInputs, Register};

/// x1 to the power of x2.
pub struct Pow;

/// Beyond this exponents have whatever effect a larger one has: no number but 1 is nearer to 1 than 2^-54.
const HUGE: f64 = 1180591620717411303424.0; // 2^70

/// The power's logarithm in two parts.
#[inline(always)]
fn log_power<M: Madd>(m: M, (hi, lo): (f64, f64), y: f64) -> (f64, f64) {
    let e = y * hi;
    (e, m.f64(y, lo, product_rest(m, y, hi, e)))
}

#[inline(always)]
fn power<M: Madd>(m: M, x: f64, y: f64) -> Parts {
    // Dekker's halves of a larger one overflow.
    let y = if M::FUSED { y } else { y.clamp(-HUGE, HUGE) };
    let (e, rest) = log_power(m, log(m, x, 0.0), y);
    exp(m, e, rest)
}

/// A bound of the result's exponent, within a tenth of it: the logarithm of the mantissa 1 + t is about t*(4/3 - t/3).
#[inline(always)]
fn exponent(x: f64, y: f64) -> f64 {
    let (k, mantissa, _) = reduce(x);
    let t = mantissa - 1.0;
    (y * (k + t * (1.34 - 0.34 * t))).abs() * 1.1
}

/// The power, given what it is of positive finite numbers, and what C99 says of all others.
#[inline(always)]
fn special(x: f64, y: f64, power: f64) -> f64 {
    let most = y.abs();
    // From 2^53 on every number is whole and even.
    let whole = most >= 9007199254740992.0 || most as i64 as f64 == most;
    let odd = whole && most < 9007199254740992.0 && most as i64 & 1 == 1;
    let sign = if odd && x.is_sign_negative() { -1.0 } else { 1.0 };
    let size = x.abs();
    match () {
        () if y == 0.0 || x == 1.0 => 1.0,
        () if x.is_nan() || y.is_nan() => x + y,
        () if most == f64::INFINITY => match size == 1.0 {
            true => 1.0,
            false => {
                if (size > 1.0) == (y > 0.0) {
                    f64::INFINITY
                } else {
                    0.0
                }
            }
        },
        () if size == 0.0 || size == f64::INFINITY => {
            if (size == 0.0) == (y > 0.0) {
                0.0 * sign
            } else {
                f64::INFINITY * sign
            }
        }
        () if x < 0.0 && !whole => f64::NAN,
        () => power * sign,
    }
}

/// What is raised: underflow by every subnormal result, exact or not, as NumPy has it; but not by a
/// power of two in f32 to the power of 1.
macro_rules! flags {
    ($x:expr, $y:expr, $power:expr, $t:ident, $raises:expr) => {{
        let (x, y, power) = ($x, $y, $power);
        let ordinary = x.is_finite() && x != 0.0 && y.is_finite();
        FpFlags::INVALID.when(power.is_nan() && !x.is_nan() && !y.is_nan())
            | FpFlags::DIVIDE.when(x == 0.0 && y < 0.0 && y.is_finite())
            | FpFlags::OVERFLOW.when(ordinary && power.is_infinite())
            | FpFlags::UNDERFLOW.when(ordinary && power.abs() < $t::MIN_POSITIVE && $raises)
    }};
}

impl Math<(f64, f64)> for Pow {
    #[inline(always)]
    fn usual((x, y): (f64, f64)) -> bool {
        // As integers: negative x are large, and so is NaN.
        let above = x.to_bits().wrapping_sub(f64::MIN_POSITIVE.to_bits());
        (above < f64::INFINITY.to_bits() - f64::MIN_POSITIVE.to_bits()) & (exponent(x, y) <= 1020.0)
    }

    #[inline(always)]
    fn lane<M: Madd>(m: M, (x, y): (f64, f64)) -> f64 {
        let (s, p) = power(m, x, y).shifted();
        m.f64(s, p, s)
    }

    #[inline(always)]
    fn full<M: Madd>(m: M, (x, y): (f64, f64)) -> f64 {
        let size = x.abs();
        let (size, less) = if size < f64::MIN_POSITIVE {
            (size * f64::from_bits((1023 + 54) << 52), 54.0)
        } else {
            (size, 0.0)
        };
        let (e, rest) = log_power(m, log(m, size, less), y.clamp(-HUGE, HUGE));
        // Beyond these the result is 0 or infinite for sure.
        let (e, rest) = if e.abs() <= 746.0 { (e, rest) } else { (e.clamp(-746.0, 746.0), 0.0) };
        special(x, y, exp(m, e, rest).rounded(m))
    }

    #[inline(always)]
    fn flags((x, y): (f64, f64), power: f64) -> FpFlags {
        flags!(x, y, power, f64, true)
    }

    const HAS_V4: bool = cfg!(target_arch = "x86_64");

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn lane_v4(simd: pulp::x86::V4, (x, y): <(f64, f64) as MathInputs>::Zmm) -> <f64 as Register>::Zmm {
        super::pair_v4::pow(simd, x, y)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn usual_v4(simd: pulp::x86::V4, (x, y): <(f64, f64) as MathInputs>::Zmm, ok: u16) -> u16 {
        super::pair_v4::pow_usual(simd, x, y, ok)
    }
}

impl Math<(f32, f32)> for Pow {
    #[inline(always)]
    fn usual((x, y): (f32, f32)) -> bool {
        let above = x.to_bits().wrapping_sub(f32::MIN_POSITIVE.to_bits());
        // The result's exponent within a 16th of it: log2(1 + f) is about f*(1.44 - 0.6 f).
        let (k, f) = coarse::reduce(x);
        let exponent = (y * (k + f * (1.44 - 0.6 * f))).abs() * 1.0625;
        (above < f32::INFINITY.to_bits() - f32::MIN_POSITIVE.to_bits()) & (exponent <= 126.0)
    }

    #[inline(always)]
    fn lane<M: Madd>(m: M, (x, y): (f32, f32)) -> f32 {
        coarse::exp(m, y as f64 * coarse::log(m, coarse::reduce(x))) as f32
    }

    #[inline(always)]
    fn full<M: Madd>(m: M, (x, y): (f32, f32)) -> f32 {
        let size = x.abs();
        let (size, less) = if size < f32::MIN_POSITIVE { (size * 16777216.0, 24.0) } else { (size, 0.0) };
        let (k, f) = coarse::reduce(size);
        // Beyond the limits the result is 0 or infinite for sure; within them it is a normal f64.
        let e = (y as f64 * coarse::log(m, (k - less, f))).clamp(-110.0, 110.0);
        special(x as f64, y as f64, coarse::exp(m, e)) as f32
    }

    #[inline(always)]
    fn flags((x, y): (f32, f32), power: f32) -> FpFlags {
        flags!(x, y, power, f32, y != 1.0 || !x.abs().to_bits().is_power_of_two())
    }

    const HAS_V4: bool = cfg!(target_arch = "x86_64");

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn lane_v4(simd: pulp::x86::V4, (x, y): <(f32, f32) as MathInputs>::Zmm) -> <f32 as Register>::Zmm {
        super::pow32_v4::pow(simd, x, y)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn usual_v4(simd: pulp::x86::V4, (x, y): <(f32, f32) as MathInputs>::Zmm, ok: u16) -> u16 {
        super::pow32_v4::usual(simd, x, y, ok)
    }
}
