//! Staging: moving a block of elements between strided memory and a contiguous scratch block. Generic over item size
//! only. Reads and writes tolerate any alignment.

use crate::simd::level::{Level, Work, current_isa, enter};
use crate::tuning::SHORT_ROW;

/// A place in an iteration space: one index per axis.
pub type Coords = smallvec::SmallVec<[usize; 4]>;

/// The coordinates of flat index `flat`, the last axis fastest.
pub fn coords_of(mut flat: usize, shape: &[usize]) -> Coords {
    let mut coords: Coords = smallvec::smallvec![0; shape.len()];
    for (c, &n) in coords.iter_mut().zip(shape).rev() {
        *c = flat % n;
        flat /= n;
    }
    coords
}

/// Moves `coords` on by `n` elements, of which no more than the rest of the row.
pub fn advance(coords: &mut [usize], shape: &[usize], n: usize) {
    let last = shape.len() - 1;
    coords[last] += n;
    let mut axis = last;
    while coords[axis] >= shape[axis] && axis > 0 {
        coords[axis] = 0;
        axis -= 1;
        coords[axis] += 1;
    }
}

/// The byte offset of `coords`.
pub fn offset_of(coords: &[usize], strides: &[isize]) -> isize {
    coords.iter().zip(strides).map(|(&c, &s)| c as isize * s).sum()
}

/// Calls `f(offset, start, n)` for each piece of a row among the `count` elements from `coords`.
fn for_rows(
    coords: &[usize],
    shape: &[usize],
    strides: &[isize],
    count: usize,
    mut f: impl FnMut(isize, usize, usize),
) {
    let last = shape.len() - 1;
    let first = (shape[last] - coords[last]).min(count);
    f(offset_of(coords, strides), 0, first);
    let mut done = first;
    let mut at = Coords::from_slice(coords);
    let mut step = first;
    while done < count {
        advance(&mut at, shape, step);
        step = shape[last].min(count - done);
        f(offset_of(&at, strides), done, step);
        done += step;
    }
}

/// Copies the `count` elements from `coords` on into `block`.
///
/// # Safety
/// Those elements may be read; `block` has room for them and overlaps none.
pub unsafe fn gather(
    base: *const u8,
    coords: &[usize],
    shape: &[usize],
    strides: &[isize],
    size: usize,
    count: usize,
    block: *mut u8,
) {
    let inner = strides[strides.len() - 1];
    if let Some(short) = ShortRows::of(coords, shape, strides, count) {
        let packed = [shape[shape.len() - 1] * size, size].map(|step| step as isize);
        short.walk(|offset, start, rows| {
            // SAFETY: the caller's promise, for these rows.
            unsafe {
                copy_rows(base.offset(offset), short.steps, block.add(start * size), packed, size, rows)
            }
        });
        return;
    }
    for_rows(coords, shape, strides, count, |offset, start, n| {
        // SAFETY: the caller's promise, for this row's piece.
        unsafe { copy_row(base.offset(offset), inner, block.add(start * size), size as isize, size, n) }
    });
}

/// Copies `block` to the `count` elements from `coords` on.
///
/// # Safety
/// Those elements may be written; `block` holds as many and overlaps none.
pub unsafe fn scatter(
    base: *mut u8,
    coords: &[usize],
    shape: &[usize],
    strides: &[isize],
    size: usize,
    count: usize,
    block: *const u8,
) {
    let inner = strides[strides.len() - 1];
    if let Some(short) = ShortRows::of(coords, shape, strides, count) {
        let packed = [shape[shape.len() - 1] * size, size].map(|step| step as isize);
        short.walk(|offset, start, rows| {
            // SAFETY: the caller's promise, for these rows.
            unsafe {
                copy_rows(block.add(start * size), packed, base.offset(offset), short.steps, size, rows)
            }
        });
        return;
    }
    for_rows(coords, shape, strides, count, |offset, start, n| {
        // SAFETY: the caller's promise, for this row's piece.
        unsafe { copy_row(block.add(start * size), size as isize, base.offset(offset), inner, size, n) }
    });
}

/// Whole rows of a few elements each: to move them one by one would cost more than to copy them.
struct ShortRows<'a> {
    coords: &'a [usize],
    shape: &'a [usize],
    strides: &'a [isize],
    rows: usize,
    /// From row to row, and along one.
    steps: [isize; 2],
}

/// The rows and their number, of which some is known: the numbers of colours, of coordinates.
type Rows = (usize, usize);

