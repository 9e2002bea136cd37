//! Powers: power, of integers and floats, and float_power; and hypot, which is one of a sum of two.
//!
//! Powers of integers are made by squares, the exponent's highest digit first. A piece goes through that digit by digit, so
//! that what is done to an element is the same for all of them and vectorises. The maths of floats is in [`super::lanes`].

use super::lanes::complex::ComplexPower;
pub use super::lanes::hypot::Hypot;
use super::lanes::pow::Pow;
use super::takes_pairs;
use crate::registry::{Accuracy, Complex32, Complex64, Cost, FpFlags, Identity};
use crate::simd::classes::Reduces;
use crate::simd::complex;
use crate::simd::fold::InOrder;
use crate::simd::kernel::{Judged, Lane, UpToV4, loop_of, math_pair_loop};
use crate::simd::level::Madd;
use crate::simd::parted::{Out, Parted};
use crate::ufunc;

/// Power, of integers to powers that are not negative.
pub struct Power;
/// Power in f64.
pub struct FloatPower;

macro_rules! int_powers {
    ($($t:ident $u:ident;)*) => {$(
        impl Lane<($t, $t)> for Power {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> $t {
                let (mut base, mut left, mut power) = (a, b, 1 as $t);
                while left > 0 {
                    if left & 1 == 1 {
                        power = power.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    left >>= 1;
                }
                power
            }
            #[inline(always)]
            #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
            fn flags<M: Madd>(_: M, (_, b): ($t, $t), _: $t) -> FpFlags {
                FpFlags::REFUSED.when(b < 0)
            }
        }
        impl Parted<$t> for Power {
            #[inline(always)]
            #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
            fn usual<M: Madd>(_: M, (_, b): ($t, $t)) -> bool {
                b >= 0
            }
            #[inline(always)]
            fn quick<M: Madd>(m: M, x: ($t, $t)) -> $t {
                Self::lane(m, x)
            }
            #[inline(always)]
            fn piece<M: Madd>(_: M, a: &[$t], b: &[$t], y: &mut Out<'_, Self, $t>) -> bool {
                let all = b.iter().fold(0, |all, &b| all | b as $u);
                let digits = $u::BITS - all.leading_zeros();
                let is_set = |b: $t, digit: u32| (b as $u >> digit) & 1 == 1;
                let first = digits.max(1) - 1;
                for ((&a, &b), y) in a.iter().zip(b).zip(y.iter_mut()) {
                    y.write(if is_set(b, first) { a } else { 1 });
                }
                for digit in (0..first).rev() {
                    for ((&a, &b), y) in a.iter().zip(b).zip(y.iter_mut()) {
                        // SAFETY: the loop above has written every element.
                        let power = unsafe { y.assume_init() };
                        y.write(power.wrapping_mul(power).wrapping_mul(if is_set(b, digit) { a } else { 1 }));
                    }
                }
                all >> ($u::BITS - 1) == 0 || $t::MIN == 0
            }

            type Second = $u;
            const PREPARES: bool = true;
            #[inline(always)]
            #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
            fn prepare(b: $t) -> Option<$u> {
                (b >= 0).then_some(b as $u)
            }
            #[inline(always)]
            fn piece_by<M: Madd>(_: M, exponent: $u, a: &[$t], _: &[$t], y: &mut Out<'_, Self, $t>) -> bool {
                let digits = $u::BITS - exponent.leading_zeros();
                let is_set = |digit: u32| (exponent >> digit) & 1 == 1;
                if digits < 2 {
                    for (&a, y) in a.iter().zip(y.iter_mut()) {
                        y.write(if exponent == 1 { a } else { 1 });
                    }
                    return true;
                }
                // The first digit is a factor of the second's square.
                let second = is_set(digits - 2);
                for (&a, y) in a.iter().zip(y.iter_mut()) {
                    let square = a.wrapping_mul(a);
                    y.write(if second { square.wrapping_mul(a) } else { square });
                }
                for digit in (0..digits - 2).rev() {
                    let set = is_set(digit);
                    for (&a, y) in a.iter().zip(y.iter_mut()) {
                        // SAFETY: the loop above has written every element.
                        let power = unsafe { y.assume_init() };
                        let square = power.wrapping_mul(power);
                        y.write(if set { square.wrapping_mul(a) } else { square });
                    }
                }
                true
            }
        }
        impl Reduces<$t> for Power {
            type Report = Judged;
            type Fold = InOrder;
        }
    )*};
}
int_powers! { i8 u8; i16 u16; i32 u32; i64 u64; u8 u8; u16 u16; u32 u32; u64 u64; }

takes_pairs! { Power: f32 f64 Complex32 Complex64 }
ufunc! {
    /// x1 to the power of x2, element-wise.
    power(x1, x2) -> (y) = Power;
    loops: { ints: parted<Power>; floats: math2<Pow>; complexes: composed2<ComplexPower>; };
    examples: &[("[2, 3], 5", "array([ 32, 243])"), ("[4.0, 9.0], 0.5", "array([2., 3.])")];
    aliases: &["pow"];
    cost: Cost::Medium;
    accuracy: Accuracy::Ulp(1.0);
    // Beside which count the digits that a logarithm has, times the exponent.
    complex: Accuracy::Ulp(4.0);
    refusal: Some("Integers to negative integer powers are not allowed.");
}

takes_pairs! { FloatPower: f64 Complex64 }
ufunc! {
    /// x1 to the power of x2 in float64, element-wise.
    float_power(x1, x2) -> (y) = FloatPower;
    loops: &[&[math_pair_loop::<Pow, f64>(), loop_of::<complex::Two<ComplexPower, Complex64>, UpToV4>()]];
    examples: &[("[2, 4], -1", "array([0.5 , 0.25])")];
    cost: Cost::Heavy;
    accuracy: Accuracy::Ulp(1.0);
    // Beside which count the digits that a logarithm has, times the exponent.
    complex: Accuracy::Ulp(4.0);
}

takes_pairs! { Hypot: f32 f64 }
ufunc! {
    /// The hypotenuse of the right triangle with legs x1 and x2, element-wise.
    hypot(x1, x2) -> (y) = Hypot;
    loops: { floats: math2<Hypot>; };
    examples: &[("[3.0, 5.0], [4.0, 12.0]", "array([ 5., 13.])")];
    identity: Identity::Zero;
    reorderable: true;
    inputs_apart: true;
    cost: Cost::Medium;
    accuracy: Accuracy::Ulp(1.0);
}
