#!/usr/bin/env bash
# The least versions of dependencies that Cargo.toml names are enough: the crates are checked with those.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}/minimal-versions
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy"
# The option is not stable, and needs no other compiler.
RUSTC_BOOTSTRAP=1 cargo update --quiet -Z direct-minimal-versions
CARGO_TARGET_DIR=$target cargo check --quiet -p ufunx-registry -p ufunx -p ufunx-python
