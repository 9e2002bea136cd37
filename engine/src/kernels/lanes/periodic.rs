//! What sin, cos and tan have in common: multiples of pi are taken out of the angle, so that what is left is right to the
//! last bit of its own, however small it is.
//!
//! 1. `r = x - n*pi`, in two parts, for the multiple nearest to x among those that the function asks for. Up to `FAR` pi
//!    in three or four parts is enough: the first difference is exact, because x and n*pi are close, and the other parts
//!    bring the bits that the first one lacks. Farther out, where neighbouring numbers are whole turns apart, x is
//!    multiplied by those digits of 1/pi that decide r.
//! 2. The function of r, from a polynomial or two: in `sincos.rs` and `tan.rs`.
//!
//! f32 is computed in f64, where r needs no second part. Measured: all are within 0.5005 ULP, tan with AVX-512 0.542.
//!
//! The lanes for AVX-512 are in `periodic_v4.rs`.

use super::pair::{product_rest, quick_sum};
use super::{sincos, tan};
use crate::registry::FpFlags;
use crate::simd::level::{Madd, Unfused};
use crate::simd::math::Math;
use std::f64::consts::PI;

/// Sine.
pub struct Sin;
/// Cosine.
pub struct Cos;
/// Tangent.
pub struct Tan;

/// How a function repeats itself: its value at x is one of `r = x - n*pi` and of `k`, a whole number of steps to there.
trait Periodic {
    /// Whether f(-x) = -f(x).
    const IS_ODD: bool;
    /// Whether n is never 0, so that x may have bits far below those of n*pi.
    const IS_APART: bool;
    /// From one n to the next, in units of 2^-127.
    const STEP: u128;
    /// How far 0 is from the n below it, unless it is an n itself.
    const OFFSET: u128;
    /// How many steps are pi.
    const PER_PI: f64;
    /// `k`, of which only the lowest bit matters, and `n` times [`Periodic::PER_PI`]; for |x| up to [`FAR`].
    fn nearest<M: Madd>(m: M, x: f64) -> (u64, f64);
    /// The value for `r + low`.
    fn value<M: Madd>(m: M, r: f64, low: f64, k: u64) -> f64;
    /// The same to f32's precision.
    fn coarse_value<M: Madd>(m: M, r: f64, k: u64) -> f64;
}

/// 1.5 * 2^52: a sum with it is whole, and its last bits are those of the other number.
pub(super) const WHOLE: f64 = 6_755_399_441_055_744.0;

impl Periodic for Sin {
    const IS_ODD: bool = true;
    const IS_APART: bool = false;
    const PER_PI: f64 = 1.0;
    const STEP: u128 = 1 << 127;
    const OFFSET: u128 = 0;
    #[inline(always)]
    fn nearest<M: Madd>(m: M, x: f64) -> (u64, f64) {
        let k = m.f64(x, 1.0 / PI, WHOLE);
        (k.to_bits(), k - WHOLE)
    }
    #[inline(always)]
    fn value<M: Madd>(m: M, r: f64, low: f64, k: u64) -> f64 {
        change_sign(sincos::sine(m, r, low), k)
    }
    #[inline(always)]
    fn coarse_value<M: Madd>(m: M, r: f64, k: u64) -> f64 {
        change_sign(sincos::coarse_sine(m, r), k)
    }
}

/// The sine of a right angle more: `x + pi/2 = r + k*pi`.
impl Periodic for Cos {
    const IS_ODD: bool = false;
    const IS_APART: bool = true;
    const PER_PI: f64 = 1.0;
    const STEP: u128 = 1 << 127;
    const OFFSET: u128 = 1 << 126;
    #[inline(always)]
    fn nearest<M: Madd>(m: M, x: f64) -> (u64, f64) {
        let k = m.f64(x, 1.0 / PI, 0.5) + WHOLE;
        (k.to_bits(), (k - WHOLE) - 0.5)
    }
    #[inline(always)]
    fn value<M: Madd>(m: M, r: f64, low: f64, k: u64) -> f64 {
        Sin::value(m, r, low, k)
    }
    #[inline(always)]
    fn coarse_value<M: Madd>(m: M, r: f64, k: u64) -> f64 {
        Sin::coarse_value(m, r, k)
    }
}