impl<'a> ShortRows<'a> {
    /// `None` for longer rows, or parts of one.
    fn of(coords: &'a [usize], shape: &'a [usize], strides: &'a [isize], count: usize) -> Option<Self> {
        let last = shape.len() - 1;
        let n = shape[last];
        let whole = last > 0 && n < SHORT_ROW && coords[last] == 0 && count >= n && count.is_multiple_of(n);
        let rows = count / n.max(1);
        whole.then(|| ShortRows { coords, shape, strides, rows, steps: [strides[last - 1], strides[last]] })
    }

    /// Calls `f(offset, start, rows)` for each stretch of rows an equal step apart.
    fn walk(&self, mut f: impl FnMut(isize, usize, Rows)) {
        let (last, n) = (self.shape.len() - 1, self.shape[self.shape.len() - 1]);
        let mut at = Coords::from_slice(self.coords);
        let mut done = 0;
        while done < self.rows {
            // Along the first axis a walk may go past its end: nothing follows that could be meant.
            let ahead = if last == 1 { usize::MAX } else { self.shape[last - 1] - at[last - 1] };
            let rows = ahead.min(self.rows - done);
            f(offset_of(&at, self.strides), done * n, (rows, n));
            done += rows;
            advance(&mut at[..last], &self.shape[..last], rows);
        }
    }
}

/// Copies rows of a few elements.
///
/// # Safety
/// As [`copy_row`].
unsafe fn copy_rows(
    from: *const u8,
    from_steps: [isize; 2],
    to: *mut u8,
    to_steps: [isize; 2],
    size: usize,
    rows: Rows,
) {
    // SAFETY: the caller's promise carries over to each item size.
    unsafe {
        match size {
            1 => copy_rows_of::<u8>(from, from_steps, to, to_steps, rows),
            2 => copy_rows_of::<u16>(from, from_steps, to, to_steps, rows),
            4 => copy_rows_of::<u32>(from, from_steps, to, to_steps, rows),
            8 => copy_rows_of::<u64>(from, from_steps, to, to_steps, rows),
            16 => copy_rows_of::<u128>(from, from_steps, to, to_steps, rows),
            _ => unreachable!("no dtype has {size} bytes"),
        }
    }
}

/// # Safety
/// As [`copy_row`].
unsafe fn copy_rows_of<T: Copy>(
    from: *const u8,
    from_steps: [isize; 2],
    to: *mut u8,
    to_steps: [isize; 2],
    (rows, n): Rows,
) {
    // SAFETY: the caller's promise; the lengths that programs have most are constants to the compiler.
    unsafe {
        match n {
            2 => copy_each::<T>(from, from_steps, to, to_steps, (rows, 2)),
            3 => copy_each::<T>(from, from_steps, to, to_steps, (rows, 3)),
            4 => copy_each::<T>(from, from_steps, to, to_steps, (rows, 4)),
            _ => copy_each::<T>(from, from_steps, to, to_steps, (rows, n)),
        }
    }
}

/// # Safety
/// As [`copy_row`].
#[inline(always)]
unsafe fn copy_each<T: Copy>(
    mut from: *const u8,
    from_steps: [isize; 2],
    mut to: *mut u8,
    to_steps: [isize; 2],
    (rows, n): Rows,
) {
    for _ in 0..rows {
        for k in 0..n as isize {
            // SAFETY: the caller's promise.
            unsafe {
                let value = from.offset(k * from_steps[1]).cast::<T>().read_unaligned();
                to.offset(k * to_steps[1]).cast::<T>().write_unaligned(value);
            }
        }
        from = from.wrapping_offset(from_steps[0]);
        to = to.wrapping_offset(to_steps[0]);
    }
}

/// Copies `n` elements of `size` bytes between two strided rows.
///
/// # Safety
/// Source elements may be read and target elements written; the rows do not overlap.
pub unsafe fn copy_row(
    from: *const u8,
    from_step: isize,
    to: *mut u8,
    to_step: isize,
    size: usize,
    n: usize,
) {
    if from_step == size as isize && to_step == size as isize {
        // SAFETY: both rows are contiguous, `n * size` bytes.
        return unsafe { std::ptr::copy_nonoverlapping(from, to, n * size) };
    }
    // SAFETY: the caller's promise carries over to each item size.
    unsafe {
        match size {
            1 => copy_items::<u8>(from, from_step, to, to_step, n),
            2 => copy_items::<u16>(from, from_step, to, to_step, n),
            4 => copy_items::<u32>(from, from_step, to, to_step, n),
            8 => copy_items::<u64>(from, from_step, to, to_step, n),
            16 => copy_items::<u128>(from, from_step, to, to_step, n),
            _ => unreachable!("no dtype has {size} bytes"),
        }
    }
}

