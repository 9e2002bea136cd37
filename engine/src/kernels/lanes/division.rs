//! Division with a whole quotient: rounded down, as Python's `//` and `%`, or towards zero, as C's `fmod`.
//!
//! Integers. No CPU divides a vector of them. The float quotient of `a` and `b` is at least `1 / b` away from every whole
//! number that `a / b` is not, `1 / a` of itself, which is more than it is rounded by if the float has a few more digits
//! than `a`: f32 for 16 bits, f64 for 32, and for 64 bits too where both are below 2^50. So its floor is the quotient.
//! A divisor that repeats becomes a factor: of magnitude d and N bits, with l = ceil(log2 d), `a / d` is
//! `(t + ((a - t) >> 1)) >> (l - 1)` where t is the upper half of a times `2^N (2^l - d) / d + 1` (Granlund and Montgomery,
//! Division by Invariant Integers using Multiplication, 1994, figures 4.1 and 6.1). Of 64 bits the upper half of a product
//! is dear, and `(a + 1/2) / d` by f64's reciprocal is right below 2^50, for it stays `1 / (2d)` away from whole numbers
//! (0.24 against 0.34 ns an element).
//!
//! Floats. NumPy's quotient and remainder are Python's: made of C's `fmod`, which is exact. With a fused multiply-add
//! `a - floor(a / b) * b` is rounded once, from the exact value of the remainder, unless the rounded quotient has reached
//! the next whole number, which the sign of the remainder then tells. Below 2^51 (2^22 of f32, all in f64) NumPy's way
//! gives the same quotient; above it goes by the formula, with a faster `fmod`: where the quotient is larger than a float
//! holds, multiples of the divisor are taken off that are 2^50 or more times it, each step exactly.

use crate::registry::{Element, FpFlags};
use crate::simd::level::Madd;
use crate::simd::pack::Single;
use std::hint::black_box;

/// A number that is divided so: in full for any operands, quickly for the usual ones, by a divisor made ready.
pub trait Divide: Element + Single + PartialEq {
    /// The quotient rounded down, and the remainder, which has the divisor's sign.
    fn floor<M: Madd>(m: M, a: Self, b: Self) -> (Self, Self);
    /// The remainder of the quotient rounded towards zero, which has the dividend's sign.
    fn fmod<M: Madd>(m: M, a: Self, b: Self) -> Self;
    /// What the quotient `y` raises.
    fn quotient_flags(a: Self, b: Self, y: Self) -> FpFlags;
    /// What the remainder raises.
    fn rest_flags(a: Self, b: Self) -> FpFlags;

    /// Whether the quick ways are right, and nothing is raised.
    fn usual(a: Self, b: Self) -> bool;
    /// `floor` where `usual`.
    fn quick_floor<M: Madd>(m: M, a: Self, b: Self) -> (Self, Self);
    /// `fmod` where `usual`.
    fn quick_fmod<M: Madd>(m: M, a: Self, b: Self) -> Self;

    /// Whether divisors can be made ready, which the functions below are for.
    const PREPARES: bool = false;
    /// One made ready.
    type Divisor: Copy;
    /// It; `None` for 0.
    #[inline(always)]
    fn divisor(_b: Self) -> Option<Self::Divisor> {
        None
    }
    /// Whether it is negative.
    fn is_negative(d: Self::Divisor) -> bool;
    /// Whether the least integer has no quotient by it.
    fn overflows(d: Self::Divisor) -> bool;
    /// The least integer.
    const LEAST: Self;
    /// `floor`, but for an overflow; `b` is the divisor once more, from memory.
    fn by<const NEGATIVE: bool>(d: Self::Divisor, a: Self, b: Self) -> (Self, Self);
    /// `fmod`, from the remainder that `by` gives.
    fn fmod_by(d: Self::Divisor, a: Self, rest: Self) -> Self;
    /// Whether small dividends have a quicker way.
    const HAS_SMALL: bool = false;
    /// Whether this one has it.
    #[inline(always)]
    fn is_small(_a: Self) -> bool {
        true
    }
    /// `by` for small ones.
    #[inline(always)]
    fn small_by<M: Madd>(_m: M, d: Self::Divisor, a: Self) -> (Self, Self) {
        Self::by::<false>(d, a, a)
    }
}

