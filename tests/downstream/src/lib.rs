//! A crate that adds ufuncs of its own, as a user of ufunx would: a function of one float, one with two outputs, a
//! binary one that reduces, and one over core axes. It depends on `ufunx` alone.

use ufunx::registry::{Accuracy, Cost, FpFlags, FpReport, Identity};
use ufunx::simd::classes::{One, Reduces, raising, reducing};
use ufunx::simd::core::{CoreFunction, Operands, core_loop};
use ufunx::simd::fold::ByLanes;
use ufunx::simd::kernel::{Lane, Quiet, Raises, UpToV3, lane_loop};
use ufunx::simd::level::{Level, Madd};
use ufunx::ufunc;

/// x -> 1 / (1 + e^-x)
pub struct Sigmoid;

impl Lane<(f64,)> for Sigmoid {
    type Out = f64;
    #[inline(always)]
    fn lane<M: Madd>(_: M, (x,): (f64,)) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }
}
impl Lane<(f32,)> for Sigmoid {
    type Out = f32;
    #[inline(always)]
    fn lane<M: Madd>(m: M, (x,): (f32,)) -> f32 {
        Sigmoid::lane(m, (x as f64,)) as f32
    }
}

ufunc! {
    /// The logistic function, element-wise.
    sigmoid(x) -> (y) = Sigmoid;
    loops: &[&raising::floats::<One, Sigmoid>()];
    cost: Cost::Heavy;
    accuracy: Accuracy::Ulp(4.0);
}

/// Quotient and remainder, the remainder never negative; by zero, both are 0.
pub struct DivRemEuclid;

macro_rules! div_rem_euclid {
    ($($t:ty),*) => {$(
        impl Lane<($t, $t)> for DivRemEuclid {
            type Out = ($t, $t);
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($t, $t)) -> ($t, $t) {
                match b {
                    0 => (0, 0),
                    b => (a.wrapping_div_euclid(b), a.wrapping_rem_euclid(b)),
                }
            }
        }
    )*};
}
div_rem_euclid! { i32, i64 }

ufunc! {
    /// Euclidean quotient and remainder of integers, element-wise.
    div_rem_euclid(a, b) -> (quotient, remainder) = DivRemEuclid;
    loops: &[&[
        lane_loop::<DivRemEuclid, (i32, i32), Quiet, UpToV3>(),
        lane_loop::<DivRemEuclid, (i64, i64), Quiet, UpToV3>(),
    ]];
    cost: Cost::Medium;
}

/// The root of the sum of two squares, without care for overflow.
pub struct Hypot2;

impl Lane<(f32, f32)> for Hypot2 {
    type Out = f32;
    #[inline(always)]
    fn lane<M: Madd>(_: M, (a, b): (f32, f32)) -> f32 {
        (a * a + b * b).sqrt()
    }
}
impl Lane<(f64, f64)> for Hypot2 {
    type Out = f64;
    #[inline(always)]
    fn lane<M: Madd>(_: M, (a, b): (f64, f64)) -> f64 {
        (a * a + b * b).sqrt()
    }
}
impl Reduces<f32> for Hypot2 {
    type Report = Raises;
    type Fold = ByLanes<Hypot2>;
}
impl Reduces<f64> for Hypot2 {
    type Report = Raises;
    type Fold = ByLanes<Hypot2>;
}

ufunc! {
    /// The root of the sum of two squares, element-wise.
    hypot2(a, b) -> (c) = Hypot2;
    loops: &[&reducing::floats::<Hypot2>()];
    identity: Identity::Zero;
    reorderable: true;
    aliases: &["euclid2"];
    cost: Cost::Medium;
    accuracy: Accuracy::Ulp(2.0);
}

/// The distance of each point from each.
pub struct PairwiseDistance;

impl CoreFunction for PairwiseDistance {
    type In = (f64, f64);
    type Out = f64;
    const FP: FpReport = FpReport::Hardware;
    #[inline(always)]
    fn run<L: Level>(_: L, on: &Operands<'_>) -> FpFlags {
        let (a, b, mut y) = (on.input::<f64, 2>(0), on.input::<f64, 2>(1), on.output::<f64, 2>(0));
        for i in 0..a.shape()[0] {
            for j in 0..b.shape()[0] {
                let mut square = 0.0;
                for k in 0..a.shape()[1] {
                    let d = a.get([i, k]) - b.get([j, k]);
                    square += d * d;
                }
                y.set([i, j], square.sqrt());
            }
        }
        FpFlags::NONE
    }
}

ufunc! {
    /// The distance of each point of the first array from each of the second.
    pairwise_distance(a, b) -> (distance) over "(n,k),(m,k)->(n,m)";
    loops: &[&[core_loop::<PairwiseDistance>()]];
    divisible: &["n", "m"];
    cost: Cost::Medium;
    examples: &[("[[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]", "array([[5., 1.]])")];
    accuracy: Accuracy::Sums;
}
