//! What a function that folds has beside blocks: scans, which carry their result in a register; updates of indexed elements;
//! folds of many short stretches. One call of the form does them all.

use super::fold::Fold;
use super::kernel::{Lane, Report, judged};
use super::level::{Level, Madd, Work};
use super::pack::OutPack;
use crate::registry::{Element, FpFlags, Indexed, Segments};
use std::marker::PhantomData;

/// A [`crate::registry::ScanFn`].
pub(super) unsafe fn scan<O: Lane<(T, T), Out = T>, T: Element + OutPack, R: Report, L: Level>(
    first: *const u8,
    args: [*mut u8; 2],
    steps: [isize; 2],
    n: usize,
) -> FpFlags {
    // SAFETY: the caller vouches for the level.
    unsafe { L::enter(ScanWork::<O, T, R> { first, args, steps, n, lane: PhantomData }) }
}

struct ScanWork<O, T, R> {
    first: *const u8,
    args: [*mut u8; 2],
    steps: [isize; 2],
    n: usize,
    lane: PhantomData<(O, T, R)>,
}

impl<O: Lane<(T, T), Out = T>, T: Element + OutPack, R: Report> Work for ScanWork<O, T, R> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> FpFlags {
        let ([mut x, mut y], [x_step, y_step]) = (self.args, self.steps);
        let mut flags = FpFlags::NONE;
        // SAFETY: `scan` is a `ScanFn`, whose caller promises an element at each of these addresses.
        unsafe {
            let mut carried = self.first.cast::<T>().read();
            for _ in 0..self.n {
                let raised;
                (carried, raised) = judged::<O, (T, T), R, _>(level.madd(), (carried, x.cast::<T>().read()));
                y.cast::<T>().write(carried);
                flags |= raised;
                (x, y) = (x.wrapping_offset(x_step), y.wrapping_offset(y_step));
            }
        }
        flags
    }
}

/// A [`crate::registry::IndexedFn`].
pub(super) unsafe fn indexed<O: Lane<(T, T), Out = T>, T: Element + OutPack, R: Report, L: Level>(
    on: &Indexed,
) -> FpFlags {
    // SAFETY: the caller vouches for the level.
    unsafe { L::enter(IndexedWork::<O, T, R>(on, PhantomData)) }
}

struct IndexedWork<'a, O, T, R>(&'a Indexed, PhantomData<(O, T, R)>);

impl<O: Lane<(T, T), Out = T>, T: Element + OutPack, R: Report> Work for IndexedWork<'_, O, T, R> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> FpFlags {
        let (on, m, size) = (self.0, level.madd(), const { size_of::<T>() as isize });
        // Steps that the compiler knows make addresses without a multiplication (1.3 against 1.8 ns an update of f64).
        // SAFETY: `indexed` is an `IndexedFn`, whose caller's promise this is.
        unsafe {
            match (on.step == size && on.index_step == 8, on.value_step) {
                (true, 0) => {
                    updates::<O, T, R, _>(m, &Indexed { step: size, index_step: 8, value_step: 0, ..*on })
                }
                (true, step) if step == size => {
                    updates::<O, T, R, _>(m, &Indexed { step: size, index_step: 8, value_step: size, ..*on })
                }
                _ => updates::<O, T, R, _>(m, on),
            }
        }
    }
}

/// # Safety
/// As for a [`crate::registry::IndexedFn`].
#[inline(always)]
unsafe fn updates<O: Lane<(T, T), Out = T>, T: Element + OutPack, R: Report, M: Madd>(
    m: M,
    on: &Indexed,
) -> FpFlags {
    // Copies: writes through the target might, for all the compiler knows, change what `on` is.
    let Indexed { target, step, len, mut indices, index_step, mut values, value_step, n } = *on;
    let mut flags = FpFlags::NONE;
    for _ in 0..n {
        // SAFETY: the caller promises indices within bounds, and an element at each of these addresses.
        unsafe {
            let index = indices.cast::<isize>().read();
            let index = if index < 0 { index + len } else { index };
            let place = target.wrapping_offset(index * step).cast::<T>();
            let x = (place.read(), values.cast::<T>().read());
            let (value, raised) = judged::<O, (T, T), R, _>(m, x);
            place.write(value);
            flags |= raised;
        }
        indices = indices.wrapping_offset(index_step);
        values = values.wrapping_offset(value_step);
    }
    flags
}

/// A [`crate::registry::SegmentsFn`].
pub(super) unsafe fn segments<F: Fold<T>, T: Element, L: Level>(on: &Segments<'_>) -> FpFlags {
    // SAFETY: the caller vouches for the level.
    unsafe { L::enter(SegmentsWork::<F, T>(on, PhantomData)) }
}

struct SegmentsWork<'a, F, T>(&'a Segments<'a>, PhantomData<(F, T)>);

impl<F: Fold<T>, T: Element> Work for SegmentsWork<'_, F, T> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, _: L) -> FpFlags {
        let Segments { x, bounds, start, out, out_step } = *self.0;
        let x = x.cast::<T>();
        let mut out = out;
        for &[from, to] in bounds {
            // SAFETY: the caller promises elements `from..to`, at least one, a start of one element if any, and a place for
            // each result; the level is that of this very code.
            unsafe {
                let (acc, from) = match start {
                    Some(start) => (start.cast::<T>().read(), from),
                    None => (x.add(from).read(), from + 1),
                };
                let rest = std::slice::from_raw_parts(x.add(from), to - from);
                out.cast::<T>().write(if rest.is_empty() { acc } else { F::fold::<L>(acc, rest) });
            }
            out = out.wrapping_offset(out_step);
        }
        FpFlags::NONE
    }
}
