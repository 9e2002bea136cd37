//! Our functions beside what a program on `ndarray` writes without us: its operators, `mapv`, `sum`.
//!
//!     cargo bench -p ufunx-benches --bench beside_ndarray
//!
//! A name is `{ufunc}/{dtype}/{size}/{side}`. One thread, and a new array on both sides.

use criterion::{Criterion, Throughput};
use ndarray::Array1;
use std::hint::black_box;
use std::time::Duration;
use ufunx::ReduceOptions;
use ufunx_benches::SIZES;

macro_rules! beside {
    ($c:expr, $t:ident) => {
        for (n, size) in SIZES {
            let a = Array1::from_iter((0..n).map(|i| 0.5 + (i % 1000) as $t / 500.0));
            let b = a.mapv(|x| x + 0.25);
            let (a, b) = (&a, &b);
            binary($c, "add", stringify!($t), size, (a, b), |a, b| ufunx::add(a, b), |a, b| a + b);
            binary($c, "multiply", stringify!($t), size, (a, b), |a, b| ufunx::multiply(a, b), |a, b| a * b);
            binary($c, "divide", stringify!($t), size, (a, b), |a, b| ufunx::divide(a, b), |a, b| a / b);
            unary($c, "sqrt", stringify!($t), size, a, |a| ufunx::sqrt(a), |a| a.mapv($t::sqrt));
            unary($c, "exp", stringify!($t), size, a, |a| ufunx::exp(a), |a| a.mapv($t::exp));
            unary($c, "log", stringify!($t), size, a, |a| ufunx::log(a), |a| a.mapv($t::ln));
            unary($c, "sin", stringify!($t), size, a, |a| ufunx::sin(a), |a| a.mapv($t::sin));
            unary($c, "tanh", stringify!($t), size, a, |a| ufunx::tanh(a), |a| a.mapv($t::tanh));
            let add = ufunx::ufunc("add").unwrap_or_else(|error| panic!("{error}"));
            let whole = ReduceOptions::default();
            let total = |a: &Array1<$t>| add.reduce(a, &whole);
            unary($c, "add.reduce", stringify!($t), size, a, total, |a| a.sum());
        }
    };
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(20))
        .measurement_time(Duration::from_millis(60))
        .nresamples(1000)
        .without_plots()
        .configure_from_args();
    ufunx::set_num_threads(1);
    beside!(&mut criterion, f64);
    beside!(&mut criterion, f32);
    criterion.final_summary();
}

fn unary<T, Ours, Theirs>(
    c: &mut Criterion,
    ufunc: &str,
    dtype: &str,
    size: &str,
    a: &Array1<T>,
    ours: impl Fn(&Array1<T>) -> Ours,
    theirs: impl Fn(&Array1<T>) -> Theirs,
) {
    let mut group = c.benchmark_group(format!("{ufunc}/{dtype}/{size}"));
    group.throughput(Throughput::Elements(a.len() as u64));
    group.bench_function("ufunx", |bench| bench.iter(|| ours(black_box(a))));
    group.bench_function("ndarray", |bench| bench.iter(|| theirs(black_box(a))));
    group.finish();
}

fn binary<T, Ours, Theirs>(
    c: &mut Criterion,
    ufunc: &str,
    dtype: &str,
    size: &str,
    (a, b): (&Array1<T>, &Array1<T>),
    ours: impl Fn(&Array1<T>, &Array1<T>) -> Ours,
    theirs: impl Fn(&Array1<T>, &Array1<T>) -> Theirs,
) {
    unary(c, ufunc, dtype, size, a, |a| ours(a, black_box(b)), |a| theirs(a, black_box(b)));
}
