//! log, log2, log10 and log1p.
//!
//! Generic lanes:
//! 1. `x = 2^k * (1 + f)` with `1 + f` in [sqrt(1/2), sqrt(2)), by integer work on the bits.
//! 2. `log(1 + f) = f + y`, y a correction of at most a quarter of it. In f64,
//!    `s = f/(2 + f)` and `y = s*(f^2/2 + s^2*L(s^2)) - f^2/2`, which keeps the polynomial short;
//!    in f32, `y = f^2*(f*P(f) - 1/2)`, without the division.
//! 3. The sum `k*ln2 + f + y`: `k*LN2_HI` is exact (LN2_HI has room for k's bits), its sum with
//!    f is kept with its rounding error, and the small terms go in last.
//!
//! The other bases need `log(1 + f)` in two parts: `hi`, the upper half of the bits of
//! `f - f^2/2`, and `lo`, all the rest. `hi` times the upper half of 1/ln 2 (or 1/ln 10) is exact,
//! and the other products are small, so their rounding errors hardly show.
//!
//! log1p takes the log of `u = 1 + x` and adds `c/u`, c the rounding error of u.
//!
//! The AVX-512 lanes are in `log_v4.rs` (f64) and `log32_v4.rs`.

use super::{horner32, horner64};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// Natural logarithm.
pub struct Log;
/// Logarithm to base 2.
pub struct Log2;
/// Logarithm to base 10.
pub struct Log10;
/// Natural logarithm of 1 + x.
pub struct Log1p;

mod c64 {
    /// Bits of sqrt(1/2).
    pub const ROOT: u64 = 0x3fe6a09e667f3bcd;
    /// ln 2 to 41 bits, and the rest; log10(2) likewise.
    pub const LN2_HI: f64 = 0.6931471805601177;
    pub const LN2_LO: f64 = -1.7239444525614835e-13;
    pub const LG2: (f64, f64) = (0.3010299956640665, -8.532344317057107e-14);
    /// 1/ln 2 and 1/ln 10, each to half precision, and the rest.
    pub const LOG2_E: (f64, f64) = (1.4426950514316559, -1.0542692476429138e-08);
    pub const LOG10_E: (f64, f64) = (0.4342944845557213, -2.6524694553078553e-09);
    /// A power of two that makes subnormals normal.
    pub const UP: f64 = 18014398509481984.0;
    pub const UP_EXP: f64 = 54.0;
    pub const LN2_IN_ONE: bool = false;
}

mod c32 {
    pub const ROOT: u32 = 0x3f3504f3;
    /// ln 2 to 15 bits, and the rest; log10(2) likewise.
    pub const LN2_HI: f32 = 0.693_145_75;
    pub const LN2_LO: f32 = 1.428_606_8e-6;
    pub const LG2: (f32, f32) = (0.301_025_4, 4.605_039e-6);
    pub const LOG2_E: (f32, f32) = (1.442_871_1, -0.000_176_052_85);
    pub const LOG10_E: (f32, f32) = (0.434_326_17, -3.168_997e-5);
    pub const UP: f32 = 33554432.0;
    pub const UP_EXP: f32 = 25.0;
    /// ln 2 rounded to f32 is off by 2^-28.4 of itself: good enough where products are exact.
    pub const LN2_IN_ONE: bool = true;
}

/// L(z) with log((1+s)/(1-s)) = 2s + s*z*L(z), z = s^2, on [0, 0.0295]. Weighted least
/// squares at Chebyshev nodes (weight z), 80 digits, coefficients rounded one by one:
/// error 2^-59.4 relative to the logarithm.
const L64: [f64; 7] = [
    0.6666666666666737,
    0.39999999999397584,
    0.2857142874594463,
    0.22222198220156425,
    0.18183582410471716,
    0.15313589219225066,
    0.14800585800064084,
];

/// log(1+f) = f - f^2/2 + f^3*P(f), on [-0.2935, 0.4146]. Same method
/// (weight f^2): error 2^-27.2.
const P32: [f32; 8] =
    [0.33333328, -0.25000855, 0.20001477, -0.16622463, 0.1419615, -0.13162795, 0.12799677, -0.076747194];

/// y + add in f64, y = log(1 + f) - f.
#[inline(always)]
fn rest64<M: Madd>(m: M, f: f64, add: f64) -> f64 {
    let half = (0.5 * f) * f;
    third64(m, f, half, add - half)
}

