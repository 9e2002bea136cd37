//! Elementary functions as lane kernels: one element in, one element out, no branches, so that LLVM vectorises a plain
//! loop over them at any ISA level. How each is turned into a loop is [`crate::simd::math::Math`]'s matter.
//!
//! A few hot functions also have AVX-512 lanes written by hand, because LLVM does not turn a small table into a
//! register permute by itself; or a division into an estimate, for which functions can be written over `real::Real`. Their
//! bits may differ from `lane` in the last place.

use crate::simd::level::Madd;

pub mod arcsin;
pub mod arcsinh;
#[cfg(target_arch = "x86_64")]
mod arcsinh_v4;
pub mod arctan;
#[cfg(target_arch = "x86_64")]
mod arctan_v4;
pub mod atan2;
#[cfg(target_arch = "x86_64")]
mod atan2_v4;
pub mod cbrt;
#[cfg(target_arch = "x86_64")]
mod cbrt32_v4;
mod coarse;
pub mod complex;
pub mod division;
pub mod exp;
#[cfg(target_arch = "x86_64")]
mod exp32_v4;
#[cfg(target_arch = "x86_64")]
mod exp_v4;
pub mod hypot;
pub mod log;
#[cfg(target_arch = "x86_64")]
mod log32_v4;
#[cfg(target_arch = "x86_64")]
mod log_v4;
pub mod logaddexp;
mod pair;
#[cfg(target_arch = "x86_64")]
mod pair_v4;
pub mod periodic;
#[cfg(target_arch = "x86_64")]
mod periodic_v4;
pub mod pow;
#[cfg(target_arch = "x86_64")]
mod pow32_v4;
mod real;
mod sincos;
pub mod sinh;
mod tan;
pub mod tanh;
#[cfg(target_arch = "x86_64")]
mod tanh32_v4;
#[cfg(target_arch = "x86_64")]
mod tanh_v4;
#[cfg(target_arch = "x86_64")]
mod wide;

/// The hand-written lanes of a [`Math`](crate::simd::math::Math) function of one input: a function of a register, and one
/// that judges it; further arguments of the latter follow.
macro_rules! lanes_v4 {
    ($t:ident, $lane:path, $usual:path $(, $more:expr)*) => {
        const HAS_V4: bool = cfg!(target_arch = "x86_64");

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn lane_v4(
            simd: pulp::x86::V4,
            (x,): (<$t as $crate::simd::math::Register>::Zmm,),
        ) -> <$t as $crate::simd::math::Register>::Zmm {
            $lane(simd, x)
        }

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn usual_v4(simd: pulp::x86::V4, (x,): (<$t as $crate::simd::math::Register>::Zmm,), ok: u16) -> u16 {
            $usual(simd, x, $($more,)* ok)
        }
    };
}
use lanes_v4;

/// `c[0] + c[1]*x + c[2]*x^2 + ...` by Horner's rule; the loop unrolls.
macro_rules! horner {
    ($name:ident, $t:ident) => {
        #[inline(always)]
        pub(crate) fn $name<M: Madd, const N: usize>(m: M, x: $t, c: &[$t; N]) -> $t {
            let mut p = c[N - 1];
            let mut i = N - 1;
            while i > 0 {
                i -= 1;
                p = m.$t(p, x, c[i]);
            }
            p
        }
    };
}
horner!(horner64, f64);
horner!(horner32, f32);
