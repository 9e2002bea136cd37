//! A ufunc of one's own, as docs/rust.md has it.
//!
//! `cargo run --release -p ufunx --example double`

use ufunx::simd::classes::One;
use ufunx::simd::kernel::Lane;
use ufunx::simd::level::Madd;

/// Twice the value.
pub struct Double;

impl Lane<(f32,)> for Double {
    type Out = f32;
    #[inline(always)]
    fn lane<M: Madd>(_: M, (x,): (f32,)) -> f32 {
        x + x
    }
}

impl Lane<(f64,)> for Double {
    type Out = f64;
    #[inline(always)]
    fn lane<M: Madd>(_: M, (x,): (f64,)) -> f64 {
        x + x
    }
}

ufunx::ufunc! {
    /// Twice the value, element-wise.
    double(x) -> (y) = Double;
    loops: { floats: quiet<One, Double>; };
}

fn main() -> Result<(), ufunx::Error> {
    println!("{}", double(&ndarray::array![1.0, 2.5])?);
    Ok(())
}
