//! Extremes: maximum and minimum hand on the first NaN they meet, fmax and fmin prefer a number to a NaN. Of two equal
//! values, -0 and 0 among them, the second is taken, as NumPy's vector loops do; of narrow floats and complex numbers the first.
//! `clip` is a maximum and a minimum, the second of equals taken in both.

use super::compare::complex;
use super::{Lane, Quiet, Three, dates, lane};
use crate::registry::{B8, Complex, Complex32, Complex64, Element, Isa};
use crate::simd::classes::Reduces;
use crate::simd::fold::{ByLanes, Choice, Chosen};
use crate::simd::level::Madd;
use crate::simd::pack::OutPack;
use crate::ufunc;

macro_rules! extremes {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident $op:ident $first:ident $how:tt $or_equal:tt ($a:ident, $b:ident) nan: $nan:ident, bool: $bool:tt, dates: $dates:ident, positional out deprecated: $deprecated:literal,
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
                let first = <$op as Choice<_>>::is_first($a, $b);
                Complex::new(if first { $a.re } else { $b.re }, if first { $a.im } else { $b.im })
            };
        }
        lane! {
            $first($a, $b) for f32 = {
                let extreme = if $a $or_equal $b { $a } else { $b };
                if $nan.is_nan() { $a } else { extreme }
            };
        }
        reduces! { $op ByLanes up to V3: B8 i8 i16 i32 u8 u16 u32 }
        // AVX2 has no extremes of 64 bits. 1000 f32 or f64 take 0.09 or 0.15 ns each, and 0.14 or 0.25 with AVX2: three instructions for a register.
        reduces! { $op ByLanes up to V4: i64 u64 f32 f64 }
        reduces! { $op Chosen up to V3: Complex32 Complex64 }
        choices! { $op ($a, $b) $nan $or_equal Complex32 Complex64 }
        reduces! { $first ByLanes up to V3: f32 }
        ufunc! {
            $(#[doc = $doc])*
            $name(x1, x2) -> (y) = $op;
            loops: { bools: reducing<$op>; ints: reducing<$op>; wide: reducing<$op>; narrow: reducing<$first>; complexes: reducing<$op>;
                dates: dates::$dates; };
            examples: &[($args, $prints)];
            reorderable: true;
            absorbing: Some(true $bool false);
            clears_flags: true;
            indexed: true;
            positional_out_deprecated: $deprecated;
        }
    )*};
}
/// Of complex numbers the first is taken if it is a NaN that counts, or not behind the second.
macro_rules! choices {
    ($op:ident ($a:ident, $b:ident) $nan:ident $or_equal:tt $($t:ty)+) => {$(
        impl Choice<$t> for $op {
            #[inline(always)]
            fn is_first($a: $t, $b: $t) -> bool {
                $nan.re.is_nan() | $nan.im.is_nan() | complex!($a $or_equal $b)
            }
        }
    )+};
}
macro_rules! reduces {
    ($op:ident $fold:ident up to $isa:ident: $($t:ty)*) => {$(
        impl Reduces<$t> for $op {
            type Report = Quiet;
            type Fold = $fold<$op>;
            const CEILING: Isa = Isa::$isa;
        }
    )*};
}

extremes! {
    /// The larger of two values, element-wise; NaN if either is.
    maximum Maximum FirstMaximum > >= (a, b) nan: a, bool: |, dates: MAXIMUM, positional out deprecated: true,
        "[1, 5], [3, 2]" => "array([3, 5])";
    /// The smaller of two values, element-wise; NaN if either is.
    minimum Minimum FirstMinimum < <= (a, b) nan: a, bool: &, dates: MINIMUM, positional out deprecated: true,
        "[1, 5], [3, 2]" => "array([1, 2])";
    /// The larger of two values, element-wise; a NaN only if both are.
    fmax Fmax FirstFmax > >= (a, b) nan: b, bool: |, dates: FMAX, positional out deprecated: false,
        "[1.0, float('nan')], 0.5" => "array([1. , 0.5])";
    /// The smaller of two values, element-wise; a NaN only if both are.
    fmin Fmin FirstFmin < <= (a, b) nan: b, bool: &, dates: FMIN, positional out deprecated: false,
        "[1.0, float('nan')], 0.5" => "array([0.5, 0.5])";
}

/// The value within bounds: a maximum, then a minimum.
pub struct Clip;
/// The same on narrow floats, where NumPy takes the first of two equal values.
struct FirstClip;
/// The same on complex numbers, where it takes the second, as it does not in the extremes.
struct SecondClip;

macro_rules! clips {
    ($($op:ident: $raise:ident $lower:ident;)*) => {$(
        impl<T: Element> Lane<(T, T, T)> for $op
        where
            $raise: Lane<(T, T), Out = T>,
            $lower: Lane<(T, T), Out = T>,
            T: OutPack,
        {
            type Out = T;
            #[inline(always)]
            fn lane<M: Madd>(m: M, (x, low, high): (T, T, T)) -> T {
                $lower::lane(m, ($raise::lane(m, (x, low)), high))
            }
        }
    )*};
}
clips! {
    Clip: Maximum Minimum;
    FirstClip: FirstMaximum FirstMinimum;
}
lane! {
    SecondClip(x, low, high) for Complex32, Complex64 = {
        let raised = if x.re.is_nan() | x.im.is_nan() | complex!(x > low) { x } else { low };
        if raised.re.is_nan() | raised.im.is_nan() | complex!(raised < high) { raised } else { high }
    };
}
ufunc! {
    /// Values within bounds, element-wise: `minimum(maximum(x, low), high)`; NaN if the value or a bound is.
    clip(x, low, high) -> (y) = Clip;
    loops: { bools: quiet<Three, Clip>; ints: quiet<Three, Clip>; wide: quiet<Three, Clip>; narrow: quiet<Three, FirstClip>;
        complexes: quiet<Three, SecondClip>; dates: dates::CLIP; };
    examples: &[("[-2, 3, 7], 0, 5", "array([0, 3, 5])")];
    clears_flags: true;
}
