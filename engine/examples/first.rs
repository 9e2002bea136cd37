//! The first program of README.md and docs/rust.md: typed calls, broadcasting, a ufunc by name.
//!
//! `cargo run --release -p ufunx --example first`

use ndarray::array;

fn main() -> Result<(), ufunx::Error> {
    let a = array![[0.0, 1.0, 4.0], [9.0, 16.0, 25.0]];
    let roots = ufunx::sqrt(&a)?; // an Array2<f64>
    let large = ufunx::greater(&roots, &array![1.0, 2.0, 3.0])?; // broadcast; an Array2<bool>
    let total = ufunx::ufunc("add")?.reduce(&roots, &Default::default())?.one(); // by name, any dtype
    println!("{large}\n{}", total.to_ndarray::<f64>()?);
    Ok(())
}
