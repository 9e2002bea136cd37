//! Floats narrower than f32 (f16, bf16, float8): stored so, computed in f32. A block is widened, the f32 kernel runs,
//! the result is narrowed with the rounding, and the flags, of one operation in the narrow type: f32 carries more than
//! twice the digits of each, so rounding twice gives what rounding once would for add to sqrt.

use super::classes::Reduces;
use super::kernel::{Addresses, Kernel, Report, judged};
use super::level::{Level, Scalar};
use super::narrow_floats::{NarrowFloat, narrow};
use super::pack::{OutPack, Pack, Single};
use crate::fperr;
use crate::registry::{B8, Element, FpFlags, FpReport};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Elements widened at a time. Three f32 blocks and their narrow twins take 9 KiB of L1; with half as many the flags are
/// read and cleared twice as often (bf16 add 0.41 ns an element, and 0.37 with these).
pub(super) const BLOCK: usize = 512;

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

/// A pack of inputs of an f32 kernel, where memory holds `H`.
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
    (A 0, B 1, C 2);
}

/// The outputs of an f32 kernel, one or two, where memory holds `H`. (No closure runs between the two functions: one that is
/// not inlined has not the level's instructions, and hand-written lanes would be calls.)
pub trait Narrow<H>: OutPack {
    /// What memory holds.
    type To: OutPack;
    /// Room for a block as the kernel writes it.
    type Room;
    /// Fresh room.
    fn room() -> Self::Room;
    /// Where the kernel writes elements `range`.
    fn targets<'a>(
        y: &'a mut <Self::To as OutPack>::Slices<'_>,
        range: Range<usize>,
        room: &'a mut Self::Room,
    ) -> Self::Slices<'a>;
    /// Takes what the kernel wrote to memory; what that raises.
    ///
    /// # Safety
    /// The kernel has written every element of the targets.
    unsafe fn stored(
        y: &mut <Self::To as OutPack>::Slices<'_>,
        range: Range<usize>,
        room: &Self::Room,
    ) -> FpFlags;
}

macro_rules! narrow_single {
    ($($t:ty)*) => {$(
        impl<H: NarrowFloat> Narrow<H> for $t
        where
            <$t as WideOut<H>>::Stored: Single,
        {
            type To = <$t as WideOut<H>>::Stored;
            type Room = <$t as WideOut<H>>::Room;
            #[inline(always)]
            fn room() -> Self::Room {
                <$t as WideOut<H>>::room()
            }
            #[inline(always)]
            fn targets<'a>(
                y: &'a mut <Self::To as OutPack>::Slices<'_>,
                range: Range<usize>,
                room: &'a mut Self::Room,
            ) -> &'a mut [MaybeUninit<$t>] {
                <$t as WideOut<H>>::target(&mut y[range], room)
            }
            #[inline(always)]
            unsafe fn stored(
                y: &mut <Self::To as OutPack>::Slices<'_>,
                range: Range<usize>,
                room: &Self::Room,
            ) -> FpFlags {
                // SAFETY: the caller's promise.
                unsafe { <$t as WideOut<H>>::stored(room, &mut y[range]) }
            }
        }
    )*};
}
narrow_single! { f32 B8 }

impl<H: NarrowFloat, A: WideOut<H>, B: WideOut<H>> Narrow<H> for (A, B) {
    type To = (A::Stored, B::Stored);
    type Room = (A::Room, B::Room);
    #[inline(always)]
    fn room() -> Self::Room {
        (A::room(), B::room())
    }
    #[inline(always)]
    fn targets<'a>(
        y: &'a mut (&mut [MaybeUninit<A::Stored>], &mut [MaybeUninit<B::Stored>]),
        range: Range<usize>,
        room: &'a mut Self::Room,
    ) -> (&'a mut [MaybeUninit<A>], &'a mut [MaybeUninit<B>]) {
        (A::target(&mut y.0[range.clone()], &mut room.0), B::target(&mut y.1[range], &mut room.1))
    }
    #[inline(always)]
    unsafe fn stored(
        y: &mut (&mut [MaybeUninit<A::Stored>], &mut [MaybeUninit<B::Stored>]),
        range: Range<usize>,
        room: &Self::Room,
    ) -> FpFlags {
        // SAFETY: the caller's promise, for each.
        unsafe { A::stored(&room.0, &mut y.0[range.clone()]) | B::stored(&room.1, &mut y.1[range]) }
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
        let (mut room, mut written) = (<K::In as Widen<H>>::room(), <K::Out as Narrow<H>>::room());
        let mut start = 0;
        while start < n {
            let end = n.min(start + BLOCK);
            let x = <K::In as Widen<H>>::widened(x, start..end, &mut room);
            #[cfg_attr(target_arch = "x86_64", allow(unused_mut, reason = "where blocks are shown"))]
            let mut targets = <K::Out as Narrow<H>>::targets(&mut y, start..end, &mut written);
            flags |= if let FpReport::Hardware = K::FP {
                // Of blocks that nobody else knows of the compiler may move arithmetic past either end, and does on
                // AArch64. Not on x86-64, whose tests would show it: there the blocks need not be zeroed, which
                // they must be for others' eyes (25 ns a call).
                #[cfg(not(target_arch = "x86_64"))]
                let x = std::hint::black_box((x, &mut targets)).0;
                fperr::clear();
                K::run(level, x, targets, end - start) | fperr::take()
            } else {
                K::run(level, x, targets, end - start)
            };
            // SAFETY: kernels write every element of their outputs.
            flags |= unsafe { <K::Out as Narrow<H>>::stored(&mut y, start..end, &written) };
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
