//! The angle of a point.
//!
//! 1. `q = least / most` of the two magnitudes is in [0, 1]; its arctangent is `C + atan(t)` with
//!    `t = (least - c*most) / (most + c*least)` for the c among 0, 1/2 and 1 that is near `q`, and `C = atan(c)`. The
//!    numerator is exact (c is a power of two, and the difference is Sterbenz's), the denominator is held in two parts,
//!    and the quotient too: its second part comes from the remainder.
//! 2. `|t| <= 1/4`, so 14 terms of Taylor's series leave 2^-60.
//! 3. The angle is 0, pi/2 or pi, plus or minus that, all in two parts. Only the last addition rounds; what else is left is
//!    a few hundredths of an ULP.
//!
//! f32 is computed in f64, where no part needs a second one.
//!
//! The AVX-512 lanes are in `atan2_v4.rs`.

use super::horner64;
use super::pair::{product_rest, quick_sum};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;
#[cfg(target_arch = "x86_64")]
use crate::simd::math::{MathInputs, Register};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// The angle of the point (second, first).
pub struct Atan2;

/// What FRAC_PI_2 lacks; twice and half of it are what PI and FRAC_PI_4 lack.
const PI_2_LOW: f64 = 6.123_233_995_736_766e-17;
/// atan(1/2), and what that lacks.
const ATAN_HALF: (f64, f64) = (0.463_647_609_000_806_1, 2.269_877_745_296_168_7e-17);

/// Of `atan(t)/t - 1` in `t^2`, from the second term on: (-1)^k / (2k + 1).
const TAYLOR: [f64; 14] = {
    let mut terms = [0.0; 14];
    let mut k = 0;
    while k < 14 {
        terms[k] = (if k % 2 == 0 { -1.0 } else { 1.0 }) / (2 * k + 3) as f64;
        k += 1;
    }
    terms
};

/// Magnitudes for which no part of the computation over- or underflows.
const LEAST: f64 = f64::from_bits((1023 - 450) << 52);
const MOST: f64 = f64::from_bits((1023 + 450) << 52);

/// What is known of a point before its quotient: the magnitudes, and the angle they are added to or taken from.
struct Octant {
    least: f64,
    most: f64,
    base: (f64, f64),
    sign: f64,
}

#[inline(always)]
fn octant(y: f64, x: f64) -> Octant {
    let (ay, ax) = (y.abs(), x.abs());
    let (steep, behind) = (ay > ax, x.is_sign_negative());
    let level = if behind { (PI, 2.0 * PI_2_LOW) } else { (0.0, 0.0) };
    Octant {
        least: if steep { ax } else { ay },
        most: if steep { ay } else { ax },
        base: if steep { (FRAC_PI_2, PI_2_LOW) } else { level },
        sign: if steep == behind { 1.0 } else { -1.0 },
    }
}

/// The c that is near the quotient, and its arctangent.
#[inline(always)]
fn near(least: f64, most: f64) -> (f64, (f64, f64)) {
    let (quarter, three) = (least >= 0.25 * most, least >= 0.75 * most);
    let c = if three {
        1.0
    } else if quarter {
        0.5
    } else {
        0.0
    };
    let half = if quarter { ATAN_HALF } else { (0.0, 0.0) };
    (c, if three { (FRAC_PI_4, 0.5 * PI_2_LOW) } else { half })
}

/// The angle's magnitude.
#[inline(always)]
fn angle<M: Madd>(m: M, Octant { least, most, base, sign }: Octant) -> f64 {
    let (c, arc) = near(least, most);
    let numerator = least - c * most;
    let (d, d_low) = quick_sum(most, c * least);
    let t = numerator / d;
    let p = t * d;
    let rest = (numerator - p) - product_rest(m, t, d, p);
    let t_low = (rest - t * d_low) / d;
    let z = t * t;
    let tail = t * (z * horner64(m, z, &TAYLOR));
    let (arc_sum, arc_rest) = quick_sum(arc.0, t);
    let (sum, sum_rest) = quick_sum(base.0, sign * arc_sum);
    sum + (sum_rest + (base.1 + sign * (arc_rest + (arc.1 + (t_low + tail)))))
}

/// The same to f32's precision.
#[inline(always)]
fn coarse_angle<M: Madd>(m: M, Octant { least, most, base, sign }: Octant) -> f64 {
    let (c, arc) = near(least, most);
    let t = (least - c * most) / (most + c * least);
    let z = t * t;
    let terms: &[f64; 8] = const { TAYLOR.first_chunk::<8>().unwrap() };
    base.0 + sign * (arc.0 + m.f64(t * z, horner64(m, z, terms), t))
}

