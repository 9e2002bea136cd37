//! Folds of contiguous data into one accumulator.
//!
//! [`ByLanes`] keeps 32 or more independent accumulators and joins them at the end: for functions whose order may change.
//! [`Pairwise`] is NumPy's summation, addition for addition, so that sums are bit-equal to NumPy's: blocks of at most
//! 128 elements with 8 accumulators, joined as a balanced tree. Four blocks are summed side by side, which changes no
//! addition but hides their latency.

use super::forms::segments;
use super::kernel::{Lane, by_isa};
use super::level::{Level, Scalar, Work};
use super::pack::OutPack;
use crate::registry::{
    ByIsa, Complex32, Complex64, DType, Element, FoldFn, FoldOrder, FpFlags, Isa, Kind, SegmentsFn,
};
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

/// The same for a function that gives one of its inputs, mostly the first: the accumulator stays in registers, and is
/// written only where another element takes its place. (Extremes of complex numbers: 12 ns an element by the strided loop.)
pub struct Chosen<O>(PhantomData<O>);

/// A function that gives one of its inputs.
pub trait Choice<T>: 'static {
    /// Whether it is the first.
    fn is_first(a: T, b: T) -> bool;
}

impl<O: Choice<T>, T: Element> Fold<T> for Chosen<O> {
    #[inline(always)]
    unsafe fn fold<L: Level>(mut acc: T, x: &[T]) -> T {
        for &x in x {
            if !O::is_first(acc, x) {
                acc = std::hint::black_box(x); // a branch, which is foreseen, and no select, which is waited for
            }
        }
        acc
    }
}
impl<O: Choice<T>, T: Element> Folds<T> for Chosen<O> {
    const ORDER: FoldOrder = FoldOrder::Sequential;
    const KERNELS: ByIsa<FoldFn> = ByIsa::baseline(erased::<Self, T, Scalar> as FoldFn);
    const SEGMENTS: ByIsa<SegmentsFn> = ByIsa::NONE;
}

/// How a function folds: in a [`Fold`]'s order, or strictly in the elements' own.
pub trait Folds<T: Element>: 'static {
    /// The order, as the record has it.
    const ORDER: FoldOrder;
    /// The kernels, none for [`InOrder`].
    const KERNELS: ByIsa<FoldFn>;
    /// Those for many stretches.
    const SEGMENTS: ByIsa<SegmentsFn>;
}
impl<T: Element> Folds<T> for InOrder {
    const ORDER: FoldOrder = FoldOrder::Sequential;
    const KERNELS: ByIsa<FoldFn> = ByIsa::NONE;
    const SEGMENTS: ByIsa<SegmentsFn> = ByIsa::NONE;
}
impl<O: Lane<(T, T), Out = T>, T: Element + OutPack> Folds<T> for ByLanes<O> {
    const ORDER: FoldOrder = FoldOrder::Any;
    const KERNELS: ByIsa<FoldFn> = by_isa!(Isa::V4, erased::<Self, T> as FoldFn);
    const SEGMENTS: ByIsa<SegmentsFn> = by_isa!(Isa::V4, segments::<Self, T> as SegmentsFn);
}
impl<T: Summand> Folds<T> for Pairwise {
    const ORDER: FoldOrder = FoldOrder::Pairwise;
    const KERNELS: ByIsa<FoldFn> = by_isa!(Isa::V4, erased::<Self, T> as FoldFn);
    const SEGMENTS: ByIsa<SegmentsFn> = by_isa!(Isa::V4, segments::<Self, T> as SegmentsFn);
}

unsafe fn erased<F: Fold<T>, T: Element, L: Level>(acc: *mut u8, x: *const u8, n: usize) -> FpFlags {
    let acc = acc.cast::<T>();
    // SAFETY: the caller of a `FoldFn` promises an aligned accumulator, `n` aligned elements, and the level.
    unsafe { acc.write(F::fold::<L>(acc.read(), std::slice::from_raw_parts(x.cast(), n))) };
    FpFlags::NONE
}

