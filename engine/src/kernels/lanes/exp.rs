//! exp, exp2 and expm1.
//!
//! Generic lanes, for exp and expm1:
//! 1. `k = round(x / ln 2)`, by adding a number so large that the sum has no fraction bits. The
//!    exponent bias is part of that number, so the low bits of the sum are `2^k`'s exponent.
//! 2. `x - k*ln2 = hi - klo`, with `hi = x - k*LN2_HI` exact (LN2_HI has room for k's bits) and
//!    `klo = k*LN2_LO`. `r` is that difference, rounded; `hi` and `klo` stay apart in the result,
//!    so the rounding of `r` costs nothing.
//! 3. `e^r - 1 = hi + (r^2*Q(r) - klo)`, Q a polynomial.
//! 4. `2^k * (that + 1)`, or for expm1 `2^k * that + (2^k - 1)`, where `2^k*hi + (2^k - 1)` is
//!    kept as a sum of two floats.
//!
//! exp2 has an exact `r = x - k`, and `2^r - 1 = r/2 + (r*(ln2 - 1/2) + r^2*Q2(r))`: the half of
//! r is exact, so only a small term carries rounding errors.
//!
//! The AVX-512 lanes are in `exp_v4.rs` (the f64 exp) and `exp32_v4.rs`.

use super::{horner32, horner64};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// e to the power of x.
pub struct Exp;
/// 2 to the power of x.
pub struct Exp2;
/// e to the power of x, less 1.
pub struct Expm1;

/// Constants of one element type.
mod c64 {
    /// 1.5 * 2^52 plus the exponent bias.
    pub const MAGIC: f64 = 6755399441055744.0 + 1023.0;
    /// ln 2 to 41 bits, and the rest.
    pub const LN2_HI: f64 = 0.6931471805601177;
    pub const LN2_LO: f64 = -1.7239444525614835e-13;
    /// ln 2 less its f64.
    pub const LN2_REST: f64 = 2.3190468138462996e-17;
    /// Q(r) = (e^r - 1 - r)/r^2 on |r| <= 0.3475. Weighted least squares at Chebyshev nodes
    /// (weight r^2), 80 digits, coefficients rounded one by one: error 2^-58.
    pub const Q: [f64; 10] = [
        0.5000000000000013,
        0.16666666666666685,
        0.04166666666651065,
        0.008333333333315875,
        0.0013888888948274689,
        0.00019841269898982712,
        2.4801488617098752e-05,
        2.755723245961517e-06,
        2.763176276417137e-07,
        2.5112823098906728e-08,
    ];
    /// (e^r - 1 - r - r^2/2)/r^3, same method (weight r^3): error 2^-63.8.
    pub const Q3: [f64; 10] = [
        0.16666666666666685,
        0.041666666666666685,
        0.008333333333315875,
        0.0013888888888873255,
        0.00019841269898982712,
        2.480158734930974e-05,
        2.755723245961517e-06,
        2.7557251689028445e-07,
        2.5112823098906728e-08,
        2.092182082937587e-09,
    ];
    /// Q2(r) = (2^r - 1 - r*ln2)/r^2 on |r| <= 0.5005, same method: error 2^-57.9.
    pub const Q2: [f64; 10] = [
        0.24022650695910136,
        0.05550410866482164,
        0.009618129107592355,
        0.0013333558146401427,
        0.00015403530459210632,
        1.5252733847447298e-05,
        1.3215434285022418e-06,
        1.017805439656629e-07,
        7.073947874333449e-09,
        4.4562440818864843e-10,
    ];
    /// |x| up to here: 2^k*p, unfused, keeps its last bits clear of the subnormals.
    pub const USUAL: f64 = 650.0;
    pub const USUAL_EXP2: f64 = 940.0;
    /// Beyond these e^x and 2^x are 0 or infinite for sure; 2^k still splits in two normal halves.
    pub const CLAMP: (f64, f64) = (-746.0, 710.0);
    pub const CLAMP_EXP2: (f64, f64) = (-1076.0, 1024.0);
    /// Below this expm1 is -1 to the last bit.
    pub const MINUS_ONE: f64 = -50.0;
    /// From here e^x - 1 rounds as e^x does.
    pub const LARGE: f64 = 700.0;
    /// Smallest exponent with 2^n > 0.
    pub const MIN_POW: f64 = -1074.0;
}

