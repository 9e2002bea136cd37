//! Folds of contiguous data into one accumulator.
//!
//! [`ByLanes`] keeps 32 independent accumulators and joins them at the end: for functions whose order may change.
//! [`Pairwise`] is NumPy's summation, addition for addition, so that sums are bit-equal to NumPy's: blocks of at most
//! 128 elements with 8 accumulators, joined as a balanced tree. Four blocks are summed side by side, which changes no
//! addition but hides their latency.

use super::kernel::{Lane, by_isa};
use super::level::{Level, Work};
use super::pack::OutPack;
use crate::registry::{ByIsa, Element, FoldFn, FoldOrder, FpFlags};
use std::marker::PhantomData;

/// A way to fold with `O` over `T`.
pub trait Fold<T: Element>: 'static {
    /// The fold of `x` into `acc`, compiled for `L`.
    ///
    /// # Safety
    /// The CPU has the level.
    unsafe fn fold<L: Level>(acc: T, x: &[T]) -> T;
}

/// Any order: by lanes.
pub struct ByLanes<O>(PhantomData<O>);
/// Sums, in NumPy's order.
pub struct Pairwise;

/// One element after the other: the function does not reorder, and its strided loop does the work.
pub struct InOrder;

/// How a function folds: in a [`Fold`]'s order, or strictly in the elements' own.
pub trait Folds<T: Element>: 'static {
    /// The order, as the record has it.
    const ORDER: FoldOrder;
    /// The kernels, none for [`InOrder`].
    const KERNELS: ByIsa<FoldFn>;
}
impl<T: Element> Folds<T> for InOrder {
    const ORDER: FoldOrder = FoldOrder::Sequential;
    const KERNELS: ByIsa<FoldFn> = ByIsa::NONE;
}
impl<O: Lane<(T, T), Out = T>, T: Element + OutPack> Folds<T> for ByLanes<O> {
    const ORDER: FoldOrder = FoldOrder::Any;
    const KERNELS: ByIsa<FoldFn> = by_isa!(Isa::V4, erased::<Self, T> as FoldFn);
}
impl<T: Summand> Folds<T> for Pairwise {
    const ORDER: FoldOrder = FoldOrder::Pairwise;
    const KERNELS: ByIsa<FoldFn> = by_isa!(Isa::V4, erased::<Self, T> as FoldFn);
}

unsafe fn erased<F: Fold<T>, T: Element, L: Level>(acc: *mut u8, x: *const u8, n: usize) -> FpFlags {
    let acc = acc.cast::<T>();
    // SAFETY: the caller of a `FoldFn` promises an aligned accumulator, `n` aligned elements, and the level.
    unsafe { acc.write(F::fold::<L>(acc.read(), std::slice::from_raw_parts(x.cast(), n))) };
    FpFlags::NONE
}

/// Accumulators of [`ByLanes`]: 32 f64 fill eight AVX2 registers, enough to hide the latency of any one-cycle-issue
/// instruction of up to eight cycles. The same at every level, so that results do not depend on the level.
const LANES: usize = 32;

impl<O: Lane<(T, T), Out = T>, T: Element + OutPack> Fold<T> for ByLanes<O> {
    #[inline(always)]
    unsafe fn fold<L: Level>(acc: T, x: &[T]) -> T {
        struct LaneFold<'a, O, T>(T, &'a [T], PhantomData<O>);
        impl<O: Lane<(T, T), Out = T>, T: Element + OutPack> Work for LaneFold<'_, O, T> {
            type Out = T;
            #[inline(always)]
            fn run<L: Level>(self, level: L) -> T {
                let LaneFold(mut acc, mut x, _) = self;
                let op = |a, b| O::lane(level.madd(), (a, b));
                if let Some((first, rest)) = x.split_first_chunk::<LANES>() {
                    let mut lanes = *first;
                    let chunks = rest.chunks_exact(LANES);
                    x = chunks.remainder();
                    for chunk in chunks {
                        for j in 0..LANES {
                            lanes[j] = op(lanes[j], chunk[j]);
                        }
                    }
                    let mut width = LANES / 2;
                    while width > 0 {
                        for j in 0..width {
                            lanes[j] = op(lanes[j], lanes[j + width]);
                        }
                        width /= 2;
                    }
                    acc = op(acc, lanes[0]);
                }
                for &x in x {
                    acc = op(acc, x);
                }
                acc
            }
        }
        // SAFETY: the caller vouches for the level.
        unsafe { L::enter(LaneFold::<O, T>(acc, x, PhantomData)) }
    }
}

