//! Comparison: equal, not_equal, less, less_equal, greater, greater_equal.
//!
//! IEEE comparison (NaN is unequal to all, -0 equals 0), no flags. The mixed i64/u64 loops compare exactly, where a
//! common dtype, f64, would not.
//!
//! Complex numbers are in the order of their real parts, and of the imaginary ones where those are equal; a NaN in either part
//! is neither above nor below anything.

use super::{Lane, Quiet, Two, dates, lane};
use crate::registry::{B8, Complex32, Complex64, FpFlags};
use crate::simd::kernel::{UpToV3, lane_loop};
use crate::simd::level::Madd;
use crate::ufunc;

/// The comparison of two complex numbers.
macro_rules! complex {
    ($a:ident == $b:ident) => {
        ($a.re == $b.re) & ($a.im == $b.im)
    };
    ($a:ident != $b:ident) => {
        ($a.re != $b.re) | ($a.im != $b.im)
    };
    ($a:ident <= $b:ident) => {
        complex!($a, $b, <, <=)
    };
    ($a:ident >= $b:ident) => {
        complex!($a, $b, >, >=)
    };
    ($a:ident $how:tt $b:ident) => {
        complex!($a, $b, $how, $how)
    };
    ($a:ident, $b:ident, $re:tt, $im:tt) => {{
        let ordered = !($a.im.is_nan() | $b.im.is_nan());
        (($a.re $re $b.re) & ordered) | (($a.re == $b.re) & ($a.im $im $b.im))
    }};
}
pub(super) use complex;

/// Its lane function. C's comparisons in order raise for a NaN, and of complex numbers NumPy lets that be seen: it compares the
/// real parts, and the imaginary ones where those are equal.
macro_rules! complex_lane {
    ($op:ident $how:tt $($t:ty)+) => {$(
        impl Lane<($t, $t)> for $op {
            type Out = B8;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> B8 {
                B8::from(complex!(a $how b))
            }
            #[inline(always)]
            fn flags<M: Madd>(_: M, (a, b): ($t, $t), _: B8) -> FpFlags {
                let (re, im) = (a.re.is_nan() | b.re.is_nan(), a.im.is_nan() | b.im.is_nan());
                FpFlags::INVALID.when(re | ((a.re == b.re) & im))
            }
        }
    )+};
}

macro_rules! comparisons {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $how:tt $report:ident $dates:ident, $args:literal => $prints:literal;)*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        lane! {
            $op(a, b) for B8 => B8 = B8::from(a.get() $how b.get());
            $op(a, b) for i8, i16, i32, i64, u8, u16, u32, u64, f32, f64 => B8 = B8::from(a $how b);
        }
        complex_lane! { $op $how Complex32 Complex64 }
        impl Lane<(i64, u64)> for $op {
            type Out = B8;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): (i64, u64)) -> B8 {
                B8::from(if a < 0 { -1 $how 0 } else { (a as u64) $how b })
            }
        }
        impl Lane<(u64, i64)> for $op {
            type Out = B8;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): (u64, i64)) -> B8 {
                B8::from(if b < 0 { 0 $how -1 } else { a $how b as u64 })
            }
        }
        ufunc! {
            $(#[doc = $doc])*
            $name(x1, x2) -> (y) = $op;
            loops: {
                bools: quiet<Two, $op>;
                ints: quiet<Two, $op>;
                mixed: &[lane_loop::<$op, (i64, u64), Quiet, UpToV3>(), lane_loop::<$op, (u64, i64), Quiet, UpToV3>()];
                floats: quiet<Two, $op>;
                complexes: $report<Two, $op>;
                dates: dates::$dates;
             };
            examples: &[($args, $prints)];
            clears_flags: true;
        }
    )*};
}

comparisons! {
    /// Whether x1 == x2, element-wise.
    equal Equal == quiet EQUAL, "[1, 2, 3], 2" => "array([False,  True, False])";
    /// Whether x1 != x2, element-wise.
    not_equal NotEqual != quiet NOT_EQUAL, "[1, 2, 3], 2" => "array([ True, False,  True])";
    /// Whether x1 < x2, element-wise.
    less Less < judged LESS, "[1, 2, 3], 2" => "array([ True, False, False])";
    /// Whether x1 <= x2, element-wise.
    less_equal LessEqual <= judged LESS_EQUAL, "[1, 2, 3], 2" => "array([ True,  True, False])";
    /// Whether x1 > x2, element-wise.
    greater Greater > judged GREATER, "[1, 2, 3], 2" => "array([False, False,  True])";
    /// Whether x1 >= x2, element-wise.
    greater_equal GreaterEqual >= judged GREATER_EQUAL, "[1, 2, 3], 2" => "array([False,  True,  True])";
}