/// # Safety
/// As [`copy_row`].
unsafe fn copy_items<T: Copy>(from: *const u8, from_step: isize, to: *mut u8, to_step: isize, n: usize) {
    let item = size_of::<T>() as isize;
    // SAFETY: every address is one the caller vouches for; unaligned access is asked for. The two common directions
    // are told apart so that the contiguous side's step is a constant.
    unsafe {
        if from_step == 0 && to_step == item {
            let value = from.cast::<T>().read_unaligned();
            for i in 0..n {
                to.cast::<T>().add(i).write_unaligned(value);
            }
        } else if to_step == item
            && n >= MANY
            && (2 * item..=4 * item).contains(&from_step)
            && from_step % item == 0
        {
            enter(Every::<T> { from: from.cast(), step: from_step / item, to: to.cast(), n }, current_isa());
        } else if to_step == item {
            for i in 0..n {
                let value = from.offset(i as isize * from_step).cast::<T>().read_unaligned();
                to.cast::<T>().add(i).write_unaligned(value);
            }
        } else {
            for i in 0..n {
                let value = from.offset(i as isize * from_step).cast::<T>().read_unaligned();
                to.offset(i as isize * to_step).cast::<T>().write_unaligned(value);
            }
        }
    }
}

/// Elements from which on a copy is worth the call of a level's code.
const MANY: usize = 16;

/// Every second, third or fourth element of `from`, `n` of them.
struct Every<T> {
    from: *const T,
    step: isize,
    to: *mut T,
    n: usize,
}

impl<T: Copy> Work for Every<T> {
    type Out = ();
    #[inline(always)]
    fn run<L: Level>(self, _: L) {
        // SAFETY: whoever made the work is [`copy_row`], whose caller promised the elements.
        unsafe {
            match self.step {
                2 => self.copy::<2>(),
                3 => self.copy::<3>(),
                _ => self.copy::<4>(),
            }
        }
    }
}

impl<T: Copy> Every<T> {
    /// Whole groups but the last, so that the compiler may load all of a group; slices, so that it knows them apart; items that
    /// need no alignment.
    ///
    /// # Safety
    /// As [`copy_row`], with that step.
    #[inline(always)]
    unsafe fn copy<const STEP: usize>(self) {
        #[derive(Clone, Copy)]
        #[repr(C, packed)]
        struct Item<T>(T);
        let Every { from, to, n, .. } = self;
        // SAFETY: the caller's promise; the last group may end with its first element.
        unsafe {
            let groups = std::slice::from_raw_parts(from.cast::<[Item<T>; STEP]>(), n - 1);
            let targets = std::slice::from_raw_parts_mut(to.cast::<Item<T>>(), n);
            for (target, group) in targets.iter_mut().zip(groups) {
                *target = group[0];
            }
            targets[n - 1] = from.add((n - 1) * STEP).cast::<Item<T>>().read();
        }
    }
}

/// Copies a block to memory past the caches. Worth it when the target is too large to stay in them: a normal store
/// first reads the line it overwrites.
///
/// # Safety
/// As `copy_nonoverlapping`.
pub unsafe fn stream(from: *const u8, to: *mut u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64. The head brings `to` to a 16-byte boundary, as the streaming store demands;all three parts together are exactly `bytes` long. The fence orders the stores before the call's return.
    unsafe {
        use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
        let head = to.align_offset(64).min(bytes);
        std::ptr::copy_nonoverlapping(from, to, head);
        let lines = (bytes - head) / 64;
        let (mut source, mut target) = (from.add(head).cast::<__m128i>(), to.add(head).cast::<__m128i>());
        for _ in 0..lines {
            for k in 0..4 {
                _mm_stream_si128(target.add(k), _mm_loadu_si128(source.add(k)));
            }
            (source, target) = (source.add(4), target.add(4));
        }
        std::ptr::copy_nonoverlapping(source.cast(), target.cast::<u8>(), bytes - head - lines * 64);
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's promise.
    unsafe {
        std::ptr::copy_nonoverlapping(from, to, bytes)
    }
}

/// Orders the streamed stores of this thread before what it does next.
pub fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    }
}
