//! Exponentials, logarithms and the cube root: exp, exp2, expm1, log, log2, log10, log1p, cbrt. The maths is in
//! [`super::lanes`]; here is what makes ufuncs of it.

pub use super::lanes::cbrt::Cbrt;
pub use super::lanes::exp::{Exp, Exp2, Expm1};
pub use super::lanes::log::{Log, Log1p, Log2, Log10};
use crate::registry::{Accuracy, Cost};
use crate::simd::groups::{math, via};
use crate::simd::kernel::UpToV4;
use crate::simd::math::MathEach;
use crate::typed::Takes;
use crate::ufunc;

macro_rules! math_ufuncs {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident;)*) => {$(
        impl Takes<(f32,)> for $op {
            type Out = f32;
        }
        impl Takes<(f64,)> for $op {
            type Out = f64;
        }
        ufunc! {
            $(#[doc = $doc])*
            $name(x) -> (y) = $op;
            loops: [
                &via::halves::<MathEach<$op, f32>, UpToV4>(), &math::<$op>(), &via::minis::<MathEach<$op, f32>, UpToV4>(),
            ];
            cost: Cost::Heavy;
            accuracy: Accuracy::Ulp(1.0);
        }
    )*};
}

math_ufuncs! {
    /// e to the power of x, element-wise.
    exp Exp;
    /// 2 to the power of x, element-wise.
    exp2 Exp2;
    /// e to the power of x, less 1, element-wise; precise near 0.
    expm1 Expm1;
    /// Natural logarithm, element-wise.
    log Log;
    /// Logarithm to base 2, element-wise.
    log2 Log2;
    /// Logarithm to base 10, element-wise.
    log10 Log10;
    /// Natural logarithm of 1 + x, element-wise; precise near 0.
    log1p Log1p;
    /// Cube root, element-wise.
    cbrt Cbrt;
}
