//! Any number of threads gives the same bits and flags; calls from several threads, from inside the pool, after a fork,
//! and where no thread can be started.

use crate::common::{emulator, in_a_process, ufunc};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::ThreadId;
use ufunx::registry::{DType, Kind};
use ufunx::threads::Helpers;
use ufunx::{Axes, CallOptions, Called, ReduceOptions, with_threads};
use ufunx_tests::layouts::{Layout, values_of};
use ufunx_tests::value::Format;
use ufunx_tests::{Buf, IsaCap, Rng, Value, values};

/// The outputs' bits, and what was raised.
fn bits(called: Called) -> (Vec<Vec<u128>>, ufunx::Report) {
    let encode = |out: &ufunx::Array| -> Vec<u128> {
        let dtype = out.dtype();
        values_of(out.view().operand()).into_iter().map(|v| ufunx_tests::value::encode(v, dtype)).collect()
    };
    (called.outputs.iter().map(encode).collect(), called.report)
}

fn alike(what: &str, run: impl Fn() -> Called) {
    let one = bits(with_threads(1, &run));
    for n in [2, 7] {
        let several = bits(with_threads(n, &run));
        assert!(one.1 == several.1, "{what} with {n} threads raises {:?}, not {:?}", several.1, one.1);
        let differs = one.0.iter().flatten().zip(several.0.iter().flatten()).position(|(a, b)| a != b);
        assert!(differs.is_none(), "{what} with {n} threads differs at {differs:?}");
    }
}

/// Any values; or, to be folded, floats near 1, whose sums and products stay finite and round at every step.
fn filled(dtype: DType, shape: &[usize], layout: Layout, special: bool) -> Buf {
    let mut rng = Rng::new(41);
    let mut buf = Buf::new(dtype, shape, layout, true, &mut Rng::new(42));
    buf.fill_with(|| match (special, dtype.kind()) {
        (true, _) => values::random(dtype, &mut rng),
        (false, Kind::Float) => Value::Float(Format::of(dtype).round(1.0 + (rng.unit() - 0.5) / 256.0)),
        (false, _) => values::ordinary(dtype, &mut rng),
    });
    buf
}

#[test]
fn calls_do_not_depend_on_the_number_of_threads() {
    let _level = IsaCap::lock(); // other tests change it, and the bits of some functions with it
    for (dtype, shape, layout) in [
        (DType::F64, &[700_001][..], Layout::C),
        (DType::F32, &[900, 801], Layout::F),
        (DType::F16, &[600_000], Layout::Strided),
        (DType::I16, &[801, 900], Layout::Reversed),
    ] {
        let (a, b) = (filled(dtype, shape, layout, true), filled(dtype, shape, Layout::C, true));
        for name in ["add", "divide", "less", "maximum"] {
            let call =
                || ufunc(name).call(&[a.view().into(), b.view().into()], &CallOptions::default()).unwrap();
            alike(&format!("{name} {dtype} {layout:?}"), call);
        }
        for name in ["sqrt", "exp", "log"] {
            if let Ok(f) = ufunx::ufunc(name) {
                alike(&format!("{name} {dtype}"), || {
                    f.call(&[a.view().into()], &CallOptions::default()).unwrap()
                });
            }
        }
    }
}

