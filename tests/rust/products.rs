//! Products of vectors and matrices against the sum of products as it is defined: every loop, level and layout, sizes that
//! straddle tiles, blocks and threads; core axes anywhere; outputs that overlap inputs; and what cannot be.

use crate::common::{Complaints, seed, ufunc};
use crate::layouts::any_layout;
use ndarray::{Array2, ArrayD, array};
use ufunx::generalized::CoreOptions;
use ufunx::registry::{Complex64, DType, FpFlags, Kind, Typed};
use ufunx::{CallOptions, Called, Error, Input, Isa, Report, Ufunc, View, with_threads};
use ufunx_tests::layouts::{Layout, for_each_index, values_of};
use ufunx_tests::value::{Format, encode, wrap};
use ufunx_tests::{Buf, IsaCap, Rng, Value};

const PRODUCTS: [&str; 4] = ["matmul", "matvec", "vecmat", "vecdot"];

/// Small whole numbers: sums of their products are exact, so that their order does not matter.
fn whole(dtype: DType, rng: &mut Rng) -> Value {
    let n = |rng: &mut Rng| rng.below(7) as f64 - 3.0;
    match dtype.kind() {
        Kind::Bool => Value::Bool(rng.one_in(6)),
        Kind::Int if dtype.is_signed() => Value::Int(wrap(rng.bits() as i64 as i128, dtype)),
        Kind::Int => Value::Int(wrap(rng.bits() as i128, dtype)),
        Kind::Float => Value::Float(n(rng)),
        Kind::Complex => Value::Complex(n(rng), n(rng)),
        #[allow(unreachable_patterns, reason = "there may be kinds that have no products")]
        _ => unreachable!("no product has loops of it"),
    }
}

/// The sum of the products of pairs.
fn sum(pairs: impl Iterator<Item = (Value, Value)>, conj: bool, dtype: DType) -> Value {
    let (mut any, mut int, mut re, mut im) = (false, 0i128, 0.0, 0.0);
    for pair in pairs {
        match pair {
            (Value::Bool(a), Value::Bool(b)) => any |= a && b,
            (Value::Int(a), Value::Int(b)) => int = wrap(int + wrap(a.wrapping_mul(b), dtype), dtype),
            (Value::Float(a), Value::Float(b)) => re += a * b,
            (Value::Complex(a, b), Value::Complex(c, d)) => {
                let b = if conj { -b } else { b };
                (re, im) = (re + a * c - b * d, im + a * d + b * c);
            }
            _ => unreachable!("of one dtype"),
        }
    }
    match dtype.kind() {
        Kind::Bool => Value::Bool(any),
        Kind::Int => Value::Int(int),
        Kind::Complex => Value::Complex(re, im),
        _ => Value::Float(Format::of(dtype).round(re) + 0.0),
    }
}

/// Rows of the first, products in a sum, columns of the second; and whether they are axes of the operands.
fn forms(name: &str) -> ([bool; 3], bool) {
    match name {
        "matmul" => ([true, true, true], false),
        "matvec" => ([true, true, false], false),
        "vecmat" => ([false, true, true], true),
        _ => ([false, true, false], true),
    }
}

/// One call's operands.
struct Trial {
    name: &'static str,
    dtype: DType,
    /// n, k, m; those that are no axes are 1.
    lengths: [usize; 3],
    loops: Vec<usize>,
    a: Buf,
    b: Buf,
}

