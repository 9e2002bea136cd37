#!/usr/bin/env bash
# Builds and tests the registry, the engine and the crates on top of them where no Python can be found: an empty
# environment whose PATH holds only the tools below. The dev profile, so that a ufunc lost at link time, which LTO can
# hide, shows here.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=(cargo rustc rustdoc rustup cc gcc ld ld.lld ar as)

cargo fetch --locked
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
for tool in "${TOOLS[@]}"; do
    if path=$(type -P "$tool"); then
        ln -s "$path" "$tools/$tool"
    fi
done

bare() {
    env -i PATH="$tools" HOME="$HOME" CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" \
        RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=target/no-python "$@"
}

if bare "$BASH" -c 'type -P python || type -P python3'; then
    echo "a Python is still on the PATH" >&2
    exit 1
fi
echo "no Python here"
bare cargo test --workspace --exclude ufunx-python --exclude ufunx-extension --exclude ufunx-benches --exclude ufunx-tests
