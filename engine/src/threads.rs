//! Threads: a pool of our own, started by the first call that is worth it.
//!
//! How many threads a call may use is a setting (`UFUNX_NUM_THREADS` or the cores the process may use; [`set_num_threads`]
//! for all threads, [`with_threads`] for one), how many it is worth is its work's. The pool has as many workers as the
//! setting ever asked for, and a call worth fewer uses fewer of them. Where no thread can be started, the calling one does
//! the work.
//!
//! A pool does not survive a fork: its threads are gone in the child while its queues look alive. The fork's handlers hold
//! the pool's lock across it and make the child forget the pool; the child starts its own.

use crate::environment;
use crate::program::{self, Raised};
use crate::registry::Cost;
use crate::tuning::elements_per_thread;
use rayon::prelude::*;
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

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
    let n = environment::threads().unwrap_or_else(cores);
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
    with_local_threads(n, f)
}

/// The same, but with 0 this thread's calls use as many as every other's. For hosts with settings of their own.
pub fn with_local_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LOCAL.set(self.0);
        }
    }
    let _restore = Restore(LOCAL.replace(n));
    f()
}

/// Threads that so much work uses: those it is worth, and may have. Work started on a pool's thread stays there.
pub fn threads_for(elements: usize, cost: Cost) -> usize {
    let worth = elements / elements_per_thread(cost);
    if worth < 2 || inside_pool() { 1 } else { num_threads().min(worth) }
}

/// Whether this thread is one of a pool's.
pub fn inside_pool() -> bool {
    rayon::current_thread_index().is_some()
}

/// Runs `task(0..count)` on so many threads at most and joins the results by `join`, in any order.
pub fn run_tasks<R: Send>(
    count: usize,
    threads: usize,
    task: impl Fn(usize) -> R + Sync,
    join: impl Fn(R, R) -> R + Sync + Send,
    empty: impl Fn() -> R + Sync + Send,
) -> R {
    let next = AtomicUsize::new(0);
    // What programs note on the thread that runs them is the calling thread's to know.
    let noted = Mutex::new(vec![]);
    let task = |i| {
        let result = task(i);
        if let Some(raised) = program::take_noted() {
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(raised);
        }
        result
    };
    let take_turns = |_| {
        let mut result = empty();
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                i if i < count => result = join(result, task(i)),
                _ => return result,
            }
        }
    };
    let result = match pool(threads) {
        Some(pool) => pool
            .install(|| (0..threads).into_par_iter().with_max_len(1).map(take_turns).reduce(&empty, &join)),
        None => take_turns(0),
    };
    noted.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().for_each(Raised::hand_over);
    result
}

/// The threads that a piece of work may still take for parts of itself.
#[derive(Debug)]
pub struct Helpers(AtomicUsize);

impl Helpers {
    /// None.
    pub const fn none() -> Helpers {
        Helpers(AtomicUsize::new(0))
    }

    /// Runs `f` on the pool, where its parts may take `threads` in all by [`Helpers::join`].
    pub fn lend<R: Send>(&self, threads: usize, f: impl FnOnce() -> R + Send) -> R {
        match pool(threads) {
            Some(pool) => {
                self.0.store(threads - 1, Ordering::Relaxed);
                let result = pool.install(f);
                self.0.store(0, Ordering::Relaxed);
                result
            }
            None => f(),
        }
    }

    /// Runs both, side by side if there is a thread to spare.
    pub fn join<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if taken.is_err() {
            return (a(), b());
        }
        // Whichever is done first leaves its thread to the other's parts.
        let done = AtomicBool::new(false);
        let leave = || {
            if !done.swap(true, Ordering::Relaxed) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        };
        rayon::join(
            || {
                let result = a();
                leave();
                result
            },
            || {
                let result = b();
                leave();
                result
            },
        )
    }
}

/// The pool in use and how it came about.
struct Slot {
    pool: Option<Arc<rayon::ThreadPool>>,
    /// Workers asked for, of which there may be fewer.
    asked: usize,
    /// When fewer could be started than were asked for: not to try again before this.
    retry: Option<Instant>,
}

/// More threads than this are never started, whatever was asked for.
const MOST_THREADS: usize = 1024;

/// How long a system that had no thread to give is left alone: trying costs a call some 50 us.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The slot, guarded by `LOCKED`.
struct Guarded(UnsafeCell<Slot>);
// SAFETY: whoever touches the cell holds the lock.
unsafe impl Sync for Guarded {}

static LOCKED: AtomicBool = AtomicBool::new(false);
static POOL: Guarded = Guarded(UnsafeCell::new(Slot { pool: None, asked: 0, retry: None }));

/// Not a `Mutex`: the fork's handlers take it in one and leave it in another function.
fn lock() {
    while LOCKED.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        std::thread::yield_now();
    }
}

fn unlock() {
    LOCKED.store(false, Ordering::Release);
}

/// The pool, made where there is none or the setting asks for more workers than ever before; `None` where no thread is to
/// be had.
fn pool(threads: usize) -> Option<Arc<rayon::ThreadPool>> {
    #[cfg(unix)]
    guard_forks();
    let asked = num_threads().max(threads).min(MOST_THREADS);
    lock();
    // SAFETY: the lock is held.
    let slot = unsafe { &mut *POOL.0.get() };
    if asked > slot.asked || slot.retry.is_some_and(|at| Instant::now() >= at) {
        slot.asked = slot.asked.max(asked);
        let have = slot.pool.as_ref().map_or(1, |pool| pool.current_num_threads());
        let built = build(slot.asked, have);
        let enough = built.as_ref().is_some_and(|pool| pool.current_num_threads() == slot.asked);
        slot.retry = if enough { None } else { Some(Instant::now() + RETRY_AFTER) };
        if built.is_some() {
            slot.pool = built;
        }
    }
    let pool = slot.pool.clone();
    unlock();
    pool
}

/// A pool of `asked` workers, or of half as many and so on where those cannot be started, but of more than `have`.
fn build(asked: usize, have: usize) -> Option<Arc<rayon::ThreadPool>> {
    let sizes = std::iter::successors(Some(asked), |n| Some(n / 2)).take_while(|&n| n > have);
    let start = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("ufunx-{i}"))
            .build()
            .ok()
    };
    sizes.into_iter().find_map(start).map(Arc::new)
}

/// Has every fork from now on guarded. A fork that has begun before does not know of the guard, so a host that may fork while
/// its first call is made calls this before, as the bindings do at their import.
#[cfg(unix)]
pub fn guard_forks() {
    static ONCE: Once = Once::new();
    extern "C" fn before() {
        lock();
    }
    extern "C" fn in_parent() {
        unlock();
    }
    extern "C" fn in_child() {
        // SAFETY: the lock is held since `before`. The pool's threads do not exist here: to drop it would talk to them.
        let slot = unsafe { &mut *POOL.0.get() };
        std::mem::forget(slot.pool.take());
        (slot.asked, slot.retry) = (0, None);
        unlock();
    }
    // SAFETY: the handlers touch nothing but the lock and what it guards, and neither allocate nor free.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child));
    });
}
