//! Inverses of the angle functions: arcsin, arccos, arctan. The maths is in [`super::lanes`].

pub use super::lanes::arcsin::{Arccos, Arcsin};
pub use super::lanes::arctan::Arctan;
use super::math_ufuncs;

math_ufuncs! {
    /// The angle in radians whose sine is x, between -pi/2 and pi/2, element-wise.
    arcsin Arcsin + composed to 4.0, ["asin"], "[0.5, -1.0]" => "array([ 0.52359878, -1.57079633])";
    /// The angle in radians whose cosine is x, between 0 and pi, element-wise.
    arccos Arccos + composed to 4.0, ["acos"], "[0.5, 1.0]" => "array([1.04719755, 0.        ])";
    /// The angle in radians whose tangent is x, between -pi/2 and pi/2, element-wise.
    arctan Arctan + composed to 4.0, ["atan"], "[1.0, -1.0]" => "array([ 0.78539816, -0.78539816])";
}
