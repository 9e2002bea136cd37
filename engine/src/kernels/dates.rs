//! Moments and spans of time: the loops of datetime64 and timedelta64, listed by the ufuncs' blocks as `dates:`.
//!
//! An element counts some unit, the same for all operands of a call: whoever calls sees to that. The least integer is no time
//! (NaT), and what is computed from it is none either; it compares with nothing, itself included. Sums and products wrap,
//! as NumPy's do.

use super::arith::{Absolute, Add, Divide, Multiply, Negative, Positive, Sign, Subtract};
use super::compare::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
use super::division::{Divmod, FloorDivide, Remainder};
use super::lanes::division::{Divide as Divides, by_divisor, is_any};
use super::minmax::{Clip, Fmax, Fmin, Maximum, Minimum};
use super::predicates::{IsFinite, IsInf, IsNan};
use crate::registry::{B8, DateTime64, Element, FpFlags, FpReport, LoopDef, NOT_A_TIME, TimeDelta64};
use crate::simd::classes::Reduces;
use crate::simd::fold::{ByLanes, InOrder};
use crate::simd::kernel::{
    Judged, Kernel, Lane, Quiet, UpToV3, UpToV4, lane_loop, loop_of, parted_loop, reducing_loop,
};
use crate::simd::level::{Level, Madd};
use crate::simd::pack::{Counted, OutPack, Pack};
use crate::simd::parted::{Out, PIECE, Parted, Parts};
use crate::ufunc;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

type M = DateTime64;
type D = TimeDelta64;

/// A moment or a span.
trait Time: Element {
    fn new(count: i64) -> Self;
    fn count(self) -> i64;
    #[inline(always)]
    fn is_nat(self) -> bool {
        self.count() == NOT_A_TIME
    }
}
impl Time for M {
    #[inline(always)]
    fn new(count: i64) -> M {
        DateTime64(count)
    }
    #[inline(always)]
    fn count(self) -> i64 {
        self.0
    }
}
impl Time for D {
    #[inline(always)]
    fn new(count: i64) -> D {
        TimeDelta64(count)
    }
    #[inline(always)]
    fn count(self) -> i64 {
        self.0
    }
}

/// `lanes! { Add(a: M, b: D) -> M = expression; }`, and what it raises after a bar, if anything.
macro_rules! lanes {
    ($($op:ident $args:tt -> $out:ty = $body:expr $(, |$m:ident| $flags:expr)?;)*) => {$(
        lanes! { @one $op $args $out, [$body] [$($m $flags)?] }
    )*};
    (@one $op:ident ($($x:ident: $t:ty),+) $out:ty, [$body:expr] [$($m:ident $flags:expr)?]) => {
        lanes! { @impl $op [$($x),+] [$($t),+] $out, [$body] [$($m $flags)?] }
    };
    (@impl $op:ident [$($x:ident),+] [$($t:ty),+] $out:ty, [$body:expr] []) => {
        impl Lane<($($t,)+)> for $op {
            type Out = $out;
            #[inline(always)]
            fn lane<A: Madd>(_: A, ($($x,)+): ($($t,)+)) -> $out {
                $body
            }
        }
    };
    (@impl $op:ident [$($x:ident),+] [$($t:ty),+] $out:ty, [$body:expr] [$m:ident $flags:expr]) => {
        impl Lane<($($t,)+)> for $op {
            type Out = $out;
            #[inline(always)]
            fn lane<A: Madd>(_: A, ($($x,)+): ($($t,)+)) -> $out {
                $body
            }
            #[inline(always)]
            fn flags<A: Madd>($m: A, ($($x,)+): ($($t,)+), _: $out) -> FpFlags {
                $flags
            }
        }
    };
}

/// A count made of two, or no time.
#[inline(always)]
fn of<T: Time>(a: impl Time, b: impl Time, count: impl Fn(i64, i64) -> i64) -> T {
    T::new(if a.is_nat() | b.is_nat() { NOT_A_TIME } else { count(a.count(), b.count()) })
}

/// A span times or by a number, `scaled` being that as floats: the whole part, no time where it is none that a span holds.
#[inline(always)]
fn whole(span: D, scaled: f64) -> D {
    let fits = is_held(scaled) & !span.is_nat();
    D::new(if fits { scaled as i64 } else { NOT_A_TIME })
}

/// Whether a span holds the whole part.
#[inline(always)]
fn is_held(scaled: f64) -> bool {
    (-FIRST_BEYOND..FIRST_BEYOND).contains(&scaled)
}