impl Periodic for Tan {
    const IS_ODD: bool = true;
    const IS_APART: bool = false;
    const PER_PI: f64 = 2.0;
    const STEP: u128 = 1 << 126;
    const OFFSET: u128 = 0;
    #[inline(always)]
    fn nearest<M: Madd>(m: M, x: f64) -> (u64, f64) {
        let k = m.f64(x, 2.0 / PI, WHOLE);
        (k.to_bits(), k - WHOLE)
    }
    #[inline(always)]
    fn value<M: Madd>(m: M, r: f64, low: f64, k: u64) -> f64 {
        change_sign(tan::tangent(m, r, low, k & 1 != 0), k)
    }
    #[inline(always)]
    fn coarse_value<M: Madd>(m: M, r: f64, k: u64) -> f64 {
        change_sign(tan::coarse_tangent(m, r, k & 1 != 0), k)
    }
}

/// `-y` for an odd `k`.
#[inline(always)]
fn change_sign(y: f64, k: u64) -> f64 {
    f64::from_bits(y.to_bits() ^ k << 63)
}

/// `y` as the function has it for `x`, from what it is for |x|.
#[inline(always)]
fn mirrored<F: Periodic>(y: f64, x: f64) -> f64 {
    let sign = x.to_bits() & (-0f64).to_bits();
    if F::IS_ODD { f64::from_bits(y.to_bits() ^ sign) } else { y }
}

/// Angles up to here are near: n has 24 bits at most, and a half is one of them.
pub(super) const FAR: f64 = 16_777_216.0; // 2^24

/// What PI lacks.
pub(super) const PI_LOW: f64 = 1.224_646_799_147_353_2e-16;
/// Its first 28 bits, and the rest.
pub(super) const PI_MIDDLE: f64 = 1.224_646_794_682_525e-16;
pub(super) const PI_LAST: f64 = 4.464_828_201_491_624e-25;
/// pi in three parts of 28 bits and a rest.
const PI_PARTS: [f64; 4] = [
    3.141_592_651_605_606,
    1.984_187_147_918_703_4e-9,
    1.144_237_741_932_715e-17,
    3.289_251_387_264_851_5e-26,
];

/// `x - n*pi/PER_PI` in two parts, the second number being near the near `x`, and n a multiple of 1/2.
///
/// 28 bits times n are exact, and where such a product is more than what is left of x, so is the difference: it has no
/// bits but those of either. So the first part of the result, which may be very small, is exact or a rounded sum.
#[inline(always)]
fn near_rest<F: Periodic, M: Madd>(m: M, x: f64, n: f64) -> (f64, f64) {
    let first = if M::FUSED { PI } else { PI_PARTS[0] } / F::PER_PI;
    let t = m.f64(n, -first, x);
    // What t lacks.
    let with_dropped = |low: f64| if F::IS_APART { low + (x - m.f64(n, first, t)) } else { low };
    if M::FUSED {
        let (middle, last) = (PI_MIDDLE / F::PER_PI, PI_LAST / F::PER_PI);
        let r = m.f64(n, -middle, t);
        return (r, m.f64(n, -last, m.f64(n, -middle, with_dropped(t - r))));
    }
    let [_, second, third, fourth] = PI_PARTS.map(|part| n * (part / F::PER_PI));
    let s = t - second;
    let r = s - third;
    let low = ((t - s) - second) + ((s - r) - third);
    (r, with_dropped(low) - fourth)
}

/// The same in one part, for an `x` that was an f32, to more digits than those have.
#[inline(always)]
fn coarse_near_rest<F: Periodic, M: Madd>(m: M, x: f64, n: f64) -> f64 {
    if M::FUSED {
        return m.f64(n, -PI_LOW / F::PER_PI, m.f64(n, -PI / F::PER_PI, x));
    }
    let [first, second, third, _] = PI_PARTS.map(|part| n * (part / F::PER_PI));
    ((x - first) - second) - third
}

/// The digits of 1/pi, 64 a word, after a word of zeros. From mpmath.
const INVERSE_OF_PI: [u64; 20] = [
    0,
    0x517c_c1b7_2722_0a94,
    0xfe13_abe8_fa9a_6ee0,
    0x6db1_4acc_9e21_c820,
    0xff28_b1d5_ef5d_e2b0,
    0xdb92_371d_2126_e970,
    0x0324_9775_04e8_c90e,
    0x7f0e_f58e_5894_d39f,
    0x7441_1afa_975d_a242,
    0x74ce_3813_5a2f_bf20,
    0x9cc8_eb1c_c1a9_9cfa,
    0x4e42_2fc5_defc_941d,
    0x8ffc_4bff_ef02_cc07,
    0xf797_88c5_ad05_368f,
    0xb69b_3f67_93e5_84db,
    0xa7a3_1fb3_4f2f_f516,
    0xba93_dd63_f5f2_f8bd,
    0x9e83_9cfb_c529_4975,
    0x35fd_afd8_8fc6_ae84,
    0x2b01_9823_7e3d_b5d5,
];

