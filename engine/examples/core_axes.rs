//! A ufunc over whole axes, as docs/extend.md has it.
//!
//! `cargo run --release -p ufunx --example core_axes`

use ufunx::registry::{FpFlags, FpReport};
use ufunx::simd::core::{CoreFunction, Operands, core_loop};
use ufunx::simd::level::Level;

/// The distance of each point from each.
pub struct PairwiseDistance;

impl CoreFunction for PairwiseDistance {
    type In = (f64, f64);
    type Out = f64;
    const FP: FpReport = FpReport::Hardware; // the CPU's flags are right
    #[inline(always)]
    fn run<L: Level>(_: L, on: &Operands<'_>) -> FpFlags {
        let (a, b, mut y) = (on.input::<f64, 2>(0), on.input::<f64, 2>(1), on.output::<f64, 2>(0));
        for i in 0..a.shape()[0] {
            for j in 0..b.shape()[0] {
                let square = |k| (a.get([i, k]) - b.get([j, k])).powi(2);
                y.set([i, j], (0..a.shape()[1]).map(square).sum::<f64>().sqrt());
            }
        }
        FpFlags::NONE
    }
}

ufunx::ufunc! {
    /// The distance of each point of the first array from each of the second.
    pairwise_distance(a, b) -> (distance) over "(n,k),(m,k)->(n,m)";
    loops: &[&[core_loop::<PairwiseDistance>()]];
    divisible: &["n", "m"]; // any stretch of them is computed by itself, so threads may share them
}

fn main() -> Result<(), ufunx::Error> {
    let (a, b) = (ndarray::array![[0.0, 0.0], [3.0, 4.0]], ndarray::array![[0.0, 0.0]]);
    let y: ndarray::ArrayD<f64> = pairwise_distance(&a, &b)?;
    println!("{y}");
    Ok(())
}