/// 2^63, the first number that no span holds.
const FIRST_BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// What NumPy's loop raises there: what the product or quotient raises, and the CPU's conversion of a number that no span holds.
/// Judged by value, as the compiler computes for no time too and takes another result afterwards.
#[inline(always)]
fn scaled_flags(span: D, number: f64, scaled: f64, by_zero: bool, underflows: bool) -> FpFlags {
    let is_finite = scaled.abs() < f64::INFINITY;
    let beyond = is_finite & !is_held(scaled);
    let invalid = beyond | (scaled.is_nan() & !number.is_nan());
    let overflow = (scaled.abs() == f64::INFINITY) & (number.abs() < f64::INFINITY) & !by_zero;
    let raised = FpFlags::INVALID.when(invalid)
        | FpFlags::OVERFLOW.when(overflow)
        | FpFlags::DIVIDE.when(by_zero)
        | FpFlags::UNDERFLOW.when(underflows);
    if span.is_nat() { FpFlags::NONE } else { raised }
}

/// (A product with a whole number is exact where it is subnormal.)
#[inline(always)]
fn times_flags(span: D, number: f64) -> FpFlags {
    scaled_flags(span, number, span.0 as f64 * number, false, false)
}

#[inline(always)]
fn by_flags<A: Madd>(m: A, span: D, number: f64) -> FpFlags {
    let (a, scaled) = (span.0 as f64, span.0 as f64 / number);
    // Far enough up that what is left over is no subnormal.
    let up = 2f64.powi(200);
    let exact = m.f64(scaled * up, number, -(a * up)) == 0.0;
    let tiny = (scaled.abs() < f64::MIN_POSITIVE) & (number.abs() < f64::INFINITY) & (a != 0.0);
    scaled_flags(span, number, scaled, (number == 0.0) & (a != 0.0), tiny & !exact)
}

lanes! {
    Add(a: M, b: D) -> M = of(a, b, i64::wrapping_add);
    Add(a: D, b: M) -> M = of(a, b, i64::wrapping_add);
    Add(a: D, b: D) -> D = of(a, b, i64::wrapping_add);
    Subtract(a: M, b: D) -> M = of(a, b, i64::wrapping_sub);
    Subtract(a: M, b: M) -> D = of(a, b, i64::wrapping_sub);
    Subtract(a: D, b: D) -> D = of(a, b, i64::wrapping_sub);
    Multiply(a: D, b: i64) -> D = D::new(if a.is_nat() { NOT_A_TIME } else { a.0.wrapping_mul(b) });
    Multiply(a: i64, b: D) -> D = D::new(if b.is_nat() { NOT_A_TIME } else { a.wrapping_mul(b.0) });
    Multiply(a: D, b: f64) -> D = whole(a, a.0 as f64 * b), |_m| times_flags(a, b);
    Multiply(a: f64, b: D) -> D = whole(b, a * b.0 as f64), |_m| times_flags(b, a);
    Divide(a: D, b: f64) -> D = whole(a, a.0 as f64 / b), |m| by_flags(m, a, b);
    Divide(a: D, b: D) -> f64 = {
        let quotient = a.0 as f64 / b.0 as f64;
        if a.is_nat() | b.is_nat() { f64::NAN } else { quotient }
    }, |_m| {
        let by_zero = (b.0 == 0) & !a.is_nat();
        FpFlags::DIVIDE.when(by_zero & (a.0 != 0)) | FpFlags::INVALID.when(by_zero & (a.0 == 0))
    };
    Negative(a: D) -> D = D::new(a.0.wrapping_neg());
    Positive(a: D) -> D = a;
    Absolute(a: D) -> D = D::new(a.0.wrapping_abs());
    // Of no time -1, as NumPy has it.
    Sign(a: D) -> D = D::new(a.0.signum());
}