/// Accumulators of [`ByLanes`]. 32 f64 fill eight AVX2 registers, enough to hide the latency of any one-cycle-issue
/// instruction of up to eight cycles. Results of floats must not depend on the level, so they have as many at each. Integers
/// of 4 and 8 bytes have 64 at V4, where LLVM shuffles 32 of them (add, max of i32 and i64: 0.24-0.55 ns an element, against
/// 0.03-0.1 with 64; Sapphire Rapids).
const fn lanes(dtype: DType, isa: Isa) -> usize {
    match (dtype.kind(), isa) {
        (Kind::Int, Isa::V4) if dtype.size() >= 4 => 64,
        _ => 32,
    }
}

impl<O: Lane<(T, T), Out = T>, T: Element + OutPack> Fold<T> for ByLanes<O> {
    #[inline(always)]
    unsafe fn fold<L: Level>(acc: T, x: &[T]) -> T {
        struct LaneFold<'a, O, T>(T, &'a [T], PhantomData<O>);
        impl<O: Lane<(T, T), Out = T>, T: Element + OutPack> Work for LaneFold<'_, O, T> {
            type Out = T;
            #[inline(always)]
            fn run<L: Level>(self, level: L) -> T {
                let Self(mut acc, mut x, _) = self;
                match const { lanes(T::DTYPE, L::ISA) } {
                    64 => by_lanes::<O, T, L, 64>(level, &mut acc, &mut x),
                    _ => by_lanes::<O, T, L, 32>(level, &mut acc, &mut x),
                }
                // What is left, up to 63 elements, would cost as much as several hundred; fewer are not worth lanes.
                if const { matches!(T::DTYPE.kind(), Kind::Int | Kind::Bool) } && x.len() >= WORTH_LANES {
                    by_lanes::<O, T, L, 8>(level, &mut acc, &mut x);
                }
                x.iter().fold(acc, |acc, &x| O::lane(level.madd(), (acc, x)))
            }
        }
        // SAFETY: the caller vouches for the level.
        unsafe { L::enter(LaneFold::<O, T>(acc, x, PhantomData)) }
    }
}

/// Elements from which on eight lanes cost less than one after the other: stretches of 10 took twice as long.
const WORTH_LANES: usize = 24;

/// Takes whole chunks of that many elements in.
#[inline(always)]
fn by_lanes<O: Lane<(T, T), Out = T>, T: Element + OutPack, L: Level, const LANES: usize>(
    level: L,
    acc: &mut T,
    x: &mut &[T],
) {
    let op = |a, b| O::lane(level.madd(), (a, b));
    if let Some((first, rest)) = x.split_first_chunk::<LANES>() {
        let mut lanes = *first;
        let (chunks, left) = rest.as_chunks::<LANES>();
        *x = left;
        for chunk in chunks {
            for j in 0..LANES {
                lanes[j] = op(lanes[j], chunk[j]);
            }
        }
        // The compiler is to know nothing of the two together: it would keep the lanes in memory, or shuffle every chunk, to suit
        // the joining (maximum of i32, i64, f32 at V4: 0.15, 0.18, 0.19 ns an element, and 0.035, 0.077, 0.054 so).
        let mut lanes = std::hint::black_box(lanes);
        let mut width = LANES / 2;
        while width > 0 {
            for j in 0..width {
                lanes[j] = op(lanes[j], lanes[j + width]);
            }
            width /= 2;
        }
        *acc = op(*acc, lanes[0]);
    }
}

/// NumPy's block size (`PW_BLOCKSIZE` in its `loops_utils.h.src`); part of the result, not a tuning knob. Like everything
/// about pairwise sums it counts floats: a complex number is two.
const PAIRWISE_BLOCK: usize = 128;

/// Accumulators of a block.
const PAIRWISE_LANES: usize = 8;

