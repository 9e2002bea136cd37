//! Hyperbolic functions and their inverses: sinh, cosh, tanh, arcsinh, arccosh, arctanh. The maths is in [`super::lanes`].

pub use super::lanes::arcsinh::{Arccosh, Arcsinh, Arctanh};
pub use super::lanes::sinh::{Cosh, Sinh};
pub use super::lanes::tanh::Tanh;
use super::math_ufuncs;

math_ufuncs! {
    /// Hyperbolic sine, element-wise.
    sinh Sinh + composed to 2.0, [], "[0.0, 1.0]" => "array([0.        , 1.17520119])";
    /// Hyperbolic cosine, element-wise.
    cosh Cosh + composed to 2.0, [], "[0.0, 1.0]" => "array([1.        , 1.54308063])";
    /// Hyperbolic tangent, element-wise.
    tanh Tanh + composed to 4.5, [], "[0.0, 1.0]" => "array([0.        , 0.76159416])";
    /// Inverse hyperbolic sine, element-wise.
    arcsinh Arcsinh + composed to 4.0, ["asinh"], "[0.0, 1.0]" => "array([0.        , 0.88137359])";
    /// Inverse hyperbolic cosine, element-wise.
    arccosh Arccosh + composed to 4.0, ["acosh"], "[1.0, 2.0]" => "array([0.       , 1.3169579])";
    /// Inverse hyperbolic tangent, element-wise.
    arctanh Arctanh + composed to 4.0, ["atanh"], "[0.0, -0.5]" => "array([ 0.        , -0.54930614])";
}