/// Whether something is so of any element.
#[inline(always)]
pub fn is_any<T: Copy>(a: &[T], so: impl Fn(T) -> bool) -> bool {
    a.iter().fold(0u8, |any, &a| any | so(a) as u8) != 0
}

/// What is made of the quotient rounded down and the remainder of each of `n` elements by a divisor made ready, given the dividend and
/// the divisor in memory. Each way in a loop of its own, or none vectorises.
macro_rules! by_divisor {
    ($t:ty, $m:ident, $d:ident, $n:ident, small: $small:expr, |$i:ident, $pair:ident| from ($a:expr, $b:expr) $set:expr) => {
        if $small {
            for $i in 0..$n {
                let $pair = <$t as $crate::kernels::lanes::division::Divide>::small_by($m, $d, $a);
                $set
            }
        } else if <$t as $crate::kernels::lanes::division::Divide>::is_negative($d) {
            for $i in 0..$n {
                let $pair = <$t as $crate::kernels::lanes::division::Divide>::by::<true>($d, $a, $b);
                $set
            }
        } else {
            for $i in 0..$n {
                let $pair = <$t as $crate::kernels::lanes::division::Divide>::by::<false>($d, $a, $b);
                $set
            }
        }
    };
}
pub(crate) use by_divisor;

/// 1.5 times the power of two from which on a float has no fraction: added to a whole number of either sign, it leaves that in
/// the sum's low bits. AVX2 converts no 64-bit integers.
const WHOLE32: f32 = 12_582_912.0;
const WHOLE64: f64 = 6_755_399_441_055_744.0;

/// An integer divisor made ready: for its magnitude, which divides `-a` if it is negative.
#[derive(Clone, Copy)]
pub struct Factor<T, U> {
    by: T,
    factor: U,
    /// Its lower and its upper half, of 64 bits.
    halves: (u32, u32),
    /// Exclusive "or" of factor and divisor, of 16 bits.
    mixed: u16,
    first: u32,
    then: u32,
    negative: bool,
    /// It is -1: the least integer has no quotient.
    negates: bool,
    /// Of small dividends `(a + 1/2) / by`.
    inverse: f64,
    half: f64,
}

/// The upper half of a product of 16 bits. The compiler sees that there is an instruction for it only if it cannot know that
/// one factor is always the same: it is made of the divisors in memory (0.09 ns an element, and 0.055 so).
#[inline(always)]
fn upper16(n: u16, factor: u16) -> u16 {
    ((n as u32 * factor as u32) >> 16) as u16
}

/// The upper half of a product of 64 bits. The halves of one factor are hidden from the compiler: if it knew whose they are,
/// it would take the CPU's wide product, one at a time (0.54 ns an element, and 0.34 so).
#[inline(always)]
fn upper64(n: u64, (low, high): (u32, u32)) -> u64 {
    let (n_low, n_high, low, high) = (n & 0xffff_ffff, n >> 32, low as u64, high as u64);
    let carried = n_high * low + ((n_low * low) >> 32);
    n_high * high + (carried >> 32) + (((carried & 0xffff_ffff) + n_low * high) >> 32)
}

