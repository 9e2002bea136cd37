//! Nanoseconds per element of every case, for `bench_vs_numpy.py` and other programs to read.
//!
//!     numbers [--json] [--only SUBSTRING]
//!
//! `--only` takes the cases that have the substring in their names, whichever they are; without it, a run takes the few
//! that `Case::is_brief` does. Names end in the number of threads: `add/f64/1M/contig/1t`. All that the process may use
//! are tried as well where there are at least a million elements.

use std::io::Write;
use std::time::{Duration, Instant};
use ufunx_benches::{Case, cases};

/// Time for the calls of a case, of which the fastest counts.
const BUDGET: Duration = Duration::from_millis(50);

/// Fewest calls, however long they take.
const LEAST_CALLS: usize = 3;

/// Smallest size compared with NumPy (below it, only the call is timed; see `call_overhead`).
const LEAST_ELEMENTS: usize = 10_000;

/// Smallest size at which threads could matter.
const THREADED_ELEMENTS: usize = 1_000_000;

fn main() {
    let (mut json, mut only) = (false, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.len()) {
            ("--json", _) => json = true,
            ("--only", 1..) => only = args.next(),
            _ => {
                eprintln!("usage: numbers [--json] [--only SUBSTRING]");
                std::process::exit(2);
            }
        }
    }
    let all_threads = ufunx::num_threads();
    let mut out = std::io::stdout().lock();
    for case in cases().filter(|c| c.n >= LEAST_ELEMENTS && c.is_homogeneous()) {
        let more = all_threads > 1 && case.n >= THREADED_ELEMENTS;
        for threads in std::iter::once(1).chain(more.then_some(all_threads)) {
            let name = format!("{case}/{threads}t");
            if !only.as_ref().map_or(case.is_brief(), |only| name.contains(only)) {
                continue;
            }
            let ns = ufunx::with_threads(threads, || fastest(&case)) / case.n as f64;
            let line = match json {
                true => format!("{{\"name\": \"{name}\", \"ns_per_elem\": {ns}}}"),
                false => format!("{name:45} {ns:9.3} ns"),
            };
            if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                return; // nobody reads any more
            }
        }
    }
}

/// Nanoseconds of the fastest call.
fn fastest(case: &Case) -> f64 {
    case.run(|call, before| {
        let mut best = Duration::MAX;
        let mut calls = 0;
        let end = Instant::now() + BUDGET;
        while calls < LEAST_CALLS || Instant::now() < end {
            before();
            let start = Instant::now();
            call();
            best = best.min(start.elapsed());
            calls += 1;
        }
        best.as_nanos() as f64
    })
}
