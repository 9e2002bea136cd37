//! libFuzzer over one of `ufunx_tests::fuzz`'s targets, which `UFUNX_FUZZ_TARGET` names. `tests/fuzz/run.sh` builds and
//! runs it.
#![no_main]

use std::sync::LazyLock;
use ufunx_tests::fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("UFUNX_FUZZ_TARGET").unwrap_or_default();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    match TARGETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, target)) => *target,
        None => panic!("UFUNX_FUZZ_TARGET is '{wanted}', it must be one of {}", names.join(", ")),
    }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