/// `x - n*pi` in two parts, and `k`, of a finite `x` beyond [`FAR`]. One function for every level and dtype: it is long, and
/// all its floating point is two products.
#[inline(never)]
fn far_rest<F: Periodic>(x: f64) -> (f64, f64, u64) {
    // x = mantissa * 2^e: the digits before place e stand for even multiples of pi. No f64 is nearer to a multiple of pi/2
    // than 2^-62 of it, so that two words hold r; a third one only carries.
    let bits = x.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let e = (bits >> 52) as i32 - 1075;
    let place = (e + 63) as usize;
    let product = |i: usize| {
        let (i, shift) = (place / 64 + i, place % 64);
        let word = INVERSE_OF_PI[i] << shift | INVERSE_OF_PI[i + 1] >> 1 >> (63 - shift);
        mantissa as u128 * word as u128
    };
    let turn = (product(0) << 64).wrapping_add(product(1)).wrapping_add(product(2) >> 64);

    let steps = turn.wrapping_add(F::OFFSET).wrapping_add(F::STEP / 2);
    let multiple = (steps & !(F::STEP - 1)).wrapping_sub(F::OFFSET);
    let rest = turn.wrapping_sub(multiple) as i128;
    let high = rest as f64;
    let low = (rest - high as i128) as f64;
    const UNIT: f64 = f64::from_bits((1023 - 127) << 52);
    let (high, low) = (high * UNIT, low * UNIT);
    let r = high * PI;
    let r_low = product_rest(Unfused, high, PI, r) + (high * PI_LOW + low * PI);
    let (r, r_low) = quick_sum(r, r_low);
    (r, r_low, (steps / F::STEP) as u64)
}

/// Below this, but for 0, a result may be subnormal, so that there is a flag to raise; 0 if none may. (For the least normal
/// number itself the compiler would make a costlier test, of the bits.)
macro_rules! tiny {
    ($f:ident $t:ident) => {
        if $f::IS_ODD { 16.0 * $t::MIN_POSITIVE } else { 0.0 }
    };
}

macro_rules! periodic {
    ($($f:ident $t:ident $lane_v4:ident $usual_v4:ident, |$m:ident, $x:ident| $near:expr, |$far_m:ident, $a:ident| $far:expr;)*) => {$(
        impl Math<$t> for $f {
            #[inline(always)]
            fn usual(x: $t) -> bool {
                let a = x.abs();
                (a <= FAR as $t) & (!$f::IS_ODD || (a >= tiny!($f $t)) | (a == 0.0))
            }

            #[inline(always)]
            fn lane<M: Madd>($m: M, $x: $t) -> $t {
                $near
            }

            #[inline(always)]
            fn full<M: Madd>(m: M, x: $t) -> $t {
                if !x.is_finite() {
                    return x - x;
                }
                if x.abs() <= FAR as $t {
                    return Self::lane(m, x);
                }
                let far = |$far_m: M, $a: f64| $far;
                mirrored::<$f>(far(m, x.abs() as f64), x as f64) as $t
            }

            /// No result is exact but that of 0, a subnormal one included. (NumPy's own loops differ there, by function
            /// and by CPU; the greater part raises underflow, as IEEE would have it.)
            #[inline(always)]
            fn flags(x: $t, y: $t) -> FpFlags {
                let tiny = x != 0.0 && y.abs() < $t::MIN_POSITIVE;
                FpFlags::INVALID.when(x.is_infinite()) | FpFlags::UNDERFLOW.when(tiny)
            }

            super::lanes_v4!($t, super::periodic_v4::$lane_v4, super::periodic_v4::$usual_v4, tiny!($f $t));
        }
    )*};
}

macro_rules! periodic_floats {
    ($($f:ident $v4:ident $v4_f32:ident;)*) => {$(
        periodic! {
            $f f64 $v4 usual, |m, x| {
                // Of |x|, lest a negative zero loses its sign.
                let a = x.abs();
                let (k, n) = $f::nearest(m, a);
                let (r, low) = near_rest::<$f, M>(m, a, n);
                mirrored::<$f>($f::value(m, r, low, k), x)
            }, |m, a| {
                let (r, low, k) = far_rest::<$f>(a);
                $f::value(m, r, low, k)
            };
            $f f32 $v4_f32 usual_f32, |m, x| {
                let x = x as f64;
                let (k, n) = $f::nearest(m, x);
                $f::coarse_value(m, coarse_near_rest::<$f, M>(m, x, n), k) as f32
            }, |m, a| {
                let (r, _, k) = far_rest::<$f>(a);
                $f::coarse_value(m, r, k)
            };
        }
    )*};
}
periodic_floats! {
    Sin sin sin_f32;
    Cos cos cos_f32;
    Tan tan tan_f32;
}
