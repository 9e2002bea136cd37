//! Floats narrower than f32 (f16, bf16, float8): stored so, computed in f32. A block is widened, the f32 kernel runs,
//! the result is narrowed with the rounding, and the flags, of one operation in the narrow type: f32 carries more than
//! twice the digits of each, so rounding twice gives what rounding once would for add to sqrt.

use super::kernel::Kernel;
use super::level::Level;
use super::pack::{OutPack, Pack};
use crate::fperr;
use crate::registry::{B8, Element, F8E4M3FN, F8E5M2, FpFlags, FpReport, bf16, f16};
use half::slice::HalfFloatSliceExt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A float stored narrow.
pub trait Small: Element + Default + OutPack {
    /// Magnitude bits of the least normal number.
    const LEAST_NORMAL: f32;
    /// Exact.
    fn widen(x: &[Self], y: &mut [f32]);
    /// To nearest, ties to even.
    fn narrow(x: &[f32], y: &mut [Self]);
    /// Whether the narrowed value is not finite.
    fn is_infinite_or_nan(self) -> bool;
}

/// Elements widened at a time: three f32 blocks and their narrow twins stay within 4 KiB of L1.
const BLOCK: usize = 256;

/// Kernel `K` over f32, run on `H`.
pub struct Via<K, H>(PhantomData<(K, H)>);

/// A pack of f32 inputs that stands for a pack of narrow ones.
pub trait Widen<H: Small>: Pack {
    /// The narrow pack.
    type From: Pack;
    /// Scratch for the widened block.
    type Scratch;
    /// Fresh scratch.
    fn scratch() -> Self::Scratch;
    /// Widens elements `start..end`.
    fn widen(
        from: <Self::From as Pack>::Slices<'_>,
        range: std::ops::Range<usize>,
        scratch: &mut Self::Scratch,
    );
    /// The widened block.
    fn slices(scratch: &Self::Scratch, n: usize) -> Self::Slices<'_>;
}

impl<H: Small> Widen<H> for (f32,) {
    type From = (H,);
    type Scratch = [f32; BLOCK];
    #[inline(always)]
    fn scratch() -> Self::Scratch {
        [0.0; BLOCK]
    }
    #[inline(always)]
    fn widen(from: (&[H],), range: std::ops::Range<usize>, scratch: &mut Self::Scratch) {
        H::widen(&from.0[range.clone()], &mut scratch[..range.len()]);
    }
    #[inline(always)]
    fn slices(scratch: &Self::Scratch, n: usize) -> (&[f32],) {
        (&scratch[..n],)
    }
}

impl<H: Small> Widen<H> for (f32, f32) {
    type From = (H, H);
    type Scratch = [[f32; BLOCK]; 2];
    #[inline(always)]
    fn scratch() -> Self::Scratch {
        [[0.0; BLOCK]; 2]
    }
    #[inline(always)]
    fn widen(from: (&[H], &[H]), range: std::ops::Range<usize>, scratch: &mut Self::Scratch) {
        H::widen(&from.0[range.clone()], &mut scratch[0][..range.len()]);
        H::widen(&from.1[range.clone()], &mut scratch[1][..range.len()]);
    }
    #[inline(always)]
    fn slices(scratch: &Self::Scratch, n: usize) -> (&[f32], &[f32]) {
        (&scratch[0][..n], &scratch[1][..n])
    }
}

/// What an f32 kernel's output becomes on `H`.
pub trait Narrow<H: Small>: OutPack {
    /// `H` for f32, bool for bool.
    type To: OutPack;
    /// Runs `kernel` over one block, its output narrowed into `y[range]`.
    fn through(
        y: &mut <Self::To as OutPack>::Slices<'_>,
        range: std::ops::Range<usize>,
        kernel: impl FnOnce(Self::Slices<'_>) -> FpFlags,
    ) -> FpFlags;
}

impl<H: Small + for<'a> OutPack<Slices<'a> = &'a mut [MaybeUninit<H>]>> Narrow<H> for f32 {
    type To = H;
    #[inline(always)]
    fn through(
        y: &mut &mut [MaybeUninit<H>],
        range: std::ops::Range<usize>,
        kernel: impl FnOnce(&mut [MaybeUninit<f32>]) -> FpFlags,
    ) -> FpFlags {
        let n = range.len();
        let mut wide = [0f32; BLOCK];
        let mut narrow = [H::default(); BLOCK];
        let out: &mut [f32] = &mut wide[..n];
        // SAFETY: `MaybeUninit<f32>` has f32's layout, and kernels only write initialised values through it.
        let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<f32>]) };
        let flags = kernel(out);
        H::narrow(&wide[..n], &mut narrow[..n]);
        for (y, &h) in y[range].iter_mut().zip(&narrow[..n]) {
            y.write(h);
        }
        flags | narrowing_flags(&wide[..n], &narrow[..n])
    }
}