#[test]
fn folds_do_not_depend_on_the_number_of_threads() {
    let _level = IsaCap::lock();
    use Layout::{C, F, Strided};
    for (dtype, shape, layout) in [
        (DType::F64, &[800_003][..], C),
        (DType::F64, &[3, 200_001], C),
        (DType::F64, &[200_001, 3], C),
        (DType::F32, &[700, 900], F),
        (DType::F32, &[800_003], Strided),
        (DType::F16, &[700, 900], C),
        (DType::I32, &[200_001, 3], F),
        (DType::U8, &[900, 900], C),
    ] {
        let a = filled(dtype, shape, layout, false);
        for name in ["add", "multiply", "maximum", "logical_or"] {
            for axis in (0..shape.len() as isize).map(Axes::One).chain([Axes::All]) {
                let options = ReduceOptions { axis: axis.clone(), ..ReduceOptions::default() };
                let what = format!("{name}.reduce {dtype} {shape:?} {layout:?} {axis:?}");
                alike(&what, || ufunc(name).reduce(a.view(), &options).unwrap());
            }
        }
        let last = shape.len() as isize - 1;
        alike("accumulate", || ufunc("add").accumulate(a.view(), last, None).unwrap());
        let indices: Vec<isize> = (0..shape[last as usize] as isize).step_by(7_777).collect();
        alike("reduceat", || ufunc("add").reduceat(a.view(), &indices, last, None).unwrap());
    }
}

fn sum_is_right(a: &Buf) -> bool {
    let sum = ufunc("add").call(&[a.view().into(), a.view().into()], &CallOptions::default()).unwrap().one();
    let view = sum.to_ndarray::<f64>().unwrap();
    view.len() == a.len() && view.iter().all(|&x| x == 3.0)
}

#[test]
fn several_threads_may_call_at_once() {
    let a = Buf::tiled(DType::F64, &[Value::Float(1.5)], 500_000);
    std::thread::scope(|scope| {
        for n in [1, 2, 3, 4] {
            let a = &a;
            scope.spawn(move || (0..10).for_each(|_| assert!(with_threads(n, || sum_is_right(a)))));
        }
    });
}

#[test]
fn a_call_inside_the_pool_stays_in_its_thread() {
    let a = Buf::tiled(DType::F64, &[Value::Float(1.5)], 500_000);
    let task = |_| {
        assert!(ufunx::threads::inside_pool());
        let before = std::thread::current().id();
        sum_is_right(&a) && std::thread::current().id() == before
    };
    assert!(ufunx::threads::run_tasks(8, 3, task, |a, b| a && b, || true));
}

