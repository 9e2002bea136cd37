//! Angles: sin, cos and tan; arctan2; degrees into radians and back. The maths is in [`super::lanes`].

pub use super::lanes::atan2::Atan2;
pub use super::lanes::periodic::{Cos, Sin, Tan};
use super::{One, lane, math_ufuncs, takes_pairs};
use crate::registry::{Accuracy, Cost};
use crate::ufunc;

math_ufuncs! {
    /// Sine of angles in radians, however large, element-wise.
    sin Sin + composed to 2.0, [], "[0.0, 0.5235987755982988]" => "array([0. , 0.5])";
    /// Cosine of angles in radians, however large, element-wise.
    cos Cos + composed to 2.0, [], "[0.0, 1.0471975511965976]" => "array([1. , 0.5])";
    /// Tangent of angles in radians, however large, element-wise.
    tan Tan + composed to 4.5, [], "[0.0, 0.7853981633974483]" => "array([0., 1.])";
}

/// The angle in degrees.
pub struct Degrees;
/// The angle in radians.
pub struct Radians;
lane! {
    // The factors are rounded and so are the products, which together errs by less than an ULP. NumPy's factors for f32 are
    // quotients of f32, of which that for degrees is itself off by 0.8 ULP.
    Degrees(a) for f32 = a * (180.0 / std::f64::consts::PI) as f32;
    Degrees(a) for f64 = a * (180.0 / std::f64::consts::PI);
    Radians(a) for f32 = a * (std::f64::consts::PI / 180.0) as f32;
    Radians(a) for f64 = a * (std::f64::consts::PI / 180.0);
}

macro_rules! angle_ufuncs {
    ($($(#[doc = $doc:literal])* $name:ident $op:ident, $args:literal => $prints:literal;)*) => {$(
        ufunc! {
            $(#[doc = $doc])*
            $name(x) -> (y) = $op;
            loops: { floats: raising<One, $op>; };
            examples: &[($args, $prints)];
            accuracy: Accuracy::Ulp(1.0);
        }
    )*};
}

angle_ufuncs! {
    /// Angles in radians as degrees, element-wise.
    degrees Degrees, "[0.0, 3.141592653589793]" => "array([  0., 180.])";
    /// Angles in degrees as radians, element-wise.
    radians Radians, "[0.0, 180.0]" => "array([0.        , 3.14159265])";
    /// Angles in degrees as radians, element-wise.
    deg2rad Radians, "[0.0, 180.0]" => "array([0.        , 3.14159265])";
    /// Angles in radians as degrees, element-wise.
    rad2deg Degrees, "[0.0, 3.141592653589793]" => "array([  0., 180.])";
}

takes_pairs! { Atan2: f32 f64 }
ufunc! {
    /// The angle of the point (x2, x1), between -pi and pi, element-wise.
    arctan2(x1, x2) -> (y) = Atan2;
    loops: { floats: math2<Atan2>; };
    examples: &[("[1.0, -1.0], [0.0, -1.0]", "array([ 1.57079633, -2.35619449])")];
    aliases: &["atan2"];
    inputs_apart: true;
    cost: Cost::Heavy;
    accuracy: Accuracy::Ulp(1.0);
}
