//! The inverse hyperbolic functions.
//!
//! All are `k*ln2 + 2*atanh(s)`, `s = n/d` small, or half of it; n, d and the quotient are held in two parts, and
//! `atanh(s) = s + s*z*P(z)`, `z = s^2`.
//!
//! - arcsinh and arccosh are the logarithm of `|x| + h`, `h` the root of `x^2 + 1` or `x^2 - 1`. The square, the root and the
//!   sum are held in two parts too. The sum is `2^k*(1 + f)`, and `s = f/(2 + f)`.
//! - arctanh is half the logarithm of `u/v`, `u = 1 + |x|` and `v = 1 - |x|`: k is about log2(u/v), and
//!   `s = (2^-k*u - v)/(2^-k*u + v)`. For k = 0 that is x itself.

use super::real::{Real, Single, real_lanes};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// The inverse hyperbolic sine.
pub struct Arcsinh;
/// The inverse hyperbolic cosine.
pub struct Arccosh;
/// The inverse hyperbolic tangent.
pub struct Arctanh;

/// `P(z) = (atanh(s)/s - 1)/z` on [0, 0.0401]. Minimax for `z*P(z)`, coefficients rounded with regard to each other: error
/// 2^-62.6.
const P64: [f64; 8] = [
    0.333333333333333,
    0.20000000000028367,
    0.14285714277903633,
    0.11111112149654226,
    0.09090832843938886,
    0.07695559242439154,
    0.06586742187897947,
    0.06921921898470713,
];
/// The same for f32: error 2^-28.4.
const P32: [f32; 3] = [0.33333474, 0.19978829, 0.1518222];

/// ln 2 in two parts, of which the first has room for k's bits.
const LN2_64: (f64, f64) = (0.6931471805601177, -1.7239444525614835e-13);
const LN2_32: (f32, f32) = (0.693_145_75, 1.428_606_8e-6);

/// The logarithm of self + c, self at least 1, c at most a few of its last places.
pub trait Logarithm {
    /// See above.
    fn log(self, c: Self) -> Self;
}

macro_rules! arcsinh {
    ($t:ident, $p:ident, $ln2:ident, large $large:expr, small $small:expr) => {
        const _: () = {
            /// Up to here squares are finite.
            const LARGE: $t = $large;
            /// Up to here arcsinh is x - x^3/6, to a tenth of a last place.
            const SMALL: $t = $small;

            /// k*ln2/2 + atanh(n/d), n and d in two parts.
            #[inline(always)]
            fn half_log<N: Real<Float = $t>>(k: N, (n, n_low): (N, N), (d, d_low): (N, N)) -> N {
                let inverse = d.inverse();
                let s = n * inverse;
                let rest = n.minus_product(s, d) + (n_low - s * d_low);
                let better = if N::ROUGH { rest.madd(inverse, s) } else { s };
                let z = better * better;
                let (sum, left) = (k * k.all(0.5 * $ln2.0)).quick_sum(s);
                let low = k.madd(k.all(0.5 * $ln2.1), rest.madd(inverse, left));
                sum + (better * z).madd(z.polynomial(&$p), low)
            }

            /// log(2^more*(u + c)) for u >= 1, c at most a few of its last places.
            #[inline(always)]
            fn log<N: Real<Float = $t>>(u: N, c: N, more: $t) -> N {
                let (k, scale) = u.octaves(u.all(1.0));
                let (f, c) = (u.madd(scale, u.all(-1.0)), c * scale);
                let (d, d_low) = u.all(2.0).quick_sum(f);
                let half = half_log(k + u.all(more), (f, c), (d, d_low + c));
                half + half
            }

            impl<M: Madd> Logarithm for Single<M, $t> {
                #[inline(always)]
                fn log(self, c: Self) -> Self {
                    log(self, c, -0.0)
                }
            }

            #[inline(always)]
            fn arcsinh<N: Real<Float = $t> + Logarithm>(x: N) -> N {
                let (a, one) = (x.abs(), x.all(1.0));
                let square = a * a;
                let (sum, left) = one.max(square).quick_sum(one.min(square));
                let (h, h_low) = sum.root(left - square.minus_product(a, a));
                let (u, left) = h.quick_sum(a);
                let y = u.log(left + h_low);
                // Here the sums would round once too often.
                let near = (a * square).madd(x.all(-1.0 / 6.0), a);
                N::select(a.less(x.all(SMALL)), near, y).copysign(x)
            }

            #[inline(always)]
            fn arccosh<N: Real<Float = $t> + Logarithm>(x: N) -> N {
                let square = x * x;
                let (sum, left) = square.quick_sum(x.all(-1.0));
                let (h, h_low) = sum.root(left - square.minus_product(x, x));
                let (u, left) = x.quick_sum(h);
                u.log(left + h_low)
            }

            #[inline(always)]
            fn arctanh<N: Real<Float = $t>>(x: N) -> N {
                let (a, one) = (x.abs(), x.all(1.0));
                let (u, u_low) = one.quick_sum(a);
                let (v, v_low) = one.quick_sum(-a);
                let (k, scale) = u.octaves(v);
                let (u, u_low) = (u * scale, u_low * scale);
                // Within a factor of 2 of each other: the difference is exact.
                let (n, n_low) = (u - v, u_low - v_low);
                let (d, d_low) = u.max(v).quick_sum(u.min(v));
                half_log(k, (n, n_low), (d, d_low + (u_low + v_low))).copysign(x)
            }

            #[inline(always)]
            fn arcsinh_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.abs().at_most(x.all(LARGE)) & x.normal_or_zero()
            }

            #[inline(always)]
            fn arccosh_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.all(1.0).at_most(x) & x.at_most(x.all(LARGE))
            }

            #[inline(always)]
            fn arctanh_usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.abs().less(x.all(1.0)) & x.normal_or_zero()
            }

            /// log(2a) for large a, brought to where 2^-k is a normal number.
            #[inline(always)]
            fn log_twice<M: Madd>(m: M, a: $t) -> $t {
                log(Single(m, a * 0.25), Single(m, 0.0), 3.0).1
            }

            impl Math<$t> for Arcsinh {
                real_lanes!($t, arcsinh_usual, arcsinh);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let a = x.abs();
                    let y = if a <= LARGE { Self::lane(m, x) } else { log_twice(m, a).copysign(x) };
                    if x.is_finite() { y } else { x + x }
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    FpFlags::UNDERFLOW.when(x.is_subnormal())
                }
            }

            impl Math<$t> for Arccosh {
                real_lanes!($t, arccosh_usual, arccosh);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let y = if x <= LARGE { Self::lane(m, x) } else { log_twice(m, x) };
                    let y = if x < 1.0 { <$t>::NAN } else { y };
                    // Infinity and NaN stay.
                    if x < <$t>::INFINITY { y } else { x + x }
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    FpFlags::INVALID.when(x < 1.0)
                }
            }

            impl Math<$t> for Arctanh {
                real_lanes!($t, arctanh_usual, arctanh);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let a = x.abs();
                    let y = if a == 1.0 { <$t>::INFINITY.copysign(x) } else { Self::lane(m, x) };
                    let y = if a > 1.0 { <$t>::NAN } else { y };
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    let a = x.abs();
                    let small = x.is_subnormal();
                    FpFlags::INVALID.when(a > 1.0)
                        | FpFlags::DIVIDE.when(a == 1.0)
                        | FpFlags::UNDERFLOW.when(small)
                }
            }
        };
    };
}
arcsinh!(f64, P64, LN2_64, large 1e150, small 1.2e-4);
arcsinh!(f32, P32, LN2_32, large 1e18, small 0.018);