/// Floats that an element of a dtype consists of.
const fn parts(dtype: DType) -> usize {
    if matches!(dtype.kind(), Kind::Complex) { 2 } else { 1 }
}

/// Fewer elements than these a pairwise sum adds in order, as rows are.
pub const fn pairwise_least(dtype: DType) -> usize {
    PAIRWISE_LANES / parts(dtype)
}

/// Where pairwise summation divides `n` elements of a dtype: in half, at a multiple of its accumulators.
pub const fn pairwise_split(n: usize, dtype: DType) -> usize {
    let parts = parts(dtype);
    split(n * parts) / parts
}

/// The same for floats.
const fn split(n: usize) -> usize {
    n / 2 - (n / 2) % PAIRWISE_LANES
}

/// Minus zero, which added to anything changes nothing, as the bits of a float or complex dtype.
pub fn minus_zero(dtype: DType) -> Option<[u128; 1]> {
    const SINGLE: u128 = (-0f32).to_bits() as u128;
    const DOUBLE: u128 = (-0f64).to_bits() as u128;
    match dtype {
        DType::F32 => Some([SINGLE]),
        DType::F64 => Some([DOUBLE]),
        DType::C64 => Some([SINGLE << 32 | SINGLE]),
        DType::C128 => Some([DOUBLE << 64 | DOUBLE]),
        _ => None,
    }
}

/// A type that is summed pairwise.
pub trait Summand: Element + std::ops::Add<Output = Self> {
    /// The sum.
    ///
    /// # Safety
    /// The CPU has the level.
    unsafe fn sum<L: Level>(x: &[Self]) -> Self;
}

/// A float that sums are made of.
trait Part: Copy + std::ops::Add<Output = Self> {
    /// Where sums start, so that -0 survives.
    const MINUS_ZERO: Self;
    /// Adds eight lanes. Vector code by hand: left to itself, LLVM arranges the accumulators for the final tree of
    /// additions and shuffles every load to suit (three times slower).
    fn add8<L: Level>(level: L, a: [Self; 8], b: [Self; 8]) -> [Self; 8];
}

macro_rules! summands {
    ($($t:ident $complex:ident $add8:ident;)*) => {$(
        impl Part for $t {
            const MINUS_ZERO: $t = -0.0;
            #[inline(always)]
            fn add8<L: Level>(level: L, a: [$t; 8], b: [$t; 8]) -> [$t; 8] {
                level.$add8(a, b)
            }
        }
        impl Summand for $t {
            #[inline(always)]
            unsafe fn sum<L: Level>(x: &[$t]) -> $t {
                // SAFETY: the caller vouches for the level.
                let [sum] = unsafe { pairwise::<$t, 1, L>(x) };
                sum
            }
        }
        impl Summand for $complex {
            #[inline(always)]
            unsafe fn sum<L: Level>(x: &[$complex]) -> $complex {
                // SAFETY: a complex number is two floats, one after the other; the caller vouches for the level.
                let [re, im] = unsafe {
                    let floats = std::slice::from_raw_parts(x.as_ptr().cast::<$t>(), 2 * x.len());
                    pairwise::<$t, 2, L>(floats)
                };
                $complex { re, im }
            }
        }
    )*};
}
summands! {
    f32 Complex32 add_f32x8;
    f64 Complex64 add_f64x8;
}

impl<T: Summand> Fold<T> for Pairwise {
    #[inline(always)]
    unsafe fn fold<L: Level>(acc: T, x: &[T]) -> T {
        // SAFETY: the caller vouches for the level.
        acc + unsafe { T::sum::<L>(x) }
    }
}

