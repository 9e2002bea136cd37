"""Set the engine's numbers beside NumPy's, on this machine.

    python benches/python/bench_vs_numpy.py [--only exp/f64] [--max-isa v3] [--rounds 3]

The Rust program `numbers` of the benches crate and NumPy take turns for several rounds, and the best time of
each counts: whatever slows the machine for a while slows both. `ratio` is NumPy's time over ours; above 1,
ours is faster. NumPy runs in a process of its own, so that `--max-isa` can cap both at one instruction set.

Without `--only`, the rows are the few that `Case::is_brief` in benches/src/lib.rs picks; with it, all whose
names contain it. A row that NumPy has no loop for shows ours alone.

A name is `{ufunc}/{dtype}/{size}/{layout}/{threads}t`, and both programs mean the same by it:

contig          every operand contiguous, the output given
strided         every second element of each input, the output contiguous
scalar          the second input is one number
inplace         the output is the first input, filled anew before each call, outside the timing
axis_contig     reduce a one-dimensional array
axis_contig2d   reduce axis 1 of a (size / 1000, 1000) array
axis_slow       reduce axis 0 of the same

Floats are uniform in [0.1, 10), integers in [1, 100). The time is that of the fastest call among those that
fit in 50 ms, and at least 3, divided by the size. NumPy has one thread, so its time is the same for any
number of threads.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
NUMBERS = ["cargo", "run", "--release", "--quiet", "-p", "ufunx-benches", "--bin", "numbers", "--", "--json"]

SIZES = {"10k": 10_000, "1M": 1_000_000, "10M": 10_000_000}
BUDGET_NS = 50_000_000
ROW = 1000

# What keeps NumPy at or below each level.
NUMPY_WITHOUT = {
    "scalar": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "v3": "X86_V4 AVX512_ICL AVX512_SPR",
    "v4": "",
}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """`f64` is float64, `c64` complex64, and `bf16` or `f8_e5m2` are NumPy's through ml_dtypes."""
    for short, long in {"bf": "bfloat", "f": "float", "u": "uint", "i": "int", "c": "complex"}.items():
        if name.startswith(short):
            name = long + name.removeprefix(short)
            break
    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name, name))
    return dtype


def operand(dtype: np.dtype[Any], n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.integers(0, 2, n).astype(bool)
    if dtype.kind in "iu":
        return rng.integers(1, 100, n).astype(dtype)
    return rng.uniform(0.1, 10.0, n).astype(dtype)


def fastest(call: Callable[[], object], before: Callable[[], object] = lambda: None) -> int:
    """Nanoseconds of the fastest call."""
    times: list[int] = []
    end = perf_counter_ns() + BUDGET_NS
    while len(times) < 3 or perf_counter_ns() < end:
        before()
        start = perf_counter_ns()
        call()
        times.append(perf_counter_ns() - start)
    return min(times)


def time_numpy(name: str) -> float | None:
    """Nanoseconds per element of the case of this name; None if NumPy has no such ufunc or loop."""
    ufunc_name, dtype_name, size, layout, _ = name.split("/")
    dtype, n = numpy_dtype(dtype_name), SIZES[size]
    f = getattr(np, ufunc_name.removesuffix(".reduce"), None)
    if f is None:
        return None
    time = time_reduce if ufunc_name.endswith(".reduce") else time_call
    try:
        return time(f, dtype, n, layout) / n
    except TypeError:
        return None


def time_reduce(f: np.ufunc, dtype: np.dtype[Any], n: int, layout: str) -> int:
    x = operand(dtype, n, seed=0)
    if layout == "axis_contig":
        return fastest(lambda: f.reduce(x))
    axis = {"axis_contig2d": 1, "axis_slow": 0}[layout]
    table = x.reshape(-1, ROW)
    out = f.reduce(table, axis=axis)
    return fastest(lambda: f.reduce(table, axis=axis, out=out))


def time_call(f: np.ufunc, dtype: np.dtype[Any], n: int, layout: str) -> int:
    step = 2 if layout == "strided" else 1
    inputs = [operand(dtype, n * step, seed)[::step] for seed in range(f.nin)]
    if layout == "inplace":
        source = inputs[0].copy()
        return fastest(lambda: f(*inputs, out=inputs[0]), before=lambda: np.copyto(inputs[0], source))
    if layout == "scalar":
        inputs[1] = inputs[1][:1].reshape(())
    elif layout not in ("contig", "strided"):
        raise ValueError(f"no layout is called {layout}")
    outs = f(*inputs)
    return fastest(lambda: f(*inputs, out=outs))


def numpy_process() -> None:
    """Time the names on standard input; answer as `numbers` does."""
    np.seterr(all="ignore")
    for name in sys.stdin.read().split():
        print(json.dumps({"name": name, "ns_per_elem": time_numpy(name)}), flush=True)


def run(command: list[str], env: dict[str, str], names: str = "") -> dict[str, float]:
    env = {**os.environ, **env}
    done = subprocess.run(command, cwd=ROOT, env=env, input=names, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"this failed: {' '.join(command)}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["name"]: row["ns_per_elem"] for row in rows if row["ns_per_elem"] is not None}


def keep_best(best: dict[str, float], times: dict[str, float]) -> None:
    for name, time in times.items():
        best[name] = min(time, best.get(name, math.inf))


def without_threads(name: str) -> str:
    return name.rpartition("/")[0] + "/1t"


def compare(only: str, max_isa: str | None, rounds: int) -> None:
    ours_env = {"UFUNX_MAX_ISA": max_isa} if max_isa else {}
    numpy_env = {"NPY_DISABLE_CPU_FEATURES": NUMPY_WITHOUT[max_isa]} if max_isa else {}
    ours_command = [*NUMBERS, "--only", only] if only else NUMBERS
    numpy_command = [sys.executable, __file__, "--numpy-process"]
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}
    for _ in range(rounds):
        keep_best(ours, run(ours_command, ours_env))
        names = dict.fromkeys(map(without_threads, ours))
        keep_best(theirs, run(numpy_command, numpy_env, names="\n".join(names)))
    if not ours:
        sys.exit(f"no bench has {only!r} in its name")

    width = max(map(len, ours))
    print(f"NumPy {np.__version__}, {platform.machine()}, {os.cpu_count()} CPUs, ISA cap {max_isa or 'none'}")
    print(f"{'name':{width}}  {'ours':>9}  {'numpy':>9}  {'ratio':>6}   (ns per element)")
    logs = []
    for name, time in ours.items():
        numpy_time = theirs.get(without_threads(name))
        if numpy_time is None:
            print(f"{name:{width}}  {time:9.3f}  {'-':>9}  {'-':>6}")
            continue
        print(f"{name:{width}}  {time:9.3f}  {numpy_time:9.3f}  {numpy_time / time:6.2f}")
        logs.append(math.log(numpy_time / time))
    if logs:
        print(f"{'geometric mean':{width}}  {'':9}  {'':9}  {math.exp(sum(logs) / len(logs)):6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Set the engine's numbers beside NumPy's.")
    parser.add_argument("--only", default="", help="time the names that contain this")
    parser.add_argument("--max-isa", choices=list(NUMPY_WITHOUT), help="cap both at this instruction set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--numpy-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.numpy_process:
        numpy_process()
    else:
        compare(args.only, args.max_isa, args.rounds)


if __name__ == "__main__":
    main()
