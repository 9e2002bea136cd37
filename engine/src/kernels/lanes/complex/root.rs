//! The square root.
//!
//! `t = sqrt((|x| + |z|) / 2)` is the larger part, and the smaller one is `|y| / 2t`: no step cancels.

use super::super::pair::product_rest;
use super::{power_of_2, raised};
use crate::kernels::rounding::Sqrt;
use crate::registry::{Complex64, FpFlags};
use crate::simd::complex::{Composed, Room, Split};
use crate::simd::level::{Level, Madd, Scalar};

/// Squares of larger parts overflow. Of smaller ones, if neither is larger, they vanish.
const RANGE: (f64, f64) = (power_of_2(-450), power_of_2(450));

/// The root of `x + iy`, of which one part at least is within [`RANGE`], if not both are 0, and none beyond it.
#[inline(always)]
pub(super) fn root<M: Madd>(m: M, x: f64, y: f64) -> (f64, f64) {
    let (xx, yy) = (x * x, y * y);
    let (large, small) = if xx > yy { (xx, yy) } else { (yy, xx) };
    let sum = large + small;
    let rest = (small - (sum - large)) + (product_rest(m, x, x, xx) + product_rest(m, y, y, yy));
    let size = (sum + rest).sqrt();
    let larger = (0.5 * (x.abs() + size)).sqrt();
    // The least number keeps 0/0 out; no other divisor has a place for it.
    let smaller = y.abs() / ((larger + larger) + f64::MIN_POSITIVE);
    let ahead = x >= 0.0;
    let (re, im) = if ahead { (larger, smaller) } else { (smaller, larger) };
    (re, im.copysign(y))
}

impl Composed<1> for Sqrt {
    #[inline(always)]
    fn usual([z]: [Complex64; 1]) -> bool {
        let (x, y) = (z.re.abs(), z.im.abs());
        (x <= RANGE.1) & (y <= RANGE.1) & ((x >= RANGE.0) | (y >= RANGE.0))
    }
    #[inline(always)]
    fn block<L: Level>(level: L, [z]: &mut [Split; 1], _: &mut Room) {
        let (re, im) = z.parts();
        let n = re.len();
        let im = &mut im[..n];
        for i in 0..n {
            (re[i], im[i]) = root(level.madd(), re[i], im[i]);
        }
    }
    fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
        let (x, y) = (z.re, z.im);
        let quiet = |re: f64, im: f64| (Complex64::new(re, im), FpFlags::NONE);
        match () {
            () if y.is_infinite() => quiet(f64::INFINITY, y),
            () if x.is_infinite() => match x > 0.0 {
                true => quiet(x, if y.is_nan() { y } else { 0f64.copysign(y) }),
                false => quiet(if y.is_nan() { y } else { 0.0 }, f64::INFINITY.copysign(y)),
            },
            () if x.is_nan() || y.is_nan() => quiet(f64::NAN, f64::NAN),
            () if x == 0.0 && y == 0.0 => quiet(0.0, y),
            () => {
                let z = root_of(x, y);
                (z, raised(z))
            }
        }
    }
}

/// The root of finite numbers.
pub(super) fn root_of(x: f64, y: f64) -> Complex64 {
    let (up, down) = match x.abs().max(y.abs()) {
        most if most > RANGE.1 => (power_of_2(-600), power_of_2(300)),
        most if most < RANGE.0 => (power_of_2(600), power_of_2(-300)),
        _ => (1.0, 1.0),
    };
    let (re, im) = root(Scalar.madd(), x * up, y * up);
    Complex64::new(re * down, im * down)
}
