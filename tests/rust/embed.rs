//! The Rust interface, as a program that embeds the engine uses it.

use ndarray::{Array1, Array2, Array3, array, s};
use ufunx::registry::{bf16, f16};
use ufunx::{CallOptions, DType, Error, Order, ReduceOptions, View};

#[test]
fn typed_calls_return_ndarrays() -> Result<(), Error> {
    let a = array![[1.0, 4.0], [9.0, 16.0]];
    assert_eq!(ufunx::sqrt(&a)?, array![[1.0, 2.0], [3.0, 4.0]]);
    let row = array![10.0, 20.0];
    let sum: Array2<f64> = ufunx::add(&a, &row)?;
    assert_eq!(sum, array![[11.0, 24.0], [19.0, 36.0]]);
    assert_eq!(ufunx::add(&a, 0.5)?, &a + 0.5);
    assert_eq!(ufunx::subtract(1.0, &row)?, array![-9.0, -19.0]);
    let less: Array2<bool> = ufunx::less(&a, &row)?;
    assert_eq!(less, array![[true, true], [true, true]]);
    assert_eq!(ufunx::logical_not(&less)?, array![[false, false], [false, false]]);
    assert_eq!(ufunx::left_shift(&array![1u8, 2, 255], 7u8)?, array![128u8, 0, 128]);
    Ok(())
}

#[test]
fn typed_calls_take_any_view() -> Result<(), Error> {
    let a = Array3::from_shape_fn((4, 5, 6), |(i, j, k)| (i * 100 + j * 10 + k) as i32);
    let view = a.slice(s![..;-1, 1..;2, ..;3]);
    assert_eq!(ufunx::negative(&view)?, view.mapv(|x| -x));
    let t = a.view().reversed_axes();
    let doubled = ufunx::add(&t, &t)?;
    assert_eq!(doubled, &t + &t);
    assert!(doubled.t().is_standard_layout(), "the output lies as its inputs do");
    Ok(())
}

#[test]
fn typed_calls_into_and_in_place() -> Result<(), Error> {
    let a = array![1.0f32, 4.0, 9.0];
    let mut out = Array1::zeros(3);
    ufunx::sqrt_into(&a, &mut out)?;
    assert_eq!(out, array![1.0, 2.0, 3.0]);
    ufunx::multiply_inplace(&mut out, &a)?;
    assert_eq!(out, array![1.0, 8.0, 27.0]);
    ufunx::negative_inplace(&mut out.slice_mut(s![..;2]))?;
    assert_eq!(out, array![-1.0, 8.0, -27.0]);
    let error = ufunx::sqrt_into(&a, &mut Array1::<f32>::zeros(2)).unwrap_err();
    assert!(matches!(error, Error::OutputShape { .. } | Error::Broadcast { .. }), "{error}");
    assert!(matches!(ufunx::add(&a, &array![1.0f32, 2.0]), Err(Error::Broadcast { .. })));
    Ok(())
}

#[test]
fn calls_by_name_promote() -> Result<(), Error> {
    let (ints, floats) = (array![1i32, 2, 3], array![0.5f32, 0.5, 0.5]);
    let inputs = [View::from(&ints).into(), View::from(&floats).into()];
    let sum = ufunx::ufunc("add")?.call(&inputs, &CallOptions::default())?.one();
    assert_eq!(
        (sum.dtype(), sum.to_ndarray::<f64>()?.to_owned().into_raw_vec_and_offset().0),
        (DType::F64, vec![1.5, 2.5, 3.5])
    );
    let options = CallOptions { order: Order::F, dtype: Some(DType::F32), ..CallOptions::default() };
    let sum = ufunx::ufunc("add")?
        .call(&[View::from(&floats).into(), ufunx::Scalar::from(1).into()], &options)?
        .one();
    assert_eq!(sum.to_ndarray::<f32>()?, array![1.5f32, 1.5, 1.5].into_dyn());
    let total = ufunx::ufunc("add")?.reduce(&ints, &ReduceOptions::default())?.one();
    assert_eq!(total.item::<i64>()?, 6);
    let halves = array![f16::from_f32(1.5), f16::from_f32(-2.0)];
    let brains = array![bf16::from_f32(1.5), bf16::from_f32(-2.0)];
    let call = |view: View<'_>| ufunx::ufunc("absolute")?.call(&[view.into()], &CallOptions::default());
    assert_eq!(call(View::from(&halves))?.one().to_ndarray::<f16>()?[1], f16::from_f32(2.0));
    assert_eq!(call(View::from(&brains))?.one().to_ndarray::<bf16>()?[1], bf16::from_f32(2.0));
    // A number takes the dtype beside it, also one that NumPy has not.
    let inputs = [View::from(&brains).into(), ufunx::Scalar::from(1).into()];
    let sum = ufunx::ufunc("add")?.call(&inputs, &CallOptions::default())?.one();
    assert_eq!(sum.to_ndarray::<bf16>()?[0], bf16::from_f32(2.5));
    let aliases = (ufunx::ufunc("true_divide")?.name(), ufunx::ufunc("abs")?.name());
    assert_eq!(aliases, ("divide", "absolute"));
    Ok(())
}

#[test]
fn the_table_is_sound() {
    assert!(ufunx::table().errors().is_empty(), "{:?}", ufunx::table().errors());
    assert!(ufunx::table().len() >= 40, "only {} ufuncs are linked", ufunx::table().len());
    for def in ufunx::table().iter() {
        assert!(!def.doc.trim().is_empty() && def.nin() > 0 && def.nout() > 0, "{}", def.name);
    }
}
