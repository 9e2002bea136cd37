//! Arithmetic: add, subtract, multiply, divide, conjugate, negative, positive, absolute, fabs, square, reciprocal, sign.
//!
//! Integers wrap. Bool adds as "or" and multiplies as "and". Float results are IEEE's, so their flags are the
//! hardware's own. What complex numbers have beyond that is in `lanes/complex/arith.rs`.

use super::lanes::complex::{Products, Squares};
use super::{Lane, One, Quiet, Raises, dates, lane};
use crate::registry::{
    Accuracy, B8, BoolRule, Complex32, Complex64, Cost, F8E4M3FN, F8E5M2, FpFlags, Identity, Isa, ReduceRule,
    bf16, f16,
};
use crate::simd::classes::Reduces;
use crate::simd::fold::{ByLanes, InOrder, Pairwise};
use crate::simd::kernel::{Judged, UpToV4, folding_loop, loop_of};
use crate::simd::level::Madd;
use crate::ufunc;

/// Sum.
pub struct Add;
/// Difference.
pub struct Subtract;
/// Product.
pub struct Multiply;
/// True quotient.
pub struct Divide;
/// Negation.
pub struct Negative;
/// The value itself.
pub struct Positive;
/// Magnitude.
pub struct Absolute;
/// The value times itself.
pub struct Square;
/// One over the value.
pub struct Reciprocal;
/// -1, 0 or 1.
pub struct Sign;
/// The complex conjugate.
pub struct Conjugate;

