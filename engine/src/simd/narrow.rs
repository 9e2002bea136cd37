//! Floats narrower than f32 (f16, bf16, float8): stored so, computed in f32. A block is widened, the f32 kernel runs,
//! the result is narrowed with the rounding, and the flags, of one operation in the narrow type: f32 carries more than
//! twice the digits of each, so rounding twice gives what rounding once would for add to sqrt.

use super::classes::Reduces;
use super::kernel::{Addresses, Kernel, Report, judged};
use super::level::{Level, Scalar};
use super::pack::{OutPack, Pack, Single};
use crate::fperr;
use crate::registry::{B8, Element, F8E4M3FN, F8E5M2, FpFlags, FpReport, bf16, f16};
use half::slice::HalfFloatSliceExt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// A float stored narrow.
pub trait NarrowFloat: Element + Default + OutPack {
    /// The least normal number.
    const LEAST_NORMAL: f32;
    /// The greatest finite number.
    const GREATEST: f32;
    /// Exact.
    fn widen(x: &[Self], y: &mut [f32]);
    /// To nearest, ties to even; writes every element.
    fn narrow(x: &[f32], y: &mut [MaybeUninit<Self>]);
    /// The same for numbers that are [`NarrowFloat::GREATEST`] at most.
    #[inline(always)]
    fn narrow_finite(x: &[f32], y: &mut [MaybeUninit<Self>]) {
        Self::narrow(x, y);
    }
    /// Whether the narrowed value is not finite.
    fn is_infinite_or_nan(self) -> bool;
}

/// Elements widened at a time. Three f32 blocks and their narrow twins take 9 KiB of L1; with half as many the flags are
/// read and cleared twice as often (bf16 add 0.41 ns an element, and 0.37 with these).
const BLOCK: usize = 512;

/// Kernel `K` over f32, run on `H`.
pub struct Via<K, H>(PhantomData<(K, H)>);

/// An input as an f32 kernel takes it, where memory holds `H`: an f32 stands for an `H`, everything else for itself.
pub trait Wide<H>: Element {
    /// What memory holds.
    type Stored: Element;
    /// Room for a block as the kernel takes it.
    type Room;
    /// Fresh room.
    fn room() -> Self::Room;
    /// The elements as the kernel takes them.
    fn widened<'a>(stored: &'a [Self::Stored], room: &'a mut Self::Room) -> &'a [Self];
}

impl<H: NarrowFloat> Wide<H> for f32 {
    type Stored = H;
    type Room = [f32; BLOCK];
    #[inline(always)]
    fn room() -> [f32; BLOCK] {
        [0.0; BLOCK]
    }
    #[inline(always)]
    fn widened<'a>(stored: &'a [H], room: &'a mut [f32; BLOCK]) -> &'a [f32] {
        H::widen(stored, &mut room[..stored.len()]);
        &room[..stored.len()]
    }
}

/// An output of an f32 kernel, where memory holds `H`.
pub trait WideOut<H>: OutPack + Element {
    /// What memory holds.
    type Stored: OutPack + Element;
    /// Room for a block as the kernel writes it.
    type Room;
    /// Fresh room.
    fn room() -> Self::Room;
    /// Where the kernel writes.
    fn target<'a>(
        stored: &'a mut [MaybeUninit<Self::Stored>],
        room: &'a mut Self::Room,
    ) -> &'a mut [MaybeUninit<Self>];
    /// Takes what the kernel wrote to memory; what that raises.
    ///
    /// # Safety
    /// The kernel has written every element of the target.
    unsafe fn stored(room: &Self::Room, stored: &mut [MaybeUninit<Self::Stored>]) -> FpFlags;
}

impl<H: NarrowFloat> WideOut<H> for f32 {
    type Stored = H;
    type Room = [MaybeUninit<f32>; BLOCK];
    #[inline(always)]
    fn room() -> Self::Room {
        [MaybeUninit::uninit(); BLOCK]
    }
    #[inline(always)]
    fn target<'a>(stored: &'a mut [MaybeUninit<H>], room: &'a mut Self::Room) -> &'a mut [MaybeUninit<f32>] {
        &mut room[..stored.len()]
    }
    #[inline(always)]
    unsafe fn stored(room: &Self::Room, stored: &mut [MaybeUninit<H>]) -> FpFlags {
        // SAFETY: so many are written, says the caller.
        let wide = unsafe { &*(std::ptr::from_ref(&room[..stored.len()]) as *const [f32]) };
        narrow(wide, stored)
    }
}

