# Every verb does its own set-up: it needs Rust (cargo, rustfmt, clippy), CPython 3.11 or newer, and make.

PYTHON ?= python3

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.requirements-installed
READY_INTEROP := $(VENV)/.requirements-interop-installed
READY_SITE := $(VENV)/.requirements-site-installed
READY_WHEELS := $(VENV)/.requirements-wheels-installed

# light: the small ones among other libraries; full: all of them, installed when first asked for.
INTEROP ?= light

# One interpreter for PyO3's build script everywhere, or cargo and maturin rebuild each other's work.
export PYO3_PYTHON := $(abspath $(PY))
export VIRTUAL_ENV := $(abspath $(VENV))

.PHONY: help accuracy demo figures site sdist wheels publish-check bless-bits test test-extension faults fuzz fuzz-targets valgrind test-matrix test-platforms check bench wheel bless clean native tree

help: ## list the verbs
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

demo: native ## in half a minute: a call from Rust, own classes, foreign arrays, NumPy in place, a ufunc of a function, a benchmark and its plot
	cargo run --release -p ufunx --example embed
	$(PY) bindings/python/examples/demo.py

test: native $(if $(filter full,$(INTEROP)),$(READY_INTEROP)) ## all Rust and Python tests; INTEROP=full: with large libraries too
	cargo test --release --workspace $(NOT_PYTHONS) --lib --tests --no-run
	@$(MAKE) -j2 --output-sync=target tests-of-rust tests-of-python tests-of-numpy tests-of-numpy-in-place tests-of-interop

# Two at a time, each printed as a whole when it is done. (Examples and benches, each a minute to link, are compiled by `check`.)
.PHONY: tests-of-rust tests-of-python tests-of-interop tests-of-numpy tests-of-numpy-in-place
NOT_PYTHONS := --exclude ufunx-python --exclude ufunx-extension
# (make's jobs are none of cargo's here.)
tests-of-rust:
	env -u MAKEFLAGS cargo test --release --workspace $(NOT_PYTHONS) --lib --tests --no-fail-fast
	env -u MAKEFLAGS cargo test --release --workspace $(NOT_PYTHONS) --doc --no-fail-fast
tests-of-python:
	$(PY) -m pytest tests/python -q
tests-of-interop:
	INTEROP=$(INTEROP) $(PY) -m pytest tests/interop -q
tests-of-numpy:
	$(PY) tests/numpy/run.py
tests-of-numpy-in-place:
	$(PY) tests/numpy/run.py --in-place

test-extension: $(READY) ## an extension module with ufuncs of another crate: built, and called
	PYO3_BUILD_EXTENSION_MODULE=1 cargo build --release -p ufunx-extension
	PYTHONPATH=bindings/python $(PY) tests/extension/check.py $${CARGO_TARGET_DIR:-target}/release/libufunx_extension.so

SEED ?= 1000000
CASES ?= 200000
fuzz: native ## 200,000 random calls of ufuncs, 50,000 of functions, 20,000 programs, from SEED on; `make test` has a tenth
	$(PY) tests/python/fuzz.py --seed $(SEED) --cases $(CASES)
	$(PY) tests/python/fuzz_functions.py --seed $(SEED) --cases 50000
	$(PY) tests/python/program_cases.py --seed $(SEED) --cases 20000

FUZZ_SECONDS ?= 60
fuzz-targets: ## libFuzzer, steered by coverage, FUZZ_SECONDS on each target, TARGETS= for some; MERGE=1 keeps what it found
	tests/fuzz/run.sh $(FUZZ_SECONDS) $(TARGETS)

faults: native ## faults on purpose that take long: each request for memory of each loop fails; in-place mode switched for 30 s
	cargo test --release -p ufunx-tests --test rust -- --ignored --nocapture every_loop_survives
	UFUNX_FAULT_SECONDS=30 $(PY) -m pytest tests/python/test_faults.py -q -k switched

valgrind: native ## the engine's tests and those of foreign arrays, every access to memory watched; needs Debian's valgrind
	$(PY) tests/valgrind.py