/// NumPy's block size (`PW_BLOCKSIZE` in its `loops_utils.h.src`); part of the result, not a tuning knob.
const PAIRWISE_BLOCK: usize = 128;

/// Where pairwise summation divides `n` elements: in half, at a multiple of its 8 accumulators.
pub const fn pairwise_split(n: usize) -> usize {
    n / 2 - (n / 2) % 8
}

/// A type that is summed pairwise.
pub trait Summand: Element + std::ops::Add<Output = Self> {
    /// Where sums start, so that -0 survives.
    const MINUS_ZERO: Self;
    /// Adds eight lanes. Vector code by hand: left to itself, LLVM arranges the accumulators for the final tree of
    /// additions and shuffles every load to suit (three times slower).
    fn add8<L: Level>(level: L, a: [Self; 8], b: [Self; 8]) -> [Self; 8];
}
impl Summand for f32 {
    const MINUS_ZERO: f32 = -0.0;
    #[inline(always)]
    fn add8<L: Level>(level: L, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        level.add_f32x8(a, b)
    }
}
impl Summand for f64 {
    const MINUS_ZERO: f64 = -0.0;
    #[inline(always)]
    fn add8<L: Level>(level: L, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        level.add_f64x8(a, b)
    }
}

impl<T: Summand> Fold<T> for Pairwise {
    #[inline(always)]
    unsafe fn fold<L: Level>(acc: T, x: &[T]) -> T {
        // SAFETY: the caller vouches for the level.
        acc + unsafe { pairwise::<T, L>(x) }
    }
}

/// # Safety
/// The CPU has the level.
unsafe fn pairwise<T: Summand, L: Level>(x: &[T]) -> T {
    let n = x.len();
    if n <= PAIRWISE_BLOCK {
        // SAFETY: the caller vouches for the level.
        return unsafe { L::enter(OneBlock(x)) };
    }
    let (left, right) = x.split_at(pairwise_split(n));
    let (a, b) = left.split_at(pairwise_split(left.len()));
    let (c, d) = right.split_at(pairwise_split(right.len()));
    let halves_split = left.len() > PAIRWISE_BLOCK && right.len() > PAIRWISE_BLOCK;
    if halves_split && [a, b, c, d].iter().all(|quarter| quarter.len() <= PAIRWISE_BLOCK) {
        // SAFETY: as above.
        return unsafe { L::enter(FourBlocks([a, b, c, d])) };
    }
    // SAFETY: as above.
    unsafe { pairwise::<T, L>(left) + pairwise::<T, L>(right) }
}

struct OneBlock<'a, T>(&'a [T]);
struct FourBlocks<'a, T>([&'a [T]; 4]);

impl<T: Summand> Work for OneBlock<'_, T> {
    type Out = T;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> T {
        match self.0.split_first_chunk::<8>() {
            None => self.0.iter().fold(T::MINUS_ZERO, |sum, &x| sum + x),
            Some((first, rest)) => finish(level, *first, rest),
        }
    }
}

impl<T: Summand> Work for FourBlocks<'_, T> {
    type Out = T;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> T {
        // Each block has more than 56 elements: it is half, less at most 8, of more than 128.
        let [mut a, mut b, mut c, mut d] = self.0;
        let common = a.len().min(b.len()).min(c.len()).min(d.len()) / 8;
        let [mut ra, mut rb, mut rc, mut rd] = [[T::MINUS_ZERO; 8]; 4];
        for _ in 0..common {
            ra = T::add8(level, ra, take8(&mut a));
            rb = T::add8(level, rb, take8(&mut b));
            rc = T::add8(level, rc, take8(&mut c));
            rd = T::add8(level, rd, take8(&mut d));
        }
        (finish(level, ra, a) + finish(level, rb, b)) + (finish(level, rc, c) + finish(level, rd, d))
    }
}

/// The first eight elements, gone from `x`.
#[inline(always)]
fn take8<T: Copy>(x: &mut &[T]) -> [T; 8] {
    match x.split_first_chunk::<8>() {
        Some((first, rest)) => {
            *x = rest;
            *first
        }
        None => unreachable!("the block's length was checked"),
    }
}

/// Adds the remaining elements to a block's accumulators and joins them.
#[inline(always)]
fn finish<T: Summand, L: Level>(level: L, mut r: [T; 8], mut x: &[T]) -> T {
    while x.len() >= 8 {
        r = T::add8(level, r, take8(&mut x));
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    x.iter().fold(sum, |sum, &x| sum + x)
}