/// What is the same in memory and in the kernel.
macro_rules! stored_as_they_are {
    ($($t:ty)*) => {$(
        impl<H: NarrowFloat> Wide<H> for $t {
            type Stored = $t;
            type Room = ();
            #[inline(always)]
            fn room() {}
            #[inline(always)]
            fn widened<'a>(stored: &'a [$t], (): &'a mut ()) -> &'a [$t] {
                stored
            }
        }
        impl<H: NarrowFloat> WideOut<H> for $t {
            type Stored = $t;
            type Room = ();
            #[inline(always)]
            fn room() {}
            #[inline(always)]
            fn target<'a>(stored: &'a mut [MaybeUninit<$t>], (): &'a mut ()) -> &'a mut [MaybeUninit<$t>] {
                stored
            }
            #[inline(always)]
            unsafe fn stored((): &(), _: &mut [MaybeUninit<$t>]) -> FpFlags {
                FpFlags::NONE
            }
        }
    )*};
}
stored_as_they_are! { B8 i32 i64 }

/// A pack of inputs of an f32 kernel, one or two, where memory holds `H`.
pub trait Widen<H>: Pack {
    /// What memory holds.
    type From: Pack;
    /// Room for a block.
    type Room;
    /// Fresh room.
    fn room() -> Self::Room;
    /// Elements `start..end` as the kernel takes them.
    fn widened<'a, 'x: 'a>(
        from: <Self::From as Pack>::Slices<'x>,
        range: Range<usize>,
        room: &'a mut Self::Room,
    ) -> Self::Slices<'a>;
}

macro_rules! widen {
    ($(($($t:ident $k:tt),+);)*) => {$(
        impl<H: NarrowFloat, $($t: Wide<H>),+> Widen<H> for ($($t,)+) {
            type From = ($($t::Stored,)+);
            type Room = ($($t::Room,)+);
            #[inline(always)]
            fn room() -> Self::Room {
                ($($t::room(),)+)
            }
            #[inline(always)]
            fn widened<'a, 'x: 'a>(
                from: <Self::From as Pack>::Slices<'x>,
                range: Range<usize>,
                room: &'a mut Self::Room,
            ) -> Self::Slices<'a> {
                ($($t::widened(&from.$k[range.clone()], &mut room.$k),)+)
            }
        }
    )*};
}
widen! {
    (A 0);
    (A 0, B 1);
}

/// The outputs of an f32 kernel, one or two, where memory holds `H`.
pub trait Narrow<H>: OutPack {
    /// What memory holds.
    type To: OutPack;
    /// Runs `kernel` over one block, its outputs narrowed into `y[range]`.
    fn through(
        y: &mut <Self::To as OutPack>::Slices<'_>,
        range: Range<usize>,
        kernel: impl FnOnce(Self::Slices<'_>) -> FpFlags,
    ) -> FpFlags;
}

macro_rules! narrow_single {
    ($($t:ty)*) => {$(
        impl<H: NarrowFloat> Narrow<H> for $t
        where
            <$t as WideOut<H>>::Stored: Single,
        {
            type To = <$t as WideOut<H>>::Stored;
            #[inline(always)]
            fn through(
                y: &mut <Self::To as OutPack>::Slices<'_>,
                range: Range<usize>,
                kernel: impl FnOnce(&mut [MaybeUninit<$t>]) -> FpFlags,
            ) -> FpFlags {
                let (y, mut room) = (&mut y[range], <$t as WideOut<H>>::room());
                let flags = kernel(<$t as WideOut<H>>::target(y, &mut room));
                // SAFETY: kernels write every element of their outputs.
                flags | unsafe { <$t as WideOut<H>>::stored(&room, y) }
            }
        }
    )*};
}
narrow_single! { f32 B8 }

impl<H: NarrowFloat, A: WideOut<H>, B: WideOut<H>> Narrow<H> for (A, B) {
    type To = (A::Stored, B::Stored);
    #[inline(always)]
    fn through(
        y: &mut (&mut [MaybeUninit<A::Stored>], &mut [MaybeUninit<B::Stored>]),
        range: Range<usize>,
        kernel: impl for<'a> FnOnce((&'a mut [MaybeUninit<A>], &'a mut [MaybeUninit<B>])) -> FpFlags,
    ) -> FpFlags {
        let (a, b) = (&mut y.0[range.clone()], &mut y.1[range]);
        let (mut room_a, mut room_b) = (A::room(), B::room());
        let flags = kernel((A::target(a, &mut room_a), B::target(b, &mut room_b)));
        // SAFETY: kernels write every element of their outputs.
        flags | unsafe { A::stored(&room_a, a) | B::stored(&room_b, b) }
    }
}

impl<K: Kernel, H: NarrowFloat> Kernel for Via<K, H>
where
    K::In: Widen<H>,
    K::Out: Narrow<H>,
{
    type In = <K::In as Widen<H>>::From;
    type Out = <K::Out as Narrow<H>>::To;
    const FP: FpReport = match K::FP {
        FpReport::Never => FpReport::Never,
        _ => FpReport::Returned,
    };

    #[inline(always)]
    fn run<L: Level>(
        level: L,
        x: <Self::In as Pack>::Slices<'_>,
        mut y: <Self::Out as OutPack>::Slices<'_>,
        n: usize,
    ) -> FpFlags {
        let mut flags = FpFlags::NONE;
        let mut room = <K::In as Widen<H>>::room();
        let mut start = 0;
        while start < n {
            let end = n.min(start + BLOCK);
            let x = <K::In as Widen<H>>::widened(x, start..end, &mut room);
            flags |= <K::Out as Narrow<H>>::through(
                &mut y,
                start..end,
                |#[allow(unused_mut, reason = "where blocks are shown")] mut y| {
                    if let FpReport::Hardware = K::FP {
                        // Of blocks that nobody else knows of the compiler may move arithmetic past either end, and does on
                        // AArch64. Not on x86-64, whose tests would show it: there the blocks need not be zeroed, which
                        // they must be for others' eyes (25 ns a call).
                        #[cfg(not(target_arch = "x86_64"))]
                        let x = std::hint::black_box((x, &mut y)).0;
                        fperr::clear();
                        K::run(level, x, y, end - start) | fperr::take()
                    } else {
                        K::run(level, x, y, end - start)
                    }
                },
            );
            start = end;
        }
        flags
    }
}

