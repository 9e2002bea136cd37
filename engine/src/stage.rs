//! Staging: moving a block of elements between strided memory and a contiguous scratch block. Generic over item size
//! only. Reads and writes tolerate any alignment.

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
    for_rows(coords, shape, strides, count, |offset, start, n| {
        // SAFETY: the caller's promise, for this row's piece.
        unsafe { copy_row(block.add(start * size), size as isize, base.offset(offset), inner, size, n) }
    });
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

/// Packs the elements at `kept` of `from` into `to`, which may be `from`.
///
/// # Safety
/// `from` holds more elements than the greatest of `kept`, which ascend; `to` has room for as many as there are.
pub unsafe fn compress(from: *const u8, to: *mut u8, size: usize, kept: &[u32]) {
    // SAFETY: element `k` moves to a place not after its own, so no element is overwritten before it is read.
    unsafe {
        match size {
            1 => compress_items::<u8>(from, to, kept),
            2 => compress_items::<u16>(from, to, kept),
            4 => compress_items::<u32>(from, to, kept),
            8 => compress_items::<u64>(from, to, kept),
            16 => compress_items::<u128>(from, to, kept),
            _ => unreachable!("no dtype has {size} bytes"),
        }
    }
}

/// # Safety
/// As [`compress`].
unsafe fn compress_items<T: Copy>(from: *const u8, to: *mut u8, kept: &[u32]) {
    for (k, &i) in kept.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<T>().add(k).write_unaligned(from.cast::<T>().add(i as usize).read_unaligned()) };
    }
}

/// Puts the packed elements at `packed` to the places `kept` of `block`.
///
/// # Safety
/// As [`compress`], and `packed` holds as many elements as there are places and does not overlap `block`.
pub unsafe fn expand(packed: *const u8, block: *mut u8, size: usize, kept: &[u32]) {
    for (from, &to) in kept.iter().enumerate() {
        // SAFETY: both are inside their blocks.
        unsafe {
            std::ptr::copy_nonoverlapping(packed.add(from * size), block.add(to as usize * size), size)
        };
    }
}