/// y + add in f32, y = log(1 + f) - f.
#[inline(always)]
fn rest32<M: Madd>(m: M, f: f32, add: f32) -> f32 {
    if M::FUSED {
        return m.f32(f * f, m.f32(f, horner32(m, f, &P32), -0.5), add);
    }
    // Small terms first: without fusing, f^2 times the rest would round once more.
    let half = (0.5 * f) * f;
    third32(m, f, half, add) - half
}

/// log(1 + f) - f + f^2/2 + add in f64; half is f^2/2.
#[inline(always)]
fn third64<M: Madd>(m: M, f: f64, half: f64, add: f64) -> f64 {
    let s = f / (f + 2.0);
    let z = s * s;
    m.f64(s, m.f64(z, horner64(m, z, &L64), half), add)
}

/// log(1 + f) - f + f^2/2 + add in f32; half is f^2/2.
#[inline(always)]
fn third32<M: Madd>(m: M, f: f32, half: f32, add: f32) -> f32 {
    m.f32(half * (f + f), horner32(m, f, &P32), add)
}

macro_rules! log_family {
    ($t:ident, $u:ident, $c:ident, $rest:ident, $third:ident, split $split:expr, mant $mant:expr, bias $bias:expr, $exponent:item) => {
        const _: () = {
            const MASK: $u = (1 << $mant) - 1;

            $exponent

            /// From here log1p is log, and 2^-k may be subnormal.
            const LARGE: $t = <$t>::MAX / 8.0;

            /// Positive normal x as `(k, f)`; less is taken off k.
            #[inline(always)]
            fn reduce(x: $t, less: $t) -> ($t, $t) {
                let u = x.to_bits().wrapping_sub($c::ROOT);
                (exponent(u) - less, <$t>::from_bits((u & MASK).wrapping_add($c::ROOT)) - 1.0)
            }

            /// k*hi + head in two parts; head is 0 where k is, else less than k*hi.
            #[inline(always)]
            fn sum<M: Madd>(m: M, k: $t, hi: $t, head: $t) -> ($t, $t) {
                let total = m.$t(k, hi, head);
                (total, m.$t(k, hi, -total) + head)
            }

            /// Any x: subnormals scaled up for `f(scaled, exponent to take off)`, specials last.
            #[inline(always)]
            fn any(x: $t, f: impl Fn($t, $t) -> $t) -> $t {
                let tiny = x < <$t>::MIN_POSITIVE;
                let y = f(
                    if tiny { x * $c::UP } else { x },
                    if tiny { $c::UP_EXP } else { 0.0 },
                );
                special(x, x, y)
            }

            /// y, or the right value where u = 1 + x or x itself, is not positive and finite.
            #[inline(always)]
            fn special(x: $t, u: $t, y: $t) -> $t {
                let y = if u == 0.0 { <$t>::NEG_INFINITY } else { y };
                let y = if u < 0.0 { <$t>::NAN } else { y };
                // Infinity and NaN stay.
                if u < <$t>::INFINITY { y } else { x + x }
            }

            #[inline(always)]
            fn positive(x: $t) -> bool {
                // As integers: negative x are small, NaN is large.
                let min = <$t>::MIN_POSITIVE.to_bits();
                x.to_bits().wrapping_sub(min) < <$t>::INFINITY.to_bits() - min
            }

            #[inline(always)]
            fn flags(u: $t) -> FpFlags {
                FpFlags::DIVIDE.when(u == 0.0) | FpFlags::INVALID.when(u < 0.0)
            }

            /// log(2^k*(1 + f)) + extra, extra a small term.
            #[inline(always)]
            fn ln<M: Madd>(m: M, k: $t, f: $t, extra: $t) -> $t {
                if M::FUSED && $c::LN2_IN_ONE {
                    let (total, err) = sum(m, k, core::$t::consts::LN_2, f);
                    return total + $rest(m, f, err + extra);
                }
                let (total, err) = sum(m, k, $c::LN2_HI, f);
                total + $rest(m, f, m.$t(k, $c::LN2_LO, err + extra))
            }

            #[inline(always)]
            fn log<M: Madd>(m: M, x: $t, less: $t) -> $t {
                let (k, f) = reduce(x, less);
                ln(m, k, f, -0.0)
            }

            /// k*(k_hi + k_lo) + (hi + lo) * log(1 + f) for (hi, lo) the factor of the base.
            #[inline(always)]
            fn other<M: Madd>(m: M, (k, f): ($t, $t), of_k: ($t, $t), factor: ($t, $t)) -> $t {
                let half = (0.5 * f) * f;
                let hi = <$t>::from_bits((f - half).to_bits() & !((1 << $split) - 1));
                let lo = $third(m, f, half, (f - hi) - half);
                let (total, err) = sum(m, k, of_k.0, hi * factor.0);
                let low = m.$t(hi + lo, factor.1, m.$t(k, of_k.1, err));
                total + m.$t(lo, factor.0, low)
            }

            #[inline(always)]
            fn log2<M: Madd>(m: M, x: $t, less: $t) -> $t {
                other(m, reduce(x, less), (1.0, 0.0), $c::LOG2_E)
            }

            #[inline(always)]
            fn log10<M: Madd>(m: M, x: $t, less: $t) -> $t {
                other(m, reduce(x, less), $c::LG2, $c::LOG10_E)
            }

            impl Log {
                /// log(u + c) for a positive normal u, which has neither the least nor the greatest exponents, and a c
                /// of the size of its rounding error; or of any below 2^-50 where u is 1.
                #[inline(always)]
                pub(super) fn $t<M: Madd>(m: M, u: $t, c: $t) -> $t {
                    let (k, f) = reduce(u, 0.0);
                    // 2^-k*c, k having come out of the bits of u and 1 + f.
                    let bits = (1.0 + f).to_bits().wrapping_sub(u.to_bits());
                    let c = c * <$t>::from_bits(bits.wrapping_add($bias << $mant));
                    // 1/(1 + f) to 5 %, better near f = 0: c is a rounding error.
                    let inv = m.$t(m.$t(m.$t(-f, 1.0, 1.0), f, -1.0), f, 1.0);
                    ln(m, k, f, c * inv)
                }
            }

            macro_rules! plain {
                ($name:ident, $body:ident) => {
                    impl Math<$t> for $name {
                        #[inline(always)]
                        fn usual(x: $t) -> bool {
                            positive(x)
                        }

                        #[inline(always)]
                        fn lane<M: Madd>(m: M, x: $t) -> $t {
                            $body(m, x, 0.0)
                        }

                        #[inline(always)]
                        fn full<M: Madd>(m: M, x: $t) -> $t {
                            any(x, #[inline(always)]
                            |x, less| $body(m, x, less))
                        }

                        #[inline(always)]
                        fn flags(x: $t, _y: $t) -> FpFlags {
                            flags(x)
                        }

                        $crate::kernels::lanes::log::v4!($body, $t);
                    }
                };
            }
            plain!(Log, log);
            plain!(Log2, log2);
            plain!(Log10, log10);

            impl Math<$t> for Log1p {
                #[inline(always)]
                fn usual(x: $t) -> bool {
                    x > -1.0 && x < LARGE
                }

                #[inline(always)]
                fn lane<M: Madd>(m: M, x: $t) -> $t {
                    let u = 1.0 + x;
                    // The rounding error of u, whichever of 1 and x is larger.
                    let v = u - 1.0;
                    let c = (1.0 - (u - v)) + (x - v);
                    // log1p has the sign of x, also at zero.
                    Log::$t(m, u, c).copysign(x)
                }

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let large = <Log as Math<$t>>::full(m, x);
                    let y = if x < LARGE { Self::lane(m, x) } else { large };
                    special(x, 1.0 + x, y)
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    // A subnormal is its own log1p, to the last place: no underflow, as NumPy has it.
                    flags(1.0 + x)
                }

                $crate::kernels::lanes::log::v4!(log1p, $t);
            }
        };
    };
}

