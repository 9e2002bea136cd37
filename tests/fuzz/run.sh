#!/usr/bin/env bash
# Fuzzes each target named, or all, steered by coverage: `tests/fuzz/run.sh SECONDS [TARGET ...]`. What is found new is
# gathered in target/fuzz-corpus; with MERGE=1 as little of it as covers the same goes into tests/fuzz/corpus instead, which
# `make test` runs. A case that fails is left in target/fuzz-corpus as crash-*.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=$1
shift
targets=("$@")
((${#targets[@]})) || targets=(dlpack buffer resolution executor)

# Counters on every edge, and what comparisons compare: what clang does for -fsanitize=fuzzer, without a sanitizer, which
# stable Rust has not.
flags=(-Cpasses=sancov-module)
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$option")
done
triple=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${flags[*]} --cfg fuzzing" cargo build --release --manifest-path tests/fuzz/Cargo.toml --target "$triple" \
    --target-dir target/fuzz
program=target/fuzz/$triple/release/ufunx-fuzz

for target in "${targets[@]}"; do
    export UFUNX_FUZZ_TARGET=$target UFUNX_NUM_THREADS=1
    found=target/fuzz-corpus/$target
    kept=tests/fuzz/corpus/$target
    mkdir -p "$found" "$kept"
    if [[ ${MERGE:-} ]]; then
        # From nothing, so that what the rest covers goes.
        fresh=$(mktemp -d)
        "$program" -merge=1 -max_len=512 "$fresh" "$kept" "$found"
        rm -rf "$kept"
        mv "$fresh" "$kept"
        continue
    fi
    echo "== $target for $seconds s"
    "$program" -max_total_time="$seconds" -max_len=512 -print_final_stats=1 -timeout=20 \
        -artifact_prefix="$found/" "$found" "$kept"
done
