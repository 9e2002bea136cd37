//! Arithmetic of one number or of a register of them, so that a function whose AVX-512 lanes differ from the others only
//! in how they divide and take roots is written once: [`Single`] leaves that to the hardware, and its loop to LLVM, and
//! `wide.rs` has the registers.

use super::pair::product_rest as product_rest64;
use crate::simd::level::Madd;
use std::ops::{Add, BitAnd, BitOr, Mul, Neg, Sub};

/// Numbers of one type, one or several.
pub trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    /// The type of each.
    type Float: Copy + From<i8>;
    /// A truth for each.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask>;
    /// Whether multiply-adds round once.
    const FUSED: bool;
    /// Whether [`inverse`](Self::inverse) is rough: has only half of the digits.
    const ROUGH: bool;

    /// c for all.
    fn all(self, c: Self::Float) -> Self;
    /// `self * b + c`
    fn madd(self, b: Self, c: Self) -> Self;
    /// `self - a * b`, rounded once where the two are near each other.
    fn minus_product(self, a: Self, b: Self) -> Self;
    /// The magnitude.
    fn abs(self) -> Self;
    /// The magnitude with another's sign.
    fn copysign(self, of: Self) -> Self;
    /// Whether less.
    fn less(self, b: Self) -> Self::Mask;
    /// Whether less or equal.
    fn at_most(self, b: Self) -> Self::Mask;
    /// Whether neither subnormal nor NaN.
    fn normal_or_zero(self) -> Self::Mask;
    /// One or the other.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// The larger and the smaller of two numbers that are not NaN.
    fn max(self, b: Self) -> Self;
    /// See [`Self::max`].
    fn min(self, b: Self) -> Self;
    /// 1/self.
    fn inverse(self) -> Self;
    /// The square root of self + low, where low is small beside self, as a sum of which the second part is the small one.
    fn root(self, low: Self) -> (Self, Self);
    /// 2^k/2 and 2^-k/2, where the low bits of self are k and the exponent's bias.
    fn half_powers(self) -> (Self, Self);
    /// k, an integer about log2(self/b) and not negative, and 2^-k. `self/b` is between 2^k/1.5 and 2^k*1.5, and where b is
    /// 1 between 2^k*0.75 and 2^k*1.5.
    fn octaves(self, b: Self) -> (Self, Self);

    /// The sum and what its rounding dropped, for self not the smaller, or 0.
    #[inline(always)]
    fn quick_sum(self, b: Self) -> (Self, Self) {
        let sum = self + b;
        (sum, b - (sum - self))
    }

    /// `c[0] + c[1]*self + c[2]*self^2 + ...` by Horner's rule; the loop unrolls.
    #[inline(always)]
    fn polynomial<const N: usize>(self, c: &[Self::Float; N]) -> Self {
        let mut p = self.all(c[N - 1]);
        let mut i = N - 1;
        while i > 0 {
            i -= 1;
            p = p.madd(self, self.all(c[i]));
        }
        p
    }
}

/// `a*b - p` for the rounded product `p`, exactly.
#[inline(always)]
fn product_rest32<M: Madd>(m: M, a: f32, b: f32, p: f32) -> f32 {
    if M::FUSED { m.f32(a, b, -p) } else { (a as f64 * b as f64 - p as f64) as f32 }
}

/// One number, and how it multiplies and adds.
#[derive(Clone, Copy)]
pub struct Single<M, T>(pub M, pub T);

