//! What floats are made of: copysign, nextafter, spacing, frexp, ldexp, modf; and heaviside.
//!
//! Most work on the bits: magnitudes stand in the order of their bits, and a neighbour is one more or one less. So they are
//! exact in every format, and vectorise as integers do.

use super::{One, Quiet, Two, lane};
use crate::registry::{Element, F8E4M3FN, F8E5M2, FpFlags, FpReport, LoopDef, bf16, f16};
use crate::simd::classes::Reduces;
use crate::simd::fold::InOrder;
use crate::simd::kernel::{Each, Judged, Kernel, Lane, UpToV4, loop_of};
use crate::simd::level::{Level, Madd};
use crate::simd::narrow::{Via, Wide};
use crate::simd::narrow_floats::NarrowFloat;
use crate::simd::pack::Single;
use crate::simd::parted::PIECE;
use crate::ufunc;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The first value with the sign of the second.
pub struct Copysign;
/// The next float in the direction of another.
pub struct Nextafter;
/// The distance to the next float of greater magnitude; of f16 to the next greater one, as in NumPy.
pub struct Spacing;

/// Which of NumPy's two ways with flags and signs a format takes: those of C's functions, or those of its f16.
#[derive(PartialEq)]
enum Way {
    C,
    F16,
    /// bfloat16 and float8: values as in C, flags as in f16.
    Mini,
}

/// A format: the digits of its fraction, the magnitude that follows the greatest number's, and the greatest that is no NaN.
macro_rules! of_bits {
    ($($t:ident $u:ident: digits $digits:literal, past $past:expr, last $last:expr, nan $nan:expr, way $way:ident,
       |$x:ident| $to_bits:expr, |$b:ident| $from_bits:expr;)*) => {$(const _: () = {
        const SIGN: $u = 1 << ($u::BITS - 1);
        const LEAST_NORMAL: $u = 1 << $digits;
        const WAY: Way = Way::$way;

        #[inline(always)]
        fn bits($x: $t) -> $u {
            $to_bits
        }
        #[inline(always)]
        fn float($b: $u) -> $t {
            $from_bits
        }
        /// Magnitude and sign.
        #[inline(always)]
        fn parts(x: $t) -> ($u, $u) {
            (bits(x) & !SIGN, bits(x) & SIGN)
        }

        impl Lane<($t, $t)> for Copysign {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> $t {
                float(parts(a).0 | parts(b).1)
            }
        }

        impl Lane<($t, $t)> for Nextafter {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> $t {
                let ((size, sign), (other, other_sign)) = (parts(a), parts(b));
                let inwards = other < size || sign != other_sign;
                let step = if inwards { bits(a).wrapping_sub(1) } else { bits(a).wrapping_add(1) };
                let next = if size == 0 { other_sign | 1 } else { step };
                let same = bits(a) == bits(b) || size | other == 0;
                let next = if same { bits(if WAY == Way::F16 { a } else { b }) } else { next };
                let next = if other > $last { bits(b) } else { next };
                float(if size > $last { bits(a) } else { next })
            }
            #[inline(always)]
            fn flags<M: Madd>(_: M, (a, b): ($t, $t), y: $t) -> FpFlags {
                let (size, other, next) = (parts(a).0, parts(b).0, parts(y).0);
                let moved = bits(a) != bits(b) && size | other != 0;
                let numbers = size <= $last && other <= $last;
                FpFlags::OVERFLOW.when(numbers && size < $past && next == $past)
                    | FpFlags::UNDERFLOW.when(WAY == Way::C && numbers && moved && next < LEAST_NORMAL)
            }
        }
        impl Reduces<$t> for Nextafter {
            type Report = Judged;
            type Fold = InOrder;
        }

        impl Lane<($t,)> for Spacing {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (x,): ($t,)) -> $t {
                let (size, sign) = parts(x);
                // Upwards of a negative power of two lie numbers half as far apart.
                let upwards = WAY == Way::F16 && sign != 0 && size != 0;
                let (lower, sign) = (size - upwards as $u, if WAY == Way::F16 { 0 } else { sign });
                let field = lower >> $digits;
                let normal = (field.wrapping_sub($digits)) << $digits;
                let subnormal = 1 << (field.max(1) - 1).min($digits);
                let step = if field > $digits { normal } else { subnormal };
                // What follows the greatest number is as far away as it is itself.
                let step = if lower == $past - 1 { $past } else { step };
                let zero = size == 0;
                let of_number = if zero { 1 } else { step | sign };
                float(if size >= $past { $nan } else { of_number })
            }
            #[inline(always)]
            fn flags<M: Madd>(_: M, (x,): ($t,), _: $t) -> FpFlags {
                let (size, sign) = parts(x);
                let above = WAY != Way::F16 || sign == 0;
                FpFlags::OVERFLOW.when(size == $past - 1 && above)
                    | FpFlags::UNDERFLOW.when(WAY == Way::C && size != 0 && size < LEAST_NORMAL - 1)
                    | FpFlags::INVALID.when(WAY == Way::F16 && size >= $past)
            }
        }
    };)*};
}
of_bits! {
    f64 u64: digits 52, past 0x7ff << 52, last 0x7ff << 52, nan 0xfff << 51, way C, |x| x.to_bits(), |b| f64::from_bits(b);
    f32 u32: digits 23, past 0xff << 23, last 0xff << 23, nan 0x1ff << 22, way C, |x| x.to_bits(), |b| f32::from_bits(b);
    f16 u16: digits 10, past 0x7c00, last 0x7c00, nan 0x7e00, way F16, |x| x.to_bits(), |b| f16::from_bits(b);
    bf16 u16: digits 7, past 0x7f80, last 0x7f80, nan 0x7fc0, way Mini, |x| x.to_bits(), |b| bf16::from_bits(b);
    F8E5M2 u8: digits 2, past 0x7c, last 0x7c, nan 0x7e, way Mini, |x| x.0, |b| F8E5M2(b);
    // It has no infinity: what follows its greatest number is its NaN.
    F8E4M3FN u8: digits 3, past 0x7f, last 0x7e, nan 0x7f, way Mini, |x| x.0, |b| F8E4M3FN(b);
}

