//! Casts between dtypes, block by block, with C's conversions as x86 has them: what NumPy gives on the same machine.
//!
//! Bool, integers, f32, f64 and complex convert directly. The narrow floats go through f32; f64 reaches them through an
//! f32 rounded to odd, so that the second rounding sees what the first dropped.

use crate::invoke::watched;
use crate::registry::for_each_class;
use crate::registry::{B8, Casting, Complex, Complex32, Complex64, DType, Element, FpFlags, FpReport, Isa};
use crate::registry::{F8E4M3FN, F8E5M2, Kind, LoopDef, bf16, can_cast, f16};
use crate::simd::kernel::{Each, Kernel, Lane, Quiet, Raises, UpToV3, loop_of};
use crate::simd::level::{Level, Madd};
use crate::simd::narrow_floats::{self, NarrowFloat};
use crate::simd::pack::OutPack;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Whether some value's cast raises an IEEE flag (other than inexact).
pub fn can_raise(source: DType, target: DType) -> bool {
    match (source.kind(), target.kind()) {
        (Kind::Bool, _) | (_, Kind::Bool) | (Kind::Int, Kind::Int) => false,
        (Kind::Date, _) | (_, Kind::Date) => can_raise(counted(source), counted(target)),
        // The integers of up to 15 bits are within float16's range.
        (Kind::Int, _) => target.is_narrow_float() && (target != DType::F16 || source.precision() > 15),
        (_, Kind::Int) => true,
        _ => !can_cast(source, target, Casting::Safe),
    }
}

/// The dtype whose elements are the same in memory: of dates, the integers that count their units.
const fn counted(dtype: DType) -> DType {
    match dtype.kind() {
        Kind::Date => DType::I64,
        _ => dtype,
    }
}

/// Casts `n` contiguous, aligned elements. What dates are in is the caller's: they are cast as the integers they are.
///
/// # Safety
/// `from` holds `n` elements of dtype `source`, `to` has room for as many of `target`; they do not overlap; the CPU
/// has `isa`.
pub unsafe fn cast_block(
    source: DType,
    target: DType,
    from: *const u8,
    to: *mut u8,
    n: usize,
    isa: Isa,
) -> FpFlags {
    let (source, target) = (counted(source), counted(target));
    if source == target {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from, to, n * source.size()) };
        return FpFlags::NONE;
    }
    if let Some(l) = direct(source, target) {
        // SAFETY: the caller's promise is the loop's contract.
        return unsafe { run(l, from, to, n, isa) };
    }
    let mut flags = FpFlags::NONE;
    let mut done = 0;
    let mut wide = [0f32; WIDE];
    while done < n {
        let count = (n - done).min(WIDE);
        // SAFETY: each piece lies within what the caller promises, the scratch is `WIDE` f32 long.
        unsafe {
            let from = from.add(done * source.size());
            let to = to.add(done * target.size());
            flags |= widen(source, target, from, &mut wide[..count], isa);
            flags |= narrow(target, &wide[..count], to, isa);
        }
        done += count;
    }
    flags
}

/// Elements widened at a time; 1 KiB of stack.
const WIDE: usize = 256;

unsafe fn run(l: &LoopDef, from: *const u8, to: *mut u8, n: usize, isa: Isa) -> FpFlags {
    let args = [from.cast_mut(), to];
    let Some(kernel) = l.code.kernels().block.at(isa) else { unreachable!("every cast has a scalar kernel") };
    // SAFETY: the caller keeps the `BlockFn` contract.
    watched(l.fp, || unsafe { kernel(args.as_ptr(), n) })
}

/// `source` to f32, for a cast on to `target`.
unsafe fn widen(source: DType, target: DType, from: *const u8, wide: &mut [f32], isa: Isa) -> FpFlags {
    macro_rules! by_narrow_dtype {
        (bools: $b:tt ints: $i:tt halves: [$($h:tt)*] floats: $f:tt complexes: $c:tt minis: [$($m:tt)*]) => {
            by_narrow_dtype! { @match $($h)* $($m)* }
        };
        (@match $(($v:ident $t:ident))*) => {
            match source {
                $(DType::$v => {
                    // SAFETY: the caller promises as many aligned elements of this dtype.
                    <$t>::widen(unsafe { std::slice::from_raw_parts(from.cast(), wide.len()) }, wide);
                    return FpFlags::NONE;
                })*
                _ => {}
            }
        };
    }
    for_each_class!(by_narrow_dtype);
    let l = match (source, target.is_narrow_float()) {
        (DType::F32, _) => {
            // SAFETY: the caller promises as many f32.
            unsafe { std::ptr::copy_nonoverlapping(from.cast(), wide.as_mut_ptr(), wide.len()) };
            return FpFlags::NONE;
        }
        (DType::F64, true) => const { &loop_of::<Each<RoundToOdd, (f64,), Quiet>, UpToV3>() },
        (DType::C128, true) => const { &loop_of::<Each<RoundToOdd, (Complex64,), Quiet>, UpToV3>() },
        _ => direct(source, DType::F32).unwrap_or_else(|| unreachable!("{source} has a cast to f32")),
    };
    // SAFETY: the caller's promise; `wide` holds as many f32.
    unsafe { run(l, from, wide.as_mut_ptr().cast(), wide.len(), isa) }
}

