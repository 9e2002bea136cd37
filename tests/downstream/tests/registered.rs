//! The crate's ufuncs are in the engine's table, and every method works on them.

use ndarray::{Array1, Array2, ArrayD, array};
use ufunx::registry::{DType, FpFlags};
use ufunx::{CallOptions, Isa, ReduceOptions, View};
use ufunx_downstream::{div_rem_euclid, div_rem_euclid_into, hypot2, pairwise_distance, sigmoid};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 4.0 * f64::EPSILON * b.abs()
}

#[test]
fn they_are_in_the_table_beside_the_engines() {
    let table = ufunx::table();
    assert!(table.errors().is_empty(), "{:?}", table.errors());
    for name in ["sigmoid", "div_rem_euclid", "hypot2", "pairwise_distance", "add", "sqrt"] {
        assert_eq!(table.get(name).unwrap().name, name);
    }
    assert_eq!(ufunx::ufunc("euclid2").unwrap().name(), "hypot2");
    assert_eq!(ufunx::ufunc("div_rem_euclid").unwrap().nout(), 2);
}

#[test]
fn they_broadcast_promote_and_run_at_every_level() {
    let x: Array1<f64> = (0..5000).map(|i| f64::from(i) / 500.0 - 5.0).collect();
    let expected: Vec<f64> = x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    for isa in Isa::ALL {
        ufunx::cap_isa(isa);
        let typed = sigmoid(&x).unwrap();
        assert!(typed.iter().zip(&expected).all(|(a, b)| close(*a, *b)), "at {isa:?}");
    }
    ufunx::cap_isa(Isa::V4);
    let ints = array![[-1i32, 0, 1]];
    let called = ufunx::ufunc("sigmoid").unwrap().call(&[View::from(&ints).into()], &CallOptions::default());
    let y = called.unwrap().one();
    assert_eq!((y.dtype(), y.shape()), (DType::F64, &[1, 3][..]));
    assert_eq!(y.to_ndarray::<f64>().unwrap()[[0, 1]], 0.5);
    let c = hypot2(&array![[3.0], [5.0]], &array![4.0, 12.0]).unwrap();
    assert_eq!((c[[0, 0]], c[[1, 1]]), (5.0, 13.0));
}

#[test]
fn they_have_two_outputs() {
    let (a, b) = (array![7i64, -7, 7, i64::MIN, 3], array![2i64, 2, -2, -1, 0]);
    let f = ufunx::ufunc("div_rem_euclid").unwrap();
    let called = f.call(&[View::from(&a).into(), View::from(&b).into()], &CallOptions::default()).unwrap();
    assert_eq!(called.report.flags, FpFlags::NONE);
    assert_eq!(called.outputs[0].to_ndarray::<i64>().unwrap(), array![3, -4, -3, i64::MIN, 0].into_dyn());
    assert_eq!(called.outputs[1].to_ndarray::<i64>().unwrap(), array![1, 1, 1, 0, 0].into_dyn());
    assert!(f.reduce(&a, &ReduceOptions::default()).is_err());
    let (quotient, remainder) = div_rem_euclid(&array![[7i32, -7]], &array![2, -2]).unwrap();
    assert_eq!((quotient, remainder), (array![[3, 4]], array![[1, 1]]));
    let (mut quotient, mut remainder) = (array![0i64, 0], array![0i64, 0]);
    div_rem_euclid_into(&array![9i64, -9], 4i64, &mut quotient, &mut remainder).unwrap();
    assert_eq!((quotient, remainder), (array![2, -3], array![1, 3]));
}

#[test]
fn they_reduce_accumulate_and_update() {
    let f = ufunx::ufunc("hypot2").unwrap();
    let ones = Array1::<f64>::ones(100_000);
    let root = |n: f64| n.sqrt();
    let reduced = f.reduce(&ones, &ReduceOptions::default()).unwrap().one().item::<f64>().unwrap();
    assert!((reduced - root(1e5)).abs() < 1e-9, "{reduced}");
    let running = f.accumulate(&ones, 0, None).unwrap().one();
    let running = running.to_ndarray::<f64>().unwrap();
    assert!((0..100).all(|i| (running[i] - root(i as f64 + 1.0)).abs() < 1e-12));
    let slices = f.reduceat(&ones, &[0, 4, 99_999], 0, None).unwrap().one();
    assert_eq!(slices.to_ndarray::<f64>().unwrap()[0], 2.0);
    let empty = f.reduce(&Array1::<f64>::zeros(0), &ReduceOptions::default()).unwrap().one();
    assert_eq!(empty.item::<f64>().unwrap(), 0.0);
    let mut target = array![3.0, 0.0];
    let fours = array![4.0, 1.0];
    f.at(&mut (&mut target).into(), &[0, 1], Some((&fours).into())).unwrap();
    assert_eq!(target, array![5.0, 1.0]);
}

#[test]
fn they_compute_over_core_axes() {
    let a = array![[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]];
    let b = array![[[0.0, 0.0], [6.0, 8.0]], [[3.0, 0.0], [0.0, 4.0]]];
    let f = ufunx::ufunc("pairwise_distance").unwrap();
    let first = a.slice(ndarray::s![..2, ..]);
    let inputs = [View::from(&first).into(), View::from(&b).into()];
    let y = f.call(&inputs, &CallOptions::default()).unwrap().one();
    assert_eq!(
        y.into_ndarray::<f64>().unwrap(),
        array![[[0.0, 10.0], [5.0, 5.0]], [[3.0, 4.0], [4.0, 3.0]]].into_dyn()
    );
    // Integers are cast, a column-major operand is read where it lies.
    let (ints, turned) = (array![[0i32, 0]], a.t().as_standard_layout().to_owned());
    let y: ArrayD<f64> = pairwise_distance(&ints, &turned.t()).unwrap();
    assert_eq!(y, array![[0.0, 5.0, 2f64.sqrt()]].into_dyn());
    let said = pairwise_distance::<f64>(&a, &Array2::<f64>::zeros((2, 3))).unwrap_err().to_string();
    assert!(said.contains("core dimension 1") && said.contains("(n,k),(m,k)->(n,m)"), "{said}");
    // Rows of the result are threads' work.
    let many = Array2::from_shape_fn((700, 30), |(i, k)| (i * 31 + k * 7) as f64 / 10.0);
    let run = || pairwise_distance::<f64>(&many, &many).unwrap();
    assert_eq!(ufunx::with_threads(1, run), ufunx::with_threads(4, run));
}