impl Trial {
    fn new(name: &'static str, dtype: DType, lengths: [usize; 3], loops: &[usize], rng: &mut Rng) -> Trial {
        let ([rows, _, columns], _) = forms(name);
        let lengths = [if rows { lengths[0] } else { 1 }, lengths[1], if columns { lengths[2] } else { 1 }];
        let shape = |axes: &[usize], rng: &mut Rng| {
            let mut shape: Vec<usize> = loops.iter().map(|&n| if rng.one_in(4) { 1 } else { n }).collect();
            let dropped = if rng.one_in(3) { rng.below(shape.len() + 1) } else { 0 };
            shape.drain(..dropped);
            shape.extend(axes);
            shape
        };
        let [n, k, m] = lengths;
        let a = shape(&if rows { vec![n, k] } else { vec![k] }, rng);
        let b = shape(&if columns { vec![k, m] } else { vec![k] }, rng);
        let mut filled = |shape: &[usize]| {
            let mut buf = Buf::new(dtype, shape, any_layout(rng), false, rng);
            buf.fill_with(|| whole(dtype, rng));
            buf
        };
        let (a, b) = (filled(&a), filled(&b));
        let rest = |buf: &Buf, core: usize| buf.operand().shape[..buf.operand().shape.len() - core].to_vec();
        let of_a = rest(&a, 1 + usize::from(rows));
        let of_b = rest(&b, 1 + usize::from(columns));
        let ndim = of_a.len().max(of_b.len());
        let at = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(ndim).map_or(1, |i| shape[i]);
        let both = |i| match (at(&of_a, i), at(&of_b, i)) {
            (1, n) | (n, _) => n,
        };
        let loops = (0..ndim).map(both).collect();
        Trial { name, dtype, lengths, loops, a, b }
    }

    fn inputs(&self) -> [Input<'_>; 2] {
        [self.a.view().into(), self.b.view().into()]
    }

    /// What every element of the result must be, in C order.
    fn expected(&self) -> Vec<Value> {
        let ([rows, _, columns], conj) = forms(self.name);
        let [n, k, m] = self.lengths;
        let (a, b) = (self.a.values(), self.b.values());
        let (a_core, b_core) = (n * k, k * m);
        let start = |buf: &Buf, core: usize, index: &[usize]| {
            let shape = &buf.operand().shape;
            let rest = &shape[..shape.len() - core];
            let own = &index[index.len() - rest.len()..];
            rest.iter().zip(own).fold(0, |flat, (&n, &i)| flat * n + if n == 1 { 0 } else { i })
        };
        let mut all = vec![];
        for_each_index(&self.loops, |index| {
            let a_at = start(&self.a, 1 + usize::from(rows), index) * a_core;
            let b_at = start(&self.b, 1 + usize::from(columns), index) * b_core;
            for i in 0..n {
                for j in 0..m {
                    let pairs = (0..k).map(|p| (a[a_at + i * k + p], b[b_at + p * m + j]));
                    all.push(sum(pairs, conj, self.dtype));
                }
            }
        });
        all
    }

    fn describe(&self) -> String {
        let (a, b) = (self.a.operand(), self.b.operand());
        format!(
            "{} of {} {:?} in {:?} and {:?} in {:?}",
            self.name, self.dtype, a.shape, a.strides, b.shape, b.strides
        )
    }
}

