//! Tests of one value: isnan, isinf, isfinite, signbit. Integers and bools are finite and are neither NaN nor infinite;
//! signbit takes floats only, as NumPy's does. A complex number is NaN or infinite if a part is, and finite if both are.

use super::{One, dates, lane};
use crate::registry::{B8, Complex32, Complex64};
use crate::ufunc;

macro_rules! predicates {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $method:ident $parts:tt ints: $ints:literal, dates: $dates:ident, $args:literal => $prints:literal;)*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        lane! {
            $op(_a) for B8, i8, i16, i32, i64, u8, u16, u32, u64 => B8 = B8::from($ints);
            $op(a) for f32, f64 => B8 = B8::from(a.$method());
            $op(a) for Complex32, Complex64 => B8 = B8::from(a.re.$method() $parts a.im.$method());
        }
        ufunc! {
            $(#[doc = $doc])*
            $name(x) -> (y) = $op;
            loops: { bools: quiet<One, $op>; ints: quiet<One, $op>; floats: quiet<One, $op>; complexes: quiet<One, $op>;
                dates: dates::$dates; };
            examples: &[($args, $prints)];
            clears_flags: true;
        }
    )*};
}

predicates! {
    /// Whether the value is NaN, element-wise.
    isnan IsNan is_nan | ints: false, dates: ISNAN, "[1.0, float('nan')]" => "array([False,  True])";
    /// Whether the value is infinite, element-wise.
    isinf IsInf is_infinite | ints: false, dates: ISINF, "[1.0, float('-inf')]" => "array([False,  True])";
    /// Whether the value is neither infinite nor NaN, element-wise.
    isfinite IsFinite is_finite & ints: true, dates: ISFINITE, "[1.0, float('nan')]" => "array([ True, False])";
}

/// Whether the sign bit is set.
pub struct SignBit;
lane! {
    SignBit(a) for f32, f64 => B8 = B8::from(a.is_sign_negative());
}
ufunc! {
    /// Whether the sign bit is set, NaN's and -0's too, element-wise.
    signbit(x) -> (y) = SignBit;
    loops: { floats: quiet<One, SignBit>; };
    examples: &[("[-0.0, 2.0]", "array([ True, False])")];
    clears_flags: true;
}