/// A [`crate::registry::StridedFn`] for a narrow float: each element widened, computed, narrowed.
///
/// # Safety
/// As for that type.
pub(super) unsafe fn strided<O: Reduces<f32>, H: NarrowFloat>(
    args: *const *mut u8,
    n: usize,
    strides: *const isize,
) -> FpFlags {
    let mut flags = FpFlags::NONE;
    // SAFETY: the caller passes an address and a stride for each of the three operands.
    let mut at = unsafe { Addresses::new(args, strides, 3) };
    for _ in 0..n {
        // SAFETY: the caller of a `StridedFn` promises every address.
        let (a, b) = unsafe { <(H, H)>::read(&at.now[..2]) };
        let mut wide = [0f32; 2];
        H::widen(&[a, b], &mut wide);
        fperr::clear();
        // Neither before the flags are cleared nor after they are read.
        let wide = std::hint::black_box(wide);
        let (y, raised) = judged::<O, _, O::Report, _>(Scalar.madd(), (wide[0], wide[1]));
        let y = std::hint::black_box(y);
        flags |= raised;
        if let FpReport::Hardware = O::Report::FP {
            flags |= fperr::take();
        }
        let mut rounded = [MaybeUninit::uninit()];
        flags |= narrow::<H>(&[y], &mut rounded);
        // SAFETY: as above; it is written.
        unsafe { H::write(&at.now[2..3], rounded[0].assume_init()) };
        at.step(3);
    }
    flags
}

/// Narrows a block. The flags are those of the narrowing: overflow where a finite f32 became infinite (or NaN, where there
/// is no infinity), underflow where it became subnormal or zero and changed.
#[inline(always)]
pub fn narrow<H: NarrowFloat>(wide: &[f32], y: &mut [MaybeUninit<H>]) -> FpFlags {
    const MAGNITUDE: u32 = 0x7fff_ffff;
    // As integers magnitudes stand in the same order, NaN above all. A zero wraps to the greatest.
    let (mut greatest, mut least) = (0, u32::MAX);
    for w in wide {
        let magnitude = w.to_bits() & MAGNITUDE;
        greatest = greatest.max(magnitude);
        least = least.min(magnitude.wrapping_sub(1));
    }
    let mut flags = FpFlags::NONE;
    if greatest <= H::GREATEST.to_bits() {
        H::narrow_finite(wide, y);
    } else {
        H::narrow(wide, y);
        // SAFETY: every element is written.
        flags = FpFlags::OVERFLOW.when(is_any_infinite(wide, unsafe { as_written(y) }));
    }
    if least < H::LEAST_NORMAL.to_bits() - 1 {
        // SAFETY: the same.
        flags |= FpFlags::UNDERFLOW.when(is_any_tiny_inexact(wide, unsafe { as_written(y) }));
    }
    flags
}

