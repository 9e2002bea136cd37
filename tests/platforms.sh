#!/usr/bin/env bash
# Other processors and other CPythons than this machine's: `tests/platforms.sh aarch64|old-x86|haswell|python ...`, all without an
# argument. Needs root on a Debian machine: what this machine's Debian lacks comes from Debian's suite forky, in a folder of
# its own, target/forky (a gigabyte), which is made once. A suite that moves must not decide what lands, so this is no
# part of `.ci/run`.
set -euo pipefail
cd "$(dirname "$0")/.."

what=("$@")
((${#what[@]})) || what=(aarch64 old-x86 haswell python)
root=$PWD
forky=${FORKY:-$root/target/forky}
pythons=(3.14 3.15)

# Where this machine has its packages from; deb822 files and one-line ones.
mirror() {
    awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
}

inside() {
    chroot "$forky" /usr/bin/env -i HOME=/root PATH=/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        RUSTUP_HOME=/rustup CARGO_HOME=/cargo "$@"
}

unmount() {
    for place in work cargo rustup rust dev proc; do
        if mountpoint -q "$forky/$place"; then umount "$forky/$place"; fi
    done
}

make_forky() {
    if [[ ! -e $forky/.made ]]; then
        type -P debootstrap >/dev/null || { apt-get update -q && apt-get install -y -q debootstrap; }
        local packages=gcc,libc6-dev,make,ca-certificates
        for version in "${pythons[@]}"; do
            packages+=,python$version,python$version-venv,python$version-dev
        done
        # An older Debian's debootstrap has no script of that name; sid's does.
        debootstrap --no-check-gpg --variant=minbase --include="$packages" forky "$forky" "$(mirror)" \
            /usr/share/debootstrap/scripts/sid
        touch "$forky/.made"
    fi
    cp -L /etc/resolv.conf /etc/hosts "$forky/etc/"
    if [[ -e /etc/pip.conf ]]; then cp -L /etc/pip.conf "$forky/etc/"; fi
    # The machine's own, as its packages may come through a certificate of its own.
    rm -rf "$forky/etc/ssl/certs"
    mkdir -p "$forky/etc/ssl"
    cp -rL /etc/ssl/certs "$forky/etc/ssl/"
    trap unmount EXIT
    # Our own sources are mounted too, but what is built in there stays in there.
    local toolchain
    toolchain=$(rustc --print sysroot)
    for pair in proc:/proc dev:/dev work:"$root" rust:"$toolchain" cargo:"${CARGO_HOME:-$HOME/.cargo}"; do
        local place=$forky/${pair%%:*}
        mkdir -p "$place"
        mountpoint -q "$place" || mount --bind "${pair#*:}" "$place"
    done
}

# The engine's Rust tests, on an emulated processor; Debian's own Rust, which has libraries for the other one.
aarch64() {
    make_forky
    if [[ ! -e $forky/.aarch64 ]]; then
        inside dpkg --add-architecture arm64
        inside apt-get -o Acquire::Check-Valid-Until=false update -q
        inside apt-get install -y -q rustc cargo libstd-rust-dev:arm64 gcc-aarch64-linux-gnu libc6-dev:arm64 qemu-user
        touch "$forky/.aarch64"
    fi
    inside CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64 UFUNX_TEST_EMULATOR=qemu-aarch64 \
        RUSTC=/usr/bin/rustc CARGO_TARGET_DIR=/var/target-aarch64 \
        bash -c 'cd /work && /usr/bin/cargo test --release --target aarch64-unknown-linux-gnu \
            -p ufunx-tests -p ufunx -p ufunx-registry --lib --tests --no-fail-fast'
}

# The same on an x86-64 of before AVX.
old-x86() {
    type -P qemu-x86_64 >/dev/null || { apt-get update -q && apt-get install -y -q qemu-user; }
    export UFUNX_TEST_EMULATOR="qemu-x86_64 -cpu Nehalem"
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$UFUNX_TEST_EMULATOR \
        cargo test --release -p ufunx-tests -p ufunx -p ufunx-registry --lib --tests --no-fail-fast
}

# Whether a processor with AVX2 and without AVX-512 gives the bits that the data has of level v3.
haswell() {
    type -P qemu-x86_64 >/dev/null || { apt-get update -q && apt-get install -y -q qemu-user; }
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="qemu-x86_64 -cpu Haswell" \
        cargo test --release -p ufunx-tests --test rust -- v3_gives_the_same_bits
}

# The Python tests on the CPythons that forky has.
python() {
    make_forky
    local failed=()
    for version in "${pythons[@]}"; do
        local venv=/var/venv-$version
        if [[ ! -e $forky$venv/.made ]]; then
            inside "python$version" -m venv --clear "$venv"
            inside "$venv/bin/pip" install -q maturin pytest mypy 'numpy>=2.1' ml_dtypes
            touch "$forky$venv/.made"
        fi
        # A copy, as the extension module is put beside the sources.
        inside bash -euo pipefail -c "
            rm -rf /var/ufunx && mkdir /var/ufunx && cd /work
            tar c --exclude ./target --exclude ./.venv --exclude ./.matrix --exclude './bindings/python/ufunx/*.so' . | tar x -C /var/ufunx
            cd /var/ufunx && export VIRTUAL_ENV=$venv PATH=$venv/bin:\$PATH CARGO_TARGET_DIR=/var/target-python
            maturin develop -q --release && python -m pytest tests/python -q" || failed+=("$version")
    done
    ((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2; return 1; }
}

for each in "${what[@]}"; do
    echo "== $each"
    "$each"
done
