//! Division with a whole quotient: floor_divide, remainder, fmod, divmod.
//!
//! How a number is divided is in `lanes/division.rs`. Each function takes its part of that here, one element at a time and
//! piece by piece.

use super::dates;
use super::lanes::division::{Divide, by_divisor, is_any};
use crate::registry::{Cost, FpFlags};
use crate::simd::classes::Reduces;
use crate::simd::fold::InOrder;
use crate::simd::kernel::{Judged, Lane};
use crate::simd::level::Madd;
use crate::simd::pack::OutPack;
use crate::simd::parted::{Out, Parted};
use crate::ufunc;

/// The quotient rounded down.
pub struct FloorDivide;
/// What it leaves.
pub struct Remainder;
/// What the quotient rounded towards zero leaves.
pub struct Fmod;
/// The quotient rounded down and what it leaves.
pub struct Divmod;

/// A function of the quotient rounded down and the remainder, or of the operands.
macro_rules! divisions {
    ($($op:ident -> $out:ty,
       full |$m:ident, $a:ident, $b:ident| $full:expr,
       quick $quick:expr,
       by |$d:ident, $x:ident, $pair:ident| $by:expr,
       flags |$y:ident| $flags:expr;)*) => {$(
        impl<T: Divide> Lane<(T, T)> for $op {
            type Out = $out;
            #[inline(always)]
            fn lane<M: Madd>($m: M, ($a, $b): (T, T)) -> $out {
                $full
            }
            #[inline(always)]
            fn flags<M: Madd>(_: M, ($a, $b): (T, T), $y: $out) -> FpFlags {
                $flags
            }
        }
        impl<T: Divide> Parted<T> for $op {
            #[inline(always)]
            fn usual<M: Madd>(_: M, (a, b): (T, T)) -> bool {
                T::usual(a, b)
            }
            #[inline(always)]
            fn quick<M: Madd>($m: M, ($a, $b): (T, T)) -> $out {
                $quick
            }
            type Second = T::Divisor;
            const PREPARES: bool = T::PREPARES;
            #[inline(always)]
            fn prepare(b: T) -> Option<T::Divisor> {
                T::divisor(b)
            }
            #[inline(always)]
            fn piece_by<M: Madd>(m: M, d: T::Divisor, a: &[T], b: &[T], y: &mut Out<'_, Self, T>) -> bool {
                let n = a.len();
                let (b, mut y) = (&b[..n], <$out as OutPack>::part(y, 0..n));
                by_divisor!(T, m, d, n, small: T::HAS_SMALL && !is_any(a, |a| !T::is_small(a)),
                    |i, pair| from (a[i], b[i]) {
                        let ($d, $x, $pair) = (d, a[i], pair);
                        <$out as OutPack>::set(&mut y, i, $by);
                    });
                !T::overflows(d) || !is_any(a, |a| a == T::LEAST)
            }
        }
    )*};
}
divisions! {
    FloorDivide -> T,
        full |m, a, b| T::floor(m, a, b).0,
        quick T::quick_floor(m, a, b).0,
        by |_d, _a, pair| pair.0,
        flags |y| T::quotient_flags(a, b, y);
    Remainder -> T,
        full |m, a, b| T::floor(m, a, b).1,
        quick T::quick_floor(m, a, b).1,
        by |_d, _a, pair| pair.1,
        flags |_y| T::rest_flags(a, b);
    Fmod -> T,
        full |m, a, b| T::fmod(m, a, b),
        quick T::quick_fmod(m, a, b),
        by |d, a, pair| T::fmod_by(d, a, pair.1),
        flags |_y| T::rest_flags(a, b);
    Divmod -> (T, T),
        full |m, a, b| T::floor(m, a, b),
        quick T::quick_floor(m, a, b),
        by |_d, _a, pair| pair,
        flags |y| T::quotient_flags(a, b, y.0) | T::rest_flags(a, b);
}

macro_rules! reduces {
    ($($op:ident)*) => {$(
        impl<T: Divide> Reduces<T> for $op {
            type Report = Judged;
            type Fold = InOrder;
        }
    )*};
}
reduces! { FloorDivide Remainder Fmod }

ufunc! {
    /// The quotient rounded down, element-wise.
    floor_divide(x1, x2) -> (y) = FloorDivide;
    loops: { ints: parted<FloorDivide>; floats: parted<FloorDivide>; dates: dates::FLOOR_DIVIDE; };
    examples: &[("[7, -7], 2", "array([ 3, -4])")];
    cost: Cost::Medium;
    indexed: true;
}

ufunc! {
    /// What the quotient rounded down leaves, with the divisor's sign.
    remainder(x1, x2) -> (y) = Remainder;
    loops: { ints: parted<Remainder>; floats: parted<Remainder>; dates: dates::REMAINDER; };
    examples: &[("[7, -7], 3", "array([1, 2])")];
    aliases: &["mod"];
    cost: Cost::Medium;
}

ufunc! {
    /// What the quotient rounded towards zero leaves, with the dividend's sign.
    fmod(x1, x2) -> (y) = Fmod;
    loops: { ints: parted<Fmod>; floats: parted<Fmod>; };
    examples: &[("[7, -7], 3", "array([ 1, -1])")];
    cost: Cost::Medium;
}

ufunc! {
    /// The quotient rounded down and what it leaves, element-wise.
    divmod(x1, x2) -> (quotient, remainder) = Divmod;
    loops: { ints: parted_pair<Divmod>; floats: parted_pair<Divmod>; dates: dates::DIVMOD; };
    examples: &[("[7, -7], 3", "(array([ 2, -3]), array([1, 2]))")];
    cost: Cost::Medium;
}
