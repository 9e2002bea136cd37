//! Bits: bitwise_and, bitwise_or, bitwise_xor, invert, left_shift, right_shift and bitwise_count, on integers; the first four
//! on bool as logic. A shift by the width or more, or by a negative count, shifts everything out: 0, or -1 for a negative value
//! shifted right.

use super::{One, Quiet, lane};
use crate::registry::{B8, Identity};
use crate::simd::classes::Reduces;
use crate::simd::fold::{ByLanes, InOrder};
use crate::ufunc;

macro_rules! bit_logic {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $how:tt $identity:ident, $args:literal => $prints:literal;)*) => {$(
        $(#[doc = $doc])*
        pub struct $op;
        lane! {
            $op(a, b) for B8 = B8::from(a.get() $how b.get());
            $op(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a $how b;
        }
        reduces! { $op, ByLanes<$op>: B8 i8 i16 i32 i64 u8 u16 u32 u64; }
        ufunc! {
            $(#[doc = $doc])*
            $name(x1, x2) -> (y) = $op;
            loops: { bools: reducing<$op>; ints: reducing<$op>; };
            examples: &[($args, $prints)];
            identity: Identity::$identity;
            reorderable: true;
        }
    )*};
}
macro_rules! reduces {
    ($op:ident, $fold:ty: $($t:ty)*;) => {$(
        impl Reduces<$t> for $op {
            type Report = Quiet;
            type Fold = $fold;
        }
    )*};
}

bit_logic! {
    /// Bitwise and, element-wise.
    bitwise_and BitwiseAnd & MinusOne, "[12, 10], 6" => "array([4, 2])";
    /// Bitwise or, element-wise.
    bitwise_or BitwiseOr | Zero, "[12, 10], 6" => "array([14, 14])";
    /// Bitwise exclusive or, element-wise.
    bitwise_xor BitwiseXor ^ Zero, "[12, 10], 6" => "array([10, 12])";
}

/// All bits flipped.
pub struct Invert;
lane! {
    Invert(a) for B8 = B8::from(!a.get());
    Invert(a) for i8, i16, i32, i64, u8, u16, u32, u64 = !a;
}
ufunc! {
    /// Bitwise not, element-wise.
    invert(x) -> (y) = Invert;
    loops: { bools: quiet<One, Invert>; ints: quiet<One, Invert>; };
    examples: &[("[0, 5, -1]", "array([-1, -6,  0])")];
    aliases: &["bitwise_not", "bitwise_invert"];
}

/// How many bits of the magnitude are set.
pub struct BitwiseCount;
lane! {
    BitwiseCount(a) for i8, i16, i32, i64 => u8 = a.unsigned_abs().count_ones() as u8;
    BitwiseCount(a) for u8, u16, u32, u64 => u8 = a.count_ones() as u8;
}
ufunc! {
    /// How many bits of the magnitude are set, element-wise.
    bitwise_count(x) -> (y) = BitwiseCount;
    loops: { ints: quiet<One, BitwiseCount>; };
    examples: &[("[7, -8, 1023]", "array([ 3,  1, 10], dtype=uint8)")];
}

/// Bits moved up.
pub struct LeftShift;
/// Bits moved down, the sign kept.
pub struct RightShift;

macro_rules! shifts {
    ($($t:ty, $unsigned:ty;)*) => {$(
        // As unsigned, a negative count is past any width too.
        lane! {
            LeftShift(a, b) for $t =
                if (b as $unsigned) < <$t>::BITS as $unsigned { a.wrapping_shl(b as u32) } else { 0 };
            RightShift(a, b) for $t = {
                let all_out = a.wrapping_shr(<$t>::BITS - 1);
                let gone = if <$t>::MIN == 0 { 0 } else { all_out };
                if (b as $unsigned) < <$t>::BITS as $unsigned { a.wrapping_shr(b as u32) } else { gone }
            };
        }
    )*};
}
shifts! { i8, u8; i16, u16; i32, u32; i64, u64; u8, u8; u16, u16; u32, u32; u64, u64; }
reduces! { LeftShift, InOrder: i8 i16 i32 i64 u8 u16 u32 u64; }
reduces! { RightShift, InOrder: i8 i16 i32 i64 u8 u16 u32 u64; }

ufunc! {
    /// Shifts bits to the left, element-wise.
    left_shift(x1, x2) -> (y) = LeftShift;
    loops: { ints: reducing<LeftShift>; };
    examples: &[("[1, 3], 4", "array([16, 48])")];
    aliases: &["bitwise_left_shift"];
    clears_flags: true;
}
ufunc! {
    /// Shifts bits to the right, element-wise; the sign is kept.
    right_shift(x1, x2) -> (y) = RightShift;
    loops: { ints: reducing<RightShift>; };
    examples: &[("[16, -16], 2", "array([ 4, -4])")];
    aliases: &["bitwise_right_shift"];
}
