//! The short way of `reduce` and `accumulate`: small, row-major arrays in their own dtype, along the last axis, the first or
//! all of them.

use super::head::{Head, Lies};
use super::loops::{ShortFold, ShortLoops};
use crate::invoke::{call_scan, watched};
use crate::registry::{DType, FpFlags};
use crate::simd::fold::pairwise_least;
use crate::simd::level::current_isa;
use crate::stage::copy_row;
use crate::tuning::{FOLD_PIECE, FOLD_ROWS, WIDE_KEPT};

/// Most elements of one fold; more are cut into pieces, and summed otherwise.
const MOST: usize = FOLD_PIECE / 4;

/// What a reduction runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Every axis.
    All,
    /// One, as it was given.
    One(isize),
}

/// How a reduction goes over its array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Along {
    All,
    Last,
    First,
}

/// A reduction that the short way takes. The head stays where it is: moving what was just written stalls.
pub struct Reduction<'a> {
    fold: &'a ShortFold,
    head: &'a Head<'a>,
    /// Elements.
    total: usize,
    along: Along,
}

impl<'a> Reduction<'a> {
    /// `None` where it is not for the short way.
    #[inline]
    pub fn new(loops: &'a ShortLoops, head: &'a Head<'a>, axis: Axis) -> Option<Reduction<'a>> {
        let (fold, total) = small(loops, head)?;
        let nd = head.dims.len();
        let along = match axis {
            Axis::All => Along::All,
            Axis::One(axis) if is_last(axis, nd) => {
                if nd == 1 {
                    Along::All
                } else {
                    Along::Last
                }
            }
            Axis::One(0) => Along::First,
            Axis::One(_) => return None,
        };
        let reduction = Reduction { fold, head, total, along };
        let there = match along {
            Along::First => reduction.is_in_order() && fold.l.code.kernels().in_place.exists(),
            _ => fold.l.code.kernels().fold.exists(),
        };
        there.then_some(reduction)
    }

    /// The result's dtype.
    #[inline]
    pub fn dtype(&self) -> DType {
        self.fold.l.outputs[0]
    }

    /// The result's shape.
    #[inline]
    pub fn shape(&self) -> &'a [usize] {
        let dims = self.head.dims;
        match self.along {
            Along::All => &[],
            Along::Last => &dims[..dims.len() - 1],
            Along::First => &dims[1..],
        }
    }

    /// Reduces into `target`; what was raised.
    ///
    /// # Safety
    /// The array is there; `target` is new memory for the result.
    #[inline]
    pub unsafe fn run(&self, target: *mut u8) -> FpFlags {
        let (&Head { ptr, dims, .. }, total) = (self.head, self.total);
        // SAFETY: the array's elements, and as many results.
        unsafe {
            match self.along {
                Along::All => self.fold(ptr, total, target),
                Along::First => self.run_rows(target),
                Along::Last => {
                    let (n, size) = (dims[dims.len() - 1], self.head.dtype.size());
                    let run = |i: usize| self.fold(ptr.add(i * n * size), n, target.add(i * size));
                    (0..total / n).fold(FpFlags::NONE, |flags, i| flags | run(i))
                }
            }
        }
    }

    /// # Safety
    /// As many elements, and room for one.
    #[inline]
    unsafe fn fold(&self, data: *const u8, n: usize, target: *mut u8) -> FpFlags {
        // SAFETY: the caller's promise.
        unsafe { self.fold.run(data, n, target) }
            .unwrap_or_else(|| unreachable!("the form is there at every level"))
    }

    /// Along the first axis: rows are taken in one after the other, as the engine does with so few.
    ///
    /// # Safety
    /// As [`Reduction::run`].
    unsafe fn run_rows(&self, target: *mut u8) -> FpFlags {
        let ShortFold { l, start, has_start } = *self.fold;
        let &Head { ptr, dims: [rows, kept @ ..], .. } = self.head else { return FpFlags::NONE };
        let (n, size): (usize, usize) = (kept.iter().product(), self.head.dtype.size());
        // SAFETY: `rows` rows of `n` elements, and one such row that is the result.
        unsafe {
            match has_start {
                true => copy_row((&raw const start).cast(), 0, target, size as isize, size, n),
                false => std::ptr::copy_nonoverlapping(ptr, target, n * size),
            }
            // The status register is read once, if it is: that costs as much as a row.
            let Some(kernel) = l.code.kernels().in_place.at(current_isa()) else { unreachable!("it exists") };
            watched(l.fp, || {
                let rows = (usize::from(!has_start)..*rows).map(|i| ptr.add(i * n * size));
                rows.fold(FpFlags::NONE, |flags, row| flags | kernel([target, row, target].as_ptr(), n))
            })
        }
    }

    /// Whether the engine takes so many rows in one after the other.
    fn is_in_order(&self) -> bool {
        let [rows, kept @ ..] = self.head.dims else { return false };
        let n: usize = kept.iter().product();
        *rows < FOLD_ROWS && (n >= WIDE_KEPT || *rows < pairwise_least(self.head.dtype))
    }
}

/// An accumulation of a small array of one dimension.
pub struct Accumulation<'a> {
    fold: &'a ShortFold,
    head: &'a Head<'a>,
}

impl<'a> Accumulation<'a> {
    /// `None` where it is not for the short way.
    pub fn new(loops: &'a ShortLoops, head: &'a Head<'a>, axis: isize) -> Option<Accumulation<'a>> {
        let (fold, _) = small(loops, head)?;
        let same = loops.reducible(head.dtype).is_some_and(|l| std::ptr::eq(l, fold.l));
        (head.dims.len() == 1 && is_last(axis, 1) && same).then_some(Accumulation { fold, head })
    }

    /// Accumulates into `target`; what was raised.
    ///
    /// # Safety
    /// The array is there; `target` is new memory for as much.
    pub unsafe fn run(&self, target: *mut u8) -> FpFlags {
        let (size, n) = (self.head.dtype.size(), self.head.dims[0]);
        let steps = [size as isize; 2];
        // SAFETY: `n` elements each.
        unsafe { call_scan(self.fold.l, [self.head.ptr, target], steps, n) }
    }
}

/// The fold of a small, row-major, aligned array with one in its own dtype; its number of elements.
#[inline]
fn small<'a>(loops: &'a ShortLoops, head: &Head<'_>) -> Option<(&'a ShortFold, usize)> {
    const PLAIN: Lies = Lies::ROWS.and(Lies::ALIGNED);
    let fold = loops.fold(head.dtype)?;
    let total: usize = head.dims.iter().product();
    let plain = head.lies.has(PLAIN) && !head.dims.is_empty();
    (plain && (1..=MOST).contains(&total)).then_some((fold, total))
}

#[inline]
fn is_last(axis: isize, nd: usize) -> bool {
    axis == -1 || axis == nd as isize - 1
}
