//! The floats narrower than f32: what each is as an f32, and an f32 rounded to each, with the flags of that.

use super::narrow::BLOCK;
use super::pack::OutPack;
use crate::registry::{Element, F8E4M3FN, F8E5M2, FpFlags, bf16, f16};
use half::slice::HalfFloatSliceExt;
use std::mem::MaybeUninit;

/// A float stored narrow.
pub trait NarrowFloat: Element + Default + OutPack {
    /// The least normal number.
    const LEAST_NORMAL: f32;
    /// The greatest finite number.
    const GREATEST: f32;
    /// Exact.
    fn widen(x: &[Self], y: &mut [f32]);
    /// To nearest, ties to even; writes every element.
    fn narrow(x: &[f32], y: &mut [MaybeUninit<Self>]);
    /// The same for numbers that are [`NarrowFloat::GREATEST`] at most.
    #[inline(always)]
    fn narrow_finite(x: &[f32], y: &mut [MaybeUninit<Self>]) {
        Self::narrow(x, y);
    }
    /// Whether the narrowed value is not finite.
    fn is_infinite_or_nan(self) -> bool;
}

/// Narrows a block. The flags are those of the narrowing: overflow where a finite f32 became infinite (or NaN, where there
/// is no infinity), underflow where it became subnormal or zero and changed.
#[inline(always)]
pub fn narrow<H: NarrowFloat>(wide: &[f32], y: &mut [MaybeUninit<H>]) -> FpFlags {
    const MAGNITUDE: u32 = 0x7fff_ffff;
    // As integers magnitudes stand in the same order, NaN above all. A zero wraps to the greatest.
    let (mut greatest, mut least) = (0, u32::MAX);
    for w in wide {
        let magnitude = w.to_bits() & MAGNITUDE;
        greatest = greatest.max(magnitude);
        least = least.min(magnitude.wrapping_sub(1));
    }
    let mut flags = FpFlags::NONE;
    if greatest <= H::GREATEST.to_bits() {
        H::narrow_finite(wide, y);
    } else {
        H::narrow(wide, y);
        // SAFETY: every element is written.
        flags = FpFlags::OVERFLOW.when(is_any_infinite(wide, unsafe { as_written(y) }));
    }
    if least < H::LEAST_NORMAL.to_bits() - 1 {
        // SAFETY: the same.
        flags |= FpFlags::UNDERFLOW.when(is_any_tiny_inexact(wide, unsafe { as_written(y) }));
    }
    flags
}

/// # Safety
/// Every element is written.
unsafe fn as_written<H>(y: &[MaybeUninit<H>]) -> &[H] {
    // SAFETY: the caller's promise; the layouts are the same.
    unsafe { &*(std::ptr::from_ref(y) as *const [H]) }
}

#[cold]
fn is_any_infinite<H: NarrowFloat>(wide: &[f32], narrow: &[H]) -> bool {
    wide.iter().zip(narrow).any(|(w, h)| w.is_finite() && h.is_infinite_or_nan())
}

#[cold]
fn is_any_tiny_inexact<H: NarrowFloat>(wide: &[f32], narrow: &[H]) -> bool {
    let mut back = [0f32; BLOCK];
    H::widen(narrow, &mut back[..narrow.len()]);
    wide.iter().zip(&back).any(|(w, b)| w.abs() < H::LEAST_NORMAL && w != b)
}

impl NarrowFloat for f16 {
    const LEAST_NORMAL: f32 = 6.103_515_6e-5; // 2^-14
    const GREATEST: f32 = 65_504.0;
    #[inline(always)]
    fn widen(x: &[f16], y: &mut [f32]) {
        x.convert_to_f32_slice(y); // F16C where the CPU has it
    }
    #[inline(always)]
    fn narrow(x: &[f32], y: &mut [MaybeUninit<f16>]) {
        y.fill(MaybeUninit::new(f16::ZERO));
        // SAFETY: filled just now; the crate wants a slice of values.
        unsafe { &mut *(std::ptr::from_mut(y) as *mut [f16]) }.convert_from_f32_slice(x);
    }
    #[inline(always)]
    fn is_infinite_or_nan(self) -> bool {
        self.to_bits() & 0x7c00 == 0x7c00
    }
}

impl NarrowFloat for bf16 {
    const LEAST_NORMAL: f32 = f32::MIN_POSITIVE;
    const GREATEST: f32 = f32::from_bits(0x7f7f_0000);
    #[inline(always)]
    fn widen(x: &[bf16], y: &mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            *y = f32::from_bits((x.to_bits() as u32) << 16);
        }
    }
    #[inline(always)]
    fn narrow(x: &[f32], y: &mut [MaybeUninit<bf16>]) {
        for (x, y) in x.iter().zip(y) {
            let quiet_nan = ((x.to_bits() >> 16) | 0x40) as u16;
            y.write(bf16::from_bits(if x.is_nan() { quiet_nan } else { rounded_to_bf16(*x) }));
        }
    }
    #[inline(always)]
    fn narrow_finite(x: &[f32], y: &mut [MaybeUninit<bf16>]) {
        for (x, y) in x.iter().zip(y) {
            y.write(bf16::from_bits(rounded_to_bf16(*x)));
        }
    }
    #[inline(always)]
    fn is_infinite_or_nan(self) -> bool {
        self.to_bits() & 0x7f80 == 0x7f80
    }
}

/// The upper half of a number that is no NaN, to nearest, ties to even.
#[inline(always)]
fn rounded_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

macro_rules! byte_floats {
    ($($t:ty, $least_normal:expr, $greatest:expr, $exponent_mask:expr;)*) => {$(
        impl NarrowFloat for $t {
            const LEAST_NORMAL: f32 = $least_normal;
            const GREATEST: f32 = $greatest;
            #[inline(always)]
            fn widen(x: &[$t], y: &mut [f32]) {
                for (x, y) in x.iter().zip(y) {
                    *y = x.to_f32();
                }
            }
            #[inline(always)]
            fn narrow(x: &[f32], y: &mut [MaybeUninit<$t>]) {
                for (x, y) in x.iter().zip(y) {
                    y.write(<$t>::from_f32(*x));
                }
            }
            #[inline(always)]
            fn is_infinite_or_nan(self) -> bool {
                self.0 & $exponent_mask == $exponent_mask
            }
        }
    )*};
}
byte_floats! {
    F8E5M2, 6.103_515_6e-5, 57_344.0, 0x7c; // 2^-14
    F8E4M3FN, 0.015_625, 448.0, 0x7f;       // 2^-6; no infinities, and a full exponent alone is still a number
}