/// The hand-written lanes that this function and type have.
macro_rules! v4 {
    (log1p, f64) => {
        super::lanes_v4!(f64, super::log_v4::log1p, super::log_v4::usual_log1p);
    };
    ($body:ident, f64) => {
        super::lanes_v4!(f64, super::log_v4::$body, super::log_v4::usual);
    };
    (log1p, f32) => {
        super::lanes_v4!(f32, super::log32_v4::log1p, super::log32_v4::usual_log1p);
    };
    ($body:ident, f32) => {
        super::lanes_v4!(f32, super::log32_v4::$body, super::log32_v4::usual);
    };
}
use v4;

log_family!(
    f64, u64, c64, rest64, third64, split 27, mant 52, bias 1023,
    /// The exponent field as a signed number. AVX2 has no conversion from i64, so the number is
    /// made positive and put into the low bits of 2^52.
    #[inline(always)]
    fn exponent(u: u64) -> f64 {
        const ONE: f64 = 4503599627370496.0;
        let field = u.wrapping_add(1024 << 52) >> 52;
        f64::from_bits(field | ONE.to_bits()) - (ONE + 1024.0)
    }
);
log_family!(
    f32, u32, c32, rest32, third32, split 12, mant 23, bias 127,
    /// The exponent field as a signed number.
    #[inline(always)]
    fn exponent(u: u32) -> f32 {
        (u.cast_signed() >> 23) as f32
    }
);
