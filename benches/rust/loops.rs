//! Every loop of every ufunc, by layout and size, made from the registry. See `benches/README.md`.
//!
//!     cargo bench -p ufunx-benches --bench loops                         # a few minutes
//!     cargo bench -p ufunx-benches --bench loops -- add/f64              # of these, the ones with `add/f64` in the name
//!     UFUNX_BENCH=all cargo bench -p ufunx-benches --bench loops -- add/ # all of `add`, 10M elements too

use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};
use std::time::{Duration, Instant};
use ufunx_benches::{Case, Layout, cases};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(20))
        .measurement_time(Duration::from_millis(60))
        .nresamples(1000)
        .without_plots()
        .configure_from_args();
    let all = match std::env::var("UFUNX_BENCH") {
        Ok(what) if what == "all" => true,
        Err(std::env::VarError::NotPresent) => false,
        other => panic!("UFUNX_BENCH is {other:?}; it must be `all` or absent"),
    };
    // One thread: what a loop costs, not what the machine has.
    ufunx::set_num_threads(1);
    for case in cases().filter(|c| all || c.is_brief()) {
        let name = case.to_string();
        let (ufunc, rest) = name.split_once('/').unwrap_or_else(|| unreachable!("names have four parts"));
        let mut group = criterion.benchmark_group(ufunc);
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(case.n as u64));
        bench(&mut group, rest, &case);
        group.finish();
    }
    criterion.final_summary();
}

/// Criterion runs the closure, and so sets the case up, only if the name is asked for.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, case: &Case) {
    group.bench_function(name, |b| {
        case.run(|call, before| match case.layout {
            // The clock is read around each call: 20 to 50 ns that only the smallest sizes notice.
            Layout::Inplace => b.iter_custom(|n| {
                let mut sum = Duration::ZERO;
                for _ in 0..n {
                    before();
                    let start = Instant::now();
                    call();
                    sum += start.elapsed();
                }
                sum
            }),
            _ => b.iter(call),
        });
    });
}
