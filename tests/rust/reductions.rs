//! reduce, accumulate, reduceat, outer and at against the interpreter; identities, empties, axes; the exact bits of
//! pairwise sums.

use crate::common::{Complaints, guarded, seed};
use crate::layouts::{any_layout, known};
use ufunx::registry::{Accuracy, DType, Kind, LoopDef, UfuncDef, resolve_reduction};
use ufunx::{Axes, Initial, ReduceOptions, Scalar, Ufunc};
use ufunx_tests::interpret::methods;
use ufunx_tests::layouts::{Layout, random_shape, values_of};
use ufunx_tests::reference::Table;
use ufunx_tests::values::{ordinary, random};
use ufunx_tests::{Buf, Rng, Value};

/// Whether two results of a fold will do: the same, but for the rounding of sums and products in another order, and the
/// sign of a zero among extremes.
fn close(name: &str, l: &LoopDef, n: usize, expected: Value, found: Value, scale: f64) -> bool {
    // Which of several numbers with a NaN comes first depends on the order of the axes, and what its other part is.
    let is_nan = |x: Value| matches!(x, Value::Complex(re, im) if re.is_nan() || im.is_nan());
    let extreme = ["maximum", "minimum", "fmax", "fmin"].contains(&name);
    if expected.same(found) || extreme && is_nan(expected) && is_nan(found) {
        return true;
    }
    let (a, b) = match (expected, found) {
        (Value::Float(a), Value::Float(b)) => (a, b),
        (Value::Complex(..), Value::Complex(..)) => {
            let parts = |v: Value| match v {
                Value::Complex(re, im) => [re, im].map(Value::Float),
                other => [other; 2],
            };
            let mut pairs = parts(expected).into_iter().zip(parts(found));
            return pairs.all(|(a, b)| close(name, l, n, a, b, scale));
        }
        _ => return false,
    };
    match name {
        "maximum" | "minimum" | "fmax" | "fmin" => a == 0.0 && b == 0.0,
        "add" | "multiply" => {
            let epsilon = 0.5f64.powi(l.outputs[0].precision() as i32 - 1);
            (a - b).abs() <= (n + 2) as f64 * epsilon * scale.max(a.abs())
        }
        _ => false,
    }
}

/// A foldable ufunc, a dtype and a random input that its loop takes; values whose sums and products stay finite.
fn random_input(rng: &mut Rng) -> (Ufunc<'static>, Buf) {
    let exact = |def: &UfuncDef| def.accuracy == Accuracy::Exact && def.refusal.is_none();
    let foldable: Vec<_> =
        known().into_iter().filter(|def| exact(def) && def.loops().any(|l| l.is_reducible())).collect();
    loop {
        let def = *rng.pick(&foldable);
        let dtype = *rng.pick(DType::ALL);
        // A truth value of a complex number is a cast, which is not this test's.
        let resolved = resolve_reduction(def, dtype, None, None);
        if resolved.is_err() || dtype.kind() == Kind::Complex && def.truth {
            continue;
        }
        let layout = any_layout(rng);
        let mut shape = random_shape(4, rng);
        if shape.iter().product::<usize>() > 20_000 {
            shape.truncate(2);
        }
        let mut buf = Buf::new(dtype, &shape, layout, false, rng);
        let rounds = matches!(dtype.kind(), Kind::Float | Kind::Complex);
        let exact = !rounds || matches!(def.name, "maximum" | "minimum" | "fmax" | "fmin");
        let product = def.name == "multiply" && rounds;
        let mut values = Rng::new(rng.bits());
        buf.fill_with(|| match (exact, product) {
            (true, _) => random(dtype, &mut values),
            (false, true) if dtype.kind() == Kind::Complex => *values.pick(
                &[(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)].map(|(re, im)| Value::Complex(re, im)),
            ),
            (false, true) => Value::Float(*values.pick(&[1.0, -1.0, 0.5, 2.0, 1.25])),
            (false, false) => ordinary(dtype, &mut values),
        });
        return (Ufunc::from_def(def), buf);
    }
}