macro_rules! operators {
    ($([$($generic:tt)*] $name:ty, $trait:ident $method:ident, |$a:ident, $b:ident| $body:expr;)*) => {$(
        impl<$($generic)*> $trait for $name {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $body
            }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
pub(super) use operators;

macro_rules! single {
    ($t:ident, $product_rest:ident, mant $mant:expr, bias $bias:expr) => {
        operators! {
            [M: Madd] Single<M, $t>, Add add, |a, b| Single(a.0, a.1 + b.1);
            [M: Madd] Single<M, $t>, Sub sub, |a, b| Single(a.0, a.1 - b.1);
            [M: Madd] Single<M, $t>, Mul mul, |a, b| Single(a.0, a.1 * b.1);
        }
        impl<M: Madd> Neg for Single<M, $t> {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Single(self.0, -self.1)
            }
        }
        impl<M: Madd> Real for Single<M, $t> {
            type Float = $t;
            type Mask = bool;
            const FUSED: bool = M::FUSED;
            const ROUGH: bool = false;
            #[inline(always)]
            fn all(self, c: $t) -> Self {
                Single(self.0, c)
            }
            #[inline(always)]
            fn madd(self, b: Self, c: Self) -> Self {
                Single(self.0, self.0.$t(self.1, b.1, c.1))
            }
            #[inline(always)]
            fn minus_product(self, a: Self, b: Self) -> Self {
                if M::FUSED {
                    return (-a).madd(b, self);
                }
                let product = a * b;
                (self - product) - Single(self.0, $product_rest(self.0, a.1, b.1, product.1))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Single(self.0, self.1.abs())
            }
            #[inline(always)]
            fn copysign(self, of: Self) -> Self {
                Single(self.0, self.1.copysign(of.1))
            }
            #[inline(always)]
            fn less(self, b: Self) -> bool {
                self.1 < b.1
            }
            #[inline(always)]
            fn at_most(self, b: Self) -> bool {
                self.1 <= b.1
            }
            #[inline(always)]
            fn normal_or_zero(self) -> bool {
                (self.1.abs() >= <$t>::MIN_POSITIVE) | (self.1 == 0.0)
            }
            #[inline(always)]
            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }
            #[inline(always)]
            fn max(self, b: Self) -> Self {
                if self.1 > b.1 { self } else { b }
            }
            #[inline(always)]
            fn min(self, b: Self) -> Self {
                if self.1 < b.1 { self } else { b }
            }
            #[inline(always)]
            fn inverse(self) -> Self {
                Single(self.0, 1.0 / self.1)
            }
            #[inline(always)]
            fn root(self, low: Self) -> (Self, Self) {
                let root = Single(self.0, self.1.sqrt());
                let rest = self.minus_product(root, root);
                // The least number keeps 0/0 out; any other divisor has no place for it.
                let twice = (root.1 + root.1) + <$t>::MIN_POSITIVE;
                (root, Single(self.0, (rest + low).1 / twice))
            }
            #[inline(always)]
            fn half_powers(self) -> (Self, Self) {
                let power = self.1.to_bits() << $mant;
                let half = power.wrapping_sub(1 << $mant);
                let inverse = <$t>::from_bits((2 * $bias - 1) << $mant).to_bits().wrapping_sub(power);
                (Single(self.0, <$t>::from_bits(half)), Single(self.0, <$t>::from_bits(inverse)))
            }
            #[inline(always)]
            fn octaves(self, b: Self) -> (Self, Self) {
                /// The integer n in the low bits of a float is this number plus n.
                const ONE: $t = (1u64 << $mant) as $t;
                let apart =
                    self.1.to_bits().wrapping_sub(b.1.to_bits()).wrapping_add(1 << ($mant - 1)) >> $mant;
                let k = <$t>::from_bits(apart | ONE.to_bits()) - ONE;
                let inverse = <$t>::from_bits($bias << $mant).to_bits().wrapping_sub(apart << $mant);
                (Single(self.0, k), Single(self.0, <$t>::from_bits(inverse)))
            }
        }
    };
}
single!(f64, product_rest64, mant 52, bias 1023);
single!(f32, product_rest32, mant 23, bias 127);

/// `usual` and `lane` of a [`Math`](crate::simd::math::Math) function, for one number and for a register, of the functions
/// of this scope that are generic over [`Real`]; or the lane for registers is another.
macro_rules! real_lanes {
    ($t:ident, $usual:path, $lane:path) => {
        $crate::kernels::lanes::real::real_lanes!($t, $usual, $lane, $lane);
    };
    ($t:ident, $usual:path, $lane:path, $lane_v4:path) => {
        #[inline(always)]
        fn usual(x: $t) -> bool {
            $usual($crate::kernels::lanes::real::Single($crate::simd::level::Fused, x))
        }

        #[inline(always)]
        fn lane<M: Madd>(m: M, x: $t) -> $t {
            $lane($crate::kernels::lanes::real::Single(m, x)).1
        }

        const HAS_V4: bool = cfg!(target_arch = "x86_64");

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn lane_v4(
            simd: pulp::x86::V4,
            (x,): (<$t as $crate::simd::math::Register>::Zmm,),
        ) -> <$t as $crate::simd::math::Register>::Zmm {
            $lane_v4($crate::kernels::lanes::wide::Wide(simd, x)).1
        }

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn usual_v4(simd: pulp::x86::V4, (x,): (<$t as $crate::simd::math::Register>::Zmm,), ok: u16) -> u16 {
            ok & u16::from($usual($crate::kernels::lanes::wide::Wide(simd, x)))
        }
    };
}
pub(super) use real_lanes;