pub(super) mod c32 {
    /// 1.5 * 2^23 plus the exponent bias.
    pub const MAGIC: f32 = 12582912.0 + 127.0;
    /// ln 2 to 15 bits, and the rest.
    pub const LN2_HI: f32 = 0.693_145_75;
    pub const LN2_LO: f32 = 1.428_606_8e-6;
    pub const LN2_REST: f32 = -1.904_654_2e-9;
    /// As in f64: error 2^-28.1.
    pub const Q: [f32; 5] = [0.5, 0.16666514, 0.04166645, 0.008369407, 0.0013936141];
    /// As in f64: error 2^-33.0.
    pub const Q3: [f32; 5] = [0.16666667, 0.04166645, 0.008333198, 0.0013936141, 0.00019953358];
    /// As in f64: error 2^-28.1.
    pub const Q2: [f32; 5] = [0.2402265, 0.055503603, 0.009618077, 0.0013391062, 0.00015456375];
    pub const USUAL: f32 = 66.0;
    pub const USUAL_EXP2: f32 = 96.0;
    pub const CLAMP: (f32, f32) = (-105.0, 89.0);
    pub const CLAMP_EXP2: (f32, f32) = (-151.0, 128.0);
    pub const MINUS_ONE: f32 = -25.0;
    pub const LARGE: f32 = 80.0;
    pub const MIN_POW: f32 = -149.0;
}

/// `x` within `(low, high)`; NaN stays.
macro_rules! clamp {
    ($x:expr, $range:expr) => {{
        let x = if $x < $range.0 { $range.0 } else { $x };
        if x > $range.1 { $range.1 } else { x }
    }};
}

