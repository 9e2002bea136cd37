//! [`Math`] functions on f16 at AVX-512, in registers: 16 numbers are widened to a row of f32 and their results narrowed, with no
//! block of either in memory.
//!
//! A block in which an input is not usual is run again through `narrow.rs`, which has the same lanes and so the same results.
//! exp2 takes 0.28 ns an element so, and 0.18 of f32; between blocks in memory, the conversions alone take 1.2.

use super::kernel::Kernel;
use super::level::Level;
use super::math::{Math, MathEach, MathInputs, STEP};
use super::narrow::{Via, Widen};
use super::pack::Pack;
use crate::registry::{FpFlags, FpReport, f16};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// The inputs of a [`Math`] function of f32, where memory holds f16.
pub trait HalfInputs: MathInputs<Out = f32, In: Widen<f16, From = Self::Halves>> {
    /// What memory holds.
    type Halves: Pack;
    /// [`STEP`] elements of each.
    type PaddedHalves;
    /// Elements `range`.
    fn part<'a, 'x: 'a>(
        x: <Self::Halves as Pack>::Slices<'x>,
        range: Range<usize>,
    ) -> <Self::Halves as Pack>::Slices<'a>;
    /// The elements from `start` on, fewer than [`STEP`], and more of the first of them.
    fn padded(x: <Self::Halves as Pack>::Slices<'_>, start: usize) -> Self::PaddedHalves;
    /// All of them.
    fn of_padded(padded: &Self::PaddedHalves) -> <Self::Halves as Pack>::Slices<'_>;
    /// The 16 elements from `i` on, as f32.
    ///
    /// # Safety
    /// There are so many of each input.
    #[cfg(target_arch = "x86_64")]
    unsafe fn load(simd: pulp::x86::V4, x: <Self::Halves as Pack>::Slices<'_>, i: usize) -> Self::Zmm;
}

#[inline(always)]
fn padded(x: &[f16], start: usize) -> [f16; STEP] {
    let mut padded = [x[start]; STEP];
    padded[..x.len() - start].copy_from_slice(&x[start..]);
    padded
}

/// # Safety
/// There are 16 elements from `i` on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load(simd: pulp::x86::V4, x: &[f16], i: usize) -> core::arch::x86_64::__m512 {
    // SAFETY: the caller promises the 32 bytes; access is unaligned.
    simd.avx512f
        ._mm512_cvtph_ps(unsafe { x.as_ptr().add(i).cast::<core::arch::x86_64::__m256i>().read_unaligned() })
}

macro_rules! half_inputs {
    ($($inputs:ty: $halves:ty, $padded:ty, [$($k:tt)+];)*) => {$(
        impl HalfInputs for $inputs {
            type Halves = $halves;
            type PaddedHalves = $padded;
            #[inline(always)]
            fn part<'a, 'x: 'a>(
                x: <$halves as Pack>::Slices<'x>,
                range: Range<usize>,
            ) -> <$halves as Pack>::Slices<'a> {
                ($(&x.$k[range.clone()],)+)
            }
            #[inline(always)]
            fn padded(x: <$halves as Pack>::Slices<'_>, start: usize) -> $padded {
                ($(padded(x.$k, start),)+)
            }
            #[inline(always)]
            fn of_padded(padded: &$padded) -> <$halves as Pack>::Slices<'_> {
                ($(&padded.$k[..],)+)
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn load(simd: pulp::x86::V4, x: <$halves as Pack>::Slices<'_>, i: usize) -> Self::Zmm {
                // SAFETY: the caller's promise, for each.
                unsafe { ($(load(simd, x.$k, i),)+) }
            }
        }
    )*};
}
half_inputs! {
    f32: (f16,), ([f16; STEP],), [0];
    (f32, f32): (f16, f16), ([f16; STEP], [f16; STEP]), [0 1];
}

/// A [`Math`] function of f32 on every element of `H`, which is f16.
pub struct HalfMath<O, I, H>(PhantomData<(O, I, H)>);

impl<O: Math<I>, I: HalfInputs> Kernel for HalfMath<O, I, f16> {
    type In = I::Halves;
    type Out = f16;
    const FP: FpReport = FpReport::Returned;

    #[inline(always)]
    fn run<L: Level>(
        level: L,
        x: <I::Halves as Pack>::Slices<'_>,
        y: &mut [MaybeUninit<f16>],
        n: usize,
    ) -> FpFlags {
        #[cfg(target_arch = "x86_64")]
        if O::HAS_V4
            && let Some(simd) = level.v4()
        {
            let (mut flags, mut start) = (FpFlags::NONE, 0);
            let whole = n - n % STEP;
            // One place for a block and for the rest: the code that runs it is long.
            while start < n {
                let is_rest = start == whole;
                let end = if is_rest { n } else { whole.min(start + super::narrow::BLOCK) };
                let padded;
                let mut result = [MaybeUninit::uninit(); STEP];
                let (x, to) = if is_rest {
                    padded = <I as HalfInputs>::padded(x, start);
                    (<I as HalfInputs>::of_padded(&padded), &mut result[..])
                } else {
                    (<I as HalfInputs>::part(x, start..end), &mut y[start..end])
                };
                flags |= registers::block::<O, I, L>(level, simd, x, to);
                if is_rest {
                    y[start..n].copy_from_slice(&result[..n - start]);
                }
                start = end;
            }
            return flags;
        }
        Via::<MathEach<O, I>, f16>::run(level, x, y, n)
    }
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use super::*;
    use core::arch::x86_64::{
        __m256i, __m512, __m512i, _CMP_EQ_OQ, _CMP_LT_OQ, _CMP_NEQ_UQ, _MM_CMPINT_LE, _MM_FROUND_NO_EXC,
        _MM_FROUND_TO_NEAREST_INT,
    };
    use pulp::cast;
    use pulp::x86::V4;