/// f32 to `target`.
unsafe fn narrow(target: DType, wide: &[f32], to: *mut u8, isa: Isa) -> FpFlags {
    macro_rules! by_narrow_dtype {
        (bools: $b:tt ints: $i:tt halves: [$($h:tt)*] floats: $f:tt complexes: $c:tt minis: [$($m:tt)*]) => {
            by_narrow_dtype! { @match $($h)* $($m)* }
        };
        (@match $(($v:ident $t:ident))*) => {
            match target {
                $(DType::$v => {
                    // SAFETY: the caller promises room for as many aligned elements of this dtype.
                    let to = unsafe { std::slice::from_raw_parts_mut(to.cast::<MaybeUninit<$t>>(), wide.len()) };
                    return narrow_floats::narrow(wide, to);
                })*
                _ => {}
            }
        };
    }
    for_each_class!(by_narrow_dtype);
    if target == DType::F32 {
        // SAFETY: the caller promises room for as many f32.
        unsafe { std::ptr::copy_nonoverlapping(wide.as_ptr(), to.cast(), wide.len()) };
        return FpFlags::NONE;
    }
    let l = direct(DType::F32, target).unwrap_or_else(|| unreachable!("f32 has a cast to {target}"));
    // SAFETY: the caller's promise; `wide` holds as many f32.
    unsafe { run(l, wide.as_ptr().cast(), to, wide.len(), isa) }
}

/// The cast as an element-wise function with target `B`.
struct To<B>(PhantomData<B>);
/// f64 to f32, towards zero with the last bit set when inexact.
struct RoundToOdd;
/// Float to integer: the CPU's conversion to `Via` (what lies outside gives its least value and INVALID), then C's
/// wrap to `B`.
struct Truncate<A, Via, B>(PhantomData<(A, Via, B)>);

impl Lane<(f64,)> for RoundToOdd {
    type Out = f32;
    #[inline(always)]
    fn lane<M: Madd>(_: M, (x,): (f64,)) -> f32 {
        let nearest = x as f32;
        let exact = nearest as f64 == x || x.is_nan();
        let away = (nearest as f64).abs() > x.abs();
        let towards_zero = nearest.to_bits() - away as u32;
        f32::from_bits(if exact { nearest.to_bits() } else { towards_zero | 1 })
    }
}
impl Lane<(Complex64,)> for RoundToOdd {
    type Out = f32;
    #[inline(always)]
    fn lane<M: Madd>(m: M, (z,): (Complex64,)) -> f32 {
        RoundToOdd::lane(m, (z.re,))
    }
}

macro_rules! to {
    ($($from:ty => $($to:ty),+: |$x:ident| $body:expr;)*) => {$($(
        impl Lane<($from,)> for To<$to> {
            type Out = $to;
            #[inline(always)]
            fn lane<M: Madd>(_: M, ($x,): ($from,)) -> $to {
                $body
            }
        }
    )+)*};
}
macro_rules! from_number {
    ($($t:ty),*) => { to! {$(
        $t => B8: |x| B8::from(x != 0 as $t);
        $t => Complex32: |x| Complex::new(x as f32, 0.0);
        $t => Complex64: |x| Complex::new(x as f64, 0.0);
    )*}};
}
macro_rules! from_int {
    ($($t:ty),*) => { to! {$( $t => i8, i16, i32, i64, u8, u16, u32, u64, f32, f64: |x| x as _; )*}};
}
from_number! { i8, i16, i32, i64, u8, u16, u32, u64, f32, f64 }
from_int! { i8, i16, i32, i64, u8, u16, u32, u64 }
to! {
    B8 => B8: |x| x;
    B8 => i8, i16, i32, i64, u8, u16, u32, u64: |x| x.get() as _;
    B8 => f32, f64: |x| x.get() as u8 as _;
    B8 => Complex32: |x| Complex::new(x.get() as u8 as f32, 0.0);
    B8 => Complex64: |x| Complex::new(x.get() as u8 as f64, 0.0);
    f32 => f64: |x| x as f64;
    f64 => f32: |x| x as f32;
    Complex32 => B8: |z| B8::from(z.re != 0.0 || z.im != 0.0);
    Complex64 => B8: |z| B8::from(z.re != 0.0 || z.im != 0.0);
    Complex32 => f32, f64: |z| z.re as _;
    Complex64 => f32, f64: |z| z.re as _;
    Complex32 => Complex64: |z| Complex::new(z.re as f64, z.im as f64);
    Complex64 => Complex32: |z| Complex::new(z.re as f32, z.im as f32);
}

