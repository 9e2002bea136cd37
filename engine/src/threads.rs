//! Threads: a pool of our own, started at the first call that is worth it, sized by `UFUNX_NUM_THREADS` or the cores
//! the process may use.
//!
//! A pool does not survive a fork: its threads are gone in the child while its queues look alive. The child therefore
//! makes its own. The lock that guards the pool is held across the fork, so that the child never inherits it half-taken.

use rayon::prelude::*;
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};

static WANTED: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static LOCAL: Cell<usize> = const { Cell::new(0) };
}

/// Threads a call of this thread may use.
pub fn num_threads() -> usize {
    match (LOCAL.get(), WANTED.load(Ordering::Relaxed)) {
        (0, 0) => init_num_threads(),
        (0, wanted) => wanted,
        (local, _) => local,
    }
}

#[cold]
fn init_num_threads() -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
    let n = match std::env::var("UFUNX_NUM_THREADS") {
        Ok(text) if !text.is_empty() => match text.parse::<usize>() {
            Ok(n) if n > 0 => n,
            _ => panic!("UFUNX_NUM_THREADS is '{text}', it must be a whole number from 1 up"),
        },
        _ => cores(),
    };
    WANTED.store(n, Ordering::Relaxed);
    n
}

/// Sets the number of threads for every thread's calls from now on.
///
/// # Panics
/// If `n` is 0.
pub fn set_num_threads(n: usize) {
    assert!(n > 0, "the number of threads must be at least 1");
    WANTED.store(n, Ordering::Relaxed);
}

/// Runs `f` with this thread's calls using `n` threads.
///
/// # Panics
/// If `n` is 0.
pub fn with_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    assert!(n > 0, "the number of threads must be at least 1");
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LOCAL.set(self.0);
        }
    }
    let _restore = Restore(LOCAL.replace(n));
    f()
}

/// Makes this thread's calls use `n` threads from now on, or, with 0, as many as every other's; returns what was set
/// before. For hosts whose scopes are not closures.
pub fn set_local_threads(n: usize) -> usize {
    LOCAL.replace(n)
}

/// Whether this thread is one of a pool's: work started here stays here.
pub fn inside_pool() -> bool {
    rayon::current_thread_index().is_some()
}

/// Runs `task(0..count)` on the pool and joins the results by `join`, in any order.
pub fn run_tasks<R: Send>(
    count: usize,
    threads: usize,
    task: impl Fn(usize) -> R + Sync,
    join: impl Fn(R, R) -> R + Sync + Send,
    empty: impl Fn() -> R + Sync + Send,
) -> R {
    pool(threads).install(|| (0..count).into_par_iter().with_max_len(1).map(&task).reduce(&empty, &join))
}

/// Runs both on the pool this thread belongs to.
pub fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    rayon::join(a, b)
}

/// Runs `f` as a task of the pool.
pub fn install<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    pool(threads).install(f)
}

struct Pool {
    pid: u32,
    threads: usize,
    pool: Arc<rayon::ThreadPool>,
}

/// The pool in use, guarded by `LOCKED`.
struct Slot(UnsafeCell<Option<Pool>>);
// SAFETY: whoever touches the cell holds the lock.
unsafe impl Sync for Slot {}

static LOCKED: AtomicBool = AtomicBool::new(false);
static POOL: Slot = Slot(UnsafeCell::new(None));

fn lock() {
    while LOCKED.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        std::thread::yield_now();
    }
}

fn unlock() {
    LOCKED.store(false, Ordering::Release);
}

/// The pool, made anew when its size changed or the process is a fork's child.
fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    #[cfg(unix)]
    guard_forks();
    let pid = std::process::id();
    lock();
    // SAFETY: only touched here, with the lock held.
    let slot = unsafe { &mut *POOL.0.get() };
    if let Some(old) = slot.take_if(|p| p.pid != pid) {
        std::mem::forget(old); // its threads do not exist here; joining them would wait for ever
    }
    if slot.as_ref().is_none_or(|p| p.threads != threads) {
        let built = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("ufunx-{i}"))
            .build()
            .map(Arc::new);
        match built {
            Ok(pool) => *slot = Some(Pool { pid, threads, pool }),
            Err(error) => {
                unlock();
                panic!("could not start {threads} threads: {error}");
            }
        }
    }
    let pool = slot.as_ref().map(|p| p.pool.clone());
    unlock();
    pool.unwrap_or_else(|| unreachable!("made above"))
}

#[cfg(unix)]
fn guard_forks() {
    static ONCE: Once = Once::new();
    extern "C" fn before() {
        lock();
    }
    extern "C" fn after() {
        unlock();
    }
    // SAFETY: the handlers take and release a spin lock and touch nothing else.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(Some(before), Some(after), Some(after));
    });
}
