//! Angles: degrees.

use super::{One, lane};
use crate::registry::Accuracy;
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