// Long, as a case is drawn and judged from one end to the other.
#[test]
fn random_reductions_give_what_the_interpreter_gives() {
    let mut complaints = Complaints::default();
    let cases = 4000;
    for case in 0..cases {
        let mut rng = Rng::new(seed() ^ 7 ^ (case as u64) << 20);
        let (f, input) = random_input(&mut rng);
        let l = resolve_reduction(f.def(), input.dtype, None, None).unwrap();
        let n = input.shape.len();
        let axes: Vec<usize> = match f.def().reorderable {
            true => (0..n).filter(|_| rng.one_in(2)).collect(),
            false if n == 0 => vec![],
            false => vec![rng.below(n)],
        };
        let count: usize = axes.iter().map(|&a| input.shape[a]).product();
        let mut mask = Buf::new(DType::Bool, &input.shape, any_layout(&mut rng), false, &mut rng);
        mask.fill_with(|| Value::Bool(rng.one_in(2)));
        let identity = methods::identity(f.def(), l.outputs[0]);
        let initial = if rng.one_in(3) { Some(2) } else { None };
        let masked = rng.one_in(3) && (identity.is_some() || initial.is_some());
        let start = initial.map(|i| methods_cast(i, l.outputs[0])).or(identity);
        if start.is_none() && count == 0 {
            continue;
        }
        let keepdims = rng.one_in(2);
        let options = ReduceOptions {
            axis: match (&axes[..], rng.one_in(2)) {
                ([one], true) => Axes::One(*one as isize - n as isize),
                (all, true) if all.len() == n => Axes::All,
                _ => Axes::Many(axes.iter().rev().map(|&a| a as isize).collect()),
            },
            dtype: None,
            keepdims,
            initial: initial.map_or(Initial::Default, |i| Initial::Value(Scalar::Int(i))),
            mask: masked.then(|| mask.view()),
        };
        let mask_operand = masked.then(|| mask.operand());
        let expected = methods::reduce(f.name(), l, &input.operand(), &axes, mask_operand.as_ref(), start);
        let context = || {
            let (d, s, t) = (input.dtype, &input.shape, &input.strides);
            format!(
                "case {case}: {}.reduce {d} {s:?} strides {t:?} axes {axes:?} masked {masked} initial {initial:?}",
                f.name()
            )
        };
        let verdict = guarded(|| {
            let result = f.reduce(input.view(), &options).map_err(|e| e.to_string())?.one();
            let shape: Vec<usize> = (0..n)
                .filter(|a| keepdims || !axes.contains(a))
                .map(|a| if axes.contains(&a) { 1 } else { input.shape[a] })
                .collect();
            if result.shape() != shape || result.dtype() != l.outputs[0] {
                return Err(format!("{result:?} should be {shape:?}"));
            }
            let scale = if f.name() == "add" { 32.0 * (count + 2) as f64 } else { 0.0 };
            for (i, (found, expected)) in
                values_of(result.view().operand()).into_iter().zip(&expected).enumerate()
            {
                let expected = expected.unwrap_or_else(|| unreachable!("there is a start or an element"));
                if !close(f.name(), l, count, expected, found, scale) {
                    return Err(format!("element {i} is {found:?}, not {expected:?}"));
                }
            }
            Ok(())
        });
        complaints.check(verdict, context);
    }
    complaints.finish(cases);
}

fn methods_cast(i: i128, dtype: DType) -> Value {
    ufunx_tests::interpret::cast::cast(Value::Int(i), DType::I64, dtype).0
}