macro_rules! reduces {
    ($($op:ident)*) => {$(
        impl Reduces<f32> for $op {
            type Report = Quiet;
            type Fold = InOrder;
        }
        impl Reduces<f64> for $op {
            type Report = Quiet;
            type Fold = InOrder;
        }
    )*};
}
reduces! { Copysign Heaviside }

ufunc! {
    /// The first value with the sign of the second, element-wise.
    copysign(x1, x2) -> (y) = Copysign;
    loops: { wide: reducing<Copysign>; narrow: direct<Two, Copysign>; };
    examples: &[("[1.5, -2.0], [-0.0, 3.0]", "array([-1.5,  2. ])")];
    inputs_apart: true;
}

ufunc! {
    /// The next float after x1 in the direction of x2, element-wise.
    nextafter(x1, x2) -> (y) = Nextafter;
    loops: { wide: reducing<Nextafter>; narrow: direct_judged<Two, Nextafter>; };
    examples: &[("1.0, [0.0, 2.0]", "array([1., 1.])")];
    inputs_apart: true;
}

ufunc! {
    /// The distance to the next float of greater magnitude, with the sign of x.
    spacing(x) -> (y) = Spacing;
    loops: { floats: direct_judged<One, Spacing>; };
    examples: &[("[1.0, -2.0]", "array([ 2.22044605e-16, -4.44089210e-16])")];
}

/// A step at zero.
pub struct Heaviside;
lane! {
    Heaviside(a, b) for f32, f64 = {
        let step = if a > 0.0 { 1.0 } else { 0.0 };
        let step = if a == 0.0 { b } else { step };
        if a.is_nan() { a } else { step }
    };
}
ufunc! {
    /// 0 below zero, 1 above, and x2 at zero.
    heaviside(x1, x2) -> (y) = Heaviside;
    loops: { floats: reducing<Heaviside>; };
    examples: &[("[-1.5, 0.0, 2.0], 0.5", "array([0. , 0.5, 1. ])")];
    inputs_apart: true;
}

/// A float as a fraction and a whole number.
pub struct Modf;
macro_rules! modf {
    ($($t:ident)*) => {$(
        lane! {
            // The difference is exact; of infinity nothing is left.
            Modf(x) for $t => ($t, $t) = {
                let whole = x.trunc();
                let rest = if whole.is_infinite() { 0.0 } else { x - whole };
                (rest.copysign(x), whole)
            };
        }
    )*};
}
modf! { f32 f64 }

/// A float as a mantissa in [0.5, 1) and a power of two.
pub struct Frexp;

