//! Cube root.
//!
//! 1. A guess `w` of `|x|^(-1/3)`, good to 10 %, straight from the bits: dividing the exponent by
//!    -3 is one multiply-add on the upper bits taken as an integer-valued float.
//! 2. With `e = 1 - |x|*w^3`, `|x|^(-2/3) = w^2 * (1 - e)^(-2/3)`: a short polynomial in `e`
//!    gives `v`, that power to half precision or better, and `t = |x|*v` the cube root.
//! 3. Fused: one Newton step `t + (|x| - t^3)*v/3`; `t^2` is held in two parts, so the
//!    difference is exact enough.
//!    Unfused: `t` is rounded to half the mantissa, so that `t*t` is exact, and one Halley step
//!    follows: `t + (q - t)/3 * (1 - (q - t)*w/3)` with `q = |x|/(t*t)`. Only the rounding of
//!    `q`, a third of it, adds to the last rounding.
//!
//! The AVX-512 lanes of f32 are in `cbrt32_v4.rs`.
//!
//! Perfect cubes come out exact: the value before the last rounding is off by 0.2 ULP at most.

use super::{horner32, horner64};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// Cube root.
pub struct Cbrt;

/// `(1 - e)^(-2/3) = 1 + e * D(e)` on |e| <= 0.1022. Weighted least squares at Chebyshev nodes
/// (weight e), 80 digits, coefficients rounded one by one: error 2^-30.3.
const D64: [f64; 6] = [
    0.6666667150642117,
    0.5555556351829313,
    0.49379020437116244,
    0.45262930223943765,
    0.4295368464907356,
    0.4064672503983785,
];
/// The same with three terms, rounded to f32: error 2^-16.8.
pub(super) const D32: [f32; 3] = [0.666652, 0.55953157, 0.4994059];

/// Offset of the guess in units of the f64 upper word: 4/3 of the exponent bias less 0.068, which
/// makes the largest `|1 - x*w^3|` over x in [1, 8) smallest (found by scanning).
const GUESS64: f64 = 1430186361.0;
/// The same in units of 2^-14, the last bit of an f32 without its lower 9 bits.
const GUESS32: f32 = 2773243.0;

/// From here the difference `|x| - t^3` is not subnormal.
macro_rules! small {
    ($t:ident, $half:expr) => {
        <$t>::MIN_POSITIVE * (1u64 << $half) as $t * 4.0
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) const SMALL32: f32 = small!(f32, 12);

macro_rules! cbrt {
    ($t:ident, $u:ident, $horner:ident, $coef:ident, $guess:ident,
     drop $drop:expr, one $one:expr, half $half:expr, scale $up:expr, $down:expr) => {
        const _: () = {
            const SMALL: $t = small!($t, $half);

            impl Math<$t> for Cbrt {
                #[inline(always)]
                fn usual(x: $t) -> bool {
                    let a = x.abs();
                    (SMALL..=<$t>::MAX).contains(&a)
                }

                #[inline(always)]
                fn lane<M: Madd>(m: M, x: $t) -> $t {
                    // `2^p + n` has the integer n in its low mantissa bits; $one is 2^p.
                    const ONE: $t = $one;
                    let a = x.abs();
                    let upper = <$t>::from_bits((a.to_bits() >> $drop) | ONE.to_bits());
                    // ONE + (GUESS - n/3), from upper = ONE + n.
                    let guess = m.$t(upper, -1.0 / 3.0, ONE + ONE / 3.0 + $guess);
                    let w = <$t>::from_bits(guess.to_bits() << $drop);

                    // In this order nothing over- or underflows.
                    let w2 = w * w;
                    let e = m.$t(-(a * w), w2, 1.0);
                    let v = m.$t(w2 * e, $horner(m, e, &$coef), w2);
                    let t = a * v;

                    let y = if M::FUSED {
                        let t2 = t * t;
                        let low = m.$t(t, t, -t2);
                        let d = m.$t(-t2, t, a) - low * t;
                        m.$t(d, v * (1.0 / 3.0), t)
                    } else {
                        const TAIL: $u = (1 << $half) - 1;
                        let t = <$t>::from_bits(t.to_bits().wrapping_add(1 << ($half - 1)) & !TAIL);
                        let d = a / (t * t) - t;
                        m.$t(d, m.$t(d * w, -1.0 / 9.0, 1.0 / 3.0), t)
                    };
                    y.copysign(x)
                }

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let tiny = x.abs() < SMALL;
                    let y = Self::lane(m, if tiny { x * $up } else { x });
                    let y = if tiny { y * $down } else { y };
                    // Zeros, infinities and NaN are their own cube roots.
                    let own = x == 0.0 || !x.is_finite();
                    if own { x + x } else { y }
                }

                #[inline(always)]
                fn flags(_x: $t, _y: $t) -> FpFlags {
                    FpFlags::NONE
                }

                v4!($t);
            }
        };
    };
}

/// The hand-written lanes that this type has.
macro_rules! v4 {
    (f64) => {};
    (f32) => {
        super::lanes_v4!(f32, super::cbrt32_v4::cbrt, super::cbrt32_v4::usual);
    };
}

// f64: the upper 32 bits are the guess's integer; t keeps 26 bits of its mantissa.
cbrt!(f64, u64, horner64, D64, GUESS64, drop 32, one 4503599627370496.0, half 27,
      scale f64::from_bits((1023 + 108) << 52), f64::from_bits((1023 - 36) << 52));
// f32: the upper 23 bits; t keeps 12 bits.
cbrt!(f32, u32, horner32, D32, GUESS32, drop 9, one 8388608.0, half 12,
      scale f32::from_bits((127 + 48) << 23), f32::from_bits((127 - 16) << 23));
