//! Choosing between elements: what `numpy.where` and `numpy.clip` do to contiguous memory. They are no ufuncs of NumPy's
//! namespace, raise no IEEE flag, and the compiler makes vectors of them as they stand.

use crate::registry::Isa;
use crate::simd::level::{Level, Scalar, Work};
use std::mem::MaybeUninit;

/// One side of a choice: consecutive elements, or the same one every time.
#[derive(Clone, Copy)]
pub struct Side {
    /// The first element.
    pub ptr: *const u8,
    /// Whether it stands for all.
    pub is_one: bool,
}

/// Writes `x` where the condition's byte is not 0, else `y`. Sizes are those of dtypes: 1, 2, 4, 8 or 16 bytes.
///
/// # Safety
/// The condition has `n` bytes, each side `n` elements or one, and `out` room for `n`, apart from all else and aligned as
/// the sides are to their size, up to 8 bytes.
pub unsafe fn choose(size: usize, condition: *const u8, sides: [Side; 2], out: *mut u8, n: usize, isa: Isa) {
    macro_rules! sized {
        ($($bytes:literal $t:ty)*) => {
            match size {
                // SAFETY: the caller's promise.
                $($bytes => unsafe { enter(Choose::<$t> { condition, sides: typed(sides), out: out.cast(), n }, isa) },)*
                _ => unreachable!("no dtype has {size} bytes"),
            }
        };
    }
    sized! { 1 u8 2 u16 4 u32 8 u64 16 [u64; 2] }
}

/// Types that bounds are compared in.
pub trait Bounded: Copy + PartialOrd {}
impl<T: Copy + PartialOrd> Bounded for T {}

/// Writes each element, or the bound it is beyond; one that does not compare stays. `out` may be `x`.
///
/// # Safety
/// `x` and `out` have `n` elements, aligned, and are the same memory or apart.
pub unsafe fn clip<T: Bounded>(x: *const T, low: T, high: T, out: *mut T, n: usize, isa: Isa) {
    // SAFETY: the caller's promise.
    unsafe { enter(Clip { x, low, high, out, n }, isa) }
}

/// Runs the work as compiled for the level.
///
/// # Safety
/// The CPU has the level; what the work reads and writes is the caller's.
unsafe fn enter<W: Work>(work: W, isa: Isa) -> W::Out {
    // SAFETY: the caller's promise.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::V4 => crate::simd::level::V4::enter(work),
            #[cfg(target_arch = "x86_64")]
            Isa::V3 => crate::simd::level::V3::enter(work),
            _ => Scalar::enter(work),
        }
    }
}

fn typed<T>(sides: [Side; 2]) -> [(*const T, bool); 2] {
    sides.map(|side| (side.ptr.cast(), side.is_one))
}

struct Choose<T> {
    condition: *const u8,
    sides: [(*const T, bool); 2],
    out: *mut T,
    n: usize,
}

impl<T: Bits> Work for Choose<T> {
    type Out = ();
    #[inline(always)]
    fn run<L: Level>(self, _: L) {
        let Choose { condition, sides, out, n } = self;
        // SAFETY: whoever made the work promised `n` elements, or one where it stands for all.
        unsafe {
            let condition = std::slice::from_raw_parts(condition, n);
            let out = std::slice::from_raw_parts_mut(out.cast::<MaybeUninit<T>>(), n);
            let many = |(ptr, _): (*const T, bool)| std::slice::from_raw_parts(ptr, n);
            match (sides[0].1, sides[1].1) {
                (false, false) => blend(condition, |i| many(sides[0])[i], |i| many(sides[1])[i], out),
                (true, false) => blend(condition, |_| *sides[0].0, |i| many(sides[1])[i], out),
                (false, true) => blend(condition, |i| many(sides[0])[i], |_| *sides[1].0, out),
                (true, true) => blend(condition, |_| *sides[0].0, |_| *sides[1].0, out),
            }
        }
    }
}

