//! Rounding: floor, ceil, trunc, rint, and the square root, whose result IEEE also fixes. Integers are already round:
//! the first three return them as they are, rint turns them into floats.

use super::{One, lane, takes_complexes};
use crate::registry::{Accuracy, B8, Complex, Complex32, Complex64, Cost};
use crate::ufunc;

macro_rules! roundings {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $method:ident, $args:literal => $prints:literal;)*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        lane! {
            $op(a) for B8, i8, i16, i32, i64, u8, u16, u32, u64 = a;
            $op(a) for f32, f64 = a.$method();
        }
        ufunc! {
            $(#[doc = $doc])*
            $name(x) -> (y) = $op;
            loops: { bools: quiet<One, $op>; ints: quiet<One, $op>; floats: quiet<One, $op>; };
            examples: &[($args, $prints)];
        }
    )*};
}

roundings! {
    /// The largest integer not above the value, element-wise.
    floor Floor floor, "[-1.5, 2.5]" => "array([-2.,  2.])";
    /// The least integer not below the value, element-wise.
    ceil Ceil ceil, "[-1.5, 2.5]" => "array([-1.,  3.])";
    /// The nearest integer towards zero, element-wise.
    trunc Trunc trunc, "[-1.5, 2.5]" => "array([-1.,  2.])";
}

/// The nearest integer, ties to even.
pub struct Rint;
/// The non-negative square root.
pub struct Sqrt;
lane! {
    Rint(a) for f32, f64 = a.round_ties_even();
    Rint(a) for Complex32, Complex64 = Complex::new(a.re.round_ties_even(), a.im.round_ties_even());
    Sqrt(a) for f32, f64 = a.sqrt();
}
ufunc! {
    /// The nearest integer, ties to even, element-wise.
    rint(x) -> (y) = Rint;
    loops: { floats: quiet<One, Rint>; complexes: quiet<One, Rint>; };
    examples: &[("[0.5, 1.5, -2.7]", "array([ 0.,  2., -3.])")];
}
takes_complexes! { Sqrt composed }
ufunc! {
    /// The non-negative square root, element-wise.
    sqrt(x) -> (y) = Sqrt;
    loops: { floats: raising<One, Sqrt>; complexes: composed<Sqrt>; };
    examples: &[("[4.0, 2.0]", "array([2.        , 1.41421356])")];
    cost: Cost::Medium;
    complex: Accuracy::Ulp(2.0);
}