fn call(f: &str, inputs: &[Input<'_>], core: CoreOptions) -> Result<Called, Error> {
    ufunc(f).call(inputs, &CallOptions { core, ..CallOptions::default() })
}

fn differs(got: &[Value], wanted: &[Value]) -> Result<(), String> {
    match got.iter().zip(wanted).position(|(g, w)| !g.same(*w)) {
        Some(i) => Err(format!("element {i} is {:?}, not {:?}", got[i], wanted[i])),
        None if got.len() != wanted.len() => Err(format!("{} elements, not {}", got.len(), wanted.len())),
        None => Ok(()),
    }
}

/// Sizes around lanes, tiles and blocks.
fn any_length(rng: &mut Rng) -> usize {
    match rng.below(10) {
        0 => rng.below(3),
        1..5 => rng.between(1, 9),
        5..8 => *rng.pick(&[7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66]),
        _ => rng.between(60, 140),
    }
}

#[test]
fn every_loop_at_every_level_in_every_layout() {
    let levels = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    levels.each(|isa| {
        let mut rng = Rng::new(seed() + 5);
        for name in PRODUCTS {
            for l in ufunc(name).def().loops() {
                for turn in 0..24 {
                    let mut lengths = [any_length(&mut rng), any_length(&mut rng), any_length(&mut rng)];
                    if turn == 0 {
                        lengths = [if rng.one_in(2) { 40 } else { 3 }, 300 + rng.below(300), 40];
                    }
                    let loops: Vec<usize> = match lengths.iter().product::<usize>() < 20_000 {
                        true => (0..rng.below(3)).map(|_| rng.below(4)).collect(),
                        false => vec![],
                    };
                    let trial = Trial::new(name, l.inputs[0], lengths, &loops, &mut rng);
                    let called = call(name, &trial.inputs(), CoreOptions::default());
                    let verdict = called.map_err(|e| e.to_string()).and_then(|called| {
                        let y = called.one();
                        differs(&values_of(y.view().operand()), &trial.expected())
                    });
                    complaints.check(verdict, || format!("{} at {isa:?}", trial.describe()));
                    checked += 1;
                }
            }
        }
    });
    complaints.finish(checked);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let _level = IsaCap::lock();
    let mut rng = Rng::new(seed() + 6);
    for (name, lengths, loops) in [
        ("matmul", [300, 270, 290], &[][..]),
        ("matmul", [97, 64, 2000], &[]),
        ("matmul", [2000, 300, 2], &[2]),
        ("matmul", [2, 3000, 700], &[]),
        ("matmul", [4, 4, 4], &[40, 1000]),
        ("matvec", [3000, 900, 1], &[]),
        ("vecmat", [1, 900, 3000], &[]),
        ("vecdot", [1, 100, 1], &[30_000]),
    ] {
        for dtype in [DType::I64, DType::F64, DType::F16, DType::C64] {
            let ([rows, _, columns], _) = forms(name);
            let [n, k, m] = lengths;
            let shape = |axes: &[(bool, usize)]| -> Vec<usize> {
                let axes = axes.iter().filter(|(there, _)| *there).map(|(_, n)| *n);
                loops.iter().copied().chain(axes).collect()
            };
            let mut filled = |shape: &[usize]| {
                let mut buf = Buf::new(dtype, shape, Layout::C, true, &mut Rng::new(1));
                let any = |rng: &mut Rng| Format::of(DType::F16).round(rng.unit() - 0.5);
                buf.fill_with(|| match dtype.kind() {
                    Kind::Int => whole(dtype, &mut rng),
                    Kind::Complex => Value::Complex(any(&mut rng), any(&mut rng)),
                    _ => Value::Float(any(&mut rng)),
                });
                buf
            };
            let (a, b) =
                (filled(&shape(&[(rows, n), (true, k)])), filled(&shape(&[(true, k), (columns, m)])));
            let run = || {
                let called = call(name, &[a.view().into(), b.view().into()], CoreOptions::default()).unwrap();
                let report = called.report;
                let y = called.one();
                let bits = values_of(y.view().operand()).into_iter().map(|v| encode(v, dtype));
                (bits.collect::<Vec<_>>(), report)
            };
            let one = with_threads(1, run);
            for threads in [2, 5] {
                assert!(
                    one == with_threads(threads, run),
                    "{name} of {dtype} {lengths:?} with {threads} threads"
                );
            }
        }
    }
}

#[test]
fn floats_are_within_the_bound_of_their_sums() {
    let _level = IsaCap::lock();
    let mut rng = Rng::new(seed() + 7);
    for (n, k, m) in [(5, 700, 9), (64, 64, 64), (1, 5000, 1), (1, 900, 70), (70, 900, 1), (130, 257, 50)] {
        let any = |shape: (usize, usize), rng: &mut Rng| Array2::from_shape_fn(shape, |_| rng.unit() - 0.5);
        let (a, b) = (any((n, k), &mut rng), any((k, m), &mut rng));
        let y: ArrayD<f64> = ufunx::matmul(&a, &b).unwrap();
        let wide = |x: f64| (x as f32) as f64;
        let (a32, b32) = (a.mapv(|x| x as f32), b.mapv(|x| x as f32));
        let y32: ArrayD<f32> = ufunx::matmul(&a32, &b32).unwrap();
        for i in 0..n {
            for j in 0..m {
                let (mut sum, mut magnitudes, mut sum32) = (0.0, 0.0, 0.0);
                for p in 0..k {
                    sum += a[[i, p]] * b[[p, j]];
                    magnitudes += (a[[i, p]] * b[[p, j]]).abs();
                    sum32 += wide(a[[i, p]]) * wide(b[[p, j]]);
                }
                let bound = |epsilon: f64| k as f64 * epsilon * magnitudes;
                assert!((y[[i, j]] - sum).abs() <= 2.0 * bound(f64::EPSILON), "f64 {n} {k} {m} at {i}, {j}");
                assert!((y32[[i, j]] as f64 - sum32).abs() <= bound(f32::EPSILON as f64), "f32 at {i}, {j}");
            }
        }
    }
}

#[test]
fn core_axes_are_where_the_call_says() {
    let a = array![[[1i64, 2], [3, 4]], [[5, 6], [7, 8]]]; // (2, 2, 2)
    let options = |axes: &[&[isize]]| CoreOptions {
        axes: Some(axes.iter().map(|a| a.to_vec()).collect()),
        ..CoreOptions::default()
    };
    let first = |i: usize| a.slice(ndarray::s![.., .., i]).to_owned();
    let y = call("matmul", &[(&a).into(), (&a).into()], options(&[&[0, 1], &[0, 1], &[0, 1]])).unwrap().one();
    let y = y.into_ndarray::<i64>().unwrap();
    assert_eq!(y.shape(), [2, 2, 2]);
    for i in 0..2 {
        let one = y.slice(ndarray::s![.., .., i]).to_owned().into_dimensionality().unwrap();
        assert_eq!(first(i).dot(&first(i)), one);
    }
    let x = array![[1i64, 2, 3], [4, 5, 6]];
    let axis = |axis, keepdims| CoreOptions { axis: Some(axis), keepdims, ..CoreOptions::default() };
    let dot =
        |options| call("vecdot", &[(&x).into(), (&x).into()], options).unwrap().one().into_ndarray::<i64>();
    assert_eq!(dot(axis(0, false)).unwrap(), array![17, 29, 45].into_dyn());
    assert_eq!(dot(axis(0, true)).unwrap(), array![[17, 29, 45]].into_dyn());
    assert_eq!(dot(axis(-1, true)).unwrap(), array![[14], [77]].into_dyn());
    let keep = CoreOptions { keepdims: true, ..options(&[&[0], &[0], &[1]]) };
    assert_eq!(dot(keep).unwrap(), array![[17], [29], [45]].into_dyn());
}

#[test]
fn what_cannot_be_is_said_as_numpy_says_it() {
    let (a, b) = (Array2::<f64>::zeros((2, 3)), Array2::<f64>::zeros((2, 3)));
    let said =
        |f: &str, a: Input<'_>, b: Input<'_>, o: CoreOptions| call(f, &[a, b], o).unwrap_err().to_string();
    let plain = CoreOptions::default;
    assert_eq!(
        said("matmul", (&a).into(), (&b).into(), plain()),
        "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature \
         (n?,k),(k,m?)->(n?,m?) (size 2 is different from 3)"
    );
    assert_eq!(
        said("matmul", (&a).into(), ufunx::Scalar::Int(1).into(), plain()),
        "matmul: Input operand 1 does not have enough dimensions (has 0, gufunc core with signature \
         (n?,k),(k,m?)->(n?,m?) requires 1)"
    );
    let keep = CoreOptions { keepdims: true, ..plain() };
    assert!(said("matmul", (&a).into(), (&a.t()).into(), keep).contains("keepdims"));
    let axis = CoreOptions { axis: Some(0), ..plain() };
    assert!(said("matmul", (&a).into(), (&a.t()).into(), axis).contains("axis"));
    let twice = CoreOptions { axes: Some(vec![vec![0, 0], vec![0, 1], vec![0, 1]]), ..plain() };
    assert!(said("matmul", (&a).into(), (&a.t()).into(), twice).contains("twice"));
    let mask = array![true];
    let masked = CallOptions { mask: Some(View::from(&mask)), ..CallOptions::default() };
    assert!(ufunc("matmul").call(&[(&a).into(), (&a.t()).into()], &masked).is_err());
    let products: Vec<Ufunc<'_>> = PRODUCTS.iter().map(|name| ufunc(name)).collect();
    for f in products {
        assert!(f.reduce(&a, &Default::default()).is_err() && f.accumulate(&a, 0, None).is_err());
        assert!(f.outer(&a, &b, &Default::default()).is_err() && f.reduceat(&a, &[0], 0, None).is_err());
        let (mut target, one) = (array![1.0], array![1.0]);
        assert!(f.at(&mut (&mut target).into(), &[0], Some((&one).into())).is_err());
    }
}

#[test]
fn outputs_may_overlap_inputs_and_have_other_dtypes() {
    let a = array![[1i64, 2], [3, 4]];
    let mut into = a.clone();
    // SAFETY: the very array, as input and output.
    let same = unsafe { View::from_operand(View::from(&into).operand().clone()) };
    ufunc("matmul")
        .call_into(&[same.clone().into(), same.into()], &mut [(&mut into).into()], &Default::default())
        .unwrap();
    assert_eq!(into, a.dot(&a));
    let mut wide = Array2::<f32>::zeros((2, 2));
    let small = a.mapv(|x| x as i16);
    ufunc("matmul")
        .call_into(&[(&small).into(), (&small).into()], &mut [(&mut wide).into()], &Default::default())
        .unwrap();
    assert_eq!(wide, array![[7.0, 10.0], [15.0, 22.0]]);
    let mixed = ufunc("matmul").call(&[(&small).into(), (&a).into()], &Default::default()).unwrap().one();
    assert_eq!(mixed.dtype(), DType::I64);
    assert!(matches!(
        ufunc("matmul").call_into(
            &[(&a).into(), (&a).into()],
            &mut [(&mut array![[1i64, 2]]).into()],
            &Default::default()
        ),
        Err(Error::CoreLength { output: true, .. })
    ));
}

#[test]
fn flags_are_raised_by_what_is_computed_alone() {
    let levels = IsaCap::lock();
    levels.each(|isa| {
        for n in [1, 3, 4, 5, 9, 35, 70] {
            let flags = |a: Array2<f64>, b: Array2<f64>| {
                let called = call("matmul", &[(&a).into(), (&b).into()], CoreOptions::default()).unwrap();
                called.report
            };
            // Where lanes are left over, infinity times what stands in them would be invalid.
            let mut b = Array2::<f64>::ones((n, n));
            b[[0, 0]] = f64::INFINITY;
            let clean = Report::default();
            assert_eq!(flags(Array2::ones((n, n)), b.clone()), clean, "{n} at {isa:?}");
            assert_eq!(flags(b.clone(), Array2::ones((n, n))), clean, "{n} at {isa:?}");
            let raised = flags(Array2::zeros((n, n)), b).flags;
            assert_eq!(raised, FpFlags::INVALID, "{n} at {isa:?}");
            let large = Array2::<f64>::from_elem((n, n), 1e200);
            assert!(flags(large.clone(), large).flags.contains(FpFlags::OVERFLOW), "{n} at {isa:?}");
        }
        let _: Isa = isa;
    });
}

#[test]
fn vectors_are_conjugated() {
    let a = array![Complex64::new(1.0, 2.0), Complex64::new(0.0, -1.0)];
    let y: ArrayD<Complex64> = ufunx::vecdot(&a, &a).unwrap();
    assert_eq!(y[[]], Complex64::new(6.0, 0.0));
    let m = array![[Complex64::new(0.0, 1.0)], [Complex64::new(1.0, 0.0)]];
    let y: ArrayD<Complex64> = ufunx::vecmat(&a, &m).unwrap();
    assert_eq!(y[[0]], Complex64::new(2.0, 2.0));
}

#[test]
fn they_resolve_as_any_other() {
    for name in PRODUCTS {
        let request = ufunx::registry::Request {
            inputs: &[Typed::Strong(DType::Bool), Typed::Strong(DType::I8)],
            outputs: &[None],
            signature: None,
            casting: ufunx::Casting::SameKind,
        };
        assert_eq!(ufunx::registry::resolve(ufunc(name).def(), &request).unwrap().to_string(), "bb->b");
    }
}
