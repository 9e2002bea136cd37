//! Ufuncs made at run time: every path runs their code, and they go when their owner lets them.

use std::any::Any;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use ufunx::made::closure_loop;
use ufunx::registry::{Code, DType, FpFlags, FpReport, Identity, LoopDef, Object, UfuncDef};
use ufunx::{CallOptions, Error, ReduceOptions, Ufunc, View};
use ufunx_tests::layouts::values_of;
use ufunx_tests::{Buf, Value};

/// `(a, b) -> a / 2 + b`, whose order matters.
fn halving() -> UfuncDef {
    let loops = vec![closure_loop(|(a, b): (f64, f64)| a / 2.0 + b)];
    let mut def = UfuncDef::made("halving", (&["a", "b"], &["c"]), loops);
    def.identity = Identity::Zero;
    def.reorderable = true;
    def
}

fn floats(shape: &[usize], f: impl Fn(usize) -> f64) -> Buf {
    let n = shape.iter().product();
    Buf::of(DType::F64, shape, &(0..n).map(|i| Value::Float(f(i))).collect::<Vec<_>>())
}

#[test]
fn calls_broadcast_cast_mask_and_go_to_threads() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let add = move |(a, b): (f64, f64)| {
        counter.fetch_add(1, Ordering::Relaxed);
        a + b
    };
    let def = UfuncDef::made("counted_add", (&["a", "b"], &["c"]), vec![closure_loop(add)]);
    let n = 400_000;
    let rows = Buf::of(DType::I32, &[4, 1], &[1, 2, 3, 4].map(Value::Int));
    let columns = floats(&[n], |i| i as f64);
    let inputs = || [rows.view().into(), columns.view().into()];
    let call = |options: &CallOptions<'_>| {
        ufunx::with_threads(3, || Ufunc::from_def(&def).call(&inputs(), options)).unwrap()
    };
    let called = call(&CallOptions::default());
    let expected = |i: usize| Value::Float((i / n + 1 + i % n) as f64);
    for (i, found) in values_of(called.one().view().operand()).into_iter().enumerate() {
        assert!(found.same(expected(i)), "element {i} is {found:?}");
    }
    assert_eq!(calls.swap(0, Ordering::Relaxed), 4 * n);
    let mut mask = Buf::tiled(DType::Bool, &[Value::Bool(false)], n);
    (0..n).step_by(7).for_each(|i| mask.set(i, Value::Bool(true)));
    let masked = call(&CallOptions { mask: Some(mask.view()), ..CallOptions::default() });
    let found = values_of(masked.one().view().operand());
    assert!((0..4 * n).all(|i| found[i].same(if i % n % 7 == 0 { expected(i) } else { Value::Float(0.0) })));
    assert_eq!(calls.load(Ordering::Relaxed), 4 * n.div_ceil(7));
}

#[test]
fn its_code_may_call_ufuncs() {
    // Both calls go through scratch blocks, the inner one while the outer one does.
    let inner = |(a, b): (f64, f64)| {
        let ints = Buf::of(DType::I32, &[2], &[1, 2].map(Value::Int));
        let inputs = [ints.view().into(), ufunx::Scalar::Float(a + b).into()];
        let called = ufunx::ufunc("add").unwrap().call(&inputs, &CallOptions::default()).unwrap();
        match values_of(called.one().view().operand())[1] {
            Value::Float(x) => x,
            other => panic!("{other:?}"),
        }
    };
    let def = UfuncDef::made("calling", (&["a", "b"], &["c"]), vec![closure_loop(inner)]);
    let a = Buf::of(DType::I32, &[3], &[10, 20, 30].map(Value::Int));
    let b = floats(&[3], |i| i as f64);
    let called = Ufunc::from_def(&def).call(&[a.view().into(), b.view().into()], &CallOptions::default());
    let found = values_of(called.unwrap().one().view().operand());
    assert!(found.iter().zip([12.0, 23.0, 34.0]).all(|(f, x)| f.same(Value::Float(x))), "{found:?}");
}

