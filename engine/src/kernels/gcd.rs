//! The greatest common divisor and the least common multiple of integers, neither negative but where it does not fit: that of
//! the least integer with itself or with 0.
//!
//! By Stein's way: what is even is halved, the smaller is taken from the larger, until nothing is left. Every element of a
//! piece goes through the same steps, so that they vectorise; a piece is done when its last element is. Where one operand is
//! far larger than the other, a remainder comes first, as its quotient would take that many steps.

use crate::registry::{BoolRule, Cost, Identity};
use crate::simd::classes::Reduces;
use crate::simd::fold::InOrder;
use crate::simd::kernel::{Judged, Lane};
use crate::simd::level::Madd;
use crate::simd::parted::{Out, PIECE, Parted};
use crate::ufunc;

/// The greatest common divisor.
pub struct Gcd;
/// The least common multiple.
pub struct Lcm;

/// How many more bits an operand must have for a remainder to come first: a division takes as long as some eight steps.
const FAR: u32 = 8;

macro_rules! common_divisors {
    ($one:ident $many:ident $w:ident) => {
        /// Of one pair.
        #[inline(always)]
        fn $one(mut a: $w, mut b: $w) -> $w {
            // As a fold soon is: without this it takes five times as long as NumPy's.
            if a == 1 || b == 1 {
                return 1;
            }
            if a == 0 || b == 0 {
                return a | b;
            }
            if a >> FAR > b {
                a %= b;
            } else if b >> FAR > a {
                b %= a;
            }
            if a == 0 || b == 0 {
                return a | b;
            }
            let twos = (a | b).trailing_zeros();
            a >>= a.trailing_zeros();
            while b != 0 {
                b >>= b.trailing_zeros();
                (a, b) = (a.min(b), a.abs_diff(b));
            }
            a << twos
        }

        /// Of the first `n`, in place of the first ones; the second ones are used up. (Whole arrays, walked by index with
        /// both values read first: other forms of these loops do not vectorise.)
        #[inline(always)]
        fn $many(a: &mut [$w; PIECE], b: &mut [$w; PIECE], n: usize) {
            let mut far = false;
            for i in 0..n {
                far |= (a[i] >> FAR > b[i]) | (b[i] >> FAR > a[i]);
            }
            if far {
                for i in 0..n {
                    let (x, y) = (a[i], b[i]);
                    if x >> FAR > y && y != 0 {
                        a[i] = x % y;
                    } else if y >> FAR > x && x != 0 {
                        b[i] = y % x;
                    }
                }
            }
            let mut twos = [0; PIECE];
            for i in 0..n {
                // What has a zero is done.
                let (x, y) = (a[i], b[i]);
                let (both, zero) = (x | y, (x == 0) | (y == 0));
                let odd = x >> (x.trailing_zeros() & ($w::BITS - 1));
                twos[i] = if zero { 0 } else { both.trailing_zeros() as $w };
                a[i] = if zero { both } else { odd };
                b[i] = if zero { 0 } else { y };
            }
            loop {
                let mut left = 0;
                for i in 0..n {
                    // What is done stays so: an odd number less itself.
                    let (x, y) = (a[i], b[i]);
                    let halved = y >> (y.trailing_zeros() & ($w::BITS - 1));
                    let odd = if y == 0 { x } else { halved };
                    let rest = x.abs_diff(odd);
                    (a[i], b[i]) = (x.min(odd), rest);
                    left |= rest;
                }
                if left == 0 {
                    break;
                }
            }
            for i in 0..n {
                a[i] <<= twos[i];
            }
        }
    };
}
// Shifts by various counts vectorise at 32 and 64 bits only.
common_divisors! { one_divisor_32 many_divisors_32 u32 }
common_divisors! { one_divisor_64 many_divisors_64 u64 }

/// A multiple from a divisor of the first.
macro_rules! multiple {
    // Exact in f64, whose division vectorises.
    (u32 $a:expr, $b:expr, $common:expr) => {
        (($a as f64 / ($common | ($common == 0) as u32) as f64) as u32).wrapping_mul($b)
    };
    (u64 $a:expr, $b:expr, $common:expr) => {
        ($a / $common.max(1)).wrapping_mul($b)
    };
}