macro_rules! of_either {
    ($($t:ty)*) => {$(
        lanes! {
            Equal(a: $t, b: $t) -> B8 = B8::from((a.0 == b.0) & !a.is_nat());
            NotEqual(a: $t, b: $t) -> B8 = B8::from((a.0 != b.0) | a.is_nat());
            Less(a: $t, b: $t) -> B8 = B8::from((a.0 < b.0) & !a.is_nat());
            LessEqual(a: $t, b: $t) -> B8 = B8::from((a.0 <= b.0) & !a.is_nat());
            Greater(a: $t, b: $t) -> B8 = B8::from((a.0 > b.0) & !b.is_nat());
            GreaterEqual(a: $t, b: $t) -> B8 = B8::from((a.0 >= b.0) & !b.is_nat());
            Maximum(a: $t, b: $t) -> $t = of(a, b, i64::max);
            // No time is the least of integers already.
            Minimum(a: $t, b: $t) -> $t = Time::new(a.0.min(b.0));
            Fmax(a: $t, b: $t) -> $t = Time::new(a.0.max(b.0));
            // One less, it is the greatest.
            Fmin(a: $t, b: $t) -> $t = Time::new(a.0.wrapping_sub(1).min(b.0.wrapping_sub(1)).wrapping_add(1));
            IsNat(a: $t) -> B8 = B8::from(a.is_nat());
            IsNan(a: $t) -> B8 = B8::from(a.is_nat());
            IsInf(_a: $t) -> B8 = B8::from(false);
            IsFinite(a: $t) -> B8 = B8::from(!a.is_nat());
        }
    )*};
}
of_either! { M D }

macro_rules! folds {
    ($($op:ident $fold:ty: $($t:ty)+;)*) => {$($(
        impl Reduces<$t> for $op {
            type Report = Quiet;
            type Fold = $fold;
        }
    )+)*};
}
folds! {
    Add ByLanes<Add>: D;
    Subtract InOrder: D;
    Maximum ByLanes<Maximum>: D M;
    Minimum ByLanes<Minimum>: D M;
    Fmax ByLanes<Fmax>: D M;
    Fmin ByLanes<Fmin>: D M;
}

/// A function of the quotient of two spans rounded down, and what it leaves.
macro_rules! divisions {
    ($($op:ident -> $out:ty, nat $nat:expr, |$pair:ident| $of:expr, flags |$a:ident, $b:ident| $flags:expr;)*) => {$(
        impl Lane<(D, D)> for $op {
            type Out = $out;
            #[inline(always)]
            fn lane<A: Madd>(m: A, (a, b): (D, D)) -> $out {
                if a.is_nat() || b.is_nat() || b.0 == 0 {
                    return $nat;
                }
                let $pair = i64::floor(m, a.0, b.0);
                $of
            }
            #[inline(always)]
            fn flags<A: Madd>(_: A, ($a, $b): (D, D), _: $out) -> FpFlags {
                $flags
            }
        }
        impl Parted<D> for $op {
            #[inline(always)]
            fn usual<A: Madd>(_: A, (a, b): (D, D)) -> bool {
                i64::usual(a.0, b.0)
            }
            #[inline(always)]
            fn quick<A: Madd>(m: A, (a, b): (D, D)) -> $out {
                let $pair = i64::quick_floor(m, a.0, b.0);
                $of
            }
            type Second = <i64 as Divides>::Divisor;
            const PREPARES: bool = true;
            #[inline(always)]
            fn prepare(b: D) -> Option<Self::Second> {
                if b.is_nat() { None } else { i64::divisor(b.0) }
            }
            #[inline(always)]
            fn piece_by<A: Madd>(m: A, d: Self::Second, a: &[D], b: &[D], y: &mut Out<'_, Self, D>) -> bool {
                let n = a.len();
                let (b, mut y) = (&b[..n], <$out as OutPack>::part(y, 0..n));
                by_divisor!(i64, m, d, n, small: !is_any(a, |a| !i64::is_small(a.0)), |i, quotient| from (a[i].0, b[i].0) {
                    let $pair = quotient;
                    <$out as OutPack>::set(&mut y, i, $of);
                });
                !is_any(a, |a| a.is_nat())
            }
        }
    )*};
}
divisions! {
    FloorDivide -> i64, nat 0, |pair| pair.0,
        flags |a, b| quotient_flags(a, b);
    Remainder -> D, nat D::NAT, |pair| TimeDelta64(pair.1),
        flags |a, b| FpFlags::DIVIDE.when(b.0 == 0 && !a.is_nat());
    Divmod -> (i64, D), nat (0, D::NAT), |pair| (pair.0, TimeDelta64(pair.1)),
        flags |a, b| quotient_flags(a, b);
}
impl Reduces<D> for Remainder {
    type Report = Judged;
    type Fold = InOrder;
}

fn quotient_flags(a: D, b: D) -> FpFlags {
    let nat = a.is_nat() || b.is_nat();
    FpFlags::INVALID.when(nat) | FpFlags::DIVIDE.when(!nat && b.0 == 0)
}

/// A span by an integer, towards zero; no time by zero. On the counts.
struct Share;