#[test]
fn one_is_dropped_with_what_it_holds() {
    let held = Arc::new(());
    let inside = held.clone();
    let loops = vec![closure_loop(move |(x,): (f64,)| x + Arc::strong_count(&inside) as f64)];
    let def = UfuncDef::made("holder", (&["x"], &["y"]), loops);
    let x = floats(&[3], |i| i as f64);
    let y = Ufunc::from_def(&def).call(&[x.view().into()], &CallOptions::default()).unwrap().one();
    assert!(values_of(y.view().operand())[2].same(Value::Float(4.0)));
    let again = UfuncDef::made("holder", (&["x"], &["y"]), vec![]);
    assert!(std::ptr::eq(def.name, again.name) && std::ptr::eq(def.params.0, again.params.0));
    drop(def);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_fold_is_no_sum_because_it_starts_from_zero() {
    let def = halving();
    for (rows, columns) in [(300, 40), (300, 1), (5, 40)] {
        let x = floats(&[rows, columns], |i| (i * 37 % 101) as f64);
        let reduced = Ufunc::from_def(&def).reduce(x.view(), &ReduceOptions::default()).unwrap().one();
        let running = Ufunc::from_def(&def).accumulate(x.view(), 0, None).unwrap().one();
        let (reduced, running) = (values_of(reduced.view().operand()), values_of(running.view().operand()));
        let elements = x.values();
        for column in 0..columns {
            let steps = (0..rows).map(|row| elements[row * columns + column].real());
            let expected = Value::Float(steps.fold(0.0, |a, b| a / 2.0 + b));
            let last = running[(rows - 1) * columns + column];
            assert!(reduced[column].same(expected), "{rows} x {columns}: {:?}", reduced[column]);
            assert!(last.same(expected), "{rows} x {columns}: {last:?}");
        }
    }
}

#[test]
fn flags_are_the_hardwares() {
    let divide =
        UfuncDef::made("quotient", (&["a", "b"], &["c"]), vec![closure_loop(|(a, b): (f64, f64)| a / b)]);
    let ones = floats(&[2000], |_| 1.0);
    let report = |b: &Buf| {
        let inputs: [View<'_>; 2] = [ones.view(), b.view()];
        Ufunc::from_def(&divide).call(&inputs.map(Into::into), &CallOptions::default()).unwrap().report.flags
    };
    assert_eq!(report(&ones), FpFlags::NONE);
    assert_eq!(report(&floats(&[2000], |i| f64::from(i != 1500))), FpFlags::DIVIDE);
}

#[test]
fn what_needs_the_gil_stays_on_its_thread() {
    let seen = Arc::new(Mutex::new(HashSet::<ThreadId>::new()));
    let log = seen.clone();
    let add = move |(a, b): (f64, f64)| {
        log.lock().unwrap().insert(std::thread::current().id());
        a + b
    };
    let l = LoopDef { needs_gil: true, ..closure_loop(add) };
    let def = UfuncDef::made("bound_add", (&["a", "b"], &["c"]), vec![l]);
    let x = floats(&[1000, 600], |_| 1.0);
    let f = Ufunc::from_def(&def);
    ufunx::with_threads(3, || {
        f.call(&[x.view().into(), x.view().into()], &CallOptions::default()).unwrap();
        f.reduce(x.view(), &ReduceOptions::default()).unwrap();
        f.accumulate(x.view(), 0, None).unwrap();
    });
    assert_eq!(*seen.lock().unwrap(), HashSet::from([std::thread::current().id()]));
}

/// Copies what is not negative, and refuses the rest.
unsafe fn copy_or_refuse(_: &(dyn Any + Send + Sync), args: *const *mut u8, n: usize) -> FpFlags {
    let mut flags = FpFlags::NONE;
    for i in 0..n {
        // SAFETY: a block function's promise: contiguous f64, the last operand being the output.
        unsafe {
            let (x, y) = ((*args).cast::<f64>().add(i), (*args.add(2)).cast::<f64>().add(i));
            flags |= FpFlags::REFUSED.when(*x < 0.0);
            y.write(*x);
        }
    }
    flags
}

#[test]
fn a_refused_element_is_an_error_of_every_method() {
    let code = Code::Object(Object { data: Arc::new(()), run: copy_or_refuse });
    let l = LoopDef { code, fp: FpReport::Returned, ..closure_loop(|(a, _): (f64, f64)| a) };
    let mut def = UfuncDef::made("first", (&["a", "b"], &["c"]), vec![l]);
    def.refusal = Some("negative values are not allowed");
    let f = Ufunc::from_def(&def);
    let refused = |error: Option<Error>| {
        error.is_some_and(|e| {
            e.to_string() == "negative values are not allowed" && matches!(e, Error::Refused { .. })
        })
    };
    for (n, bad) in [(7, 3), (500_000, 499_990), (3000, 0)] {
        let fine = floats(&[n], |_| 1.0);
        let x = floats(&[n], |i| if i == bad { -1.0 } else { 1.0 });
        let call = |x: &Buf| {
            let inputs = [x.view().into(), fine.view().into()];
            ufunx::with_threads(3, || f.call(&inputs, &CallOptions::default())).err()
        };
        assert!(call(&fine).is_none() && refused(call(&x)));
        let mut out = fine.clone();
        let inputs = [x.view().into(), fine.view().into()];
        assert!(refused(f.call_into(&inputs, &mut [out.view_mut()], &CallOptions::default()).err()));
        // A fold is refused where the bad element is a left operand: the first one.
        let front = floats(&[n], |i| if i == 0 { -1.0 } else { 1.0 });
        assert!(f.reduce(fine.view(), &ReduceOptions::default()).is_ok());
        assert!(refused(f.reduce(front.view(), &ReduceOptions::default()).err()));
        assert!(refused(f.accumulate(front.view(), 0, None).err()));
        assert!(refused(f.reduceat(front.view(), &[0], 0, None).err()));
        let (mut target, one) = (front.clone(), floats(&[1], |_| 1.0));
        assert!(refused(f.at(&mut target.view_mut(), &[0], Some(one.view().into())).err()));
        assert!(f.at(&mut target.view_mut(), &[1], Some(one.view().into())).is_ok());
    }
}
