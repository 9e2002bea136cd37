//! Kernels of the transcendental functions: a cheap usual range, and costly special cases.
//!
//! A block is first run as if every element were usual; if one was not, those are computed again by the full function,
//! which also judges the IEEE flags by value (vector code both invents and loses flags). Blocks are whole multiples of
//! [`STEP`], the last one padded, so that every element goes through the same vector code whatever its position.

use super::kernel::Kernel;
use super::level::{Level, Madd};
use super::pack::OutPack;
use crate::registry::{Element, FpFlags, FpReport};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A float, with the register of AVX-512 that holds a row of it.
pub trait Register: Element + for<'a> OutPack<Slices<'a> = &'a mut [MaybeUninit<Self>]> {
    /// 64 bytes of it.
    #[cfg(target_arch = "x86_64")]
    type Zmm: Copy;
    /// 1, a value every function calls usual; blocks are padded with it.
    const ONE: Self;
}

impl Register for f64 {
    #[cfg(target_arch = "x86_64")]
    type Zmm = core::arch::x86_64::__m512d;
    const ONE: f64 = 1.0;
}

impl Register for f32 {
    #[cfg(target_arch = "x86_64")]
    type Zmm = core::arch::x86_64::__m512;
    const ONE: f32 = 1.0;
}

/// A one-to-one real function in two parts: lean lanes for the usual range, and all the rest.
pub trait Math<T: Register>: 'static {
    /// Whether `lane` is right for `x`; false for NaN.
    fn usual(x: T) -> bool;
    /// The function where `usual`; elsewhere any value.
    fn lane<M: Madd>(m: M, x: T) -> T;
    /// The function everywhere, the same bits as `lane` where `usual`.
    fn full<M: Madd>(m: M, x: T) -> T;
    /// The IEEE flags that `y = full(x)` raises.
    fn flags(x: T, y: T) -> FpFlags;

    /// Whether `lane_v4` and `usual_v4` are written.
    const HAS_V4: bool = false;
    /// `lane` on one 512-bit register.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn lane_v4(_simd: pulp::x86::V4, x: T::Zmm) -> T::Zmm {
        x
    }
    /// `ok` with the bits of the lanes that are not `usual` cleared.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn usual_v4(_simd: pulp::x86::V4, _x: T::Zmm, _ok: u16) -> u16 {
        0
    }
}

/// Elements per block: a block and its result stay in a corner of L1 (512 f64 are 4 KiB each).
const BLOCK: usize = 512;

/// Every block is a multiple of so many elements: two AVX-512 registers of f32.
pub const STEP: usize = 32;

/// A [`Math`] function on every element.
pub struct MathEach<O, T>(PhantomData<(O, T)>);

impl<O: Math<T>, T: Register> Kernel for MathEach<O, T> {
    type In = (T,);
    type Out = T;
    const FP: FpReport = FpReport::Returned;

    #[inline(always)]
    fn run<L: Level>(level: L, x: (&[T],), y: &mut [MaybeUninit<T>], n: usize) -> FpFlags {
        let mut flags = FpFlags::NONE;
        let (x, y) = (&x.0[..n], &mut y[..n]);
        let whole = n - n % STEP;
        let mut start = 0;
        while start < whole {
            let end = whole.min(start + BLOCK);
            flags |= block::<O, T, L>(level, &x[start..end], &mut y[start..end]);
            start = end;
        }
        if whole < n {
            let rest = n - whole;
            let mut padded = [T::ONE; STEP];
            let mut result = [MaybeUninit::uninit(); STEP];
            padded[..rest].copy_from_slice(&x[whole..]);
            // Hand-written lanes work by the register: a single number need not pay for four.
            let step = if has_wide_lanes::<O, T, L>(level) { const { 64 / size_of::<T>() } } else { STEP };
            let end = rest.next_multiple_of(step);
            flags |= block::<O, T, L>(level, &padded[..end], &mut result[..end]);
            y[whole..].copy_from_slice(&result[..rest]);
        }
        flags
    }
}

#[inline(always)]
fn has_wide_lanes<O: Math<T>, T: Register, L: Level>(level: L) -> bool {
    #[cfg(target_arch = "x86_64")]
    let wide = level.v4().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let wide = {
        let _ = level;
        false
    };
    O::HAS_V4 && wide
}

#[inline(always)]
fn block<O: Math<T>, T: Register, L: Level>(level: L, x: &[T], y: &mut [MaybeUninit<T>]) -> FpFlags {
    if lanes::<O, T, L>(level, x, y) {
        return FpFlags::NONE;
    }
    let mut flags = FpFlags::NONE;
    for (&x, y) in x.iter().zip(y) {
        let full = O::full(level.madd(), x);
        // SAFETY: `lanes` has written every element.
        let usual = unsafe { y.assume_init() };
        // What was usual stays as it is: a result never depends on its neighbours.
        y.write(if O::usual(x) { usual } else { full });
        flags |= O::flags(x, full);
    }
    flags
}

/// The lanes over one block; whether every input was usual.
#[inline(always)]
fn lanes<O: Math<T>, T: Register, L: Level>(level: L, x: &[T], y: &mut [MaybeUninit<T>]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if O::HAS_V4
        && let Some(simd) = level.v4()
    {
        let width = const { 64 / size_of::<T>() };
        let all = ((1u32 << width) - 1) as u16;
        let mut ok = all;
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
            // SAFETY: both chunks are 64 bytes of plain floats, and so is a register; access is unaligned.
            unsafe {
                let v = x.as_ptr().cast::<T::Zmm>().read_unaligned();
                ok = O::usual_v4(simd, v, ok);
                y.as_mut_ptr().cast::<T::Zmm>().write_unaligned(O::lane_v4(simd, v));
            }
        }
        return ok == all;
    }
    let mut unusual = 0u32;
    for (&x, y) in x.iter().zip(y.iter_mut()) {
        unusual |= !O::usual(x) as u32;
        y.write(O::lane(level.madd(), x));
    }
    unusual == 0
}