// Long, as a case is drawn and judged from one end to the other.
#[test]
fn random_accumulates_reduceats_and_outers() {
    let mut complaints = Complaints::default();
    let cases = 2500;
    for case in 0..cases {
        let mut rng = Rng::new(seed() ^ 11 ^ (case as u64) << 20);
        let (f, input) = random_input(&mut rng);
        let l = resolve_reduction(f.def(), input.dtype, None, None).unwrap();
        if input.shape.is_empty() || input.len() > 4000 {
            continue;
        }
        let axis = rng.below(input.shape.len());
        let (name, operand, scale) = (f.name(), input.operand(), if f.name() == "add" { 1e3 } else { 0.0 });
        let same = |expected: &[Value], found: &ufunx::Array, exact: bool| -> Result<(), String> {
            let found = values_of(found.view().operand());
            for (i, (&a, &b)) in expected.iter().zip(&found).enumerate() {
                if if exact { !a.same(b) } else { !close(name, l, 100, a, b, scale) } {
                    return Err(format!("element {i} is {b:?}, not {a:?}"));
                }
            }
            if expected.len() == found.len() { Ok(()) } else { Err("another number of elements".to_owned()) }
        };
        let context = |what: &str| {
            format!(
                "case {case}: {name}.{what} {} {:?} {:?} axis {axis}",
                input.dtype, input.shape, input.strides
            )
        };
        // Strictly one after the other, so the bits are fixed.
        let verdict = guarded(|| {
            let called = f.accumulate(input.view(), axis as isize, None).map_err(|e| e.to_string())?;
            same(&methods::accumulate(name, l, &operand, axis), &called.one(), true)
        });
        complaints.check(verdict, || context("accumulate"));
        let n = input.shape[axis];
        let count = if n == 0 { 0 } else { rng.between(0, 6) };
        let indices: Vec<isize> = (0..count).map(|_| rng.below(n) as isize).collect();
        let verdict = guarded(|| {
            let called =
                f.reduceat(input.view(), &indices, axis as isize, None).map_err(|e| e.to_string())?;
            same(&methods::reduceat(name, l, &operand, &indices, axis), &called.one(), false)
        });
        complaints.check(verdict, || context(&format!("reduceat {indices:?}")));
        let Some(l) = f.def().loop_for(&[input.dtype; 2]) else { continue };
        let mut other =
            Buf::new(input.dtype, &random_shape(2, &mut rng), any_layout(&mut rng), false, &mut rng);
        if other.len() > 300 {
            continue;
        }
        other.fill_with(|| ordinary(input.dtype, &mut rng));
        let shape: Vec<usize> = input.shape.iter().chain(&other.shape).copied().collect();
        let operands = methods::outer_operands(&operand, &other.operand());
        let answer = ufunx_tests::interpret::call(name, l, &operands, None, l.outputs, &shape);
        let expected: Vec<Value> = answer.outputs[0].iter().map(|v| v.unwrap().value).collect();
        let verdict = guarded(|| {
            let called =
                f.outer(input.view(), other.view(), &Default::default()).map_err(|e| e.to_string())?;
            let one = called.one();
            if one.shape() != shape {
                Err(format!("shape {:?}", one.shape()))
            } else {
                same(&expected, &one, true)
            }
        });
        complaints.check(verdict, || context(&format!("outer {:?}", other.shape)));
    }
    complaints.finish(cases);
}

#[test]
fn random_updates_at_indices() {
    let mut complaints = Complaints::default();
    let cases = 2000;
    let known = known();
    for case in 0..cases {
        let mut rng = Rng::new(seed() ^ 13 ^ (case as u64) << 20);
        let def = *rng.pick(&known);
        if def.nin() > 2 {
            continue;
        }
        let dtype = *rng.pick(DType::ALL);
        let value_dtype = if rng.one_in(2) { dtype } else { *rng.pick(DType::ALL) };
        let binary = def.nin() == 2;
        let Ok(l) = ufunx::at::resolve_at(def, dtype, binary.then_some(value_dtype.into())) else { continue };
        let n = rng.between(1, 40);
        let layout = *rng.pick(&[Layout::C, Layout::Strided, Layout::Reversed, Layout::Unaligned]);
        let mut target = Buf::new(dtype, &[n], layout, true, &mut rng);
        target.fill_with(|| random(dtype, &mut rng));
        let mut indices: Vec<isize> =
            (0..rng.between(0, 60)).map(|_| rng.below(2 * n) as isize - n as isize).collect();
        if def.refusal.is_some() || def.nout() != 1 {
            continue;
        }
        if def.accuracy != Accuracy::Exact || dtype.kind() == Kind::Complex {
            // Repeated, their errors multiply.
            let mut seen = std::collections::HashSet::new();
            indices.retain(|i| seen.insert(i.rem_euclid(n as isize)));
        }
        let repeat = rng.one_in(4);
        let mut values =
            Buf::new(value_dtype, &[if repeat { 1 } else { indices.len() }], Layout::C, false, &mut rng);
        values.fill_with(|| random(value_dtype, &mut rng));
        let list = values.values();
        let given = binary.then_some((&list[..], value_dtype));
        let expected = methods::at(def.name, l, &target.values(), dtype, &indices, given);
        let verdict = guarded(|| {
            let input = binary.then(|| values.view().into());
            Ufunc::from_def(def).at(&mut target.view_mut(), &indices, input).map_err(|e| e.to_string())?;
            let expected: Vec<_> = expected.iter().map(|v| Some(*v)).collect();
            crate::layouts::compare(&expected, dtype, &target.values(), &[])
        });
        let guards = target.guards_hold();
        complaints
            .check(verdict, || format!("case {case}: {}.at {l} {dtype} {value_dtype} {indices:?}", def.name));
        assert!(guards, "case {case}: bytes beside the target's elements changed");
    }
    complaints.finish(cases);
}

