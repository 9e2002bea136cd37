//! Sums have the bits of NumPy's pairwise summation, and elsewhere are at least as accurate as NumPy's running sum.

use crate::common::{Complaints, ufunc};
use ufunx::registry::DType;
use ufunx::{Axes, ReduceOptions};
use ufunx_tests::layouts::Layout;
use ufunx_tests::value::Format;
use ufunx_tests::{Buf, Rng, Value};

/// NumPy's `pairwise_sum`: fewer than 8 one by one from -0, up to 128 by eight running sums, more in two parts.
fn pairwise(x: &[f64], round: &dyn Fn(f64) -> f64) -> f64 {
    let n = x.len();
    if n < 8 {
        return x.iter().fold(-0.0, |sum, &x| round(sum + x));
    }
    if n <= 128 {
        let mut r: [f64; 8] = std::array::from_fn(|i| x[i]);
        let whole = n - n % 8;
        for i in 8..whole {
            r[i % 8] = round(r[i % 8] + x[i]);
        }
        let left = round(round(r[0] + r[1]) + round(r[2] + r[3]));
        let right = round(round(r[4] + r[5]) + round(r[6] + r[7]));
        return x[whole..].iter().fold(round(left + right), |sum, &x| round(sum + x));
    }
    let half = n / 2 - (n / 2) % 8;
    round(pairwise(&x[..half], round) + pairwise(&x[half..], round))
}

fn sum_of(buf: &Buf) -> f64 {
    let one = ufunc("add")
        .reduce(buf.view(), &ReduceOptions { axis: Axes::All, ..Default::default() })
        .unwrap()
        .one();
    ufunx_tests::layouts::values_of(one.view().operand())[0].real()
}

fn numbers(n: usize, dtype: DType, rng: &mut Rng) -> Vec<f64> {
    let format = Format::of(dtype);
    (0..n).map(|_| format.round((rng.unit() - 0.3) * if rng.one_in(9) { 1e6 } else { 1.0 })).collect()
}

#[test]
fn one_dimensional_sums_have_numpys_bits() {
    let mut rng = Rng::new(99);
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    let large = [4096, 8191, 65_536, 65_537, 100_000, 131_072, 131_073, 262_144, 300_001, 1_000_003];
    for dtype in [DType::F64, DType::F32] {
        let format = Format::of(dtype);
        let round = |x: f64| format.round(x);
        for n in (1..2000).chain(large) {
            let x = numbers(n, dtype, &mut rng);
            let values: Vec<Value> = x.iter().map(|&x| Value::Float(x)).collect();
            // The reduction starts from the identity, to which the sum of all is added.
            let expected = round(0.0 + pairwise(&x, &round));
            let layouts =
                if !(300..=2000).contains(&n) { &[Layout::C, Layout::Strided][..] } else { &[Layout::C] };
            for &layout in layouts {
                let mut buf = Buf::new(dtype, &[n], layout, true, &mut rng);
                buf.fill(&values);
                for threads in if n > 100_000 { [1, 3] } else { [1, 1] } {
                    let found = ufunx::with_threads(threads, || sum_of(&buf));
                    checked += 1;
                    if found.to_bits() != expected.to_bits() {
                        complaints.add(format!("{dtype} {n} {layout:?}: {found:e}, NumPy {expected:e}"));
                    }
                }
            }
        }
    }
    complaints.finish(checked);
}

#[test]
fn rows_have_the_bits_of_their_own_sums() {
    let mut rng = Rng::new(98);
    for (rows, n) in [(3, 7), (5, 130), (40, 33), (7, 1000), (300, 257)] {
        let x = numbers(rows * n, DType::F64, &mut rng);
        let values: Vec<Value> = x.iter().map(|&x| Value::Float(x)).collect();
        let buf = Buf::of(DType::F64, &[rows, n], &values);
        let options = ReduceOptions { axis: Axes::One(1), ..Default::default() };
        let sums = ufunc("add").reduce(buf.view(), &options).unwrap().one();
        for (i, found) in ufunx_tests::layouts::values_of(sums.view().operand()).into_iter().enumerate() {
            let expected = 0.0 + pairwise(&x[i * n..][..n], &|x| x);
            assert_eq!(found.real().to_bits(), expected.to_bits(), "row {i} of {rows} x {n}");
        }
    }
}

#[test]
fn zeros_sum_to_plus_zero() {
    // NumPy starts from the identity, 0, and 0 + -0 is 0; reduceat has no start, so there -0 survives.
    let zeros = Buf::of(DType::F64, &[5], &[Value::Float(-0.0)]);
    assert_eq!(sum_of(&zeros).to_bits(), 0.0f64.to_bits());
    let parts = ufunc("add").reduceat(zeros.view(), &[0, 2], 0, None).unwrap().one();
    let parts = ufunx_tests::layouts::values_of(parts.view().operand());
    assert!(parts.iter().all(|v| v.real().to_bits() == (-0.0f64).to_bits()), "{parts:?}");
}

#[test]
fn slow_axes_are_no_less_accurate_than_a_running_sum() {
    let mut rng = Rng::new(97);
    for n in [1000, 20_000, 200_000] {
        let x: Vec<f64> = (0..2 * n).map(|_| Format::of(DType::F32).round(rng.unit())).collect();
        let values: Vec<Value> = x.iter().map(|&x| Value::Float(x)).collect();
        let buf = Buf::of(DType::F32, &[n, 2], &values);
        let sums = ufunc("add").reduce(buf.view(), &ReduceOptions::default()).unwrap().one();
        for (column, found) in ufunx_tests::layouts::values_of(sums.view().operand()).into_iter().enumerate()
        {
            let each = || x.iter().skip(column).step_by(2);
            let exact: f64 = each().sum(); // f32s summed in f64
            let running = each().fold(0f32, |sum, &x| sum + x as f32) as f64;
            let (ours, theirs) = ((found.real() - exact).abs(), (running - exact).abs());
            assert!(ours <= theirs.max(exact * 1e-6), "{n}: {ours} off, a running sum {theirs}");
            assert!(ours <= exact * 1e-6, "{n}: {ours} off {exact}");
        }
    }
}
