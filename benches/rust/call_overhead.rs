//! What a call costs before its first element: the typed and the dynamic interface on a few elements, beside `ndarray`'s
//! own operator. The function does not matter, so one stands for all.

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::Array1;
use std::hint::black_box;
use ufunx::{CallOptions, Input, ReduceOptions, Scalar};

fn overhead(c: &mut Criterion) {
    let options = CallOptions::default();
    for n in [1, 10, 100] {
        let a = Array1::from_elem(n, 1.5);
        let b = Array1::from_elem(n, 2.5);
        let mut out = Array1::zeros(n);
        let mut group = c.benchmark_group(format!("{n}"));
        group.bench_function("ndarray", |bench| bench.iter(|| black_box(&a) + black_box(&b)));
        group.bench_function("typed", |bench| bench.iter(|| ufunx::add(black_box(&a), black_box(&b))));
        group
            .bench_function("typed_scalar", |bench| bench.iter(|| ufunx::add(black_box(&a), black_box(2.5))));
        group.bench_function("typed_into", |bench| {
            bench.iter(|| ufunx::add_into(black_box(&a), black_box(&b), &mut out));
        });
        let add = match ufunx::ufunc("add") {
            Ok(add) => add,
            Err(error) => panic!("{error}"),
        };
        group.bench_function("dynamic", |bench| {
            bench.iter(|| add.call(&[Input::from(black_box(&a)), Input::from(black_box(&b))], &options));
        });
        group.bench_function("dynamic_scalar", |bench| {
            bench.iter(|| add.call(&[Input::from(black_box(&a)), Scalar::Float(2.5).into()], &options));
        });
        group.bench_function("dynamic_into", |bench| {
            let inputs = [Input::from(&a), Input::from(&b)];
            bench.iter(|| add.call_into(black_box(&inputs), &mut [(&mut out).into()], &options));
        });
        let whole = ReduceOptions::default();
        group.bench_function("reduce", |bench| bench.iter(|| add.reduce(black_box(&a), &whole)));
        group.finish();
    }
    c.bench_function("lookup", |bench| bench.iter(|| ufunx::ufunc(black_box("add"))));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(100))
        .measurement_time(std::time::Duration::from_millis(300))
        .without_plots();
    targets = overhead
}
criterion_main!(benches);