macro_rules! divisors {
    ($($t:ident $u:ident $w:ident $one:ident $many:ident |$x:ident| $size:expr;)*) => {$(
        impl Lane<($t, $t)> for Gcd {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> $t {
                let size = |$x: $t| -> $u { $size };
                $one(size(a) as $w, size(b) as $w) as $t
            }
        }
        impl Lane<($t, $t)> for Lcm {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> $t {
                let size = |$x: $t| -> $u { $size };
                let (a, b) = (size(a) as $w, size(b) as $w);
                multiple!($w a, b, $one(a, b)) as $t
            }
        }
        divisors! { @ $t $u $w $many |$x| $size, Gcd |_a, _b, common| common }
        divisors! { @ $t $u $w $many |$x| $size, Lcm |a, b, common| multiple!($w a, b, common) }
    )*};
    (@ $t:ident $u:ident $w:ident $many:ident |$x:ident| $size:expr, $op:ident |$a:ident, $b:ident, $common:ident| $y:expr) => {
        impl Parted<$t> for $op {
            #[inline(always)]
            fn usual<M: Madd>(_: M, _: ($t, $t)) -> bool {
                true
            }
            #[inline(always)]
            fn quick<M: Madd>(m: M, x: ($t, $t)) -> $t {
                Self::lane(m, x)
            }
            #[inline(always)]
            fn piece<M: Madd>(_: M, a: &[$t], b: &[$t], y: &mut Out<'_, Self, $t>) -> bool {
                let size = |$x: $t| -> $u { $size };
                let (mut first, mut second) = ([0; PIECE], [0; PIECE]);
                let n = a.len().min(PIECE);
                for i in 0..n {
                    (first[i], second[i]) = (size(a[i]) as $w, size(b[i]) as $w);
                }
                $many(&mut first, &mut second, n);
                for i in 0..n {
                    let ($a, $b, $common) = (size(a[i]) as $w, size(b[i]) as $w, first[i]);
                    y[i].write($y as $t);
                }
                true
            }

            type Second = ();
            const PREPARES: bool = false;
            #[inline(always)]
            fn prepare(_: $t) -> Option<()> {
                None
            }
            #[inline(always)]
            fn piece_by<M: Madd>(_: M, (): (), _: &[$t], _: &[$t], _: &mut Out<'_, Self, $t>) -> bool {
                false
            }
        }
        impl Reduces<$t> for $op {
            type Report = Judged;
            type Fold = InOrder;
        }
    };
}
divisors! {
    i8 u8 u32 one_divisor_32 many_divisors_32 |x| x.unsigned_abs();
    i16 u16 u32 one_divisor_32 many_divisors_32 |x| x.unsigned_abs();
    i32 u32 u32 one_divisor_32 many_divisors_32 |x| x.unsigned_abs();
    i64 u64 u64 one_divisor_64 many_divisors_64 |x| x.unsigned_abs();
    u8 u8 u32 one_divisor_32 many_divisors_32 |x| x;
    u16 u16 u32 one_divisor_32 many_divisors_32 |x| x;
    u32 u32 u32 one_divisor_32 many_divisors_32 |x| x;
    u64 u64 u64 one_divisor_64 many_divisors_64 |x| x;
}

ufunc! {
    /// The greatest common divisor of the magnitudes, element-wise.
    gcd(x1, x2) -> (y) = Gcd;
    loops: { ints: parted<Gcd>; };
    examples: &[("[12, -18], [8, 27]", "array([4, 9])")];
    identity: Identity::Zero;
    reorderable: true;
    bool: BoolRule::Refused;
    cost: Cost::Heavy;
}

ufunc! {
    /// The least common multiple of the magnitudes, element-wise.
    lcm(x1, x2) -> (y) = Lcm;
    loops: { ints: parted<Lcm>; };
    examples: &[("[4, -6], [6, 9]", "array([12, 18])")];
    bool: BoolRule::Refused;
    cost: Cost::Heavy;
}