impl<H: Small> Narrow<H> for B8 {
    type To = B8;
    #[inline(always)]
    fn through(
        y: &mut &mut [MaybeUninit<B8>],
        range: std::ops::Range<usize>,
        kernel: impl FnOnce(&mut [MaybeUninit<B8>]) -> FpFlags,
    ) -> FpFlags {
        kernel(&mut y[range])
    }
}

impl<K: Kernel, H: Small> Kernel for Via<K, H>
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
        let mut scratch = <K::In as Widen<H>>::scratch();
        let mut start = 0;
        while start < n {
            let end = n.min(start + BLOCK);
            <K::In as Widen<H>>::widen(x, start..end, &mut scratch);
            flags |= <K::Out as Narrow<H>>::through(&mut y, start..end, |y| {
                let x = <K::In as Widen<H>>::slices(&scratch, end - start);
                if let FpReport::Hardware = K::FP {
                    fperr::clear();
                    K::run(level, x, y, end - start) | fperr::take()
                } else {
                    K::run(level, x, y, end - start)
                }
            });
            start = end;
        }
        flags
    }
}

/// Overflow where a finite f32 became infinite (or NaN, where there is no infinity), underflow where it became
/// subnormal or zero and changed.
pub fn narrowing_flags<H: Small>(wide: &[f32], narrow: &[H]) -> FpFlags {
    let mut over = false;
    let mut tiny = false;
    for (&w, &h) in wide.iter().zip(narrow) {
        over |= w.is_finite() & h.is_infinite_or_nan();
        tiny |= w.abs() < H::LEAST_NORMAL && w != 0.0;
    }
    let mut flags = FpFlags::OVERFLOW.when(over);
    if tiny {
        let mut back = [0f32; BLOCK];
        H::widen(narrow, &mut back[..narrow.len()]);
        let inexact = wide.iter().zip(&back).any(|(w, b)| w.abs() < H::LEAST_NORMAL && w != b);
        flags |= FpFlags::UNDERFLOW.when(inexact);
    }
    flags
}

impl Small for f16 {
    const LEAST_NORMAL: f32 = 6.103_515_6e-5; // 2^-14
    #[inline(always)]
    fn widen(x: &[f16], y: &mut [f32]) {
        x.convert_to_f32_slice(y); // F16C where the CPU has it
    }
    #[inline(always)]
    fn narrow(x: &[f32], y: &mut [f16]) {
        y.convert_from_f32_slice(x);
    }
    #[inline(always)]
    fn is_infinite_or_nan(self) -> bool {
        self.to_bits() & 0x7c00 == 0x7c00
    }
}

impl Small for bf16 {
    const LEAST_NORMAL: f32 = f32::MIN_POSITIVE;
    #[inline(always)]
    fn widen(x: &[bf16], y: &mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            *y = f32::from_bits((x.to_bits() as u32) << 16);
        }
    }
    #[inline(always)]
    fn narrow(x: &[f32], y: &mut [bf16]) {
        for (x, y) in x.iter().zip(y) {
            let bits = x.to_bits();
            let rounded = (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16;
            let quiet_nan = ((bits >> 16) | 0x40) as u16;
            *y = bf16::from_bits(if x.is_nan() { quiet_nan } else { rounded });
        }
    }
    #[inline(always)]
    fn is_infinite_or_nan(self) -> bool {
        self.to_bits() & 0x7f80 == 0x7f80
    }
}

macro_rules! small_byte_floats {
    ($($t:ty, $least_normal:expr, $exponent_mask:expr;)*) => {$(
        impl Small for $t {
            const LEAST_NORMAL: f32 = $least_normal;
            #[inline(always)]
            fn widen(x: &[$t], y: &mut [f32]) {
                for (x, y) in x.iter().zip(y) {
                    *y = x.to_f32();
                }
            }
            #[inline(always)]
            fn narrow(x: &[f32], y: &mut [$t]) {
                for (x, y) in x.iter().zip(y) {
                    *y = <$t>::from_f32(*x);
                }
            }
            #[inline(always)]
            fn is_infinite_or_nan(self) -> bool {
                self.0 & $exponent_mask == $exponent_mask
            }
        }
    )*};
}
small_byte_floats! {
    F8E5M2, 6.103_515_6e-5, 0x7c; // 2^-14
    F8E4M3FN, 0.015_625, 0x7f;    // 2^-6; no infinities, and a full exponent alone is still a number
}
