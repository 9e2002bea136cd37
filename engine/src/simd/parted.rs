//! Kernels of functions of two inputs that are costly for a few: a branch-free part that vectorises for the usual elements,
//! the lane function with its flags for all others, and a part for a second input that repeats.
//!
//! A block is run piece by piece, as if every element were usual; in a piece where one was not, those are done again by
//! the lane function. The usual part gives the lane's own bits and raises nothing, so a result never depends on its
//! neighbours. A number beside an array reaches a kernel as a block full of it, so that a block is looked at first: what
//! one value costs to be prepared (a reciprocal, say) is then paid once for all.

use super::kernel::{Each, Judged, Kernel, Lane};
use super::level::{Level, Madd, Work};
use super::pack::{OutPack, Single};
use crate::registry::{Element, FpFlags, FpReport};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// The outputs of a block.
pub type Out<'a, O, T> = <<O as Lane<(T, T)>>::Out as OutPack>::Slices<'a>;

/// A judged lane function in two parts.
pub trait Parted<T: Element + PartialEq>: Lane<(T, T)> {
    /// Whether `quick` is right for `x`, and nothing is raised there.
    fn usual<M: Madd>(m: M, x: (T, T)) -> bool;
    /// The function where `usual`; elsewhere any value. Branch-free.
    fn quick<M: Madd>(m: M, x: (T, T)) -> Self::Out;
    /// `quick` over a piece; whether every element was usual.
    #[inline(always)]
    fn piece<M: Madd>(m: M, a: &[T], b: &[T], y: &mut Out<'_, Self, T>) -> bool {
        // As many of each, in a way that the compiler sees; and a byte of truth, as its vectors are slow with bools (i8 in
        // floor_divide at V4: 1.4 ns an element, and 0.13 so).
        let n = a.len();
        let (b, mut y) = (&b[..n], Self::Out::part(y, 0..n));
        let mut unusual = 0u8;
        for i in 0..n {
            let x = (a[i], b[i]);
            unusual |= !Self::usual(m, x) as u8;
            Self::Out::set(&mut y, i, Self::quick(m, x));
        }
        unusual == 0
    }

    /// What is made of a second input that repeats.
    type Second: Copy;
    /// Whether anything is.
    const PREPARES: bool;
    /// It made; `None` if this value is for the lane function.
    fn prepare(b: T) -> Option<Self::Second>;
    /// `piece` of any length with that second input.
    fn piece_by<M: Madd>(m: M, second: Self::Second, a: &[T], b: &[T], y: &mut Out<'_, Self, T>) -> bool;
}

/// One with two outputs.
pub trait Pairs<T: Element + PartialEq>: Parted<T> + Lane<(T, T), Out = (T, T)> {}
impl<T: Element + PartialEq, O: Parted<T> + Lane<(T, T), Out = (T, T)>> Pairs<T> for O {}

/// Elements per piece: enough for the vectors of bytes, and few where some element must be done again.
pub const PIECE: usize = 128;

/// Elements that are looked at together for a second input that repeats; as many as the executor's blocks have.
const BLOCK: usize = crate::tuning::BLOCK;

/// Fewer are not worth preparing for: a reciprocal costs as much as some divisions.
const LEAST: usize = 16;

/// A [`Parted`] function on every element.
pub struct Parts<O, T>(PhantomData<(O, T)>);

impl<O: Parted<T>, T: Element + PartialEq> Kernel for Parts<O, T> {
    type In = (T, T);
    type Out = O::Out;
    const FP: FpReport = FpReport::Returned;

