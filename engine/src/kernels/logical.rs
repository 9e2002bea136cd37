//! Logic on truth values: logical_and, logical_or, logical_xor, logical_not. Zero is false, everything else, NaN
//! included, is true; results are bool. Reductions run on bool whatever the input.

use super::{One, Quiet, Two, lane};
use crate::registry::{B8, Complex, Complex32, Complex64, Identity};
use crate::simd::classes::Reduces;
use crate::simd::fold::ByLanes;
use crate::ufunc;

/// A zero of any dtype is false.
trait Truth: Copy {
    fn truth(self) -> bool;
}
impl Truth for B8 {
    #[inline(always)]
    fn truth(self) -> bool {
        self.get()
    }
}
macro_rules! truths {
    ($($t:ty)*) => {$(impl Truth for $t {
        #[inline(always)]
        fn truth(self) -> bool {
            self != 0 as $t
        }
    })*};
}
truths! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 }
impl<T: Truth> Truth for Complex<T> {
    #[inline(always)]
    fn truth(self) -> bool {
        self.re.truth() | self.im.truth()
    }
}

macro_rules! logic {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $how:tt $identity:ident, absorbing: $absorbing:expr, clears: $clears:literal, $args:literal => $prints:literal;)*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        lane! {
            $op(a, b) for B8, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, Complex32, Complex64 => B8 = B8::from(a.truth() $how b.truth());
        }
        impl Reduces<B8> for $op {
            type Report = Quiet;
            type Fold = ByLanes<$op>;
        }
        ufunc! {
            $(#[doc = $doc])*
            $name(x1, x2) -> (y) = $op;
            loops: { bools: reducing<$op>; ints: quiet<Two, $op>; floats: quiet<Two, $op>; complexes: quiet<Two, $op>; };
            examples: &[($args, $prints)];
            identity: Identity::$identity;
            reorderable: true;
            truth: true;
            absorbing: $absorbing;
            clears_flags: $clears;
        }
    )*};
}

logic! {
    /// Whether both are true, element-wise.
    logical_and LogicalAnd & One, absorbing: Some(false), clears: true, "[0, 1, 2], [1, 0, 3]" => "array([False, False,  True])";
    /// Whether either is true, element-wise.
    logical_or LogicalOr | Zero, absorbing: Some(true), clears: true, "[0, 0, 2], [0, 1, 3]" => "array([False,  True,  True])";
    /// Whether just one is true, element-wise.
    logical_xor LogicalXor ^ Zero, absorbing: None, clears: false, "[0, 0, 2], [0, 1, 3]" => "array([False,  True, False])";
}

/// Whether the value is false.
pub struct LogicalNot;
lane! {
    LogicalNot(a) for B8, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, Complex32, Complex64 => B8 = B8::from(!a.truth());
}
ufunc! {
    /// Whether the value is false, element-wise.
    logical_not(x) -> (y) = LogicalNot;
    loops: { bools: quiet<One, LogicalNot>; ints: quiet<One, LogicalNot>; floats: quiet<One, LogicalNot>; complexes: quiet<One, LogicalNot>; };
    examples: &[("[0, 0.5, 2]", "array([ True, False, False])")];
}
