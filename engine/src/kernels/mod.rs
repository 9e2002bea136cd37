//! The ufuncs, one file per family. A file holds the lane functions, then one `ufunc!` block each; nothing else in the
//! project lists them.

pub mod arith;
pub mod bitwise;
pub mod compare;
pub mod dates;
pub mod division;
pub mod explog;
pub mod floats;
pub mod gcd;
pub mod hyperbolic;
pub mod inverse;
pub mod lanes;
pub mod logical;
pub mod minmax;
pub mod power;
pub mod predicates;
pub mod products;
pub mod rounding;
pub mod trig;

use crate::simd::classes::{One, Three, Two};
use crate::simd::kernel::{Lane, Quiet, Raises};

/// Defines a lane function as a zero-sized type: `lane! { Add(a, b) for i32, i64 = a.wrapping_add(b); }`.
macro_rules! lane {
    ($($op:ident ( $($x:ident),+ ) for $($t:ty),+ $(=> $out:ty)? = $body:expr;)*) => {$(
        $crate::kernels::lane!(@types $op [$($x),+] [$($t),+] [$($out)?] $body);
    )*};
    (@types $op:ident $x:tt [$($t:ty),+] $out:tt $body:expr) => {
        $($crate::kernels::lane!(@impl $op $x $t, $out $body);)+
    };
    (@impl $op:ident [$a:ident] $t:ty, [$($out:ty)?] $body:expr) => {
        impl $crate::simd::kernel::Lane<($t,)> for $op {
            type Out = $crate::kernels::lane!(@out $t, $($out)?);
            #[inline(always)]
            fn lane<M: $crate::simd::level::Madd>(_: M, ($a,): ($t,)) -> Self::Out {
                $body
            }
        }
    };
    (@impl $op:ident [$a:ident, $b:ident] $t:ty, [$($out:ty)?] $body:expr) => {
        impl $crate::simd::kernel::Lane<($t, $t)> for $op {
            type Out = $crate::kernels::lane!(@out $t, $($out)?);
            #[inline(always)]
            fn lane<M: $crate::simd::level::Madd>(_: M, ($a, $b): ($t, $t)) -> Self::Out {
                $body
            }
        }
    };
    (@impl $op:ident [$a:ident, $b:ident, $c:ident] $t:ty, [$($out:ty)?] $body:expr) => {
        impl $crate::simd::kernel::Lane<($t, $t, $t)> for $op {
            type Out = $crate::kernels::lane!(@out $t, $($out)?);
            #[inline(always)]
            fn lane<M: $crate::simd::level::Madd>(_: M, ($a, $b, $c): ($t, $t, $t)) -> Self::Out {
                $body
            }
        }
    };
    (@out $t:ty,) => { $t };
    (@out $t:ty, $out:ty) => { $out };
}
pub(crate) use lane;

/// The ufuncs of [`Math`](crate::simd::math::Math) functions of one float, good to 1 ULP; and of the complex numbers, if it is
/// [`Composed`](crate::simd::complex::Composed), to so many of the larger part.
macro_rules! math_ufuncs {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident $(+ $complex:ident to $ulps:literal)?, [$($alias:literal),*],
       $args:literal => $prints:literal;)*) => {$(
        impl $crate::typed::Takes<(f32,)> for $op {
            type Out = f32;
        }
        impl $crate::typed::Takes<(f64,)> for $op {
            type Out = f64;
        }
        $($crate::kernels::takes_complexes! { $op $complex })?
        $crate::ufunc! {
            $(#[doc = $doc])*
            $name(x) -> (y) = $op;
            loops: { floats: math<$op>; $(complexes: $complex<$op>;)? };
            examples: &[($args, $prints)];
            aliases: &[$($alias),*];
            cost: $crate::registry::Cost::Heavy;
            accuracy: $crate::registry::Accuracy::Ulp(1.0);
            $(complex: $crate::registry::Accuracy::Ulp($ulps);)?
        }
    )*};
}
pub(crate) use math_ufuncs;

/// What the typed functions of a complex function take.
macro_rules! takes_complexes {
    ($op:ident composed) => {
        impl $crate::typed::Takes<($crate::registry::Complex32,)> for $op {
            type Out = $crate::registry::Complex32;
        }
        impl $crate::typed::Takes<($crate::registry::Complex64,)> for $op {
            type Out = $crate::registry::Complex64;
        }
    };
}
pub(crate) use takes_complexes;

/// What the typed functions of a [`Math`](crate::simd::math::Math) function of two floats take: `takes_pairs! { Atan2: f32 f64 }`.
macro_rules! takes_pairs {
    ($op:ident: $($t:ty)+) => {$(
        impl $crate::typed::Takes<($t, $t)> for $op {
            type Out = $t;
        }
    )+};
}
pub(crate) use takes_pairs;

/// The typed functions of every family.
pub mod functions {
    pub use super::{
        arith::*, bitwise::*, compare::*, dates::*, division::*, explog::*, floats::*, gcd::*, hyperbolic::*,
        inverse::*, logical::*, minmax::*, power::*, predicates::*, products::*, rounding::*, trig::*,
    };
}