    #[inline(always)]
    fn run<L: Level>(level: L, x: (&[T], &[T]), mut y: Out<'_, O, T>, n: usize) -> FpFlags {
        // Without a fused multiply-add there is no rounding instruction either: nothing would vectorise.
        if !<L::Madd as Madd>::FUSED {
            return Each::<O, (T, T), Judged>::run(level, x, y, n);
        }
        let mut flags = FpFlags::NONE;
        let mut start = 0;
        let mut ready = None;
        while start < n {
            let range = start..n.min(start + BLOCK);
            let (a, b) = (&x.0[range.clone()], &x.1[range.clone()]);
            flags |= block::<O, T, L::Madd>(level.madd(), a, b, O::Out::part(&mut y, range), &mut ready);
            start += BLOCK;
        }
        flags
    }
}

#[inline(always)]
fn block<O: Parted<T>, T: Element + PartialEq, M: Madd>(
    m: M,
    a: &[T],
    b: &[T],
    mut y: Out<'_, O, T>,
    ready: &mut Option<(T, O::Second)>,
) -> FpFlags {
    if O::PREPARES
        && repeats(b)
        && let Some(second) = prepared::<O, T>(b[0], ready)
    {
        // The whole block is one piece: all of it is usual, but for what one value of `b` raises.
        return match O::piece_by(m, second, a, b, &mut y) {
            true => FpFlags::NONE,
            false => again::<O, T, M>(m, a, b, &mut y, true).0,
        };
    }
    let mut flags = FpFlags::NONE;
    let (mut start, mut mostly_odd) = (0, false);
    while start < a.len() {
        let range: Range<usize> = start..a.len().min(start + PIECE);
        let (a, b) = (&a[range.clone()], &b[range.clone()]);
        let mut y = O::Out::part(&mut y, range);
        // After a piece that was mostly done again the next one is not tried.
        let tried = !mostly_odd;
        mostly_odd = false;
        if !tried || !O::piece(m, a, b, &mut y) {
            let (raised, odd) = again::<O, T, M>(m, a, b, &mut y, tried);
            flags |= raised;
            mostly_odd = odd > PIECE / 2;
        }
        start += PIECE;
    }
    flags
}

/// What is made of a second input; of the same as in the last block, that.
#[inline(always)]
fn prepared<O: Parted<T>, T: Element + PartialEq>(
    b: T,
    ready: &mut Option<(T, O::Second)>,
) -> Option<O::Second> {
    match *ready {
        Some((of, second)) if of == b => Some(second),
        _ => {
            let second = O::prepare(b)?;
            *ready = Some((b, second));
            Some(second)
        }
    }
}

/// Does a piece by the lane function, only what is not usual if it was `tried`: what it raises, and how many are not usual.
#[inline(always)]
fn again<O: Parted<T>, T: Element + PartialEq, M: Madd>(
    m: M,
    a: &[T],
    b: &[T],
    y: &mut Out<'_, O, T>,
    tried: bool,
) -> (FpFlags, usize) {
    let (mut flags, mut odd) = (FpFlags::NONE, 0);
    for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
        let usual = O::usual(m, (a, b));
        odd += !usual as usize;
        if !usual || !tried {
            let value = O::lane(m, (a, b));
            O::Out::set(y, i, value);
            flags |= O::flags(m, (a, b), value);
        }
    }
    (flags, odd)
}

/// Whether a block has one value only: of integers a comparison of memory with itself, moved on by one element. Most that
/// have not are known by three elements.
#[inline(always)]
fn repeats<T: PartialEq>(b: &[T]) -> bool {
    let n = b.len();
    n >= LEAST && b[n - 1] == b[0] && b[n / 2] == b[0] && b[1..] == b[..n - 1]
}

struct OverwriteWork<K> {
    args: *const *mut u8,
    n: usize,
    kernel: PhantomData<K>,
}

impl<K: Kernel<In = (T, T), Out = T>, T: Element + Single> Work for OverwriteWork<K> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> FpFlags {
        let mut room = [const { MaybeUninit::<T>::uninit() }; BLOCK];
        let mut flags = FpFlags::NONE;
        let mut start = 0;
        while start < self.n {
            let n = BLOCK.min(self.n - start);
            // SAFETY: `overwriting` is a `BlockFn` whose first input is its output, so there are `n` elements from `start`
            // on, apart from the second input; the copy is apart from both, and written before it is read.
            let (x, y) = unsafe {
                let first = (*self.args).cast::<T>().add(start);
                std::ptr::copy_nonoverlapping(first, room.as_mut_ptr().cast(), n);
                let y = std::slice::from_raw_parts_mut(first.cast(), n);
                let b = std::slice::from_raw_parts((*self.args.add(1)).cast::<T>().add(start), n);
                ((std::slice::from_raw_parts(room.as_ptr().cast::<T>(), n), b), y)
            };
            flags |= K::run(level, x, y, n);
            start += n;
        }
        flags
    }
}

/// A [`crate::registry::BlockFn`] whose first input is its output: the kernel on a copy of each block of it.
///
/// # Safety
/// As for that type.
pub(super) unsafe fn overwriting<K: Kernel<In = (T, T), Out = T>, T: Element + Single, L: Level>(
    args: *const *mut u8,
    n: usize,
) -> FpFlags {
    // SAFETY: the caller of a `BlockFn` promises the level.
    unsafe { L::enter(OverwriteWork::<K> { args, n, kernel: PhantomData }) }
}
