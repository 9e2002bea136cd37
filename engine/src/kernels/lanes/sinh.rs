//! The hyperbolic sine and cosine.
//!
//! 1. `|x| = k*ln2 + r` as for exp, r in two parts.
//! 2. `cosh r = 1 + C` and `sinh r = r + S`, polynomials in r^2.
//! 3. With `p = 2^k/2` and `q = 2^-k/2`, sinh is `(p - q)*cosh r + (p + q)*sinh r`, and cosh the same with the factors
//!    exchanged. The terms 1 and r of the two are summed with their rounding error; for small x, where k = 0, sinh has only
//!    the r.

use super::real::{Real, Single, real_lanes};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// The hyperbolic sine.
pub struct Sinh;
/// The hyperbolic cosine.
pub struct Cosh;

/// `(cosh(r) - 1 - r^2/2)/r^4`, in r^2, for |r| <= 0.3475. Minimax for it times r^4, coefficients rounded with regard to each
/// other: error 2^-57.3.
const COSH64: [f64; 4] =
    [0.04166666666660142, 0.001388888892788553, 2.4801507246446342e-05, 2.7625781865923493e-07];
/// `(sinh(r)/r - 1)/r^2`, likewise: error 2^-61.7.
const SINH64: [f64; 5] = [
    0.16666666666666677,
    0.008333333333321376,
    0.00019841269886861223,
    2.7557243390742556e-06,
    2.5109346872612745e-08,
];
/// The same for f32: errors 2^-33.2 and 2^-34.1.
const COSH32: [f32; 2] = [0.041666456, 0.0013935807];
const SINH32: [f32; 3] = [0.16666667, 0.008333192, 0.00019958401];

/// ln 2 in two parts, of which the first has room for k's bits.
const LN2_64: (f64, f64) = (0.6931471805601177, -1.7239444525614835e-13);
const LN2_32: (f32, f32) = (0.693_145_75, 1.428_606_8e-6);

macro_rules! sinh {
    ($t:ident, $cosh:ident, $sinh:ident, $ln2:ident, magic $magic:expr, large $large:expr, infinite $infinite:expr) => {
        const _: () = {
            /// Up to here the powers of two are normal numbers.
            const LARGE: $t = $large;
            /// From here half of a number keeps all its bits.
            const SMALL: $t = 2.0 * <$t>::MIN_POSITIVE;

            /// What sinh and cosh are made of.
            struct Parts<N> {
                /// 2^k/2 and 2^-k/2; their difference and their sum, each with what its rounding dropped.
                powers: (N, N),
                difference: (N, N),
                sum: (N, N),
                /// |x| - k*ln2, and what that lacks.
                r: (N, N),
                /// cosh r - 1 and sinh r - r.
                cosh: N,
                sinh: N,
            }

            /// Of a; `less` is taken off k for the powers.
            #[inline(always)]
            fn parts<N: Real<Float = $t>>(a: N, less: $t) -> Parts<N> {
                let magic = a.madd(a.all(core::$t::consts::LOG2_E), a.all($magic));
                let k = magic - a.all($magic);
                let high = k.madd(a.all(-$ln2.0), a);
                let low = k * a.all($ln2.1);
                let r = high - low;
                let (p, q) = (magic - a.all(less)).half_powers();
                let (difference, sum) = (p - q, p + q);
                let z = r * r;
                let (half, fourth) = (a.all(0.5), z.polynomial(&$cosh));
                let cosh = match N::FUSED {
                    true => z * fourth.madd(z, half),
                    false => z.madd(half, (z * z) * fourth), // z/2 is exact
                };
                Parts {
                    powers: (p, q),
                    difference: (difference, (p - difference) - q),
                    sum: (sum, (p - sum) + q),
                    r: (r, (high - r) - low),
                    cosh,
                    sinh: (r * z) * z.polynomial(&$sinh),
                }
            }

            /// even*cosh r + odd*sinh r, even the larger one, or 0; odd is p + q; both with what their rounding dropped.
            #[inline(always)]
            fn total<N: Real<Float = $t>>(even: (N, N), odd: (N, N), (p, q): (N, N), parts: &Parts<N>) -> N {
                let (r, r_low) = parts.r;
                let (head, left) = if N::FUSED {
                    let head = odd.0.madd(r, even.0);
                    (head, odd.1.madd(r, odd.0.madd(r, even.0 - head)))
                } else {
                    // The powers of two have exact products.
                    let (first, left) = even.0.quick_sum(p * r);
                    let (head, more) = first.quick_sum(q * r);
                    (head, left + more)
                };
                let low = odd.0.madd(r_low, left + even.1);
                head + even.0.madd(parts.cosh, odd.0.madd(parts.sinh, low))
            }

            #[inline(always)]
            fn sinh<N: Real<Float = $t>>(x: N) -> N {
                let parts = parts(x.abs(), 0.0);
                total(parts.difference, parts.sum, parts.powers, &parts).copysign(x)
            }

            #[inline(always)]
            fn cosh<N: Real<Float = $t>>(x: N) -> N {
                let parts = parts(x.abs(), 0.0);
                total(parts.sum, parts.difference, (parts.powers.0, -parts.powers.1), &parts)
            }

            #[inline(always)]
            fn sinh_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                let a = x.abs();
                a.at_most(x.all(LARGE)) & (x.all(SMALL).at_most(a) | a.at_most(x.all(0.0)))
            }

            #[inline(always)]
            fn cosh_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.abs().at_most(x.all(LARGE))
            }

            /// e^a / 2 for large a, infinite if that is too large.
            #[inline(always)]
            fn half_exp<M: Madd>(m: M, a: $t) -> $t {
                // At $infinite it is infinite; 2^k/4 is finite up to there.
                let parts = parts(Single(m, if a > $infinite { $infinite } else { a }), 1.0);
                let (p, r) = (parts.powers.0, parts.r);
                let head = p.madd(r.0, p);
                let left = p.madd(r.0, p - head);
                (head + p.madd(parts.cosh + (parts.sinh + r.1), left)).1 * 2.0
            }

            impl Math<$t> for Sinh {
                real_lanes!($t, sinh_usual, sinh);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let a = x.abs();
                    let y = if a <= LARGE { Self::lane(m, x) } else { half_exp(m, a).copysign(x) };
                    let y = if a < SMALL { x } else { y };
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, y: $t) -> FpFlags {
                    let small = x.is_subnormal();
                    FpFlags::OVERFLOW.when(y.is_infinite() && x.is_finite()) | FpFlags::UNDERFLOW.when(small)
                }
            }

            impl Math<$t> for Cosh {
                real_lanes!($t, cosh_usual, cosh);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let a = x.abs();
                    let y = if a <= LARGE { Self::lane(m, x) } else { half_exp(m, a) };
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, y: $t) -> FpFlags {
                    FpFlags::OVERFLOW.when(y.is_infinite() && x.is_finite())
                }
            }
        };
    };
}
sinh!(f64, COSH64, SINH64, LN2_64, magic 6755399441055744.0 + 1023.0, large 700.0, infinite 710.6);
sinh!(f32, COSH32, SINH32, LN2_32, magic 12582912.0 + 127.0, large 80.0, infinite 89.5);