macro_rules! exp_family {
    ($t:ident, $u:ident, $c:ident, $horner:ident, $reduce:ident, mant $mant:expr, bias $bias:expr) => {
        /// `(magic, hi, klo, r)`: k + bias in the low bits of magic, x - k*ln2 = hi - klo.
        #[inline(always)]
        fn $reduce<M: Madd>(m: M, x: $t) -> ($t, $t, $t, $t) {
            let magic = m.$t(x, core::$t::consts::LOG2_E, $c::MAGIC);
            let k = magic - $c::MAGIC;
            let hi = m.$t(k, -$c::LN2_HI, x);
            let klo = k * $c::LN2_LO;
            (magic, hi, klo, hi - klo)
        }

        impl Exp {
            /// `(magic, p)`, p = e^(x - k*ln2) - 1.
            #[inline(always)]
            fn $t<M: Madd>(m: M, x: $t) -> ($t, $t) {
                let (magic, hi, klo, r) = $reduce(m, x);
                (magic, hi + m.$t(r * r, $horner(m, r, &$c::Q), -klo))
            }
        }

        impl Expm1 {
            /// As above with p in two parts, the first one exact. For k = 1 or -1 much of the
            /// result cancels, which is why the second one is worked out with more care.
            #[inline(always)]
            fn $t<M: Madd>(m: M, x: $t) -> ($t, $t, $t) {
                if M::FUSED {
                    // ln 2 in full precision: r is exact for |k| < 3, where it matters most. The
                    // rest of k*ln2 takes part to first order, times e^r.
                    let magic = m.$t(x, core::$t::consts::LOG2_E, $c::MAGIC);
                    let k = magic - $c::MAGIC;
                    let r = m.$t(k, -core::$t::consts::LN_2, x);
                    let klo = k * $c::LN2_REST;
                    let half = m.$t(r * r, $horner(m, r, &$c::Q3), 0.5 * r);
                    let low = m.$t(klo, m.$t(r, half, r), klo);
                    return (magic, r, m.$t(r, half, -low));
                }
                let (magic, hi, klo, r) = $reduce(m, x);
                let half = m.$t(r * r, $horner(m, r, &$c::Q3), 0.5 * r);
                (magic, hi, m.$t(r, half, -klo))
            }
        }

        impl Exp2 {
            #[inline(always)]
            fn $t<M: Madd>(m: M, x: $t) -> ($t, $t) {
                let magic = x + $c::MAGIC;
                let r = x - (magic - $c::MAGIC);
                let square = r * r * $horner(m, r, &$c::Q2);
                let tail = m.$t(r, core::$t::consts::LN_2 - 0.5, square);
                (magic, m.$t(r, 0.5, tail))
            }
        }

        const _: () = {
            /// 2^k, k + bias in the low bits of magic.
            #[inline(always)]
            fn pow2(magic: $t) -> $t {
                <$t>::from_bits(magic.to_bits() << $mant)
            }

            /// `2^k * (1 + p)` where 2^k need not be a normal number: k is halved. One rounding
            /// at most after the normal one, and that at the coarser scale of subnormals.
            #[inline(always)]
            fn scale<M: Madd>(m: M, magic: $t, p: $t) -> $t {
                // k + 4*bias + 2, a positive number.
                let k = magic.to_bits().wrapping_sub($c::MAGIC.to_bits()).wrapping_add(4 * $bias);
                let first = k >> 1;
                let second = k.wrapping_sub(first);
                let a = <$t>::from_bits(first.wrapping_sub($bias) << $mant);
                let b = <$t>::from_bits(second.wrapping_sub($bias) << $mant);
                m.$t(p, a, a) * b
            }

            impl Math<$t> for Exp {
                #[inline(always)]
                fn usual(x: $t) -> bool {
                    x.abs() <= $c::USUAL
                }

                #[inline(always)]
                fn lane<M: Madd>(m: M, x: $t) -> $t {
                    let (magic, p) = Exp::$t(m, x);
                    let s = pow2(magic);
                    m.$t(p, s, s)
                }

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let (magic, p) = Exp::$t(m, clamp!(x, $c::CLAMP));
                    let y = scale(m, magic, p);
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, y: $t) -> FpFlags {
                    let over = y == <$t>::INFINITY && x != <$t>::INFINITY;
                    let under = y < <$t>::MIN_POSITIVE && x != <$t>::NEG_INFINITY;
                    FpFlags::OVERFLOW.when(over) | FpFlags::UNDERFLOW.when(under)
                }

                $crate::kernels::lanes::exp::v4!(exp, $t);
            }

            impl Math<$t> for Exp2 {
                #[inline(always)]
                fn usual(x: $t) -> bool {
                    x.abs() <= $c::USUAL_EXP2
                }

                #[inline(always)]
                fn lane<M: Madd>(m: M, x: $t) -> $t {
                    let (magic, p) = Exp2::$t(m, x);
                    let s = pow2(magic);
                    m.$t(p, s, s)
                }

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let (magic, p) = Exp2::$t(m, clamp!(x, $c::CLAMP_EXP2));
                    let y = scale(m, magic, p);
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, y: $t) -> FpFlags {
                    let over = y == <$t>::INFINITY && x != <$t>::INFINITY;
                    // Whole powers down to the smallest subnormal are exact.
                    let whole = (x + $c::MAGIC) - $c::MAGIC == x && x >= $c::MIN_POW;
                    let under = y < <$t>::MIN_POSITIVE && x != <$t>::NEG_INFINITY && !whole;
                    FpFlags::OVERFLOW.when(over) | FpFlags::UNDERFLOW.when(under)
                }

                $crate::kernels::lanes::exp::v4!(exp2, $t);
            }

            impl Math<$t> for Expm1 {
                #[inline(always)]
                fn usual(x: $t) -> bool {
                    x <= $c::LARGE
                }

                #[inline(always)]
                fn lane<M: Madd>(m: M, x: $t) -> $t {
                    let x = if x < $c::MINUS_ONE { $c::MINUS_ONE } else { x };
                    let (magic, hi, tail) = Expm1::$t(m, x);
                    let s = pow2(magic);
                    // 2^k - 1 and its rounding error. (Where k < 0 low is 0 and the error, half
                    // a last place of 1 at worst, is that of the result -1 + 2^k.)
                    let head = s - 1.0;
                    let low = (s - head) - 1.0;
                    // head + s*hi and its rounding error: head is 0 or the larger one.
                    let sum = m.$t(s, hi, head);
                    let err = m.$t(s, hi, head - sum);
                    // expm1 has the sign of x, also at zero.
                    (sum + m.$t(s, tail, err + low)).copysign(x)
                }

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let y = Self::lane(m, x);
                    let large = <Exp as Math<$t>>::full(m, x);
                    // NaN takes this way too.
                    if x <= $c::LARGE { y } else { large }
                }

                #[inline(always)]
                fn flags(x: $t, y: $t) -> FpFlags {
                    // A subnormal is its own expm1, to the last place: no underflow, as NumPy has it.
                    FpFlags::OVERFLOW.when(y == <$t>::INFINITY && x != <$t>::INFINITY)
                }

                $crate::kernels::lanes::exp::v4!(expm1, $t);
            }
        };
    };
}

/// The hand-written lanes that this function and type have.
macro_rules! v4 {
    (exp, f64) => {
        super::lanes_v4!(f64, super::exp_v4::exp, super::exp_v4::usual);
    };
    ($name:ident, f64) => {};
    (exp, f32) => {
        super::lanes_v4!(f32, super::exp32_v4::exp, super::exp32_v4::usual, c32::USUAL);
    };
    (exp2, f32) => {
        super::lanes_v4!(f32, super::exp32_v4::exp2, super::exp32_v4::usual, c32::USUAL_EXP2);
    };
    (expm1, f32) => {
        super::lanes_v4!(f32, super::exp32_v4::expm1, super::exp32_v4::usual_expm1, c32::LARGE);
    };
}
use v4;

exp_family!(f64, u64, c64, horner64, reduce64, mant 52, bias 1023);
exp_family!(f32, u32, c32, horner32, reduce32, mant 23, bias 127);
