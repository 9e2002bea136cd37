//! Embedding in ten lines: typed calls, broadcasting, a ufunc by name.
//!
//! `cargo run --release -p ufunx --example embed`

use ndarray::array;

fn main() -> Result<(), ufunx::Error> {
    let a = array![[0.0, 1.0, 4.0], [9.0, 16.0, 25.0]];
    let roots = ufunx::sqrt(&a)?; // Array2<f64>
    let shifted = ufunx::add(&roots, 0.5)?; // with a number
    let large = ufunx::greater(&shifted, &array![1.0, 2.0, 3.0])?; // broadcast; Array2<bool>
    let add = ufunx::ufunc("add")?;
    let total =
        add.reduce(&shifted, &ufunx::ReduceOptions { axis: ufunx::Axes::All, ..Default::default() })?;
    println!("{roots}\n{large}\nsum {}", total.one().item::<f64>()?);
    Ok(())
}