macro_rules! integers {
    ($($t:ident $u:ident $wide:ident, |$x:ident| $to:expr, |$q:ident| $from:expr, |$n:ident, $m:ident, $b:ident| $upper:expr,
       { $($small:tt)* };)*) => {$(
        impl Divide for $t {
            #[inline(always)]
            fn floor<M: Madd>(_: M, a: $t, b: $t) -> ($t, $t) {
                if b == 0 {
                    return (0, 0);
                }
                // The remainder by a product, or the CPU may divide twice; no branch, as half of the signs would be guessed
                // wrong.
                let quotient = a.wrapping_div(b);
                let rest = a.wrapping_sub(quotient.wrapping_mul(b));
                let below = (rest != 0) & ((a ^ b) >> ($t::BITS - 1) != 0) & ($t::MIN != 0);
                (quotient.wrapping_sub(below as $t), if below { rest.wrapping_add(b) } else { rest })
            }
            #[inline(always)]
            fn fmod<M: Madd>(_: M, a: $t, b: $t) -> $t {
                if b == 0 { 0 } else { a.wrapping_rem(b) }
            }
            #[inline(always)]
            fn quotient_flags(a: $t, b: $t, _: $t) -> FpFlags {
                let overflows = $t::MIN != 0 && a == $t::MIN && b == (0 as $t).wrapping_sub(1);
                FpFlags::DIVIDE.when(b == 0) | FpFlags::OVERFLOW.when(overflows)
            }
            #[inline(always)]
            fn rest_flags(_: $t, b: $t) -> FpFlags {
                FpFlags::DIVIDE.when(b == 0)
            }

            #[inline(always)]
            fn usual(a: $t, b: $t) -> bool {
                let overflows = ($t::MIN != 0) & (a == $t::MIN) & (b == (0 as $t).wrapping_sub(1));
                (b != 0) & !overflows & Self::is_small(a) & Self::is_small(b)
            }
            #[inline(always)]
            fn quick_floor<M: Madd>(_: M, a: $t, b: $t) -> ($t, $t) {
                let real = |$x: $t| $to;
                let $q = (real(a) / real(b)).floor();
                let quotient: $t = $from;
                (quotient, a.wrapping_sub(quotient.wrapping_mul(b)))
            }
            #[inline(always)]
            fn quick_fmod<M: Madd>(_: M, a: $t, b: $t) -> $t {
                let real = |$x: $t| $to;
                let $q = (real(a) / real(b)).trunc();
                let quotient: $t = $from;
                a.wrapping_sub(quotient.wrapping_mul(b))
            }

            const PREPARES: bool = true;
            type Divisor = Factor<$t, $u>;
            #[inline(always)]
            #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
            fn divisor(by: $t) -> Option<Self::Divisor> {
                let negative = by < 0;
                let magnitude = if negative { (by as $u).wrapping_neg() } else { by as $u };
                if magnitude == 0 {
                    return None;
                }
                let digits = $u::BITS - (magnitude - 1).leading_zeros();
                let beyond = ((1 as $wide) << digits) - magnitude as $wide;
                let factor = (((beyond << $u::BITS) / magnitude as $wide) as $u).wrapping_add(1);
                Some(Factor {
                    by,
                    factor,
                    halves: black_box((factor as u32, (factor as u64 >> 32) as u32)),
                    mixed: factor as u16 ^ by as u16,
                    first: digits.min(1),
                    then: digits.max(1) - 1,
                    negative,
                    negates: negative && magnitude == 1,
                    inverse: 1.0 / by as f64,
                    half: 0.5 / magnitude as f64,
                })
            }
            #[inline(always)]
            fn is_negative(d: Self::Divisor) -> bool {
                d.negative
            }
            #[inline(always)]
            fn overflows(d: Self::Divisor) -> bool {
                d.negates
            }
            const LEAST: $t = $t::MIN;
            #[inline(always)]
            #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
            fn by<const NEGATIVE: bool>(d: Self::Divisor, a: $t, $b: $t) -> ($t, $t) {
                let ones = |is: bool| (0 as $t).wrapping_sub(is as $t);
                // What is negative is divided as its complement, and so is the quotient then.
                let (magnitude, flip) = if NEGATIVE {
                    let flip = ones(a > 0);
                    ((0 as $t).wrapping_sub(a) ^ flip, flip)
                } else {
                    let flip = ones(a < 0);
                    (a ^ flip, flip)
                };
                let ($n, $m) = (magnitude as $u, d);
                let upper: $u = $upper;
                let quotient = ((upper + (($n - upper) >> d.first)) >> d.then) as $t ^ flip;
                (quotient, a.wrapping_sub(quotient.wrapping_mul(d.by)))
            }
            #[inline(always)]
            #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
            fn fmod_by(d: Self::Divisor, a: $t, rest: $t) -> $t {
                let other = (rest != 0) & ((a < 0) != d.negative);
                if other { rest.wrapping_sub(d.by) } else { rest }
            }
            $($small)*
        }
    )*};
}

