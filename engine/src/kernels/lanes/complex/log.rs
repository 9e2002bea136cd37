//! Logarithms: log, log2, log10, log1p.
//!
//! The real part is half the logarithm of `x^2 + y^2`, a sum in two parts: where it is near 1, and the logarithm near 0, the
//! second part counts. The imaginary part is the angle.

use super::super::atan2::Atan2;
use super::super::log::{Log, Log1p, Log2, Log10};
use super::super::pair::{product_rest, two_sum};
use super::{angle_of, power_of_2, raised};
use crate::registry::{Complex64, FpFlags};
use crate::simd::complex::{Composed, Room, Split, apply2, fill};
use crate::simd::level::{Level, Madd, Scalar};
use std::f64::consts::{LN_2, LOG2_E, LOG10_E};

/// Squares of larger parts overflow, and those of smaller ones, if neither is larger, have too few digits.
pub(super) const RANGE: (f64, f64) = (power_of_2(-450), power_of_2(450));

/// `log |x + low + iy|`.
#[inline(always)]
pub(super) fn log_size<M: Madd>(m: M, x: f64, low: f64, y: f64) -> f64 {
    let (xx, yy) = (x * x, y * y);
    let (sum, rest) = two_sum(xx, yy);
    let rest =
        rest + (product_rest(m, x, x, xx) + product_rest(m, y, y, yy)) + m.f64(2.0 * x, low, low * low);
    0.5 * Log::f64(m, sum, rest)
}

/// Of any number but NaN, and what it raises.
pub(super) fn log_of(z: Complex64) -> (Complex64, FpFlags) {
    let (x, y) = (z.re, z.im);
    let angle = angle_of(y, x);
    let value = |size: f64| Complex64::new(size, angle);
    match x.abs().max(y.abs()) {
        _ if x.is_infinite() || y.is_infinite() => (value(f64::INFINITY), FpFlags::NONE),
        _ if x.is_nan() || y.is_nan() => (Complex64::new(f64::NAN, f64::NAN), FpFlags::NONE),
        0.0 => (value(f64::NEG_INFINITY), FpFlags::DIVIDE),
        most => {
            let octaves = match most {
                most if most > RANGE.1 => 600,
                most if most < RANGE.0 => -600,
                _ => 0,
            };
            let scale = power_of_2(-octaves);
            let size = log_size(Scalar.madd(), x * scale, 0.0, y * scale);
            let z = value(size + octaves as f64 * LN_2);
            (z, raised(z))
        }
    }
}

macro_rules! logarithms {
    ($($op:ident $factor:expr;)*) => {$(
        impl Composed<1> for $op {
            #[inline(always)]
            fn usual([z]: [Complex64; 1]) -> bool {
                let (x, y) = (z.re.abs(), z.im.abs());
                (x <= RANGE.1) & (y <= RANGE.1) & ((x >= RANGE.0) | (y >= RANGE.0))
            }
            #[inline(always)]
            fn block<L: Level>(level: L, [z]: &mut [Split; 1], [angle, ..]: &mut Room) {
                let (re, im) = z.parts();
                let n = re.len();
                let angle = &apply2::<Atan2, L>(level, im, re, angle)[..n];
                let im = &mut im[..n];
                for i in 0..n {
                    let size = log_size(level.madd(), re[i], 0.0, im[i]);
                    (re[i], im[i]) = (size * $factor, angle[i] * $factor);
                }
            }
            fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
                let (log, flags) = log_of(z);
                (Complex64::new(log.re * $factor, log.im * $factor), flags)
            }
        }
    )*};
}
logarithms! {
    Log 1.0;
    Log2 LOG2_E;
    Log10 LOG10_E;
}

impl Composed<1> for Log1p {
    #[inline(always)]
    fn usual([z]: [Complex64; 1]) -> bool {
        let (x, y) = (z.re, z.im.abs());
        (x.abs() <= RANGE.1) & (y <= RANGE.1) & ((x != -1.0) | (y >= RANGE.0))
    }
    #[inline(always)]
    fn block<L: Level>(level: L, [z]: &mut [Split; 1], [angle, next, ..]: &mut Room) {
        let (re, im) = z.parts();
        let n = re.len();
        let next = fill(next, n);
        for i in 0..n {
            let (x, low) = two_sum(1.0, re[i]);
            re[i] = log_size(level.madd(), x, low, im[i]);
            next[i] = x;
        }
        let angle = &apply2::<Atan2, L>(level, im, next, angle)[..n];
        im.copy_from_slice(angle);
    }
    /// Of what is not finite by NumPy's formula.
    fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
        let (x, y) = (z.re, z.im);
        if Self::usual([z]) {
            let (next, low) = two_sum(1.0, x);
            let z = Complex64::new(log_size(Scalar.madd(), next, low, y), angle_of(y, next));
            return (z, raised(z));
        }
        let (log, flags) = log_of(Complex64::new(1.0 + x, y));
        let angle = angle_of(y, 1.0 + x); // a number also where the size is NaN
        (Complex64::new(log.re, angle), flags)
    }
}
