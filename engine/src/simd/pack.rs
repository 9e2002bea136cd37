//! Packs: the inputs of one element as a tuple, `(A,)`, `(A, B)` or `(A, B, C)`, and its outputs as one value or a
//! tuple of two. A pack knows how to be read from, or written to, erased operands; this is where raw pointers become
//! slices.

use crate::registry::{
    B8, Complex32, Complex64, DType, DateTime64, Element, F8E4M3FN, F8E5M2, TimeDelta64, bf16, f16,
};
use std::mem::MaybeUninit;
use std::ops::Range;

/// The inputs of one element.
pub trait Pack: Copy + 'static {
    /// Their dtypes.
    const DTYPES: &'static [DType];
    /// Slices over a block of each.
    type Slices<'a>: Copy;

    /// The block's inputs as slices.
    ///
    /// # Safety
    /// As for [`crate::registry::BlockFn`]: the first `DTYPES.len()` pointers are contiguous, aligned operands of `n`
    /// initialised elements, unchanged for `'a`.
    unsafe fn slices<'a>(args: *const *mut u8, n: usize) -> Self::Slices<'a>;

    /// Element `i`.
    fn get(slices: Self::Slices<'_>, i: usize) -> Self;

    /// The element at these addresses.
    ///
    /// # Safety
    /// The first `DTYPES.len()` addresses are valid and aligned.
    unsafe fn read(args: &[*mut u8]) -> Self;
}

/// The outputs of one element.
pub trait OutPack: Copy + 'static {
    /// Their dtypes.
    const DTYPES: &'static [DType];
    /// Slices over a block of each.
    type Slices<'a>;

    /// The block's outputs as slices; `args` points at the first output.
    ///
    /// # Safety
    /// As for [`crate::registry::BlockFn`]: contiguous, aligned, `n` elements, overlapping nothing else in use.
    unsafe fn slices<'a>(args: *const *mut u8, n: usize) -> Self::Slices<'a>;

    /// Elements `range` of each.
    fn part<'a>(slices: &'a mut Self::Slices<'_>, range: Range<usize>) -> Self::Slices<'a>;

    /// Writes element `i`.
    fn set(slices: &mut Self::Slices<'_>, i: usize, value: Self);

    /// Writes to these addresses, the first output's first.
    ///
    /// # Safety
    /// As many addresses as outputs are valid and aligned.
    unsafe fn write(args: &[*mut u8], value: Self);
}

/// A single output, whose slices are slices.
pub trait Single: OutPack + for<'a> OutPack<Slices<'a> = &'a mut [MaybeUninit<Self>]> {}
impl<T: for<'a> OutPack<Slices<'a> = &'a mut [MaybeUninit<T>]>> Single for T {}

/// Elements that are integers under another name.
pub trait Counted: Element {
    /// The integers.
    fn counts(elements: &[Self]) -> &[i64];
    /// Where they are written.
    fn counts_out(elements: &mut [MaybeUninit<Self>]) -> &mut [MaybeUninit<i64>];
}

macro_rules! counted {
    ($($t:ty)*) => {$(
        impl Counted for $t {
            #[inline(always)]
            fn counts(elements: &[Self]) -> &[i64] {
                // SAFETY: `repr(transparent)`.
                unsafe { &*(std::ptr::from_ref(elements) as *const [i64]) }
            }
            #[inline(always)]
            fn counts_out(elements: &mut [MaybeUninit<Self>]) -> &mut [MaybeUninit<i64>] {
                // SAFETY: `repr(transparent)`.
                unsafe { &mut *(std::ptr::from_mut(elements) as *mut [MaybeUninit<i64>]) }
            }
        }
    )*};
}
counted! { TimeDelta64 DateTime64 }

macro_rules! input_packs {
    ($(($($t:ident $k:tt),+);)*) => {$(
        impl<$($t: Element),+> Pack for ($($t,)+) {
            const DTYPES: &'static [DType] = &[$($t::DTYPE),+];
            type Slices<'a> = ($(&'a [$t],)+);

            #[inline(always)]
            unsafe fn slices<'a>(args: *const *mut u8, n: usize) -> Self::Slices<'a> {
                // SAFETY: the caller's promise is exactly that of `from_raw_parts`, for each operand; `Element` types
                // admit any bit pattern.
                unsafe { ($(std::slice::from_raw_parts((*args.add($k)).cast::<$t>(), n),)+) }
            }

            #[inline(always)]
            fn get(slices: Self::Slices<'_>, i: usize) -> Self {
                ($(slices.$k[i],)+)
            }

            #[inline(always)]
            unsafe fn read(args: &[*mut u8]) -> Self {
                // SAFETY: the caller promises that each of these addresses is valid and aligned.
                unsafe { ($(args[$k].cast::<$t>().read(),)+) }
            }
        }
    )*};
}
input_packs! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
}

macro_rules! single_outputs {
    ($($t:ty)*) => {$(
        impl OutPack for $t {
            const DTYPES: &'static [DType] = &[<$t as Element>::DTYPE];
            type Slices<'a> = &'a mut [MaybeUninit<$t>];

            #[inline(always)]
            unsafe fn slices<'a>(args: *const *mut u8, n: usize) -> Self::Slices<'a> {
                // SAFETY: the caller promises memory of `n` elements that nothing else uses; it may be uninitialised.
                unsafe { std::slice::from_raw_parts_mut((*args).cast(), n) }
            }

            #[inline(always)]
            fn part<'a>(slices: &'a mut Self::Slices<'_>, range: Range<usize>) -> Self::Slices<'a> {
                &mut slices[range]
            }

            #[inline(always)]
            fn set(slices: &mut Self::Slices<'_>, i: usize, value: Self) {
                slices[i].write(value);
            }

            #[inline(always)]
            unsafe fn write(args: &[*mut u8], value: Self) {
                // SAFETY: the caller promises that the address is valid and aligned.
                unsafe { args[0].cast::<$t>().write(value) }
            }
        }
    )*};
}
macro_rules! single_outputs_of_table {
    ($($variant:ident: $rust:ident { $($row:tt)* })*) => { single_outputs! { $($rust)* } };
}
crate::registry::for_each_dtype!(single_outputs_of_table);

impl<A: Element + OutPack, B: Element + OutPack> OutPack for (A, B) {
    const DTYPES: &'static [DType] = &[A::DTYPE, B::DTYPE];
    type Slices<'a> = (&'a mut [MaybeUninit<A>], &'a mut [MaybeUninit<B>]);

    #[inline(always)]
    unsafe fn slices<'a>(args: *const *mut u8, n: usize) -> Self::Slices<'a> {
        // SAFETY: as for one output, twice; the caller promises that the two do not overlap.
        unsafe {
            (
                std::slice::from_raw_parts_mut((*args).cast(), n),
                std::slice::from_raw_parts_mut((*args.add(1)).cast(), n),
            )
        }
    }

    #[inline(always)]
    fn part<'a>(slices: &'a mut Self::Slices<'_>, range: Range<usize>) -> Self::Slices<'a> {
        (&mut slices.0[range.clone()], &mut slices.1[range])
    }

    #[inline(always)]
    fn set(slices: &mut Self::Slices<'_>, i: usize, value: Self) {
        slices.0[i].write(value.0);
        slices.1[i].write(value.1);
    }

    #[inline(always)]
    unsafe fn write(args: &[*mut u8], value: Self) {
        // SAFETY: the caller promises that both addresses are valid and aligned.
        unsafe {
            args[0].cast::<A>().write(value.0);
            args[1].cast::<B>().write(value.1);
        }
    }
}
