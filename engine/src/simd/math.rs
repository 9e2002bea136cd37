//! Kernels of the transcendental functions: a cheap usual range, and costly special cases.
//!
//! A block is first run as if every element were usual; if one was not, those are computed again by the full function,
//! which also judges the IEEE flags by value (vector code both invents and loses flags). Blocks are whole multiples of
//! [`STEP`], the last one padded, so that every element goes through the same vector code whatever its position.

use super::kernel::Kernel;
use super::level::{Level, Madd};
use super::pack::{OutPack, Pack};
use crate::registry::{Complex32, Complex64, Element, FpFlags, FpReport};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// A float or a complex number, with the register of AVX-512 that holds a row of it.
pub trait Register: Element + for<'a> OutPack<Slices<'a> = &'a mut [MaybeUninit<Self>]> {
    /// 64 bytes of it.
    #[cfg(target_arch = "x86_64")]
    type Zmm: Copy;
}

macro_rules! registers {
    ($($t:ty, $zmm:ident;)*) => {$(
        impl Register for $t {
            #[cfg(target_arch = "x86_64")]
            type Zmm = core::arch::x86_64::$zmm;
        }
    )*};
}
registers! {
    f64, __m512d;
    f32, __m512;
    Complex64, __m512d;
    Complex32, __m512;
}