/// Of 64 bits.
macro_rules! small {
    ($t:ident, |$a:ident| $is_small:expr) => {
        const HAS_SMALL: bool = true;
        #[inline(always)]
        fn is_small($a: $t) -> bool {
            $is_small
        }
        #[inline(always)]
        fn small_by<M: Madd>(m: M, d: Self::Divisor, a: $t) -> ($t, $t) {
            let real = f64::from_bits((a as u64).wrapping_add(WHOLE64.to_bits())) - WHOLE64;
            let whole = m.f64(real, d.inverse, d.half).floor() + WHOLE64;
            let quotient = whole.to_bits().wrapping_sub(WHOLE64.to_bits()) as $t;
            (quotient, a.wrapping_sub(quotient.wrapping_mul(d.by)))
        }
    };
}

integers! {
    i8 u8 u64, |x| x as f32, |q| (q + WHOLE32).to_bits() as _, |n, m, _b| ((n as u16 * m.factor as u16) >> 8) as _, {};
    u8 u8 u64, |x| x as f32, |q| (q + WHOLE32).to_bits() as _, |n, m, _b| ((n as u16 * m.factor as u16) >> 8) as _, {};
    i16 u16 u64, |x| x as f32, |q| (q + WHOLE32).to_bits() as _, |n, m, b| upper16(n, m.mixed ^ b as u16), {};
    u16 u16 u64, |x| x as f32, |q| (q + WHOLE32).to_bits() as _, |n, m, b| upper16(n, m.mixed ^ b as u16), {};
    i32 u32 u64, |x| x as f64, |q| (q + WHOLE64).to_bits() as _, |n, m, _b| ((n as u64 * m.factor as u64) >> 32) as _, {};
    u32 u32 u64, |x| x as f64, |q| (q + WHOLE64).to_bits() as _, |n, m, _b| ((n as u64 * m.factor as u64) >> 32) as _, {};
    i64 u64 u128, |x| f64::from_bits((x as u64).wrapping_add(WHOLE64.to_bits())) - WHOLE64,
        |q| (q + WHOLE64).to_bits().wrapping_sub(WHOLE64.to_bits()) as _,
        |n, m, _b| upper64(n, m.halves),
        { small! { i64, |a| (a.wrapping_add(1 << 50) as u64) < 1 << 51 } };
    u64 u64 u128, |x| f64::from_bits(x.wrapping_add(WHOLE64.to_bits())) - WHOLE64,
        |q| (q + WHOLE64).to_bits().wrapping_sub(WHOLE64.to_bits()) as _,
        |n, m, _b| upper64(n, m.halves),
        { small! { u64, |a| a < 1 << 50 } };
}

/// C's `fmod`, exact.
#[inline(always)]
fn exact_fmod<M: Madd>(m: M, a: f64, b: f64) -> f64 {
    let (mut rest, divisor) = (a.abs(), b.abs());
    // Without a fused multiply-add nothing below is exact; nor is a scaled subnormal number.
    let ordinary = (f64::MIN_POSITIVE..f64::INFINITY).contains(&divisor) && rest < f64::INFINITY;
    if !M::FUSED || !ordinary {
        return a % b;
    }
    // The rest of a multiple of the divisor whose quotient has at most 53 digits.
    let take = |rest: f64, multiple: f64| {
        let left = m.f64(-(rest / multiple).trunc(), multiple, rest);
        if left < 0.0 { left + multiple } else { left }
    };
    while rest >= divisor * 2f64.powi(52) {
        let exponent = |x: f64| x.to_bits() >> 52;
        let power = |digits: u64| f64::from_bits((1023 + digits) << 52);
        let digits = exponent(rest) - exponent(divisor) - 51;
        rest = take(rest, divisor * power(digits / 2) * power(digits - digits / 2)); // 2^digits may be too large
    }
    if rest >= divisor { take(rest, divisor) } else { rest }.copysign(a)
}