/// The magnitude where some magnitude is zero, infinite or beyond what [`angle`] takes.
#[inline(always)]
fn extreme<M: Madd>(m: M, y: f64, x: f64) -> f64 {
    let mut octant = octant(y, x);
    let ordinary = octant.least != 0.0 && octant.most != f64::INFINITY;
    if !ordinary {
        // On an axis, or infinitely far out: there on a diagonal if both are.
        let diagonal = octant.least == f64::INFINITY;
        let arc = if diagonal { (FRAC_PI_4, 0.5 * PI_2_LOW) } else { (0.0, 0.0) };
        return octant.base.0 + octant.sign * arc.0;
    }
    let flat = octant.base.0 == 0.0 && octant.least < octant.most * f64::from_bits((1023 - 30) << 52);
    if flat {
        return octant.least / octant.most; // the next term of the series is far below its last bit
    }
    let scale = f64::from_bits(if octant.most > MOST { 1023 - 600 } else { 1023 + 600 } << 52);
    if octant.most > MOST || octant.most < LEAST {
        (octant.least, octant.most) = (octant.least * scale, octant.most * scale);
    }
    if octant.least < LEAST * f64::EPSILON {
        return octant.base.0; // beside a right angle or two nothing
    }
    angle(m, octant)
}

/// Underflow: an angle too small to be held exactly. No angle is exact but those of the axes.
macro_rules! underflow {
    ($y:expr, $x:expr, $angle:expr, $t:ident) => {
        FpFlags::UNDERFLOW.when($y != 0.0 && $x.is_finite() && $angle.abs() < $t::MIN_POSITIVE)
    };
}

/// The hand-written lanes. They take points on the axes too, to the bits that [`Math::full`] gives.
macro_rules! v4 {
    ($t:ident, $lane:ident, $usual:ident) => {
        const HAS_V4: bool = cfg!(target_arch = "x86_64");

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn lane_v4(simd: pulp::x86::V4, (y, x): <($t, $t) as MathInputs>::Zmm) -> <$t as Register>::Zmm {
            super::atan2_v4::$lane(simd, y, x)
        }

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn usual_v4(simd: pulp::x86::V4, (y, x): <($t, $t) as MathInputs>::Zmm, ok: u16) -> u16 {
            super::atan2_v4::$usual(simd, y, x, ok)
        }
    };
}

impl Math<(f64, f64)> for Atan2 {
    #[inline(always)]
    fn usual((y, x): (f64, f64)) -> bool {
        let usual = |a: f64| (LEAST..=MOST).contains(&a.abs());
        usual(y) & usual(x)
    }

    #[inline(always)]
    fn lane<M: Madd>(m: M, (y, x): (f64, f64)) -> f64 {
        angle(m, octant(y, x)).copysign(y)
    }

    #[inline(always)]
    fn full<M: Madd>(m: M, (y, x): (f64, f64)) -> f64 {
        if y.is_nan() || x.is_nan() {
            return y + x;
        }
        let magnitude = if Self::usual((y, x)) { angle(m, octant(y, x)) } else { extreme(m, y, x) };
        magnitude.copysign(y)
    }

    #[inline(always)]
    fn flags((y, x): (f64, f64), angle: f64) -> FpFlags {
        underflow!(y, x, angle, f64)
    }

    v4!(f64, atan2_f64, usual_f64);
}

impl Math<(f32, f32)> for Atan2 {
    #[inline(always)]
    fn usual((y, x): (f32, f32)) -> bool {
        // No angle of these is subnormal.
        const LEAST: f32 = f32::from_bits((127 - 60) << 23);
        const MOST: f32 = f32::from_bits((127 + 60) << 23);
        let usual = |a: f32| (LEAST..=MOST).contains(&a.abs());
        usual(y) & usual(x)
    }

    #[inline(always)]
    fn lane<M: Madd>(m: M, (y, x): (f32, f32)) -> f32 {
        (coarse_angle(m, octant(y as f64, x as f64)) as f32).copysign(y)
    }

    #[inline(always)]
    fn full<M: Madd>(m: M, (y, x): (f32, f32)) -> f32 {
        let (wide_y, wide_x) = (y as f64, x as f64);
        let octant = octant(wide_y, wide_x);
        // Every f32 but zeros and infinities is ordinary to f64.
        let magnitude = match octant.least != 0.0 && octant.most != f64::INFINITY {
            true => coarse_angle(m, octant),
            false => extreme(m, wide_y, wide_x),
        };
        if y.is_nan() || x.is_nan() { y + x } else { (magnitude as f32).copysign(y) }
    }

    #[inline(always)]
    fn flags((y, x): (f32, f32), angle: f32) -> FpFlags {
        underflow!(y, x, angle, f32)
    }

    v4!(f32, atan2_f32, usual_f32);
}