    /// The bits of the least normal number and of the greatest finite one.
    const LEAST_NORMAL: i16 = 0x0400;
    const GREATEST: i16 = 0x7bff;

    /// The same as f32.
    const LEAST_NORMAL_WIDE: f32 = 6.103_515_6e-5; // 2^-14

    #[inline(always)]
    pub fn block<O: Math<I>, I: HalfInputs, L: Level>(
        level: L,
        simd: V4,
        x: <I::Halves as Pack>::Slices<'_>,
        y: &mut [MaybeUninit<f16>],
    ) -> FpFlags {
        if let Some(flags) = steps::<O, I>(simd, x, y) {
            return flags;
        }
        let n = y.len();
        Via::<MathEach<O, I>, f16>::run(level, x, y, n)
    }

    #[inline(always)]
    fn narrowed(simd: V4, y: __m512) -> __m256i {
        simd.avx512f._mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(y)
    }

    /// The lanes over one block, and what narrowing raises, if every input was usual; whose results are finite f32.
    #[inline(always)]
    fn steps<O: Math<I>, I: HalfInputs>(
        simd: V4,
        x: <I::Halves as Pack>::Slices<'_>,
        y: &mut [MaybeUninit<f16>],
    ) -> Option<FpFlags> {
        let (mut usual, mut flags) = (u16::MAX, FpFlags::NONE);
        for (i, y) in y.chunks_exact_mut(STEP).enumerate() {
            // SAFETY: there are as many inputs as outputs, and a chunk has two times 16.
            let (a, b) = unsafe {
                (<I as HalfInputs>::load(simd, x, i * STEP), <I as HalfInputs>::load(simd, x, i * STEP + 16))
            };
            usual = O::usual_v4(simd, b, O::usual_v4(simd, a, usual));
            let wide = [O::lane_v4(simd, a), O::lane_v4(simd, b)];
            let narrow = [narrowed(simd, wide[0]), narrowed(simd, wide[1])];
            // SAFETY: a register is plain numbers, as many as a chunk; access is unaligned.
            unsafe { y.as_mut_ptr().cast::<__m512i>().write_unaligned(cast(narrow)) };
            if !raises_nothing(simd, cast(narrow)) {
                flags |= raised(simd, wide, narrow);
            }
        }
        (usual == u16::MAX).then_some(flags)
    }

    /// False if narrowing may have raised a flag: of numbers that are infinite, subnormal or 0, or may have been rounded up
    /// from there.
    #[inline(always)]
    fn raises_nothing(simd: V4, y: __m512i) -> bool {
        let (i, w) = (simd.avx512f, simd.avx512bw);
        let magnitude = i._mm512_and_si512(y, i._mm512_set1_epi16(i16::MAX));
        let above = w._mm512_sub_epi16(magnitude, i._mm512_set1_epi16(LEAST_NORMAL + 1));
        let room = i._mm512_set1_epi16(GREATEST - LEAST_NORMAL - 1);
        w._mm512_cmp_epu16_mask::<_MM_CMPINT_LE>(above, room) == u32::MAX
    }

    /// What it raised: overflow where a result is infinite, underflow where one below the normal numbers changed.
    #[inline(always)]
    fn raised(simd: V4, wide: [__m512; 2], narrow: [__m256i; 2]) -> FpFlags {
        let i = simd.avx512f;
        let (mut infinite, mut changed) = (0, 0);
        for (wide, narrow) in wide.into_iter().zip(narrow) {
            let (size, back) = (i._mm512_abs_ps(wide), i._mm512_cvtph_ps(narrow));
            let infinity = i._mm512_set1_ps(f32::INFINITY);
            infinite |= i._mm512_cmp_ps_mask::<_CMP_EQ_OQ>(i._mm512_abs_ps(back), infinity);
            let tiny = i._mm512_cmp_ps_mask::<_CMP_LT_OQ>(size, i._mm512_set1_ps(LEAST_NORMAL_WIDE));
            changed |= i._mm512_mask_cmp_ps_mask::<_CMP_NEQ_UQ>(tiny, wide, back);
        }
        FpFlags::OVERFLOW.when(infinite != 0) | FpFlags::UNDERFLOW.when(changed != 0)
    }
}
