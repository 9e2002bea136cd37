//! The arcsine and the arccosine.
//!
//! 1. Where `a = |x| <= 1/2`, `asin(a) = a + a*z*P(z)` with `z = a^2`. Elsewhere `asin(a) = pi/2 - 2*asin(s)`, `s` the root
//!    of `z = (1 - a)/2`, and the series is that of `s`.
//! 2. The root is held in two parts, the second of which comes from the remainder.
//! 3. The arcsine is 0 or pi/2 plus or minus that, the arccosine 0, pi/2 or pi; what the sum's rounding leaves and the small
//!    terms go in last.

use super::real::{Real, real_lanes};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// The arcsine.
pub struct Arcsin;
/// The arccosine.
pub struct Arccos;

/// What FRAC_PI_2 lacks; twice it is what PI lacks.
const PI_2_LOW64: f64 = 6.123233995736766e-17;
const PI_2_LOW32: f32 = -4.371139e-8;

/// `P(z) = (asin(s)/s - 1)/z` on [0, 1/4]. Minimax for `z*P(z)`, coefficients rounded with regard to each other: error
/// 2^-55.9.
const P64: [f64; 12] = [
    0.16666666666665383,
    0.07500000000342938,
    0.04464285682355325,
    0.030381959328752983,
    0.02237175357676011,
    0.01735977037064735,
    0.01388460519843147,
    0.012173238162996772,
    0.006511019993630645,
    0.019573476863812923,
    -0.016293436462007985,
    0.03195855079484196,
];
/// The same for f32: error 2^-27.6.
const P32: [f32; 5] = [0.16666754, 0.07495253, 0.04547591, 0.024152817, 0.042210504];

macro_rules! arcsin {
    ($t:ident, $p:ident, $pi_2_low:ident) => {
        const _: () = {
            use core::$t::consts::{FRAC_PI_2, PI};

            /// Where a is over 1/2; and the arcsine, in two parts, of the root there and of a elsewhere.
            #[inline(always)]
            fn series<N: Real<Float = $t>>(a: N) -> (N::Mask, N, N) {
                let half = a.all(0.5);
                let large = half.less(a);
                let z = N::select(large, a.madd(-half, half), a * a);
                let (root, root_low) = z.root(a.all(-0.0));
                let s = N::select(large, root, a);
                let low = N::select(large, root_low, a.all(0.0));
                (large, s, (s * z).madd(z.polynomial(&$p), low))
            }

            /// base + base_low + factor*(s + low), base the largest, or 0; the factor is a power of two.
            #[inline(always)]
            fn sum<N: Real<Float = $t>>(base: N, base_low: N, factor: N, s: N, low: N) -> N {
                let (sum, left) = base.quick_sum(factor * s);
                sum + factor.madd(low, left + base_low)
            }

            #[inline(always)]
            fn arcsin<N: Real<Float = $t>>(x: N) -> N {
                let (large, s, low) = series(x.abs());
                let zero = x.all(0.0);
                let base = N::select(large, x.all(FRAC_PI_2), zero);
                let base_low = N::select(large, x.all($pi_2_low), zero);
                sum(base, base_low, N::select(large, x.all(-2.0), x.all(1.0)), s, low).copysign(x)
            }

            #[inline(always)]
            fn arccos<N: Real<Float = $t>>(x: N) -> N {
                let (large, s, low) = series(x.abs());
                let zero = x.all(0.0);
                let negative = x.less(zero);
                let base = N::select(large, N::select(negative, x.all(PI), zero), x.all(FRAC_PI_2));
                let low_end = N::select(negative, x.all(2.0 * $pi_2_low), zero);
                let base_low = N::select(large, low_end, x.all($pi_2_low));
                let factor = N::select(large, x.all(2.0).copysign(x), x.all(1.0).copysign(-x));
                sum(base, base_low, factor, s, low)
            }

            #[inline(always)]
            fn arcsin_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.abs().at_most(x.all(1.0)) & x.normal_or_zero()
            }

            #[inline(always)]
            fn arccos_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.abs().at_most(x.all(1.0))
            }

            /// y, but outside of [-1, 1] NaN.
            #[inline(always)]
            fn within(x: $t, y: $t) -> $t {
                let outside = if x.is_nan() { x + x } else { <$t>::NAN };
                if x.abs() <= 1.0 { y } else { outside }
            }

            impl Math<$t> for Arcsin {
                real_lanes!($t, arcsin_usual, arcsin);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    within(x, Self::lane(m, x))
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    FpFlags::INVALID.when(x.abs() > 1.0) | FpFlags::UNDERFLOW.when(x.is_subnormal())
                }
            }

            impl Math<$t> for Arccos {
                real_lanes!($t, arccos_usual, arccos);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    within(x, Self::lane(m, x))
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    FpFlags::INVALID.when(x.abs() > 1.0)
                }
            }
        };
    };
}
arcsin!(f64, P64, PI_2_LOW64);
arcsin!(f32, P32, PI_2_LOW32);
