//! Arithmetic: add, subtract, multiply, divide, negative, positive, absolute, fabs, square, reciprocal, sign.
//!
//! Integers wrap. Bool adds as "or" and multiplies as "and". Float results are IEEE's, so their flags are the
//! hardware's own.

use super::{Each, One, Raises, lane};
use crate::registry::{
    B8, BoolRule, Cost, F8E4M3FN, F8E5M2, FpFlags, FpReport, Identity, LoopDef, ReduceRule, bf16, f16,
};
use crate::simd::fold::{ByLanes, InOrder, Pairwise};
use crate::simd::groups::{Reduces, quiet, raising, reducing, via, via_reducing};
use crate::simd::kernel::{Kernel, Quiet, UpToV3, loop_of};
use crate::simd::level::Level;
use crate::ufunc;
use std::mem::MaybeUninit;

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

lane! {
    Add(a, b) for B8 = B8::from(a.get() | b.get());
    Add(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_add(b);
    Add(a, b) for f32, f64 = a + b;
    Subtract(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_sub(b);
    Subtract(a, b) for f32, f64 = a - b;
    Multiply(a, b) for B8 = B8::from(a.get() & b.get());
    Multiply(a, b) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_mul(b);
    Multiply(a, b) for f32, f64 = a * b;
    Divide(a, b) for f32, f64 = a / b;
    Negative(a) for i8, i16, i32, i64, u8, u16, u32, u64 = a.wrapping_neg();
    Negative(a) for f32, f64 = -a;
    Negative(a) for f16 = f16::from_bits(a.to_bits() ^ 0x8000);
    Negative(a) for bf16 = bf16::from_bits(a.to_bits() ^ 0x8000);
    Negative(a) for F8E5M2 = F8E5M2(a.0 ^ 0x80);
    Negative(a) for F8E4M3FN = F8E4M3FN(a.0 ^ 0x80);
    Positive(a) for i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, f16, bf16, F8E5M2, F8E4M3FN = a;
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
    Sign(a) for i8, i16, i32, i64 = a.signum();
    Sign(a) for f32, f64 = if a.is_nan() { a } else { ((a > 0.0) as i8 - (a < 0.0) as i8) as _ };
}

macro_rules! reduces {
    ($($op:ident, $report:ident, $fold:ty: $($t:ty)*;)*) => {$($(
        impl Reduces<$t> for $op {
            type Report = $report;
            type Fold = $fold;
        }
    )*)*};
}
reduces! {
    Add, Quiet, ByLanes<Add>: B8 i8 i16 i32 i64 u8 u16 u32 u64;
    Add, Raises, Pairwise: f32 f64;
    Subtract, Quiet, InOrder: i8 i16 i32 i64 u8 u16 u32 u64;
    Subtract, Raises, InOrder: f32 f64;
    Multiply, Quiet, ByLanes<Multiply>: B8 i8 i16 i32 i64 u8 u16 u32 u64;
    Multiply, Raises, ByLanes<Multiply>: f32 f64;
    Divide, Raises, InOrder: f32 f64;
}

ufunc! {
    /// Adds arguments element-wise.
    add(x1, x2) -> (y) = Add;
    loops: [
        &reducing::bools::<Add>(), &reducing::ints::<Add>(), &via_reducing::halves::<Add>(),
        &reducing::floats::<Add>(), &via_reducing::minis::<Add>(),
    ];
    examples: &[("[1, 2, 3], 0.5", "array([1.5, 2.5, 3.5])")];
    identity: Identity::Zero;
    reorderable: true;
    reduce: ReduceRule::WidenInts;
    indexed: true;
}

ufunc! {
    /// Subtracts arguments element-wise.
    subtract(x1, x2) -> (y) = Subtract;
    loops: [
        &reducing::ints::<Subtract>(), &via_reducing::halves::<Subtract>(), &reducing::floats::<Subtract>(),
        &via_reducing::minis::<Subtract>(),
    ];
    examples: &[("[5, 7], [2, 10]", "array([ 3, -3])")];
    bool: BoolRule::RefusedFor("bitwise_xor");
    indexed: true;
}

ufunc! {
    /// Multiplies arguments element-wise.
    multiply(x1, x2) -> (y) = Multiply;
    loops: [
        &reducing::bools::<Multiply>(), &reducing::ints::<Multiply>(), &via_reducing::halves::<Multiply>(),
        &reducing::floats::<Multiply>(), &via_reducing::minis::<Multiply>(),
    ];
    examples: &[("[[1], [2]], [3, 4]", "array([[3, 4],\n       [6, 8]])")];
    identity: Identity::One;
    reorderable: true;
    reduce: ReduceRule::WidenInts;
    indexed: true;
}

ufunc! {
    /// Divides arguments element-wise; integers give f64.
    divide(x1, x2) -> (y) = Divide;
    loops: [
        &via_reducing::halves::<Divide>(), &reducing::floats::<Divide>(), &via_reducing::minis::<Divide>(),
    ];
    examples: &[("[1, 2, 3], 2", "array([0.5, 1. , 1.5])")];
    aliases: &["true_divide"];
    ints_to_f64: true;
    cost: Cost::Medium;
    indexed: true;
}

ufunc! {
    /// Numerical negative, element-wise.
    negative(x) -> (y) = Negative;
    loops: [
        &quiet::ints::<One, Negative>(), &quiet::halves::<One, Negative>(), &quiet::floats::<One, Negative>(),
        &quiet::minis::<One, Negative>(),
    ];
    examples: &[("[1.5, -2.0]", "array([-1.5,  2. ])")];
    bool: BoolRule::RefusedFor("logical_not");
    clears_flags: true;
}

ufunc! {
    /// Numerical positive, element-wise: a copy.
    positive(x) -> (y) = Positive;
    loops: [
        &quiet::ints::<One, Positive>(), &quiet::halves::<One, Positive>(), &quiet::floats::<One, Positive>(),
        &quiet::minis::<One, Positive>(),
    ];
    examples: &[("[1.5, -2.0]", "array([ 1.5, -2. ])")];
    bool: BoolRule::Refused;
}

ufunc! {
    /// Absolute value, element-wise; the least signed integer is its own.
    absolute(x) -> (y) = Absolute;
    loops: [
        &quiet::bools::<One, Absolute>(), &quiet::ints::<One, Absolute>(), &quiet::halves::<One, Absolute>(),
        &quiet::floats::<One, Absolute>(), &quiet::minis::<One, Absolute>(),
    ];
    examples: &[("[-3, 4]", "array([3, 4])")];
    aliases: &["abs"];
    clears_flags: true;
}

ufunc! {
    /// Absolute value as a float, element-wise.
    fabs(x) -> (y) = Absolute;
    loops: [
        &quiet::halves::<One, Absolute>(), &quiet::floats::<One, Absolute>(), &quiet::minis::<One, Absolute>(),
    ];
    examples: &[("[-3, 4]", "array([3., 4.])")];
}

ufunc! {
    /// The value times itself, element-wise.
    square(x) -> (y) = Square;
    loops: [
        &quiet::ints::<One, Square>(), &via::halves::<Each<Square, (f32,), Raises>, UpToV3>(),
        &raising::floats::<One, Square>(), &via::minis::<Each<Square, (f32,), Raises>, UpToV3>(),
    ];
    examples: &[("[-3, 4]", "array([ 9, 16])")];
}

ufunc! {
    /// One over the value, element-wise; integers truncate.
    reciprocal(x) -> (y) = Reciprocal;
    loops: [
        &INT_RECIPROCALS, &via::halves::<Each<Reciprocal, (f32,), Raises>, UpToV3>(),
        &raising::floats::<One, Reciprocal>(), &via::minis::<Each<Reciprocal, (f32,), Raises>, UpToV3>(),
    ];
    examples: &[("[0.5, 4.0]", "array([2.  , 0.25])")];
    cost: Cost::Medium;
}

ufunc! {
    /// The sign: -1, 0 or 1, NaN for NaN.
    sign(x) -> (y) = Sign;
    loops: [
        &quiet::ints::<One, Sign>(), &via::halves::<Each<Sign, (f32,), Quiet>, UpToV3>(),
        &quiet::floats::<One, Sign>(), &via::minis::<Each<Sign, (f32,), Quiet>, UpToV3>(),
    ];
    examples: &[("[-2.5, 0.0, 7.0]", "array([-1.,  0.,  1.])")];
    bool: BoolRule::Refused;
    clears_flags: true;
}

/// `1 / x` of integers is `(T)(1.0 / x)` in NumPy's C, so 1/0 is what the x86 conversion makes of infinity: the least
/// integer at 32 and 64 bits, and its low bits, 0, below; unsigned, 0.
struct IntReciprocal<T>(std::marker::PhantomData<T>);

macro_rules! int_reciprocals {
    ($($t:ty => $of_zero:expr),*) => {
        static INT_RECIPROCALS: [LoopDef; 8] = [$(loop_of::<IntReciprocal<$t>, UpToV3>()),*];
        $(impl Kernel for IntReciprocal<$t> {
            type In = ($t,);
            type Out = $t;
            const FP: FpReport = FpReport::Returned;
            #[inline(always)]
            fn run<L: Level>(_: L, x: (&[$t],), y: &mut [MaybeUninit<$t>], _: usize) -> FpFlags {
                let mut zero = false;
                for (&x, y) in x.0.iter().zip(y) {
                    zero |= x == 0;
                    // Only 1 and -1 have reciprocals that do not truncate to 0.
                    let unit = x == 1 || x == (0 as $t).wrapping_sub(1) && <$t>::MIN != 0;
                    y.write(if x == 0 { $of_zero } else if unit { x } else { 0 });
                }
                (FpFlags::DIVIDE | FpFlags::INVALID).when(zero)
            }
        })*
    };
}
int_reciprocals! {
    i8 => 0, u8 => 0, i16 => 0, u16 => 0, i32 => i32::MIN, u32 => 0, i64 => i64::MIN, u64 => 0
}
