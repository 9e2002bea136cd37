//! The logarithm of a sum of exponentials: the larger operand, plus `log(1 + e)` for e the exponential of the difference.
//!
//! 1. The difference is held in two parts, and so is `e = s + s*p` (see `pair.rs`).
//! 2. `u = 1 + e`, and what its rounding drops, `c`. `log(u + c)` is the logarithm of `pair.rs`, with `c/u` beside it, to
//!    2^-58 of it.
//! 3. Only the last addition rounds. Where the operand and the logarithm cancel, which they do near -log 2 and above it, the
//!    error is the logarithm's, at most 2^-58.
//!
//! The AVX-512 lanes of f64 are in `pair_v4.rs`.
//!
//! f32 is computed in f64, where no part needs a second one (`coarse.rs`).

use super::coarse;
use super::pair::{
    INV, LN2_HI, LN2_LO, LOG_HI, LOG_LO, Parts, SHORT_P, beside, exp, exp2, polynomial, product_rest,
    quick_sum, reduce, two_sum,
};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;
#[cfg(target_arch = "x86_64")]
use crate::simd::math::{MathInputs, Register};
use std::f64::consts::{LN_2, LOG2_E};

/// log(e^x1 + e^x2).
pub struct LogAddExp;
/// log2(2^x1 + 2^x2).
pub struct LogAddExp2;

/// What LOG2_E lacks.
pub const LOG2_E_LOW: f64 = 2.0355273740931033e-17;

/// Below this `log(1 + e)` is `e - s^2/2` to 2^-56 of it, and what `1 + e` drops is not small beside it.
pub const SMALL: f64 = f64::from_bits((1023 - 51) << 52);

/// The base of the exponentials.
pub trait Base {
    /// Differences down to here have an exponential that is a normal number, by some margin.
    const NEAR: f64;
    /// Those down to here have one that is not 0.
    const FAR: f64;
    /// The exponential in parts.
    fn exp<M: Madd>(m: M, x: f64, low: f64) -> Parts;
    /// The same to f32's precision.
    fn coarse_exp<M: Madd>(m: M, x: f64) -> f64;
    /// Whether it is 2, and not e.
    const BINARY: bool;
    /// A natural logarithm to this base, in two parts.
    fn log<M: Madd>(m: M, log: f64, low: f64) -> (f64, f64);
    /// 1 to this base.
    const UNIT: f64;
    /// 2 to this base.
    const OF_2: f64;
}

impl Base for LogAddExp {
    const NEAR: f64 = -700.0;
    const FAR: f64 = -746.0;
    const UNIT: f64 = 1.0;
    const OF_2: f64 = LN_2;
    const BINARY: bool = false;
    #[inline(always)]
    fn exp<M: Madd>(m: M, x: f64, low: f64) -> Parts {
        exp(m, x, low)
    }
    #[inline(always)]
    fn coarse_exp<M: Madd>(m: M, x: f64) -> f64 {
        coarse::exp(m, x)
    }
    #[inline(always)]
    fn log<M: Madd>(_: M, log: f64, low: f64) -> (f64, f64) {
        (log, low)
    }
}

impl Base for LogAddExp2 {
    const NEAR: f64 = -1000.0;
    const FAR: f64 = -1076.0;
    const UNIT: f64 = LOG2_E;
    const OF_2: f64 = 1.0;
    const BINARY: bool = true;
    #[inline(always)]
    fn exp<M: Madd>(m: M, x: f64, low: f64) -> Parts {
        exp2(m, x, low)
    }
    #[inline(always)]
    fn coarse_exp<M: Madd>(m: M, x: f64) -> f64 {
        coarse::exp(m, x * LN_2)
    }
    #[inline(always)]
    fn log<M: Madd>(m: M, log: f64, low: f64) -> (f64, f64) {
        let y = log * LOG2_E;
        (y, product_rest(m, log, LOG2_E, y) + m.f64(log, LOG2_E_LOW, low * LOG2_E))
    }
}

/// The larger one first.
#[inline(always)]
fn ordered<T: PartialOrd>(a: T, b: T) -> (T, T) {
    if a > b { (a, b) } else { (b, a) }
}

/// The function for finite numbers whose difference is near; or with nothing to add, where it is not.
#[inline(always)]
fn sum<B: Base, M: Madd>(m: M, (most, least): (f64, f64)) -> f64 {
    let (d, d_rest) = two_sum(least, -most);
    let near = d >= B::NEAR;
    let (d, d_rest) = (if near { d } else { B::NEAR }, if near { d_rest } else { 0.0 });
    let (s, p) = B::exp(m, d, d_rest).shifted();
    let s = if near { s } else { 0.0 };
    let (first, first_rest) = quick_sum(1.0, s);
    let (u, c) = quick_sum(first, m.f64(s, p, first_rest));
    // k is 0 or 1.
    let (k, mantissa, i) = reduce(u);
    let inv = INV[i];
    let r = beside(m, mantissa, inv);
    let c = c * inv * m.f64(-0.5, k, 1.0);
    let (base, low) = (m.f64(k, LN2_HI, LOG_HI[i]), m.f64(k, LN2_LO, LOG_LO[i]));
    let (log, log_rest) = quick_sum(base, r);
    let low = (low + log_rest) + m.f64(c, -r, c);
    let square = r * r;
    let low = m.f64(square, m.f64(r, polynomial(m, r, square, &SHORT_P), -0.5), low);
    let small = s < SMALL;
    let (log, low) = (if small { s } else { log }, if small { s * m.f64(-0.5, s, p) } else { low });
    let (log, low) = B::log(m, log, low);
    let (total, rest) = two_sum(most, log);
    total + (rest + low)
}