/// # Safety
/// Every element is written.
unsafe fn as_written<H>(y: &[MaybeUninit<H>]) -> &[H] {
    // SAFETY: the caller's promise; the layouts are the same.
    unsafe { &*(std::ptr::from_ref(y) as *const [H]) }
}

#[cold]
fn is_any_infinite<H: NarrowFloat>(wide: &[f32], narrow: &[H]) -> bool {
    wide.iter().zip(narrow).any(|(w, h)| w.is_finite() && h.is_infinite_or_nan())
}

#[cold]
fn is_any_tiny_inexact<H: NarrowFloat>(wide: &[f32], narrow: &[H]) -> bool {
    let mut back = [0f32; BLOCK];
    H::widen(narrow, &mut back[..narrow.len()]);
    wide.iter().zip(&back).any(|(w, b)| w.abs() < H::LEAST_NORMAL && w != b)
}

impl NarrowFloat for f16 {
    const LEAST_NORMAL: f32 = 6.103_515_6e-5; // 2^-14
    const GREATEST: f32 = 65_504.0;
    #[inline(always)]
    fn widen(x: &[f16], y: &mut [f32]) {
        x.convert_to_f32_slice(y); // F16C where the CPU has it
    }
    #[inline(always)]
    fn narrow(x: &[f32], y: &mut [MaybeUninit<f16>]) {
        y.fill(MaybeUninit::new(f16::ZERO));
        // SAFETY: filled just now; the crate wants a slice of values.
        unsafe { &mut *(std::ptr::from_mut(y) as *mut [f16]) }.convert_from_f32_slice(x);
    }
    #[inline(always)]
    fn is_infinite_or_nan(self) -> bool {
        self.to_bits() & 0x7c00 == 0x7c00
    }
}

impl NarrowFloat for bf16 {
    const LEAST_NORMAL: f32 = f32::MIN_POSITIVE;
    const GREATEST: f32 = f32::from_bits(0x7f7f_0000);
    #[inline(always)]
    fn widen(x: &[bf16], y: &mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            *y = f32::from_bits((x.to_bits() as u32) << 16);
        }
    }
    #[inline(always)]
    fn narrow(x: &[f32], y: &mut [MaybeUninit<bf16>]) {
        for (x, y) in x.iter().zip(y) {
            let quiet_nan = ((x.to_bits() >> 16) | 0x40) as u16;
            y.write(bf16::from_bits(if x.is_nan() { quiet_nan } else { rounded_to_bf16(*x) }));
        }
    }
    #[inline(always)]
    fn narrow_finite(x: &[f32], y: &mut [MaybeUninit<bf16>]) {
        for (x, y) in x.iter().zip(y) {
            y.write(bf16::from_bits(rounded_to_bf16(*x)));
        }
    }
    #[inline(always)]
    fn is_infinite_or_nan(self) -> bool {
        self.to_bits() & 0x7f80 == 0x7f80
    }
}

/// The upper half of a number that is no NaN, to nearest, ties to even.
#[inline(always)]
fn rounded_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

macro_rules! byte_floats {
    ($($t:ty, $least_normal:expr, $greatest:expr, $exponent_mask:expr;)*) => {$(
        impl NarrowFloat for $t {
            const LEAST_NORMAL: f32 = $least_normal;
            const GREATEST: f32 = $greatest;
            #[inline(always)]
            fn widen(x: &[$t], y: &mut [f32]) {
                for (x, y) in x.iter().zip(y) {
                    *y = x.to_f32();
                }
            }
            #[inline(always)]
            fn narrow(x: &[f32], y: &mut [MaybeUninit<$t>]) {
                for (x, y) in x.iter().zip(y) {
                    y.write(<$t>::from_f32(*x));
                }
            }
            #[inline(always)]
            fn is_infinite_or_nan(self) -> bool {
                self.0 & $exponent_mask == $exponent_mask
            }
        }
    )*};
}
byte_floats! {
    F8E5M2, 6.103_515_6e-5, 57_344.0, 0x7c; // 2^-14
    F8E4M3FN, 0.015_625, 448.0, 0x7f;       // 2^-6; no infinities, and a full exponent alone is still a number
}
