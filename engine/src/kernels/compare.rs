//! Comparison: equal, not_equal, less, less_equal, greater, greater_equal.
//!
//! IEEE comparison (NaN is unequal to all, -0 equals 0), no flags. The mixed i64/u64 loops compare exactly, where a
//! common dtype, f64, would not.

use super::{Lane, Quiet, Two, dates, lane};
use crate::registry::B8;
use crate::simd::kernel::{UpToV3, lane_loop};
use crate::simd::level::Madd;
use crate::ufunc;

macro_rules! comparisons {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $how:tt $dates:ident, $args:literal => $prints:literal;)*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        lane! {
            $op(a, b) for B8 => B8 = B8::from(a.get() $how b.get());
            $op(a, b) for i8, i16, i32, i64, u8, u16, u32, u64, f32, f64 => B8 = B8::from(a $how b);
        }
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
                dates: dates::$dates;
             };
            examples: &[($args, $prints)];
            clears_flags: true;
        }
    )*};
}

comparisons! {
    /// Whether x1 == x2, element-wise.
    equal Equal == EQUAL, "[1, 2, 3], 2" => "array([False,  True, False])";
    /// Whether x1 != x2, element-wise.
    not_equal NotEqual != NOT_EQUAL, "[1, 2, 3], 2" => "array([ True, False,  True])";
    /// Whether x1 < x2, element-wise.
    less Less < LESS, "[1, 2, 3], 2" => "array([ True, False, False])";
    /// Whether x1 <= x2, element-wise.
    less_equal LessEqual <= LESS_EQUAL, "[1, 2, 3], 2" => "array([ True,  True, False])";
    /// Whether x1 > x2, element-wise.
    greater Greater > GREATER, "[1, 2, 3], 2" => "array([False, False,  True])";
    /// Whether x1 >= x2, element-wise.
    greater_equal GreaterEqual >= GREATER_EQUAL, "[1, 2, 3], 2" => "array([False,  True,  True])";
}