#[test]
fn folds_of_functions_within_a_bound_are_their_steps() {
    let mut complaints = Complaints::default();
    let mut rng = Rng::new(seed() ^ 17);
    for def in known().into_iter().filter(|def| def.accuracy != Accuracy::Exact) {
        for l in def.loops().filter(|l| l.is_reducible() && !l.inputs[0].is_narrow_float()) {
            let (f, dtype, n) = (Ufunc::from_def(def), l.inputs[0], rng.between(2, 300));
            let mut x = Buf::of(dtype, &[n], &[]);
            x.fill_with(|| ordinary(dtype, &mut rng));
            let Ok(called) = f.accumulate(x.view(), 0, Some(dtype)) else { continue }; // it refuses some
            let running = values_of(called.one().view().operand());
            let steps = (1..n).map(|i| vec![running[i - 1], x.at(i)]);
            let [left, right] = [0, 1].map(|k| steps.clone().map(|step| step[k]).collect());
            let table = Table::of(def, l, vec![left, right]).unwrap();
            for (i, &value) in running[1..].iter().enumerate() {
                complaints.check(table.judge(0, i, value), || format!("{}.accumulate {l}", def.name));
            }
            let options = ReduceOptions { dtype: Some(dtype), ..ReduceOptions::default() };
            let reduced = values_of(f.reduce(x.view(), &options).unwrap().one().view().operand())[0];
            if !reduced.same(running[n - 1]) {
                complaints.add(format!("{}.reduce {l} is {reduced:?}, not {:?}", def.name, running[n - 1]));
            }
        }
    }
    complaints.finish(1);
}

#[test]
fn identities_and_empties() {
    for def in ufunx::table().elementwise().filter(|def| def.nin() == 2 && def.nout() == 1) {
        for l in def.loops().filter(|l| l.is_reducible()) {
            let dtype = l.inputs[0];
            let f = Ufunc::from_def(def);
            let empty = Buf::of(dtype, &[0], &[]);
            let options = ReduceOptions { dtype: Some(dtype), ..ReduceOptions::default() };
            match (f.reduce(empty.view(), &options), methods::identity(def, dtype)) {
                (Ok(called), Some(identity)) => {
                    let found = values_of(called.one().view().operand())[0];
                    assert!(
                        identity.same(found),
                        "{} {l} of nothing is {found:?}, not {identity:?}",
                        def.name
                    );
                }
                (Err(ufunx::Error::EmptyReduction { .. }), None) => {}
                (found, identity) => panic!("{} {l} of nothing is {found:?}, not {identity:?}", def.name),
            }
            // Nothing to reduce into is no error, with an identity or without.
            let none = Buf::of(dtype, &[0, 3], &[]);
            let options =
                ReduceOptions { axis: Axes::One(1), dtype: Some(dtype), ..ReduceOptions::default() };
            assert_eq!(f.reduce(none.view(), &options).unwrap().one().shape(), [0]);
            let scalar = Buf::of(dtype, &[], &[ordinary(dtype, &mut Rng::new(3))]);
            for axis in [Axes::One(0), Axes::One(-1), Axes::All] {
                let options = ReduceOptions { axis, dtype: Some(dtype), ..ReduceOptions::default() };
                let one = f.reduce(scalar.view(), &options).unwrap().one();
                assert!(values_of(one.view().operand())[0].same(scalar.values()[0]), "{} {l}", def.name);
            }
        }
    }
}
