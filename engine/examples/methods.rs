//! Every method, by name, on arrays of any dtype.
//!
//! `cargo run --release -p ufunx --example methods`

use ndarray::{Array1, Array2, array};
use ufunx::{Axes, CallOptions, DType, Initial, Input, ReduceOptions, Scalar, View, ViewMut, ufunc};

fn main() -> Result<(), ufunx::Error> {
    let add = ufunc("add")?;
    let maximum = ufunc("maximum")?;
    let a = array![[1i32, 5, 2], [4, 3, 6]];

    // call: broadcasting, a number that adapts to the array's dtype, the dtype to compute in, where to compute.
    let sum = add.call(&[Input::from(&a), Scalar::Int(10).into()], &CallOptions::default())?.one();
    println!("add(a, 10)            {} {}", sum.dtype(), sum.to_ndarray::<i32>()?);
    let in_f64 = CallOptions { dtype: Some(DType::F64), ..CallOptions::default() };
    println!("  in f64              {}", add.call(&[(&a).into(), (&a).into()], &in_f64)?.one().dtype());
    let mask = array![true, false, true];
    let mut kept = Array2::<i32>::zeros((2, 3));
    let masked = CallOptions { mask: Some(View::from(&mask)), ..CallOptions::default() };
    add.call_into(&[(&a).into(), (&a).into()], &mut [ViewMut::from(&mut kept)], &masked)?;
    println!("  where the mask is   {kept}");

    // reduce: one axis, several, all; where to start.
    let columns = maximum.reduce(&a, &ReduceOptions::default())?.one();
    println!("maximum.reduce        {}", columns.to_ndarray::<i32>()?);
    let all =
        ReduceOptions { axis: Axes::All, initial: Initial::Value(Scalar::Int(100)), ..Default::default() };
    println!("add.reduce from 100   {}", add.reduce(&a, &all)?.one().item::<i64>()?);

    // accumulate, reduceat, outer.
    println!("add.accumulate        {}", add.accumulate(&a, 1, None)?.one().to_ndarray::<i64>()?);
    println!("add.reduceat [0, 1]   {}", add.reduceat(&a, &[0, 1], 1, None)?.one().to_ndarray::<i64>()?);
    let row = array![1i32, 2];
    println!(
        "add.outer             {}",
        add.outer(&row, &row, &CallOptions::default())?.one().to_ndarray::<i32>()?
    );

    // at: an index given twice counts twice.
    let mut counts = Array1::<i64>::zeros(3);
    add.at(&mut ViewMut::from(&mut counts), &[0, 2, 2, -1], Some(Scalar::Int(1).into()))?;
    println!("add.at                {counts}");

    // What went wrong on the way, IEEE-wise.
    let divide = ufunc("divide")?;
    let called = divide.call(&[(&array![1.0]).into(), (&array![0.0]).into()], &CallOptions::default())?;
    println!("divide(1, 0)          {} raised {:?}", called.outputs[0].item::<f64>()?, called.report.flags);

    // Threads are a setting of the process, or of a piece of code.
    let large = Array1::<f64>::ones(1 << 20);
    let total = ufunx::with_threads(2, || add.reduce(&large, &ReduceOptions::default()))?.one();
    println!("with two threads      {}", total.item::<f64>()?);
    Ok(())
}
