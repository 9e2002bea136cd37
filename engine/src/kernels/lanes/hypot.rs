//! The hypotenuse: the root of the sum of squares, where the sum is rounded once: what the rounding of the squares and of
//! the sum dropped goes into it last. Then the root is within 0.86 ULP.

use super::pair::product_rest;
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// The hypotenuse.
pub struct Hypot;

/// What the rounding of a square dropped.
#[inline(always)]
pub(super) fn rest64<M: Madd>(m: M, x: f64, square: f64) -> f64 {
    product_rest(m, x, x, square)
}

/// The same in f32, whose squares are f64.
#[inline(always)]
pub(super) fn rest32<M: Madd>(m: M, x: f32, square: f32) -> f32 {
    if M::FUSED { m.f32(x, x, -square) } else { (x as f64 * x as f64 - square as f64) as f32 }
}

/// Squares of magnitudes in the range neither over- nor underflow, and nor does what their rounding drops; what is smaller
/// than all of these may, beside one of them.
macro_rules! hypot {
    ($t:ident, $rest:ident, $least:expr, $most:expr, |$x:ident, $y:ident| $elsewhere:expr, $inexact:expr) => {
        impl Hypot {
            #[inline(always)]
            fn $t<M: Madd>(m: M, x: $t, y: $t) -> $t {
                let (xx, yy) = (x * x, y * y);
                let (large, small) = if xx > yy { (xx, yy) } else { (yy, xx) };
                let sum = large + small;
                let sum_rest = small - (sum - large);
                (sum + (sum_rest + ($rest(m, x, xx) + $rest(m, y, yy)))).sqrt()
            }
        }

        impl Math<($t, $t)> for Hypot {
            #[inline(always)]
            fn usual((x, y): ($t, $t)) -> bool {
                let (x, y) = (x.abs(), y.abs());
                let larger = if x > y { x } else { y };
                // Two zeros are common.
                (x <= $most) & (y <= $most) & ((larger >= $least) | (larger == 0.0))
            }

            #[inline(always)]
            fn lane<M: Madd>(m: M, (x, y): ($t, $t)) -> $t {
                Hypot::$t(m, x, y)
            }

            #[inline(always)]
            fn full<M: Madd>(m: M, ($x, $y): ($t, $t)) -> $t {
                match () {
                    () if $x.is_infinite() || $y.is_infinite() => $t::INFINITY, // whatever the other is
                    () if Self::usual(($x, $y)) => Hypot::$t(m, $x, $y),
                    () => $elsewhere(m),
                }
            }

            #[inline(always)]
            fn flags(($x, $y): ($t, $t), h: $t) -> FpFlags {
                let tiny = h < $t::MIN_POSITIVE && $x != 0.0 && $y != 0.0;
                FpFlags::OVERFLOW.when(h == $t::INFINITY && $x.is_finite() && $y.is_finite())
                    | FpFlags::UNDERFLOW.when(tiny && $inexact(h))
            }
        }
    };
}

const fn power_of_2_64(e: i64) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}
const fn power_of_2_32(e: i32) -> f32 {
    f32::from_bits(((e + 127) as u32) << 23)
}

hypot!(
    f64,
    rest64,
    power_of_2_64(-450),
    power_of_2_64(510),
    |x, y| |m| {
        // By a power of two to where the larger one is usual.
        let (there, back) = match x.abs() > 1.0 || y.abs() > 1.0 {
            true => (power_of_2_64(-600), power_of_2_64(600)),
            false => (power_of_2_64(700), power_of_2_64(-700)),
        };
        Hypot::f64(m, x * there, y * there) * back
    },
    // Of two numbers that are not 0 NumPy's is always tiny and inexact, whether it is or not.
    |_| true
);
hypot!(
    f32,
    rest32,
    power_of_2_32(-50),
    power_of_2_32(62),
    |x, y| |_| (x as f64 * x as f64 + y as f64 * y as f64).sqrt() as f32,
    |h: f32| h as f64 * h as f64 != x as f64 * x as f64 + y as f64 * y as f64
);
