//! The arctangent.
//!
//! 1. `atan(a) = C + atan(t)` for `a = |x|`: under 1/2 `t = a` and C is 0, over 2 `t = -1/a` and C is pi/2, and between them
//!    `t = (a - 1)/(a + 1)` and C is pi/4. The numerator is exact, the denominator and the quotient are held in two parts.
//! 2. `|t| <= 1/2`, so `atan(t) = t + t*z*P(z)`, `z = t^2`, with a short polynomial P.
//! 3. C + t is kept with its rounding error; the small terms go in last.

use super::real::{Real, real_lanes};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// The arctangent.
pub struct Arctan;

/// What FRAC_PI_2 lacks.
const PI_2_LOW64: f64 = 6.123233995736766e-17;
const PI_2_LOW32: f32 = -4.371139e-8;

/// `P(z) = (atan(t)/t - 1)/z` on [0, 1/4]. Minimax for `z*P(z)`, coefficients rounded with regard to each other: error
/// 2^-57.8.
const P64: [f64; 12] = [
    -0.33333333333332993,
    0.1999999999990567,
    -0.14285714276591768,
    0.111111106678961,
    -0.09090896437345176,
    0.07692076737628663,
    -0.06663837768330293,
    0.05858472478614577,
    -0.051227371414306645,
    0.04188455863559463,
    -0.027464833904895708,
    0.01013685311652361,
];
/// The same for f32: error 2^-27.5.
const P32: [f32; 5] = [-0.33333236, 0.19994296, -0.1417588, 0.10164247, -0.051396485];

macro_rules! arctan {
    ($t:ident, $v4:ident, $p:ident, $pi_2_low:ident, far $far:expr) => {
        const _: () = {
            use core::$t::consts::FRAC_PI_2;

            #[inline(always)]
            fn arctan<N: Real<Float = $t>>(x: N) -> N {
                let (a, zero, one) = (x.abs(), x.all(0.0), x.all(1.0));
                let (flat, steep) = (a.less(x.all(0.5)), x.all(2.0).less(a));
                let n = N::select(steep, zero, a) - N::select(flat, zero, one);
                let (d, d_low) = N::select(steep, zero, one).quick_sum(N::select(flat, zero, a));
                let inverse = d.inverse();
                let t = n * inverse;
                let rest = n.minus_product(t, d) - t * d_low;
                let z = t * t;
                let tail = (t * z).madd(z.polynomial(&$p), rest * inverse);
                let select = |pi_2: $t| {
                    let base = N::select(steep, x.all(pi_2), x.all(0.5 * pi_2));
                    N::select(flat, zero, base)
                };
                let (sum, left) = select(FRAC_PI_2).quick_sum(t);
                (sum + (left + (select($pi_2_low) + tail))).copysign(x)
            }

            #[inline(always)]
            fn usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.abs().at_most(x.all($far)) & x.normal_or_zero()
            }

            impl Math<$t> for Arctan {
                real_lanes!($t, usual, arctan, super::arctan_v4::$v4);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    // Farther out the angle is a right one, to the last place.
                    let y = Self::lane(m, x.clamp(-$far, $far));
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    FpFlags::UNDERFLOW.when(x.is_subnormal())
                }
            }
        };
    };
}
arctan!(f64, arctan64, P64, PI_2_LOW64, far 1e100);
arctan!(f32, arctan32, P32, PI_2_LOW32, far 1e18);