test-matrix: $(READY) ## the Python tests on every CPython found, with its oldest and newest NumPy; 3.14 and 3.15 where root and debootstrap are
	$(PY) tests/matrix.py
	@if [[ $$(id -u) == 0 ]] && type -P debootstrap >/dev/null; then tests/platforms.sh python; \
	else echo "CPython 3.14 and 3.15: skipped, they need root and debootstrap"; fi

test-platforms: ## the Rust tests on AArch64 and an old x86-64, emulated, the Python tests on CPython 3.14 and 3.15; root on Debian
	tests/platforms.sh $(PLATFORMS)

check: $(READY) tree ## formatting, lints, types, docs and the direction of dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	$(PY) tests/layers.py
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy --strict bindings/python bindings/ufunx.data/purelib bindings/notices.py tests/accuracy.py tests/layers.py tests/matrix.py tests/packages.py tests/installed.py tests/valgrind.py tests/golden tests/numpy benches/python site

bench: native ## the Rust benches, then ufuncs and whole programs beside NumPy
	cargo bench -p ufunx-benches
	$(PY) benches/python/bench_vs_numpy.py
	$(PY) benches/python/bench_programs.py
	$(PY) benches/python/bench_elementwise.py --programs

wheel: $(READY) ## a release wheel in dist/
	$(PY) -m maturin build --release --out dist

figures: native ## measure anew what README.md and the site say of speed and error: docs/figures.json
	$(PY) benches/python/figures.py

site: native $(READY_SITE) ## the documentation as a site, in target/site, and a browser that reads it, where one is installed
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict --clean --config-file site/mkdocs.yml
	$(PY) -m pytest site -q

sdist: $(READY) ## the source distribution in dist/; pip builds it where only Rust and Python are, and what it built is tried
	$(PY) tests/packages.py sdist

wheels: $(READY) $(READY_WHEELS) ## a manylinux_2_28 wheel in dist/ for each CPython found, each tried in an empty environment
	$(PY) tests/packages.py wheels

# The crate's API beside an older one: `BASELINE=v0.1.0`, any revision.
publish-check: $(READY) ## what publishing asks: licences and sources of dependencies, their notices, both crates packaged
	@type -P cargo-deny >/dev/null || { echo "cargo install --locked cargo-deny" >&2; exit 1; }
	cargo deny check licenses bans sources
	$(PY) bindings/notices.py --check
	.ci/minimal_versions.sh
	cargo publish --dry-run -p ufunx-registry -p ufunx
	$(if $(BASELINE),cargo semver-checks --baseline-rev $(BASELINE) -p ufunx-registry -p ufunx)

bless-bits: ## write anew the hashes of tests/data/bits_v3.csv, where results are meant to change
	UFUNX_BLESS=1 cargo test --release -p ufunx-tests --test rust -- v3_gives_the_same_bits

accuracy: native ## the errors of every function and its speed, beside NumPy's, into docs/accuracy.md; some minutes
	$(PY) tests/accuracy.py

bless: native ## write anew what is generated: tests/data, the type stubs, docs/interop.md, THIRD_PARTY.txt
	$(PY) tests/golden/make.py
	$(PY) bindings/python/stubs.py
	$(PY) tests/interop/docs.py
	$(PY) bindings/notices.py

clean: ## remove everything the other verbs made
	cargo clean
	rm -rf $(VENV) .matrix dist .mypy_cache .pytest_cache .ruff_cache
	rm -f bindings/python/ufunx/_native*.so
	find bindings tests benches -name __pycache__ -type d -prune -exec rm -rf {} +

# The extension module, built in place and importable from .venv.
native: $(READY)
	$(PY) -m maturin develop --release

# The engine and the registry know nothing of Python.
tree:
	@mkdir -p target
	@cargo tree -p ufunx -p ufunx-registry --edges normal,build,dev --prefix none > target/engine-tree.txt
	@if grep -E '^(pyo3|numpy)' target/engine-tree.txt; then echo "the engine must not depend on Python" >&2; exit 1; fi

$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ufunx needs CPython 3.11 or newer, not " + sys.version)'
	$(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(READY_WHEELS): $(READY) requirements-wheels.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-wheels.txt
	touch $@

$(READY_SITE): $(READY) requirements-site.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-site.txt
	touch $@

$(READY_INTEROP): $(READY) requirements-interop.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-interop.txt
	touch $@