/// The quotient rounded down, rounded towards zero.
#[inline(always)]
fn towards_zero((floor, rest): (i64, i64)) -> i64 {
    floor + ((rest != 0) & (floor < 0)) as i64
}

impl Lane<(i64, i64)> for Share {
    type Out = i64;
    #[inline(always)]
    fn lane<A: Madd>(_: A, (a, b): (i64, i64)) -> i64 {
        if a == NOT_A_TIME || b == 0 { NOT_A_TIME } else { a.wrapping_div(b) }
    }
}

impl Parted<i64> for Share {
    #[inline(always)]
    fn usual<A: Madd>(_: A, (a, b): (i64, i64)) -> bool {
        i64::usual(a, b)
    }
    #[inline(always)]
    fn quick<A: Madd>(m: A, (a, b): (i64, i64)) -> i64 {
        towards_zero(i64::quick_floor(m, a, b))
    }
    type Second = <i64 as Divides>::Divisor;
    const PREPARES: bool = true;
    #[inline(always)]
    fn prepare(b: i64) -> Option<Self::Second> {
        i64::divisor(b)
    }
    #[inline(always)]
    fn piece_by<A: Madd>(m: A, d: Self::Second, a: &[i64], b: &[i64], y: &mut Out<'_, Self, i64>) -> bool {
        let n = a.len();
        let (b, y) = (&b[..n], &mut y[..n]);
        by_divisor!(i64, m, d, n, small: !is_any(a, |a| !i64::is_small(a)), |i, pair| from (a[i], b[i]) {
            y[i].write(towards_zero(pair));
        });
        !is_any(a, |a| a == NOT_A_TIME)
    }
}

/// [`Share`] of spans.
struct Shares;
impl Kernel for Shares {
    type In = (D, i64);
    type Out = D;
    const FP: FpReport = FpReport::Never;
    #[inline(always)]
    fn run<L: Level>(level: L, x: (&[D], &[i64]), y: &mut [MaybeUninit<D>], n: usize) -> FpFlags {
        Parts::<Share, i64>::run(level, (D::counts(x.0), x.1), D::counts_out(y), n)
    }
}

/// A function of a span and a number that are scaled as floats.
trait Scales<I: Pack>: Lane<I, Out = D> {
    /// Whether the result is none that spans hold, or too small for a float's digits: only then is anything raised.
    fn is_odd(x: I) -> bool;
}
impl Scales<(D, f64)> for Multiply {
    #[inline(always)]
    fn is_odd((a, b): (D, f64)) -> bool {
        !is_held(a.0 as f64 * b)
    }
}
impl Scales<(f64, D)> for Multiply {
    #[inline(always)]
    fn is_odd((a, b): (f64, D)) -> bool {
        !is_held(a * b.0 as f64)
    }
}
impl Scales<(D, f64)> for Divide {
    #[inline(always)]
    fn is_odd((a, b): (D, f64)) -> bool {
        let scaled = a.0 as f64 / b;
        !is_held(scaled) | (scaled.abs() < f64::MIN_POSITIVE)
    }
}

/// One of them, a piece at a time, which is judged where something in it is odd.
struct Scaled<O, I>(PhantomData<(O, I)>);
impl<O: Scales<I>, I: Pack> Kernel for Scaled<O, I> {
    type In = I;
    type Out = D;
    const FP: FpReport = FpReport::Returned;
    #[inline(always)]
    fn run<L: Level>(level: L, x: I::Slices<'_>, mut y: &mut [MaybeUninit<D>], n: usize) -> FpFlags {
        let (m, mut flags, mut start) = (level.madd(), FpFlags::NONE, 0);
        while start < n {
            let piece = start..n.min(start + PIECE);
            let mut odd = 0;
            for i in piece.clone() {
                D::set(&mut y, i, O::lane(m, I::get(x, i)));
                odd |= u64::from(O::is_odd(I::get(x, i)));
            }
            if odd != 0 {
                for i in piece {
                    let x = I::get(x, i);
                    flags |= O::flags(m, x, O::lane(m, x));
                }
            }
            start += PIECE;
        }
        flags
    }
}

/// Loops of moments, of spans, and of both.
const fn both<O>() -> [LoopDef; 2]
where
    O: Reduces<D> + Reduces<M>,
{
    [reducing_loop::<O, D>(), reducing_loop::<O, M>()]
}

/// Comparisons, moments first.
const fn compared<O: Lane<(M, M), Out = B8> + Lane<(D, D), Out = B8>>() -> [LoopDef; 2] {
    [lane_loop::<O, (M, M), Quiet, UpToV4>(), lane_loop::<O, (D, D), Quiet, UpToV4>()]
}