/// The sum of elements of `K` floats each.
///
/// # Safety
/// The CPU has the level.
unsafe fn pairwise<P: Part, const K: usize, L: Level>(x: &[P]) -> [P; K] {
    let n = x.len();
    if n <= PAIRWISE_BLOCK {
        // SAFETY: the caller vouches for the level.
        return unsafe { L::enter(OneBlock::<P, K>(x)) };
    }
    let (left, right) = x.split_at(split(n));
    let (a, b) = left.split_at(split(left.len()));
    let (c, d) = right.split_at(split(right.len()));
    let halves_split = left.len() > PAIRWISE_BLOCK && right.len() > PAIRWISE_BLOCK;
    if halves_split && [a, b, c, d].iter().all(|quarter| quarter.len() <= PAIRWISE_BLOCK) {
        // SAFETY: as above.
        return unsafe { L::enter(FourBlocks::<P, K>([a, b, c, d])) };
    }
    // SAFETY: as above.
    unsafe { add(pairwise::<P, K, L>(left), pairwise::<P, K, L>(right)) }
}

#[inline(always)]
fn add<P: Part, const K: usize>(a: [P; K], b: [P; K]) -> [P; K] {
    std::array::from_fn(|k| a[k] + b[k])
}

struct OneBlock<'a, P, const K: usize>(&'a [P]);
struct FourBlocks<'a, P, const K: usize>([&'a [P]; 4]);

impl<P: Part, const K: usize> Work for OneBlock<'_, P, K> {
    type Out = [P; K];
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> [P; K] {
        match self.0.split_first_chunk::<8>() {
            None => add_each([P::MINUS_ZERO; K], self.0),
            Some((first, rest)) => finish(level, *first, rest),
        }
    }
}

impl<P: Part, const K: usize> Work for FourBlocks<'_, P, K> {
    type Out = [P; K];
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> [P; K] {
        // Each block has more than 56 floats: it is half, less at most 8, of more than 128.
        let [mut a, mut b, mut c, mut d] = self.0;
        let common = a.len().min(b.len()).min(c.len()).min(d.len()) / 8;
        let [mut ra, mut rb, mut rc, mut rd] = [[P::MINUS_ZERO; 8]; 4];
        for _ in 0..common {
            ra = P::add8(level, ra, take8(&mut a));
            rb = P::add8(level, rb, take8(&mut b));
            rc = P::add8(level, rc, take8(&mut c));
            rd = P::add8(level, rd, take8(&mut d));
        }
        let left = add(finish(level, ra, a), finish(level, rb, b));
        add(left, add(finish(level, rc, c), finish(level, rd, d)))
    }
}

/// The first eight floats, gone from `x`.
#[inline(always)]
fn take8<P: Copy>(x: &mut &[P]) -> [P; 8] {
    match x.split_first_chunk::<8>() {
        Some((first, rest)) => {
            *x = rest;
            *first
        }
        None => unreachable!("the block's length was checked"),
    }
}

/// Adds the remaining floats to a block's accumulators and joins them.
#[inline(always)]
fn finish<P: Part, const K: usize, L: Level>(level: L, mut r: [P; 8], mut x: &[P]) -> [P; K] {
    while x.len() >= 8 {
        r = P::add8(level, r, take8(&mut x));
    }
    // Neighbours first: the accumulators of one part stand K apart.
    let sum = std::array::from_fn(|k| match K {
        1 => ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7])),
        _ => alone(alone(r[k] + r[k + 2]) + alone(r[k + 4] + r[k + 6])),
    });
    add_each(sum, x)
}

/// A sum of one part that the compiler sees nothing of: it would add both parts in one vector, with something of its choice in
/// the other lanes, which overflows where the parts do not.
#[inline(always)]
fn alone<P>(sum: P) -> P {
    std::hint::black_box(sum)
}

/// Adds elements one after the other.
#[inline(always)]
fn add_each<P: Part, const K: usize>(sum: [P; K], x: &[P]) -> [P; K] {
    let add = |sum: P, x: P| if K == 1 { sum + x } else { alone(sum + x) };
    x.chunks_exact(K).fold(sum, |sum, x| std::array::from_fn(|k| add(sum[k], x[k])))
}
