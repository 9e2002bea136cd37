//! Numbers of dimensions at the edges: none, an empty axis, 64, and one too many.

use crate::common::ufunc;
use ufunx::registry::DType;
use ufunx::{Axes, Error, Order, ReduceOptions};
use ufunx_tests::{Buf, Value};

#[test]
fn scalars_are_arrays_without_axes() {
    let two = Buf::of(DType::F64, &[], &[Value::Float(2.0)]);
    let row = Buf::of(DType::F64, &[1, 3], &[Value::Float(1.0)]);
    for order in [Order::C, Order::F, Order::A, Order::K] {
        let options = ufunx::CallOptions { order, ..Default::default() };
        let sum = ufunc("add").call(&[two.view().into(), two.view().into()], &options).unwrap().one();
        assert_eq!((sum.shape(), sum.item::<f64>().unwrap()), (&[][..], 4.0));
        let sum = ufunc("add").call(&[two.view().into(), row.view().into()], &options).unwrap().one();
        assert_eq!(sum.shape(), [1, 3]);
        assert_eq!(sum.to_ndarray::<f64>().unwrap().sum(), 9.0);
    }
    assert_eq!(
        ufunc("add").accumulate(two.view(), 0, None).unwrap_err(),
        Error::Scalar { method: "accumulate" }
    );
}

#[test]
fn empty_arrays_go_everywhere() {
    for def in ufunx::table().elementwise() {
        for l in def.loops() {
            let inputs: Vec<Buf> = l.inputs.iter().map(|&d| Buf::of(d, &[4, 0, 2], &[])).collect();
            let views: Vec<ufunx::Input<'_>> = inputs.iter().map(|b| b.view().into()).collect();
            let options =
                ufunx::CallOptions { signature: Some(crate::common::signature(l)), ..Default::default() };
            let called = ufunx::Ufunc::from_def(def).call(&views, &options).unwrap();
            assert_eq!(called.report, ufunx::Report::default(), "{} {l}", def.name);
            for out in &called.outputs {
                assert_eq!(out.shape(), [4, 0, 2], "{} {l}", def.name);
            }
        }
    }
    let empty = Buf::of(DType::I32, &[3, 0], &[]);
    assert_eq!(ufunc("add").accumulate(empty.view(), 1, None).unwrap().one().shape(), [3, 0]);
    assert_eq!(ufunc("add").accumulate(empty.view(), 0, None).unwrap().one().shape(), [3, 0]);
    assert_eq!(ufunc("add").reduceat(empty.view(), &[], 1, None).unwrap().one().shape(), [3, 0]);
    assert_eq!(ufunc("add").reduceat(empty.view(), &[1, 0], 0, None).unwrap().one().shape(), [2, 0]);
    // As long as it would take to walk, the other axis is not.
    let nowhere = Buf::of(DType::I32, &[1 << 40, 0], &[]);
    let all = ufunx::ReduceOptions { axis: ufunx::Axes::All, ..Default::default() };
    assert_eq!(ufunc("add").reduce(nowhere.view(), &all).unwrap().one().shape(), [0; 0]);
    let row = Buf::of(DType::I32, &[2], &[Value::Int(1)]);
    assert_eq!(
        ufunc("add").outer(empty.view(), row.view(), &Default::default()).unwrap().one().shape(),
        [3, 0, 2]
    );
    ufunc("add")
        .at(&mut Buf::of(DType::I32, &[0], &[]).view_mut(), &[], Some(row.view().into()))
        .unwrap_err();
    let none = Buf::of(DType::I32, &[0], &[]);
    ufunc("add").at(&mut Buf::of(DType::I32, &[0], &[]).view_mut(), &[], Some(none.view().into())).unwrap();
}

#[test]
fn sixty_four_dimensions_work_and_one_more_does_not() {
    let mut shape = [1usize; 64];
    (shape[0], shape[20], shape[63]) = (3, 2, 5);
    let values: Vec<Value> = (0..30).map(Value::Int).collect();
    let a = Buf::of(DType::I64, &shape, &values);
    let b = Buf::of(DType::I64, &shape[20..], &values[..10]);
    let sum = ufunc("add").call(&[a.view().into(), b.view().into()], &Default::default()).unwrap().one();
    assert_eq!(sum.shape(), shape);
    let found = ufunx_tests::layouts::values_of(sum.view().operand());
    let expected: Vec<Value> = (0..30).map(|i| Value::Int(i + i % 10)).collect();
    assert_eq!(found, expected);
    let options = ReduceOptions { axis: Axes::Many(vec![0, -1]), ..Default::default() };
    let reduced = ufunc("add").reduce(a.view(), &options).unwrap().one();
    assert_eq!(reduced.shape().len(), 62);
    assert_eq!(ufunc("add").accumulate(a.view(), 63, None).unwrap().one().shape(), shape);
    let one = Buf::of(DType::I64, &[1; 65], &values);
    let too_many = Error::TooManyDims { found: 65 };
    let call = ufunc("add").call(&[one.view().into(), b.view().into()], &Default::default());
    assert_eq!(call.unwrap_err(), too_many);
    assert_eq!(
        ufunc("add")
            .outer(a.view(), Buf::of(DType::I64, &[2], &values).view(), &Default::default())
            .unwrap_err(),
        too_many
    );
}
