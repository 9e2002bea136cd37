//! Exponentials, logarithms and the cube root: exp, exp2, expm1, log, log2, log10, log1p, cbrt; logaddexp and logaddexp2, of
//! both. The maths is in [`super::lanes`]; here is what makes ufuncs of it.

pub use super::lanes::cbrt::Cbrt;
pub use super::lanes::exp::{Exp, Exp2, Expm1};
pub use super::lanes::log::{Log, Log1p, Log2, Log10};
pub use super::lanes::logaddexp::{LogAddExp, LogAddExp2};
use super::{math_ufuncs, takes_pairs};
use crate::registry::{Accuracy, Cost, Identity};
use crate::ufunc;

math_ufuncs! {
    /// e to the power of x, element-wise.
    exp Exp + composed to 2.25, [], "[0.0, 1.0]" => "array([1.        , 2.71828183])";
    /// 2 to the power of x, element-wise.
    exp2 Exp2 + composed to 3.0, [], "[-1.0, 10.0]" => "array([5.000e-01, 1.024e+03])";
    /// e to the power of x, less 1, element-wise; precise near 0.
    expm1 Expm1 + composed to 3.0, [], "[0.0, 1e-10]" => "array([0.e+00, 1.e-10])";
    /// Natural logarithm, element-wise.
    log Log + composed to 2.0, [], "[1.0, 10.0]" => "array([0.        , 2.30258509])";
    /// Logarithm to base 2, element-wise.
    log2 Log2 + composed to 2.0, [], "[1.0, 8.0]" => "array([0., 3.])";
    /// Logarithm to base 10, element-wise.
    log10 Log10 + composed to 2.0, [], "[1.0, 1000.0]" => "array([0., 3.])";
    /// Natural logarithm of 1 + x, element-wise; precise near 0.
    log1p Log1p + composed to 2.0, [], "[0.0, 1e-10]" => "array([0.e+00, 1.e-10])";
    /// Cube root, element-wise.
    cbrt Cbrt, [], "[8.0, -27.0]" => "array([ 2., -3.])";
}

macro_rules! sums_of_exponentials {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident, $args:literal => $prints:literal;)*) => {$(
        takes_pairs! { $op: f32 f64 }
        ufunc! {
            $(#[doc = $doc])*
            $name(x1, x2) -> (y) = $op;
            loops: { floats: math2<$op>; };
            examples: &[($args, $prints)];
            identity: Identity::NegInfinity;
            reorderable: true;
            inputs_apart: true;
            cost: Cost::Heavy;
            // Where the larger operand and the logarithm beside it cancel, the latter's error stays: below 2^-58.
            accuracy: Accuracy::UlpOrOf(1.0, 0.0625);
        }
    )*};
}
sums_of_exponentials! {
    /// The logarithm of the sum of the inputs' exponentials, element-wise.
    logaddexp LogAddExp, "[0.0, 1000.0], [0.0, 1000.0]" => "array([6.93147181e-01, 1.00069315e+03])";
    /// The logarithm to base 2 of the sum of the powers of 2, element-wise.
    logaddexp2 LogAddExp2, "[0.0, 2000.0], [0.0, 2000.0]" => "array([1.000e+00, 2.001e+03])";
}
