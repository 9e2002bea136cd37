//! Angles: degrees and arctan2. The maths of the latter is in [`super::lanes`].

pub use super::lanes::atan2::Atan2;
use super::{One, lane};
use crate::registry::{Accuracy, Cost};
use crate::typed::Takes;
use crate::ufunc;

/// The angle in degrees.
pub struct Degrees;
lane! {
    // The factor is rounded and so is the product, which together errs by less than an ULP. NumPy's factor for f32 is a
    // quotient of f32, itself off by 0.8 ULP.
    Degrees(a) for f32 = a * (180.0 / std::f64::consts::PI) as f32;
    Degrees(a) for f64 = a * (180.0 / std::f64::consts::PI);
}
ufunc! {
    /// Angles in radians as degrees, element-wise.
    degrees(x) -> (y) = Degrees;
    loops: { floats: raising<One, Degrees>; };
    examples: &[("[0.0, 3.141592653589793]", "array([  0., 180.])")];
    accuracy: Accuracy::Ulp(1.0);
}

impl Takes<(f32, f32)> for Atan2 {
    type Out = f32;
}
impl Takes<(f64, f64)> for Atan2 {
    type Out = f64;
}
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