macro_rules! frexp {
    ($($t:ident $bits:ident;)*) => {$(
        impl Lane<($t,)> for Frexp {
            type Out = ($t, i32);
            #[inline(always)]
            fn lane<M: Madd>(_: M, (x,): ($t,)) -> ($t, i32) {
                const DIGITS: i32 = $t::MANTISSA_DIGITS as i32 - 1;
                const FIELD: $bits = (1 << ($bits::BITS as i32 - 1 - DIGITS)) - 1;
                const BIAS: i32 = $t::MAX_EXP - 2;
                // A subnormal is an ordinary number times a power of two.
                let tiny = x.abs() < $t::MIN_POSITIVE;
                let normal = if tiny { x * (2.0 / $t::EPSILON) } else { x };
                let bits = normal.to_bits();
                let exponent = (bits >> DIGITS & FIELD) as i32 - BIAS - if tiny { DIGITS + 1 } else { 0 };
                let mantissa = $t::from_bits(bits & !(FIELD << DIGITS) | (BIAS as $bits) << DIGITS);
                // Zeros, infinities and NaN are their own mantissas.
                let own = x == 0.0 || !x.is_finite();
                (if own { x } else { mantissa }, if own { 0 } else { exponent })
            }
        }
    )*};
}
frexp! { f32 u32; f64 u64; }

ufunc! {
    /// Mantissas from 0.5 to 1 and exponents of two, element-wise.
    frexp(x) -> (mantissa, exponent) = Frexp;
    loops: { floats: quiet<One, Frexp>; };
    examples: &[("[6.0, -0.3]", "(array([ 0.75, -0.6 ]), array([ 3, -1], dtype=int32))")];
}

ufunc! {
    /// Fractions and whole numbers, element-wise, both with the sign of x.
    modf(x) -> (fraction, whole) = Modf;
    loops: { floats: quiet<One, Modf>; };
    examples: &[("[2.5, -0.25]", "(array([ 0.5 , -0.25]), array([ 2., -0.]))")];
}

/// A number times a power of two.
pub struct Ldexp;

/// `x` times a power of two as a number in [1, 2), with the sign, and the exponents of two factors: the first product is
/// exact, and only the second may round.
macro_rules! split {
    ($t:ident $u:ident $i:ident, $x:expr, $by:expr) => {{
        const DIGITS: u32 = $t::MANTISSA_DIGITS - 1;
        const BIAS: $i = $t::MAX_EXP as $i - 1;
        const FIELD: $u = (1 << ($u::BITS - 1 - DIGITS)) - 1;
        let x = $x;
        let tiny = x.abs() < $t::MIN_POSITIVE;
        let bits = (if tiny { x / $t::EPSILON } else { x }).to_bits();
        let own = (bits >> DIGITS & FIELD) as $i - BIAS - if tiny { DIGITS as $i } else { 0 };
        // Beyond these, nothing but zero or infinity; the sum must not overflow, nor a factor.
        let by = $by.clamp(-4 * BIAS as Exponent, 4 * BIAS as Exponent) as $i;
        let exponent = (own + by).clamp(-2 * BIAS + 2, 2 * BIAS - 2);
        let first = exponent >> 1;
        let mantissa = $t::from_bits(bits & !(FIELD << DIGITS) | (BIAS as $u) << DIGITS);
        (mantissa, first, exponent - first)
    }};
}