/// A float, or the real part of a complex, that converts to integers.
trait Real: Element {
    /// The value; f32 widens exactly.
    fn real(self) -> f64;
}
impl Real for f32 {
    #[inline(always)]
    fn real(self) -> f64 {
        self as f64
    }
}
impl Real for f64 {
    #[inline(always)]
    fn real(self) -> f64 {
        self
    }
}
impl Real for Complex32 {
    #[inline(always)]
    fn real(self) -> f64 {
        self.re as f64
    }
}
impl Real for Complex64 {
    #[inline(always)]
    fn real(self) -> f64 {
        self.re
    }
}

/// An integer conversion of the CPU's: the value, and whether it was in range.
trait Convert {
    fn convert(x: f64) -> (Self, bool)
    where
        Self: Sized;
}
impl Convert for i32 {
    #[inline(always)]
    fn convert(x: f64) -> (i32, bool) {
        let fits = x > -2_147_483_649.0 && x < 2_147_483_648.0;
        (if fits { x as i32 } else { i32::MIN }, fits)
    }
}
impl Convert for i64 {
    #[inline(always)]
    fn convert(x: f64) -> (i64, bool) {
        let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x);
        (if fits { x as i64 } else { i64::MIN }, fits)
    }
}
impl Convert for u64 {
    /// C compilers test for 2^63 and convert the difference; a negative value goes through i64.
    #[inline(always)]
    fn convert(x: f64) -> (u64, bool) {
        const HALF: f64 = 9_223_372_036_854_775_808.0;
        let upper = x >= HALF;
        let (low, fits) = i64::convert(if upper { x - HALF } else { x });
        (low as u64 ^ ((upper as u64) << 63), fits)
    }
}

macro_rules! truncations {
    ($($via:ty => $($to:ty),+;)*) => {$($(
        impl<A: Real> Kernel for Truncate<A, $via, $to> {
            type In = (A,);
            type Out = $to;
            const FP: FpReport = FpReport::Returned;
            #[inline(always)]
            fn run<L: Level>(_: L, x: (&[A],), y: &mut [MaybeUninit<$to>], _: usize) -> FpFlags {
                let mut out_of_range = false;
                for (x, y) in x.0.iter().zip(y) {
                    let (value, fits) = <$via>::convert(x.real());
                    out_of_range |= !fits;
                    y.write(value as $to);
                }
                FpFlags::INVALID.when(out_of_range)
            }
        }
    )+)*};
}
truncations! {
    i32 => i8, i16, i32, u8, u16;
    i64 => i64, u32;
    u64 => u64;
}

/// The loop of a cast that needs no intermediate.
fn direct(from: DType, to: DType) -> Option<&'static LoopDef> {
    const fn plain<A: Element, B: Element + OutPack>() -> LoopDef
    where
        To<B>: Lane<(A,)>,
    {
        loop_of::<Each<To<B>, (A,), Quiet>, UpToV3>()
    }
    const fn rounding<A: Element, B: Element + OutPack>() -> LoopDef
    where
        To<B>: Lane<(A,)>,
    {
        loop_of::<Each<To<B>, (A,), Raises>, UpToV3>()
    }
    macro_rules! table {
        ($($a:ident $from:ty { $($how:ident $($b:ident $to:ty $(as $via:ty)?),+;)+ })*) => {
            match (from, to) {
                $($($((DType::$a, DType::$b) => Some(table!(@$how $from, $to $(, $via)?)),)+)+)*
                _ => None,
            }
        };
        (@plain $a:ty, $b:ty) => { const { &plain::<$a, $b>() } };
        (@rounding $a:ty, $b:ty) => { const { &rounding::<$a, $b>() } };
        (@truncate $a:ty, $b:ty, $via:ty) => { const { &loop_of::<Truncate<$a, $via, $b>, UpToV3>() } };
    }
    macro_rules! exact_sources {
        ($($a:ident $from:ty),*; $($real:ident $real_t:ty { $($extra:tt)* }),*) => {
            table! {
                $($a $from { plain Bool B8, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64,
                                   F32 f32, F64 f64, C64 Complex32, C128 Complex64; })*
                $($real $real_t {
                    truncate I8 i8 as i32, I16 i16 as i32, I32 i32 as i32, I64 i64 as i64,
                             U8 u8 as i32, U16 u16 as i32, U32 u32 as i64, U64 u64 as u64;
                    $($extra)*
                })*
            }
        };
    }
    if from == to {
        return None;
    }
    exact_sources! {
        Bool B8, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64;
        F32 f32 { plain Bool B8, F64 f64, C64 Complex32, C128 Complex64; },
        F64 f64 { plain Bool B8, C128 Complex64; rounding F32 f32, C64 Complex32; },
        C64 Complex32 { plain Bool B8, F32 f32, F64 f64, C128 Complex64; },
        C128 Complex64 { plain Bool B8, F64 f64; rounding F32 f32, C64 Complex32; }
    }
}
