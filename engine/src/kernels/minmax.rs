//! Extremes: maximum and minimum hand on the first NaN they meet, fmax and fmin prefer a number to a NaN. Of two equal
//! values, -0 and 0 among them, the second is taken, as NumPy's vector loops do; of narrow floats and complex numbers the first.

use super::compare::complex;
use super::{Quiet, lane};
use crate::registry::{B8, Complex, Complex32, Complex64};
use crate::simd::classes::Reduces;
use crate::simd::fold::{ByLanes, InOrder};
use crate::ufunc;

macro_rules! extremes {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident $op:ident $first:ident $how:tt $or_equal:tt ($a:ident, $b:ident) nan: $nan:ident, bool: $bool:tt, positional out deprecated: $deprecated:literal,
        $args:literal => $prints:literal;
    )*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        /// The same on narrow floats, where NumPy takes the first of two equal values.
        struct $first;
        lane! {
            $op(a, b) for B8 = B8::from(a.get() $bool b.get());
            $op(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = if a $how b { a } else { b };
            $op($a, $b) for f32, f64 = {
                let extreme = if $a $how $b { $a } else { $b };
                if $nan.is_nan() { $a } else { extreme }
            };
            $op($a, $b) for Complex32, Complex64 = {
                let first = $nan.re.is_nan() | $nan.im.is_nan() | complex!($a $or_equal $b);
                Complex::new(if first { $a.re } else { $b.re }, if first { $a.im } else { $b.im })
            };
        }
        lane! {
            $first($a, $b) for f32 = {
                let extreme = if $a $or_equal $b { $a } else { $b };
                if $nan.is_nan() { $a } else { extreme }
            };
        }
        reduces! { $op ByLanes: B8 i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 }
        reduces! { $op InOrder: Complex32 Complex64 }
        reduces! { $first ByLanes: f32 }
        ufunc! {
            $(#[doc = $doc])*
            $name(x1, x2) -> (y) = $op;
            loops: { bools: reducing<$op>; ints: reducing<$op>; wide: reducing<$op>; narrow: reducing<$first>; complexes: reducing<$op>; };
            examples: &[($args, $prints)];
            reorderable: true;
            clears_flags: true;
            indexed: true;
            positional_out_deprecated: $deprecated;
        }
    )*};
}
macro_rules! reduces {
    ($op:ident ByLanes: $($t:ty)*) => { reduces! { @ $op [ByLanes<$op>] $($t)* } };
    ($op:ident InOrder: $($t:ty)*) => { reduces! { @ $op [InOrder] $($t)* } };
    (@ $op:ident [$fold:ty] $($t:ty)*) => {$(
        impl Reduces<$t> for $op {
            type Report = Quiet;
            type Fold = $fold;
        }
    )*};
}

extremes! {
    /// The larger of two values, element-wise; NaN if either is.
    maximum Maximum FirstMaximum > >= (a, b) nan: a, bool: |, positional out deprecated: true,
        "[1, 5], [3, 2]" => "array([3, 5])";
    /// The smaller of two values, element-wise; NaN if either is.
    minimum Minimum FirstMinimum < <= (a, b) nan: a, bool: &, positional out deprecated: true,
        "[1, 5], [3, 2]" => "array([1, 2])";
    /// The larger of two values, element-wise; a NaN only if both are.
    fmax Fmax FirstFmax > >= (a, b) nan: b, bool: |, positional out deprecated: false,
        "[1.0, float('nan')], 0.5" => "array([1. , 0.5])";
    /// The smaller of two values, element-wise; a NaN only if both are.
    fmin Fmin FirstFmin < <= (a, b) nan: b, bool: &, positional out deprecated: false,
        "[1.0, float('nan')], 0.5" => "array([0.5, 0.5])";
}