/// The function for numbers far apart, not NaN.
#[inline(always)]
fn apart<B: Base, M: Madd>(m: M, (most, least): (f64, f64)) -> f64 {
    let up = |e: u64| f64::from_bits((1023 + e) << 52);
    let (d, d_rest) = two_sum(least, -most);
    if most.abs() >= 1.0 / up(900) || d < B::FAR {
        return most + 0.0; // as NumPy adds it, which makes -0 one of plain zeros
    }
    // Scaled up, as the exponential may be subnormal.
    let Parts { steps, s, p } = B::exp(m, d, d_rest);
    let (s, p) = Parts { steps: steps + 16 * 200, s, p }.shifted();
    // log(1 + e) is e here, to this base.
    let (log, low) = B::log(m, s, s * p);
    let (total, rest) = two_sum(most * up(200), log);
    (total + (rest + low)) / up(200)
}

/// The function of f32, everywhere but for NaN and where the larger one is infinite.
#[inline(always)]
fn coarse_sum<B: Base, M: Madd>(m: M, (most, least): (f64, f64)) -> f64 {
    let d = least - most;
    let near = d >= B::NEAR;
    let e = B::coarse_exp(m, if near { d } else { B::NEAR });
    let e = if near { e } else { 0.0 };
    let log = coarse::log_1p(m, e);
    // Of equal numbers it is one of 2, and the sum perhaps exact.
    if d == 0.0 { most + B::OF_2 } else { m.f64(log, B::UNIT, most) }
}

/// As NumPy computes it: the difference may overflow, and its exponential underflow; and NaN is compared with.
macro_rules! flags {
    ($a:expr, $b:expr, $t:ident, $least:expr) => {{
        let (a, b) = ($a, $b);
        let d = (a - b).abs();
        FpFlags::INVALID.when(a.is_nan() || b.is_nan())
            | FpFlags::OVERFLOW.when(d == $t::INFINITY && a.is_finite() && b.is_finite())
            | FpFlags::UNDERFLOW.when(d < $t::INFINITY && d > $least)
    }};
}

macro_rules! math {
    ($($op:ident: f64 $least64:expr, f32 $least32:expr;)*) => {$(
        impl Math<(f64, f64)> for $op {
            #[inline(always)]
            fn usual((a, b): (f64, f64)) -> bool {
                let (most, least) = ordered(a, b);
                (most.abs() < f64::INFINITY)
                    & ((least - most >= <$op as Base>::NEAR) | (least == f64::NEG_INFINITY))
            }

            #[inline(always)]
            fn lane<M: Madd>(m: M, (a, b): (f64, f64)) -> f64 {
                sum::<$op, M>(m, ordered(a, b))
            }

            #[inline(always)]
            fn full<M: Madd>(m: M, (a, b): (f64, f64)) -> f64 {
                let (most, least) = ordered(a, b);
                match () {
                    () if a.is_nan() || b.is_nan() => a + b,
                    () if most.is_infinite() => most,
                    () if least - most >= <$op as Base>::NEAR => sum::<$op, M>(m, (most, least)),
                    () => apart::<$op, M>(m, (most, least)),
                }
            }

            #[inline(always)]
            fn flags((a, b): (f64, f64), _: f64) -> FpFlags {
                flags!(a, b, f64, $least64)
            }

            const HAS_V4: bool = cfg!(target_arch = "x86_64");

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            fn lane_v4(simd: pulp::x86::V4, (a, b): <(f64, f64) as MathInputs>::Zmm) -> <f64 as Register>::Zmm {
                super::pair_v4::logaddexp::<$op>(simd, a, b)
            }

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            fn usual_v4(simd: pulp::x86::V4, (a, b): <(f64, f64) as MathInputs>::Zmm, ok: u16) -> u16 {
                super::pair_v4::logaddexp_usual::<$op>(simd, a, b, ok)
            }
        }

        impl Math<(f32, f32)> for $op {
            #[inline(always)]
            fn usual((a, b): (f32, f32)) -> bool {
                let (most, least) = ordered(a, b);
                (most.abs() < f32::INFINITY) & ((least - most >= -$least32) | (least == f32::NEG_INFINITY))
            }

            #[inline(always)]
            fn lane<M: Madd>(m: M, (a, b): (f32, f32)) -> f32 {
                coarse_sum::<$op, M>(m, ordered(a as f64, b as f64)) as f32
            }

            #[inline(always)]
            fn full<M: Madd>(m: M, (a, b): (f32, f32)) -> f32 {
                let (most, least) = ordered(a, b);
                match () {
                    () if a.is_nan() || b.is_nan() => a + b,
                    () if most.is_infinite() => most,
                    () => coarse_sum::<$op, M>(m, (most as f64, least as f64)) as f32,
                }
            }

            #[inline(always)]
            fn flags((a, b): (f32, f32), _: f32) -> FpFlags {
                flags!(a, b, f32, $least32)
            }
        }
    )*};
}

// Differences whose exponentials are the least normal numbers.
math! {
    LogAddExp: f64 708.3964185322641, f32 87.33654;
    LogAddExp2: f64 1022.0, f32 126.0;
}