macro_rules! ldexp {
    ($($t:ident $u:ident $i:ident, $exponent:ident;)*) => {$(const _: () = {
        type Exponent = $exponent;

        #[inline(always)]
        fn power(k: $i) -> $t {
            const DIGITS: u32 = $t::MANTISSA_DIGITS - 1;
            $t::from_bits(((k + $t::MAX_EXP as $i - 1) as $u) << DIGITS)
        }

        impl Lane<($t, $exponent)> for Ldexp {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (x, by): ($t, $exponent)) -> $t {
                let (mantissa, first, second) = split!($t $u $i, x, by);
                let y = mantissa * power(first) * power(second);
                if x == 0.0 || !x.is_finite() { x } else { y }
            }
            #[inline(always)]
            fn flags<M: Madd>(_: M, (x, by): ($t, $exponent), y: $t) -> FpFlags {
                let (mantissa, first, second) = split!($t $u $i, x, by);
                let number = x != 0.0 && x.is_finite();
                // Tiny before it is rounded, and then another number.
                let (before, back) = (mantissa * power(first), power(-second));
                let tiny = before.abs() < $t::MIN_POSITIVE * back;
                FpFlags::OVERFLOW.when(number && y.is_infinite())
                    | FpFlags::UNDERFLOW.when(number && tiny && y * back != before)
            }
        }

        impl Scale<$exponent> for $t {
            #[inline(always)]
            fn shifted(self, by: $exponent) -> ($t, bool) {
                const DIGITS: u32 = $t::MANTISSA_DIGITS - 1;
                const FIELD: $u = (1 << ($u::BITS - 1 - DIGITS)) - 1;
                let bits = self.to_bits();
                let (zero, field) = (bits << 1 == 0, bits >> DIGITS & FIELD);
                let by_bits = by as i64 as $u;
                let normal = |field: $u| field.wrapping_sub(1) < FIELD - 1;
                // A sum that wraps would be of an exponent with more bits than a field can have.
                let near = by.unsigned_abs() <= FIELD as _;
                let moved = if zero { bits } else { bits.wrapping_add(by_bits << DIGITS) };
                let right = zero | (near & normal(field) & normal(field.wrapping_add(by_bits)));
                ($t::from_bits(moved), right)
            }
        }
    };)*};
}
ldexp! { f32 u32 i32, i32; f32 u32 i32, i64; f64 u64 i64, i32; f64 u64 i64, i64; }

/// A float whose exponent is a field of its bits.
trait Scale<E>: Element + Single {
    /// Times a power of two, where this is right: where number and result are normal, or the number is zero.
    fn shifted(self, by: E) -> (Self, bool);
}

/// ldexp on a block: exponents are added to those of the bits, and where that will not do the piece is done again.
struct Scaling<T, E>(PhantomData<(T, E)>);

impl<T: Scale<E>, E: Element> Kernel for Scaling<T, E>
where
    Ldexp: Lane<(T, E), Out = T>,
{
    type In = (T, E);
    type Out = T;
    const FP: FpReport = FpReport::Returned;

    #[inline(always)]
    fn run<L: Level>(level: L, (x, by): (&[T], &[E]), y: &mut [MaybeUninit<T>], n: usize) -> FpFlags {
        let mut flags = FpFlags::NONE;
        for ((x, by), y) in x[..n].chunks(PIECE).zip(by[..n].chunks(PIECE)).zip(y[..n].chunks_mut(PIECE)) {
            // By index, and by bytes of truth: another form of this loop does not vectorise.
            let n = x.len();
            let (by, y, mut wrong) = (&by[..n], &mut y[..n], 0u8);
            for i in 0..n {
                let (scaled, is_right) = x[i].shifted(by[i]);
                y[i].write(scaled);
                wrong |= !is_right as u8;
            }
            if wrong != 0 {
                flags |= Each::<Ldexp, (T, E), Judged>::run(level, (x, by), y, x.len());
            }
        }
        flags
    }
}

/// The loop of a float with an exponent.
const fn scaling<T: Scale<E>, E: Element>() -> LoopDef
where
    Ldexp: Lane<(T, E), Out = T>,
{
    loop_of::<Scaling<T, E>, UpToV4>()
}
/// The same of a narrow float.
const fn narrow_scaling<H: NarrowFloat + Single, E: Element + Wide<H>>() -> LoopDef
where
    Ldexp: Lane<(f32, E), Out = f32>,
    f32: Scale<E>,
{
    loop_of::<Via<Scaling<f32, E>, H>, UpToV4>()
}

ufunc! {
    /// x1 times 2 to the power of x2, element-wise.
    ldexp(x1, x2) -> (y) = Ldexp;
    loops: {
        mixed: &[
            narrow_scaling::<f16, i32>(), scaling::<f32, i32>(), narrow_scaling::<f16, i64>(), scaling::<f32, i64>(),
            scaling::<f64, i32>(), scaling::<f64, i64>(),
            narrow_scaling::<F8E5M2, i32>(), narrow_scaling::<F8E4M3FN, i32>(), narrow_scaling::<bf16, i32>(),
            narrow_scaling::<F8E5M2, i64>(), narrow_scaling::<F8E4M3FN, i64>(), narrow_scaling::<bf16, i64>(),
        ];
    };
    examples: &[("5.0, [0, 1, -2]", "array([ 5.  , 10.  ,  1.25])")];
}