macro_rules! floats {
    ($($t:ident, |$q:ident, $a:ident, $b:ident| $is_quotient:expr, below $most:expr;)*) => {$(
        impl Divide for $t {
            /// By the remainder, as Python's.
            #[inline(always)]
            fn floor<M: Madd>(m: M, a: $t, b: $t) -> ($t, $t) {
                let rest = Self::fmod(m, a, b);
                if b == 0.0 {
                    return (a / b, rest);
                }
                let down = rest != 0.0 && (b < 0.0) != (rest < 0.0);
                let quotient = (a - rest) / b - if down { 1.0 } else { 0.0 };
                let above = if down { rest + b } else { rest };
                let rest = if rest == 0.0 { <$t>::copysign(0.0, b) } else { above };
                if quotient == 0.0 {
                    return (<$t>::copysign(0.0, a / b), rest);
                }
                let floor = quotient.floor();
                (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
            }
            #[inline(always)]
            fn fmod<M: Madd>(m: M, a: $t, b: $t) -> $t {
                exact_fmod(m, a as f64, b as f64) as $t
            }
            #[inline(always)]
            fn quotient_flags(a: $t, b: $t, y: $t) -> FpFlags {
                if a.is_nan() || b.is_nan() || (a.is_infinite() && b == 0.0) {
                    return FpFlags::NONE;
                }
                if a.is_infinite() || (a == 0.0 && b == 0.0) {
                    return FpFlags::INVALID;
                }
                if b == 0.0 {
                    return FpFlags::DIVIDE;
                }
                if y.is_infinite() {
                    return FpFlags::OVERFLOW | FpFlags::INVALID; // it is compared with its own floor
                }
                // The sign of a zero is that of a quotient, which may be tiny.
                let ($q, $a, $b) = (a / b, a, b);
                let tiny = $q.abs() < <$t>::MIN_POSITIVE && b.is_finite() && a != 0.0;
                FpFlags::UNDERFLOW.when(y == 0.0 && tiny && !$is_quotient)
            }
            #[inline(always)]
            fn rest_flags(a: $t, b: $t) -> FpFlags {
                FpFlags::INVALID.when(!a.is_nan() && !b.is_nan() && (a.is_infinite() || b == 0.0))
            }

            #[inline(always)]
            fn usual(a: $t, b: $t) -> bool {
                let quotient = (a as f64 / b as f64).abs();
                let normal = (quotient >= <$t>::MIN_POSITIVE as f64) | (a == 0.0);
                // (The quotient by 0 is too large, or none.)
                (quotient < $most) & normal & (b.abs() < <$t>::INFINITY)
            }
            #[inline(always)]
            fn quick_floor<M: Madd>(m: M, a: $t, b: $t) -> ($t, $t) {
                let (a, b) = (a as f64, b as f64);
                let floor = (a / b).floor();
                let rest = m.f64(-floor, b, a);
                let above = (rest != 0.0) & ((rest < 0.0) != (b < 0.0));
                let floor = floor - if above { 1.0 } else { 0.0 };
                let rest = if above { rest + b } else { rest };
                (floor as $t, if rest == 0.0 { 0f64.copysign(b) } else { rest } as $t)
            }
            #[inline(always)]
            fn quick_fmod<M: Madd>(m: M, a: $t, b: $t) -> $t {
                let (a, b) = (a as f64, b as f64);
                let rest = m.f64(-(a / b).trunc(), b, a);
                let beyond = (rest != 0.0) & ((rest < 0.0) != (a < 0.0));
                if beyond { rest + b.copysign(a) } else { rest }.copysign(a) as $t
            }

            type Divisor = ();
            #[inline(always)]
            fn is_negative((): ()) -> bool {
                false
            }
            #[inline(always)]
            fn overflows((): ()) -> bool {
                false
            }
            const LEAST: $t = <$t>::MIN;
            #[inline(always)]
            fn by<const NEGATIVE: bool>((): (), a: $t, _: $t) -> ($t, $t) {
                (a, a)
            }
            #[inline(always)]
            fn fmod_by((): (), _: $t, rest: $t) -> $t {
                rest
            }
        }
    )*};
}
floats! {
    f32, |q, a, b| q as f64 * b as f64 == a as f64, below 4_194_304.0; // 2^22
    // Far enough up that what is left over is no subnormal.
    f64, |q, a, b| (q * 2f64.powi(200)).mul_add(b, -(a * 2f64.powi(200))) == 0.0, below 2_251_799_813_685_248.0; // 2^51
}