/// Tests of one value, spans first.
const fn tested<O: Lane<(M,), Out = B8> + Lane<(D,), Out = B8>>() -> [LoopDef; 2] {
    [lane_loop::<O, (D,), Quiet, UpToV4>(), lane_loop::<O, (M,), Quiet, UpToV4>()]
}

const fn of_span<O: Lane<(D,), Out = D>>() -> [LoopDef; 1] {
    [lane_loop::<O, (D,), Quiet, UpToV4>()]
}

// In NumPy's order.

pub(super) const ADD: &[LoopDef] = &[
    lane_loop::<Add, (M, D), Quiet, UpToV3>(),
    reducing_loop::<Add, D>(),
    lane_loop::<Add, (D, M), Quiet, UpToV3>(),
];
pub(super) const SUBTRACT: &[LoopDef] = &[
    lane_loop::<Subtract, (M, D), Quiet, UpToV3>(),
    reducing_loop::<Subtract, D>(),
    lane_loop::<Subtract, (M, M), Quiet, UpToV3>(),
];
pub(super) const MULTIPLY: &[LoopDef] = &[
    lane_loop::<Multiply, (D, i64), Quiet, UpToV4>(),
    lane_loop::<Multiply, (i64, D), Quiet, UpToV4>(),
    loop_of::<Scaled<Multiply, (D, f64)>, UpToV4>(),
    loop_of::<Scaled<Multiply, (f64, D)>, UpToV4>(),
];
pub(super) const DIVIDE: &[LoopDef] = &[
    loop_of::<Shares, UpToV4>(),
    loop_of::<Scaled<Divide, (D, f64)>, UpToV4>(),
    lane_loop::<Divide, (D, D), Judged, UpToV4>(),
];
pub(super) const FLOOR_DIVIDE: &[LoopDef] = &[
    loop_of::<Shares, UpToV4>(),
    loop_of::<Scaled<Divide, (D, f64)>, UpToV4>(),
    loop_of::<Parts<FloorDivide, D>, UpToV4>(),
];
pub(super) const REMAINDER: &[LoopDef] = &[parted_loop::<Remainder, D>()];
pub(super) const DIVMOD: &[LoopDef] = &[loop_of::<Parts<Divmod, D>, UpToV4>()];
pub(super) const NEGATIVE: &[LoopDef] = &of_span::<Negative>();
pub(super) const POSITIVE: &[LoopDef] = &of_span::<Positive>();
pub(super) const ABSOLUTE: &[LoopDef] = &of_span::<Absolute>();
pub(super) const SIGN: &[LoopDef] = &of_span::<Sign>();
pub(super) const EQUAL: &[LoopDef] = &compared::<Equal>();
pub(super) const NOT_EQUAL: &[LoopDef] = &compared::<NotEqual>();
pub(super) const LESS: &[LoopDef] = &compared::<Less>();
pub(super) const LESS_EQUAL: &[LoopDef] = &compared::<LessEqual>();
pub(super) const GREATER: &[LoopDef] = &compared::<Greater>();
pub(super) const GREATER_EQUAL: &[LoopDef] = &compared::<GreaterEqual>();
pub(super) const MAXIMUM: &[LoopDef] = &both::<Maximum>();
pub(super) const MINIMUM: &[LoopDef] = &both::<Minimum>();
pub(super) const FMAX: &[LoopDef] = &both::<Fmax>();
pub(super) const FMIN: &[LoopDef] = &both::<Fmin>();
pub(super) const CLIP: &[LoopDef] =
    &[lane_loop::<Clip, (D, D, D), Quiet, UpToV4>(), lane_loop::<Clip, (M, M, M), Quiet, UpToV4>()];
pub(super) const ISNAN: &[LoopDef] = &tested::<IsNan>();
pub(super) const ISINF: &[LoopDef] = &tested::<IsInf>();
pub(super) const ISFINITE: &[LoopDef] = &tested::<IsFinite>();

/// Whether it is no time.
pub struct IsNat;
ufunc! {
    /// Whether the value is no time (NaT), element-wise.
    isnat(x) -> (y) = IsNat;
    loops: { dates: &[lane_loop::<IsNat, (M,), Quiet, UpToV4>(), lane_loop::<IsNat, (D,), Quiet, UpToV4>()]; };
    examples: &[("ufunx.array(['2026-11-27', 'NaT'], 'M8[D]')", "array([False,  True])")];
}