#[test]
fn the_number_of_threads_is_restored() {
    let outside = ufunx::num_threads();
    let panicked = std::panic::catch_unwind(|| with_threads(outside + 5, || panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!(ufunx::num_threads(), outside);
    assert_eq!(with_threads(3, || (ufunx::num_threads(), with_threads(2, ufunx::num_threads))), (3, 2));
    assert!(std::panic::catch_unwind(|| with_threads(0, || ())).is_err());
}

/// Has `count` tasks done on so many threads and says which threads did them.
fn workers(count: usize, threads: usize) -> HashSet<ThreadId> {
    let task = |_| HashSet::from([std::thread::current().id()]);
    ufunx::threads::run_tasks(count, threads, task, |a, b| &a | &b, HashSet::new)
}

#[test]
fn a_call_worth_fewer_threads_uses_fewer_of_the_pool() {
    for threads in [2, 3, 5] {
        let used = with_threads(8, || workers(1000, threads));
        assert!((1..=threads).contains(&used.len()), "{} of {threads}", used.len());
    }
}

#[test]
fn the_pool_is_built_once_whatever_calls_are_worth() {
    in_a_process("threads::calls_of_all_sizes_on_one_pool", &[]);
}

#[test]
#[ignore = "run by the test above in a process of its own, which has no other pool"]
fn calls_of_all_sizes_on_one_pool() {
    let seen = with_threads(8, || {
        (0..400).map(|i| workers(64, 2 + i % 4)).reduce(|a, b| &a | &b).unwrap_or_default()
    });
    assert!(seen.len() <= 8, "{} threads did the work of 8", seen.len());
    let more = with_threads(4, || workers(64, 4));
    assert!(more.is_subset(&seen) || seen.len() + more.len() <= 8, "a smaller setting built another pool");
}

#[test]
fn halves_take_the_threads_lent_and_no_more() {
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    struct Tree<'a>(&'a Helpers, &'a AtomicUsize, &'a AtomicUsize);
    impl Tree<'_> {
        fn leaves(&self, height: u32) -> usize {
            if height == 0 {
                self.2.fetch_max(self.1.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::sleep(std::time::Duration::from_micros(200));
                self.1.fetch_sub(1, SeqCst);
                return 1;
            }
            let (a, b) = self.0.join(|| self.leaves(height - 1), || self.leaves(height - 1));
            a + b
        }
    }
    for threads in [2, 3, 4] {
        most.store(0, SeqCst);
        let helpers = Helpers::none();
        let tree = Tree(&helpers, &running, &most);
        assert_eq!(with_threads(8, || helpers.lend(threads, || tree.leaves(7))), 128);
        let most = most.load(SeqCst);
        assert!((1..=threads).contains(&most), "{most} threads at once, of {threads}");
        assert_eq!((tree.leaves(2), running.load(SeqCst)), (4, 0), "outside of the loan");
    }
}

/// Runs `f` in a forked child; fails if it is false, panics or takes 30 seconds.
#[cfg(unix)]
fn in_a_fork(f: impl FnOnce() -> bool) {
    // SAFETY: the child calls the engine, whose locks are held across the fork, and leaves at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let right = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or(false);
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(if right { 0 } else { 1 }) };
    }
    assert!(child > 0, "could not fork");
    let (mut status, start) = (0, std::time::Instant::now());
    // SAFETY: waits for, and if it hangs ends, the child made above.
    unsafe {
        while libc::waitpid(child, &mut status, libc::WNOHANG) == 0 {
            if start.elapsed().as_secs() > 30 {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &mut status, 0);
                panic!("the child hangs");
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status:#x}");
}

#[cfg(unix)]
#[test]
fn a_forked_child_calls_with_threads_of_its_own() {
    let a = Buf::tiled(DType::F64, &[Value::Float(1.5)], 500_000);
    assert!(with_threads(2, || sum_is_right(&a)), "the parent's pool is up");
    in_a_fork(|| with_threads(2, || sum_is_right(&a) && sum_is_right(&a)));
    assert!(with_threads(2, || sum_is_right(&a)), "the parent goes on");
}

/// A process of a new PID namespace has number 1, as its parent may have: the first process of a container that makes
/// another.
#[cfg(target_os = "linux")]
#[test]
fn a_child_with_its_parents_pid_has_a_pool_of_its_own() {
    if !emulator().is_empty() {
        return eprintln!("not tried: under QEMU the child of another namespace fails, whatever it does");
    }
    in_a_fork(|| {
        // SAFETY: concerns the children of this process.
        if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
            eprintln!("not tried: PID namespaces may not be made here");
            return true;
        }
        in_a_fork(|| {
            let a = Buf::tiled(DType::F64, &[Value::Float(1.5)], 500_000);
            // SAFETY: as above.
            let parent =
                with_threads(2, || sum_is_right(&a)) && unsafe { libc::unshare(libc::CLONE_NEWPID) } == 0;
            in_a_fork(|| std::process::id() == 1 && with_threads(2, || sum_is_right(&a)));
            parent && std::process::id() == 1
        });
        true
    });
}

/// As in a container that has reached its limit of processes.
#[cfg(target_os = "linux")]
#[test]
fn no_thread_to_be_had_means_one() {
    let a = Buf::tiled(DType::F64, &[Value::Float(1.5)], 500_000);
    in_a_fork(|| {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: limits this child. Root is not limited, nobody is.
        unsafe {
            libc::setrlimit(libc::RLIMIT_NPROC, &none);
            if libc::geteuid() == 0 && libc::setuid(65534) != 0 {
                return false;
            }
        }
        let refused = std::thread::Builder::new().spawn(|| ()).is_err();
        let sum = || ufunc("add").reduce(a.view(), &ReduceOptions::default()).unwrap().one().item::<f64>();
        refused && with_threads(2, || sum_is_right(&a) && sum_is_right(&a) && sum() == Ok(750_000.0))
    });
}
