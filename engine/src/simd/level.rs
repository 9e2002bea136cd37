//! ISA levels: which there are on this CPU, which may be used, and how a kernel is compiled for one.
//!
//! `UFUNX_MAX_ISA=scalar|v3|v4` caps the level of the whole process; [`cap_isa`] does so for the calling program.
//! This is the only file that names pulp's architecture types.

use crate::registry::Isa;
use std::sync::atomic::{AtomicU8, Ordering};

/// Multiply-add as the level has it: fused (one rounding) on V3, V4 and AArch64, two roundings at the scalar level of
/// x86-64, where SSE2 has no such instruction and a libm call would be ruinous.
pub trait Madd: Copy + 'static {
    /// Whether there is a single rounding.
    const FUSED: bool;
    /// `a * b + c`
    fn f64(self, a: f64, b: f64, c: f64) -> f64;
    /// `a * b + c`
    fn f32(self, a: f32, b: f32, c: f32) -> f32;
}

/// One rounding.
#[derive(Clone, Copy)]
pub struct Fused;

/// Two roundings.
#[derive(Clone, Copy)]
pub struct Unfused;

impl Madd for Fused {
    const FUSED: bool = true;
    #[inline(always)]
    fn f64(self, a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn f32(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

impl Madd for Unfused {
    const FUSED: bool = false;
    #[inline(always)]
    fn f64(self, a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
    #[inline(always)]
    fn f32(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

/// A piece of work to be compiled for a level. Everything it calls must be `#[inline(always)]`, or it stays baseline
/// code.
pub trait Work {
    /// What it returns.
    type Out;
    /// The work.
    fn run<L: Level>(self, level: L) -> Self::Out;
}

/// An ISA level as a type.
pub trait Level: Copy + 'static {
    /// Which one.
    const ISA: Isa;
    /// Its multiply-add.
    type Madd: Madd;
    /// The multiply-add's token.
    fn madd(self) -> Self::Madd;
    /// The AVX-512 token, at that level only.
    #[cfg(target_arch = "x86_64")]
    fn v4(self) -> Option<pulp::x86::V4>;
    /// Adds eight lanes.
    fn add_f64x8(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8];
    /// Adds eight lanes.
    fn add_f32x8(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8];
    /// Whether there are the next two, whose instructions add at one lane and subtract at the next, and raise what that does.
    const HAS_PRODUCTS: bool = false;
    /// Multiplies four complex numbers: one product of each part is added to the other as it is.
    fn products_f64(self, _a: [f64; 8], _b: [f64; 8]) -> [f64; 8] {
        unreachable!("asked for only where it is written")
    }
    /// The same of eight.
    fn products_f32(self, _a: [f32; 16], _b: [f32; 16]) -> [f32; 16] {
        unreachable!("asked for only where it is written")
    }
    /// Compiles and runs `work` for this level.
    ///
    /// # Safety
    /// The CPU has the level.
    unsafe fn enter<W: Work>(work: W) -> W::Out;
}

/// [`Isa::Scalar`].
#[derive(Clone, Copy)]
pub struct Scalar;

impl Level for Scalar {
    const ISA: Isa = Isa::Scalar;
    #[cfg(target_arch = "aarch64")]
    type Madd = Fused;
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    fn madd(self) -> Fused {
        Fused
    }
    #[cfg(not(target_arch = "aarch64"))]
    type Madd = Unfused;
    #[cfg(not(target_arch = "aarch64"))]
    #[inline(always)]
    fn madd(self) -> Unfused {
        Unfused
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn v4(self) -> Option<pulp::x86::V4> {
        None
    }
    #[inline(always)]
    fn add_f64x8(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn add_f32x8(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn enter<W: Work>(work: W) -> W::Out {
        work.run(Scalar)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Fused, Isa, Level, Work};
    pub use pulp::x86::{V3, V4};
    use pulp::{Simd, f32x8, f64x4};
    use std::marker::PhantomData;

    /// Carries work and level through pulp's `vectorize`, which wants a plain closure-like object.
    struct Carried<L, W>(L, W, PhantomData<L>);

    impl<L: Level, W: Work> pulp::NullaryFnOnce for Carried<L, W> {
        type Output = W::Out;
        #[inline(always)]
        fn call(self) -> W::Out {
            self.1.run(self.0)
        }
    }

    impl Level for V3 {
        const ISA: Isa = Isa::V3;
        type Madd = Fused;
        #[inline(always)]
        fn madd(self) -> Fused {
            Fused
        }
        #[inline(always)]
        fn v4(self) -> Option<V4> {
            None
        }
        #[inline(always)]
        fn add_f64x8(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
            let ([a0, a1], [b0, b1]): ([f64x4; 2], [f64x4; 2]) = (pulp::cast(a), pulp::cast(b));
            pulp::cast([V3::add_f64x4(self, a0, b0), V3::add_f64x4(self, a1, b1)])
        }
        #[inline(always)]
        fn add_f32x8(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
            pulp::cast(V3::add_f32x8(self, pulp::cast(a), pulp::cast(b)))
        }
        const HAS_PRODUCTS: bool = true;
        #[inline(always)]
        fn products_f64(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
            let ([a0, a1], [b0, b1]): ([f64x4; 2], [f64x4; 2]) = (pulp::cast(a), pulp::cast(b));
            pulp::cast([self.mul_c64s(a0, b0), self.mul_c64s(a1, b1)])
        }
        #[inline(always)]
        fn products_f32(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
            let ([a0, a1], [b0, b1]): ([f32x8; 2], [f32x8; 2]) = (pulp::cast(a), pulp::cast(b));
            pulp::cast([self.mul_c32s(a0, b0), self.mul_c32s(a1, b1)])
        }
        #[inline(always)]
        unsafe fn enter<W: Work>(work: W) -> W::Out {
            // SAFETY: the caller vouches for the level.
            let level = unsafe { V3::new_unchecked() };
            level.vectorize(Carried(level, work, PhantomData))
        }
    }

    impl Level for V4 {
        const ISA: Isa = Isa::V4;
        type Madd = Fused;
        #[inline(always)]
        fn madd(self) -> Fused {
            Fused
        }
        #[inline(always)]
        fn v4(self) -> Option<V4> {
            Some(self)
        }
        #[inline(always)]
        fn add_f64x8(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
            pulp::cast(V4::add_f64x8(self, pulp::cast(a), pulp::cast(b)))
        }
        #[inline(always)]
        fn add_f32x8(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
            pulp::cast(V3::add_f32x8(*self, pulp::cast(a), pulp::cast(b)))
        }
        const HAS_PRODUCTS: bool = true;
        #[inline(always)]
        fn products_f64(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
            pulp::cast(<V4 as pulp::Simd>::mul_c64s(self, pulp::cast(a), pulp::cast(b)))
        }
        #[inline(always)]
        fn products_f32(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
            pulp::cast(<V4 as pulp::Simd>::mul_c32s(self, pulp::cast(a), pulp::cast(b)))
        }
        #[inline(always)]
        unsafe fn enter<W: Work>(work: W) -> W::Out {
            // SAFETY: the caller vouches for the level.
            let level = unsafe { V4::new_unchecked() };
            level.vectorize(Carried(level, work, PhantomData))
        }
    }
}
#[cfg(target_arch = "x86_64")]
pub use x86::{V3, V4};

/// Runs the work as compiled for a level.
///
/// # Safety
/// The CPU has it; what the work reads and writes is the caller's.
pub(crate) unsafe fn enter<W: Work>(work: W, isa: Isa) -> W::Out {
    // SAFETY: the caller's promise.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::V4 => V4::enter(work),
            #[cfg(target_arch = "x86_64")]
            Isa::V3 => V3::enter(work),
            _ => Scalar::enter(work),
        }
    }
}

/// The highest level this CPU has.
pub fn detected_isa() -> Isa {
    #[cfg(target_arch = "x86_64")]
    {
        if V4::try_new().is_some() {
            return Isa::V4;
        }
        if V3::try_new().is_some() {
            return Isa::V3;
        }
    }
    Isa::Scalar
}

const UNSET: u8 = u8::MAX;
static CURRENT: AtomicU8 = AtomicU8::new(UNSET);

/// The level kernels run at: the CPU's, or a lower cap.
#[inline]
pub fn current_isa() -> Isa {
    match CURRENT.load(Ordering::Relaxed) {
        UNSET => init_isa(),
        isa => Isa::ALL[isa as usize],
    }
}

#[cold]
fn init_isa() -> Isa {
    cap_isa(crate::environment::max_isa().unwrap_or(Isa::V4))
}

/// Lets kernels use `cap` at most, from now on and in every thread; returns the level now in force, which is lower
/// where the CPU lacks `cap`.
pub fn cap_isa(cap: Isa) -> Isa {
    let isa = cap.min(detected_isa());
    CURRENT.store(isa as u8, Ordering::Relaxed);
    isa
}