/// The inputs of a [`Math`] function, real or complex: one number `T`, or a pair `(T, T)`.
pub trait MathInputs: Copy + 'static {
    /// As a kernel takes them.
    type In: Pack;
    /// The result.
    type Out: Register;
    /// A row of each, and the result's registers are `Out`'s.
    #[cfg(target_arch = "x86_64")]
    type Zmm: Copy;
    /// [`STEP`] elements of each.
    type Padded;
    /// Element `i`.
    fn get(x: <Self::In as Pack>::Slices<'_>, i: usize) -> Self;
    /// Elements `range`.
    fn part(x: <Self::In as Pack>::Slices<'_>, range: Range<usize>) -> <Self::In as Pack>::Slices<'_>;
    /// The elements from `start` on, fewer than [`STEP`], and more of the first of them.
    fn padded(x: <Self::In as Pack>::Slices<'_>, start: usize) -> Self::Padded;
    /// The first `n` of them.
    fn of_padded(padded: &Self::Padded, n: usize) -> <Self::In as Pack>::Slices<'_>;
    /// The registers from element `i` on.
    ///
    /// # Safety
    /// There are 64 bytes of each input from there on.
    #[cfg(target_arch = "x86_64")]
    unsafe fn load(x: <Self::In as Pack>::Slices<'_>, i: usize) -> Self::Zmm;
}

/// The elements of one input from `start` on, and more of the first of them: no other value is calm for every function.
#[inline(always)]
fn padded<T: Register>(x: &[T], start: usize) -> [T; STEP] {
    let mut padded = [x[start]; STEP];
    padded[..x.len() - start].copy_from_slice(&x[start..]);
    padded
}

macro_rules! math_inputs {
    ($($inputs:ty: $pack:ty, [$($k:tt)+], |$x:ident| $get:expr;)*) => {$(
        impl<T: Register> MathInputs for $inputs {
            type In = $pack;
            type Out = T;
            #[cfg(target_arch = "x86_64")]
            type Zmm = math_inputs!(@zmm $($k)+);
            type Padded = math_inputs!(@padded $($k)+);
            #[inline(always)]
            fn get(x: <$pack as Pack>::Slices<'_>, i: usize) -> $inputs {
                let $x = <$pack as Pack>::get(x, i);
                $get
            }
            #[inline(always)]
            fn part(x: <$pack as Pack>::Slices<'_>, range: Range<usize>) -> <$pack as Pack>::Slices<'_> {
                ($(&x.$k[range.clone()],)+)
            }
            #[inline(always)]
            fn padded(x: <$pack as Pack>::Slices<'_>, start: usize) -> Self::Padded {
                ($(padded(x.$k, start),)+)
            }
            #[inline(always)]
            fn of_padded(padded: &Self::Padded, n: usize) -> <$pack as Pack>::Slices<'_> {
                ($(&padded.$k[..n],)+)
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn load(x: <$pack as Pack>::Slices<'_>, i: usize) -> Self::Zmm {
                // SAFETY: the caller promises as many bytes, which a register is made of; access is unaligned.
                unsafe { ($(x.$k.as_ptr().add(i).cast::<T::Zmm>().read_unaligned(),)+) }
            }
        }
    )*};
    (@zmm 0) => { (T::Zmm,) };
    (@zmm 0 1) => { (T::Zmm, T::Zmm) };
    (@padded 0) => { ([T; STEP],) };
    (@padded 0 1) => { ([T; STEP], [T; STEP]) };
}
math_inputs! {
    T: (T,), [0], |x| x.0;
    (T, T): (T, T), [0 1], |x| x;
}

/// A function in two parts: lean lanes for the usual range, and all the rest. Its inputs `I` are one number or a pair.
pub trait Math<I: MathInputs>: 'static {
    /// Whether `lane` is right for `x`; false for NaN.
    fn usual(x: I) -> bool;
    /// The function where `usual`; elsewhere any value.
    fn lane<M: Madd>(m: M, x: I) -> I::Out;
    /// The function everywhere, the same bits as `lane` where `usual`.
    fn full<M: Madd>(m: M, x: I) -> I::Out;
    /// The IEEE flags that `y = full(x)` raises.
    fn flags(x: I, y: I::Out) -> FpFlags;

    /// Whether `lane_v4` and `usual_v4` are written.
    const HAS_V4: bool = false;
    /// `lane` on one 512-bit register of each input.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn lane_v4(_simd: pulp::x86::V4, _x: I::Zmm) -> <I::Out as Register>::Zmm {
        unreachable!("asked for only where it is written")
    }
    /// `ok` with the bits of the lanes that are not `usual` cleared.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn usual_v4(_simd: pulp::x86::V4, _x: I::Zmm, _ok: u16) -> u16 {
        unreachable!("asked for only where it is written")
    }
}

/// Elements per block: a block and its result stay in a corner of L1 (512 f64 are 4 KiB each).
const BLOCK: usize = 512;

/// One in so many elements that are not usual: fewer are done again one by one, more by running the whole block through the full
/// function, which vectorises for some. (exp of f64 with one in a hundred infinite: 1.8 ns an
/// element, and 3.4 by whole blocks.)
const FEW: usize = 8;

/// Every block is a multiple of so many elements: two AVX-512 registers of f32.
pub const STEP: usize = 32;

/// A [`Math`] function on every element.
pub struct MathEach<O, I>(PhantomData<(O, I)>);

impl<O: Math<I>, I: MathInputs> Kernel for MathEach<O, I> {
    type In = I::In;
    type Out = I::Out;
    const FP: FpReport = FpReport::Returned;

    #[inline(always)]
    fn run<L: Level>(
        level: L,
        x: <I::In as Pack>::Slices<'_>,
        y: &mut [MaybeUninit<I::Out>],
        n: usize,
    ) -> FpFlags {
        let mut flags = FpFlags::NONE;
        let (x, y) = (I::part(x, 0..n), &mut y[..n]);
        let whole = n - n % STEP;
        let mut start = 0;
        while start < whole {
            let end = whole.min(start + BLOCK);
            flags |= block::<O, I, L>(level, I::part(x, start..end), &mut y[start..end]);
            start = end;
        }
        if whole < n {
            let rest = n - whole;
            let padded = I::padded(x, whole);
            let mut result = [MaybeUninit::uninit(); STEP];
            // Hand-written lanes work by the register: a single number need not pay for four.
            let step =
                if has_wide_lanes::<O, I, L>(level) { const { 64 / size_of::<I::Out>() } } else { STEP };
            let end = rest.next_multiple_of(step);
            flags |= block::<O, I, L>(level, I::of_padded(&padded, end), &mut result[..end]);
            y[whole..].copy_from_slice(&result[..rest]);
        }
        flags
    }
}

#[inline(always)]
fn has_wide_lanes<O: Math<I>, I: MathInputs, L: Level>(level: L) -> bool {
    #[cfg(target_arch = "x86_64")]
    let wide = level.v4().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let wide = {
        let _ = level;
        false
    };
    O::HAS_V4 && wide
}

#[inline(always)]
fn block<O: Math<I>, I: MathInputs, L: Level>(
    level: L,
    x: <I::In as Pack>::Slices<'_>,
    y: &mut [MaybeUninit<I::Out>],
) -> FpFlags {
    if lanes::<O, I, L>(level, x, y) {
        return FpFlags::NONE;
    }
    let mut flags = FpFlags::NONE;
    let unusual = (0..y.len()).fold(0, |count, i| count + usize::from(!O::usual(I::get(x, i))));
    if unusual * FEW < y.len() {
        for (i, y) in y.iter_mut().enumerate() {
            let x = I::get(x, i);
            if !O::usual(x) {
                let full = O::full(level.madd(), x);
                y.write(full);
                flags |= O::flags(x, full);
            }
        }
        return flags;
    }
    for (i, y) in y.iter_mut().enumerate() {
        let x = I::get(x, i);
        let full = O::full(level.madd(), x);
        // SAFETY: `lanes` has written every element.
        let usual = unsafe { y.assume_init() };
        // What was usual stays as it is: a result never depends on its neighbours.
        y.write(if O::usual(x) { usual } else { full });
        flags |= O::flags(x, full);
    }
    flags
}

/// The lanes over one block; whether every input was usual.
#[inline(always)]
fn lanes<O: Math<I>, I: MathInputs, L: Level>(
    level: L,
    x: <I::In as Pack>::Slices<'_>,
    y: &mut [MaybeUninit<I::Out>],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if O::HAS_V4
        && let Some(simd) = level.v4()
    {
        let width = const { 64 / size_of::<I::Out>() };
        let all = ((1u32 << width) - 1) as u16;
        let mut ok = all;
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            // SAFETY: a chunk is 64 bytes of plain numbers, and so is a register; there are as many inputs as outputs;
            // access is unaligned.
            unsafe {
                let v = I::load(x, i * width);
                ok = O::usual_v4(simd, v, ok);
                y.as_mut_ptr().cast::<<I::Out as Register>::Zmm>().write_unaligned(O::lane_v4(simd, v));
            }
        }
        return ok == all;
    }
    let mut unusual = 0u32;
    let x = I::part(x, 0..y.len()); // as many, in a way that the compiler sees
    for (i, y) in y.iter_mut().enumerate() {
        let x = I::get(x, i);
        unusual |= !O::usual(x) as u32;
        y.write(O::lane(level.madd(), x));
    }
    unusual == 0
}