/// Both are read whatever the condition says, and chosen by their bits, so that the compiler makes vectors of it.
#[inline(always)]
fn blend<T: Bits>(
    condition: &[u8],
    x: impl Fn(usize) -> T,
    y: impl Fn(usize) -> T,
    out: &mut [MaybeUninit<T>],
) {
    for (i, out) in out.iter_mut().enumerate().take(condition.len()) {
        out.write(T::choose(condition[i] != 0, x(i), y(i)));
    }
}

/// Bits to choose from.
trait Bits: Copy {
    fn choose(first: bool, x: Self, y: Self) -> Self;
}
macro_rules! bits {
    ($($t:ty)*) => {$(
        impl Bits for $t {
            #[inline(always)]
            fn choose(first: bool, x: $t, y: $t) -> $t {
                let mask = <$t>::from(first).wrapping_neg();
                x & mask | y & !mask
            }
        }
    )*};
}
bits! { u8 u16 u32 u64 }
impl Bits for [u64; 2] {
    #[inline(always)]
    fn choose(first: bool, x: [u64; 2], y: [u64; 2]) -> [u64; 2] {
        [u64::choose(first, x[0], y[0]), u64::choose(first, x[1], y[1])]
    }
}

struct Clip<T> {
    x: *const T,
    low: T,
    high: T,
    out: *mut T,
    n: usize,
}

impl<T: Bounded> Work for Clip<T> {
    type Out = ();
    #[inline(always)]
    fn run<L: Level>(self, _: L) {
        let Clip { x, low, high, out, n } = self;
        let clipped = |x: T| {
            let x = if x < low { low } else { x };
            if x > high { high } else { x }
        };
        // Two loops, as the compiler makes vectors of each where it sees that nothing overlaps, or all does.
        // SAFETY: whoever made the work promised `n` elements.
        unsafe {
            if x == out.cast_const() {
                for i in 0..n {
                    let place = out.add(i);
                    place.write(clipped(place.read()));
                }
            } else {
                for i in 0..n {
                    out.add(i).write(clipped(x.add(i).read()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_chosen_by_the_condition_at_every_length() {
        for isa in Isa::ALL.iter().copied().filter(|&isa| isa <= crate::detected_isa()) {
            for n in [0, 1, 31, 32, 33, 100] {
                let condition: Vec<u8> = (0..n).map(|i| [0, 1, 7][i % 3]).collect();
                let (x, y): (Vec<u32>, Vec<u32>) =
                    ((0..n as u32).collect(), (1000..1000 + n as u32).collect());
                let mut out = vec![0u32; n];
                let side = |v: &[u32], is_one| Side { ptr: v.as_ptr().cast(), is_one };
                let one = [5u32];
                for (sides, second) in [
                    ([side(&x, false), side(&y, false)], None),
                    ([side(&x, false), side(&one, true)], Some(5)),
                ] {
                    // SAFETY: vectors of `n` elements, and one element that stands for all.
                    unsafe { choose(4, condition.as_ptr(), sides, out.as_mut_ptr().cast(), n, isa) };
                    let wanted: Vec<u32> = (0..n)
                        .map(|i| if condition[i] != 0 { x[i] } else { second.unwrap_or(y[i]) })
                        .collect();
                    assert_eq!(out, wanted);
                }
            }
        }
    }

    #[test]
    fn clip_keeps_nan_and_the_sign_of_zero() {
        for isa in Isa::ALL.iter().copied().filter(|&isa| isa <= crate::detected_isa()) {
            let mut x: Vec<f64> = [-1.0, -0.0, 0.5, 2.0, f64::NAN].into_iter().cycle().take(70).collect();
            // SAFETY: in place, of as many elements as there are.
            unsafe { clip(x.as_ptr(), 0.0, 1.0, x.as_mut_ptr(), x.len(), isa) };
            for (i, value) in x.iter().enumerate() {
                match i % 5 {
                    4 => assert!(value.is_nan()),
                    k => assert_eq!(value.to_bits(), [0.0, -0.0, 0.5, 1.0f64][k].to_bits()),
                }
            }
        }
    }
}