lane! {
    Add(a, b) for B8 = B8::from(a.get() | b.get());
    Add(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_add(b);
    Add(a, b) for f32, f64, Complex32, Complex64 = a + b;
    Subtract(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_sub(b);
    Subtract(a, b) for f32, f64, Complex32, Complex64 = a - b;
    Multiply(a, b) for B8 = B8::from(a.get() & b.get());
    Multiply(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_mul(b);
    Multiply(a, b) for f32, f64 = a * b;
    Conjugate(a) for i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, f16, bf16, F8E5M2, F8E4M3FN = a;
    Conjugate(a) for Complex32, Complex64 = a.conj();
    Divide(a, b) for f32, f64 = a / b;
    Negative(a) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_neg();
    Negative(a) for f32, f64, Complex32, Complex64 = -a;
    Negative(a) for f16 = f16::from_bits(a.to_bits() ^ 0x8000);
    Negative(a) for bf16 = bf16::from_bits(a.to_bits() ^ 0x8000);
    Negative(a) for F8E5M2 = F8E5M2(a.0 ^ 0x80);
    Negative(a) for F8E4M3FN = F8E4M3FN(a.0 ^ 0x80);
    Positive(a) for i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, f16, bf16, F8E5M2, F8E4M3FN, Complex32, Complex64 = a;
    Absolute(a) for B8, u8, u16, u32, u64 = a;
    Absolute(a) for i8, i16, i32, i64 = a.wrapping_abs();
    Absolute(a) for f32, f64 = a.abs();
    Absolute(a) for f16 = f16::from_bits(a.to_bits() & 0x7fff);
    Absolute(a) for bf16 = bf16::from_bits(a.to_bits() & 0x7fff);
    Absolute(a) for F8E5M2 = F8E5M2(a.0 & 0x7f);
    Absolute(a) for F8E4M3FN = F8E4M3FN(a.0 & 0x7f);
    Square(a) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_mul(a);
    Square(a) for f32, f64 = a * a;
    Reciprocal(a) for f32, f64 = 1.0 / a;
    Sign(a) for u8, u16, u32, u64 = (a > 0) as _;
    // Not `signum`, whose shift vectors of i64 have not.
    Sign(a) for i8, i16, i32, i64 = if a < 0 { -1 } else { (a > 0) as _ };
    Sign(a) for f32, f64 = if a.is_nan() { a } else { ((a > 0.0) as i8 - (a < 0.0) as i8) as _ };
}

macro_rules! reduces {
    ($($op:ident, $report:ident, $fold:ty $(, up to $isa:ident)?: $($t:ty)*;)*) => {$(
        reduces! { @each $op, $report, $fold, [$($isa)?], $($t)* }
    )*};
    (@each $op:ident, $report:ident, $fold:ty, $isa:tt, $($t:ty)*) => {$(
        impl Reduces<$t> for $op {
            type Report = $report;
            type Fold = $fold;
            reduces! { @ceiling $isa }
        }
    )*};
    (@ceiling []) => {};
    (@ceiling [$isa:ident]) => { const CEILING: Isa = Isa::$isa; };
}
reduces! {
    Add, Quiet, ByLanes<Add>: B8 i8 i16 i32 i64 u8 u16 u32 u64;
    Add, Raises, Pairwise: f32 f64 Complex32 Complex64;
    Subtract, Quiet, InOrder: i8 i16 i32 i64 u8 u16 u32 u64;
    Subtract, Raises, InOrder: f32 f64 Complex32 Complex64;
    Multiply, Quiet, ByLanes<Multiply>: B8 i8 i16 i32 u8 u16 u32;
    Multiply, Quiet, ByLanes<Multiply>, up to V4: i64 u64; // AVX2 has no such product
    Multiply, Raises, ByLanes<Multiply>: f32 f64;
    Multiply, Judged, InOrder: Complex32 Complex64;
    Divide, Raises, InOrder: f32 f64;
    Divide, Judged, InOrder: Complex32 Complex64;
}

ufunc! {
    /// Adds arguments element-wise.
    add(x1, x2) -> (y) = Add;
    loops: { bools: reducing<Add>; ints: reducing<Add>; floats: reducing<Add>; complexes: reducing<Add>; dates: dates::ADD; };
    examples: &[("[1, 2, 3], 0.5", "array([1.5, 2.5, 3.5])")];
    identity: Identity::Zero;
    reorderable: true;
    reduce: ReduceRule::WidenInts;
    indexed: true;
}

ufunc! {
    /// Subtracts arguments element-wise.
    subtract(x1, x2) -> (y) = Subtract;
    loops: { ints: reducing<Subtract>; floats: reducing<Subtract>; complexes: reducing<Subtract>; dates: dates::SUBTRACT; };
    examples: &[("[5, 7], [2, 10]", "array([ 3, -3])")];
    bool: BoolRule::RefusedFor("bitwise_xor");
    indexed: true;
}

ufunc! {
    /// Multiplies arguments element-wise.
    multiply(x1, x2) -> (y) = Multiply;
    loops: { bools: reducing<Multiply>; ints: reducing<Multiply>; floats: reducing<Multiply>;
        complex: &[folding_loop::<Products<Complex32>, Multiply, _>(), folding_loop::<Products<Complex64>, Multiply, _>()]; dates: dates::MULTIPLY;
    };
    examples: &[("[[1], [2]], [3, 4]", "array([[3, 4],\n       [6, 8]])")];
    identity: Identity::One;
    reorderable: true;
    reduce: ReduceRule::WidenInts;
    indexed: true;
}

ufunc! {
    /// Divides arguments element-wise; integers give f64.
    divide(x1, x2) -> (y) = Divide;
    loops: { floats: reducing<Divide>; complexes: parted<Divide>; dates: dates::DIVIDE; };
    examples: &[("[1, 2, 3], 2", "array([0.5, 1. , 1.5])")];
    aliases: &["true_divide"];
    ints_to_f64: true;
    cost: Cost::Medium;
    indexed: true;
}

ufunc! {
    /// Numerical negative, element-wise.
    negative(x) -> (y) = Negative;
    loops: { ints: quiet<One, Negative>; floats: direct<One, Negative>; complexes: quiet<One, Negative>; dates: dates::NEGATIVE; };
    examples: &[("[1.5, -2.0]", "array([-1.5,  2. ])")];
    bool: BoolRule::RefusedFor("logical_not");
    clears_flags: true;
}

ufunc! {
    /// Numerical positive, element-wise: a copy.
    positive(x) -> (y) = Positive;
    loops: { ints: quiet<One, Positive>; floats: direct<One, Positive>; complexes: quiet<One, Positive>; dates: dates::POSITIVE; };
    examples: &[("[1.5, -2.0]", "array([ 1.5, -2. ])")];
    bool: BoolRule::Refused;
}

ufunc! {
    /// Absolute value, element-wise; the least signed integer is its own.
    absolute(x) -> (y) = Absolute;
    loops: { bools: quiet<One, Absolute>; ints: quiet<One, Absolute>; floats: direct<One, Absolute>; complexes: quiet<One, Absolute>; dates: dates::ABSOLUTE; };
    examples: &[("[-3, 4]", "array([3, 4])")];
    complex: Accuracy::Ulp(1.0);
    aliases: &["abs"];
    clears_flags: true;
}

ufunc! {
    /// Absolute value as a float, element-wise.
    fabs(x) -> (y) = Absolute;
    loops: { floats: direct<One, Absolute>; };
    examples: &[("[-3, 4]", "array([3., 4.])")];
}

ufunc! {
    /// The value times itself, element-wise.
    square(x) -> (y) = Square;
    loops: { ints: quiet<One, Square>; floats: raising<One, Square>;
        complex: &[loop_of::<Squares<Complex32>, UpToV4>(), loop_of::<Squares<Complex64>, UpToV4>()];
    };
    examples: &[("[-3, 4]", "array([ 9, 16])")];
}

ufunc! {
    /// One over the value, element-wise; integers truncate.
    reciprocal(x) -> (y) = Reciprocal;
    loops: { ints: judged<One, Reciprocal>; floats: raising<One, Reciprocal>; complexes: math<Reciprocal>; };
    examples: &[("[0.5, 4.0]", "array([2.  , 0.25])")];
    cost: Cost::Medium;
}

ufunc! {
    /// The sign: -1, 0 or 1, NaN for NaN.
    sign(x) -> (y) = Sign;
    loops: { ints: quiet<One, Sign>; floats: quiet<One, Sign>; complexes: math<Sign>; dates: dates::SIGN; };
    examples: &[("[-2.5, 0.0, 7.0]", "array([-1.,  0.,  1.])")];
    bool: BoolRule::Refused;
    clears_flags: true;
    complex: Accuracy::Ulp(2.0);
}

/// `1 / x` of integers is `(T)(1.0 / x)` in NumPy's C, so 1/0 is what the x86 conversion makes of infinity: the least
/// integer at 32 and 64 bits, and its low bits, 0, below; unsigned, 0.
macro_rules! int_reciprocals {
    ($($t:ty => $of_zero:expr),*) => {$(
        impl Lane<($t,)> for Reciprocal {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (x,): ($t,)) -> $t {
                // Only 1 and -1 have reciprocals that do not truncate to 0.
                let unit = x == 1 || x == (0 as $t).wrapping_sub(1) && <$t>::MIN != 0;
                if x == 0 { $of_zero } else if unit { x } else { 0 }
            }
            #[inline(always)]
            fn flags<M: Madd>(_: M, (x,): ($t,), _: $t) -> FpFlags {
                (FpFlags::DIVIDE | FpFlags::INVALID).when(x == 0)
            }
        }
    )*};
}
int_reciprocals! {
    i8 => 0, u8 => 0, i16 => 0, u16 => 0, i32 => i32::MIN, u32 => 0, i64 => i64::MIN, u64 => 0
}

ufunc! {
    /// The complex conjugate, element-wise; of real numbers a copy.
    conjugate(x) -> (y) = Conjugate;
    loops: { ints: quiet<One, Conjugate>; floats: direct<One, Conjugate>; complexes: quiet<One, Conjugate>; };
    examples: &[("[1.0 + 2.0j, 3.0]", "array([1.-2.j, 3.-0.j])")];
    aliases: &["conj"];
}
