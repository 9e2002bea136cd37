"""Where ufunx is slower than stock NumPy: every form of call that programs use, one thread, this machine.

    python benches/python/bench_survey.py [--only 'where|at'] [--rounds 15] [--below 1.0] [--json FILE]

Cases are ufuncs by dtype and form (contiguous, in place, a number on either side, every second and fourth
element, short inner axes, `where=`), methods and functions. Each is called in turns on NumPy and on ufunx, a
few hundred microseconds at a time, and the best time of each counts; so a machine that others use as well still
tells. A ratio is NumPy's time over ours: above 1, ours is faster. Printed are the cases below `--below`, the
worst first, and geometric means by group.
"""

import argparse
import json
import math
import re
import statistics
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

import ufunx

LIGHT = (
    "add subtract multiply maximum less equal negative absolute bitwise_and logical_and left_shift square"
).split()
HEAVY = "divide floor_divide remainder sqrt exp log sin power hypot arctan2 isnan floor sign".split()
DTYPES = ("f8", "f4", "i8", "i4", "u1", "u2", "?")
SLICE_NS = 200_000


@dataclass(frozen=True)
class Case:
    """A call, made on a namespace: NumPy or ufunx."""

    group: str
    name: str
    call: Callable[[Any], Callable[[], Any]]


def values(dtype: str, shape: Any, seed: int = 1) -> Any:
    random = np.random.default_rng(seed)
    if dtype == "?":
        return random.random(shape) < 0.5
    if dtype[0] in "iu":
        return random.integers(1, 20, shape).astype(dtype)
    return (random.random(shape) * 4 + 0.5).astype(dtype)


def bound(name: str, *args: Any, **kwargs: Any) -> Callable[[Any], Callable[[], Any]]:
    """The call of a function, or `ufunc.method`, by name."""

    def call(np_: Any) -> Callable[[], Any]:
        found = np_
        for part in name.split("."):
            found = getattr(found, part)
        return lambda: found(*args, **kwargs)

    return call


def ufunc_cases() -> Iterator[Case]:
    n = 10_000
    for name in LIGHT + HEAVY:
        for dtype in DTYPES:
            nin = getattr(np, name).nin
            a, b = values(dtype, n), values(dtype, n, 2)
            try:
                result = getattr(np, name)(*[a, b][:nin])
            except TypeError:
                continue
            group = "light" if name in LIGHT else "heavy"
            operands, out = [a, b][:nin], np.empty_like(result)
            yield Case(f"{group} fresh", f"{name} {dtype}", bound(name, *operands))
            yield Case(f"{group} out", f"{name} {dtype}", bound(name, *operands, out=out))
            if result.dtype == a.dtype and result.dtype.kind in "?iuf":
                kept = values(dtype, n)
                identity = {"?": True, "u": 1, "i": 1, "f": 1.0}[a.dtype.kind]
                if nin == 2 and name in ("add", "subtract", "multiply", "divide", "maximum"):
                    yield Case(
                        f"{group} in place", f"{name} {dtype}", bound(name, kept, identity, out=kept)
                    )
            if nin == 2 and dtype != "?":
                number = 3 if a.dtype.kind in "iu" else 1.5
                yield Case(f"{group} number", f"{name} {dtype} a,k", bound(name, a, number, out=out))
                yield Case(f"{group} number", f"{name} {dtype} k,a", bound(name, number, a, out=out))
                big = values(dtype, 100_000)
                yield Case(f"{group} number 100k", f"{name} {dtype} a,k", bound(name, big, number))
            for step in (2, 4):
                wide = [values(dtype, n * step, 3 + k)[::step] for k in range(nin)]
                yield Case(f"{group} strided", f"{name} {dtype} ::{step}", bound(name, *wide, out=out))
            large = [values(dtype, 1_000_000, 5 + k) for k in range(nin)]
            yield Case(f"{group} 1M", f"{name} {dtype}", bound(name, *large))
            if nin == 2:
                image, gain = values(dtype, (300, 300, 3)), values(dtype, (300, 300, 1))
                yield Case(f"{group} short axes", f"{name} {dtype} (.,.,3)(.,.,1)", bound(name, image, gain))
                colour = values(dtype, 3)
                yield Case(f"{group} short axes", f"{name} {dtype} (.,.,3)(3,)", bound(name, image, colour))
                rows, column = values(dtype, (200, 200)), values(dtype, (200, 1))
                yield Case(f"{group} rows", f"{name} {dtype} (n,n)(n,1)", bound(name, rows, column))


def mask_cases() -> Iterator[Case]:
    random = np.random.default_rng(9)
    for n in (1_000, 10_000, 1_000_000):
        for density in (0.02, 0.5, 0.98):
            mask = random.random(n) < density
            for name in ("add", "divide", "exp", "maximum", "sqrt"):
                for dtype in ("f8", "f4"):
                    operands = [values(dtype, n), values(dtype, n, 2)][: getattr(np, name).nin]
                    out = np.zeros(n, dtype)
                    call = bound(name, *operands, out=out, where=mask)
                    yield Case(f"where {n}", f"{name} {dtype} {density}", call)
            for name in ("sum", "mean", "max", "min", "var"):
                more = {"initial": 0} if name in ("max", "min") else {}
                call = bound(name, values("f8", n), where=mask, **more)
                yield Case(f"where {n}", f"{name} f8 {density}", call)


def method_cases() -> Iterator[Case]:
    for dtype in DTYPES:
        for name in ("add", "maximum", "multiply", "logical_or", "bitwise_xor"):
            if dtype[0] == "f" and name.startswith("bitwise"):
                continue
            for n in (1_000, 10_000, 1_000_000):
                yield Case("reduce", f"{name} {dtype} {n}", bound(f"{name}.reduce", values(dtype, n)))
            square = values(dtype, (300, 300))
            for axis in (0, 1):
                call = bound(f"{name}.reduce", square, axis=axis)
                yield Case("reduce axis", f"{name} {dtype} axis {axis}", call)
            for width in (3, 4, 8):
                call = bound(f"{name}.reduce", values(dtype, (10_000, width)), axis=1)
                yield Case("reduce narrow", f"{name} {dtype} (n,{width})", call)
            if dtype == "?":
                continue
            for n in (1_000, 1_000_000):
                call = bound(f"{name}.accumulate", values(dtype, n))
                yield Case("accumulate", f"{name} {dtype} {n}", call)
            for axis in (0, 1):
                call = bound(f"{name}.accumulate", square, axis=axis)
                yield Case("accumulate", f"{name} {dtype} axis {axis}", call)
            for length in (4, 10):
                call = bound(f"{name}.reduceat", values(dtype, 40_000), np.arange(0, 40_000, length))
                yield Case("reduceat", f"{name} {dtype} by {length}", call)
    places = np.random.default_rng(3).integers(0, 10_000, 1_000_000)
    for dtype in ("f8", "f4", "i8", "i4"):
        for values_are, operand in (
            ("array", values(dtype, 1_000_000)),
            ("int", 1),
            ("i8", values("i8", 1_000_000)),
        ):
            if values_are == "i8" and dtype[0] == "i":
                continue
            for name in ("add", "maximum"):
                target = np.zeros(10_000, dtype)
                if values_are == "i8" and dtype == "f4":
                    continue
                call = bound(f"{name}.at", target, places, operand)
                yield Case("at", f"{name} {dtype} {values_are}", call)
    for dtype in ("F", "D"):
        for name in ("add", "multiply"):
            data = (1 + 1e-3 * values("f8", 100_000) + 0.5j).astype(dtype) * 0.8
            yield Case("reduce complex", f"{name} {dtype}", bound(f"{name}.reduce", data))


def function_cases() -> Iterator[Case]:
    for dtype in DTYPES:
        zeros = np.zeros(1_000_000, dtype)
        early = zeros.copy()
        early[10] = 1
        for label, data in (("all false", zeros), ("early", early)):
            yield Case("any all", f"any {dtype} {label}", bound("any", data))
        yield Case("any all", f"all {dtype} early", bound("all", zeros))
        if dtype == "?":
            continue
        for n in (10, 1_000, 1_000_000):
            data = values(dtype, n)
            for name in "sum mean var std max min argmax cumsum ptp prod count_nonzero diff median".split():
                yield Case(f"functions {n}", f"{name} {dtype}", bound(name, data))
            yield Case(f"functions {n}", f"clip {dtype}", bound("clip", data, 2, 6))
            yield Case(f"functions {n}", f"round {dtype}", bound("round", data, 1))
        square = values(dtype, (300, 300))
        for axis in (0, 1):
            for name in ("sum", "mean", "var", "max", "min", "cumsum"):
                yield Case("functions axis", f"{name} {dtype} axis {axis}", bound(name, square, axis=axis))
    for n in (1_000, 1_000_000):
        hours = np.arange(n).astype("m8[h]")
        dates = np.datetime64("2020-01-01", "h") + hours
        day = np.timedelta64(1, "D").astype("m8[h]")
        for name, args in {
            "multiply m8*f": (hours, 1.5),
            "multiply m8*f8[]": (hours, values("f8", n)),
            "add M8+m8": (dates, day),
            "subtract M8-M8[]": (dates, dates[::-1]),
            "less M8": (dates, dates[0]),
            "divide m8/m8": (hours, day),
            "floor_divide m8/m8": (hours, day),
        }.items():
            yield Case(f"dates {n}", name, bound(name.split()[0], *args))
    for shape in ((50, 50), (200, 200)):
        for dtype in ("i8", "i4", "f8"):
            yield Case("matmul", f"{dtype} {shape}", bound("matmul", values(dtype, shape), values(dtype, shape)))


def cases() -> Iterator[Case]:
    yield from ufunc_cases()
    yield from mask_cases()
    yield from method_cases()
    yield from function_cases()
    for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        a, b = values("f8", n), values("f8", n, 2)
        for name in ("add", "exp"):
            operands = [a, b][: getattr(np, name).nin]
            yield Case(f"fresh {n}", f"{name} f8", bound(name, *operands))


def times_of(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Nanoseconds of each call: the best of so many turns."""
    repeats, best = [], [math.inf] * len(calls)
    for call in calls:
        call()
        start = perf_counter_ns()
        call()
        repeats.append(max(1, min(1000, SLICE_NS // (perf_counter_ns() - start))))
    for turn in range(rounds):
        for k in range(len(calls)):
            i = (k + turn) % len(calls)
            call, count = calls[i], range(repeats[i])
            start = perf_counter_ns()
            for _ in count:
                call()
            best[i] = min(best[i], (perf_counter_ns() - start) / repeats[i])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description="Find what is slower than stock NumPy.")
    parser.add_argument("--only", default="", help="cases whose group and name match this expression")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--below", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    ufunx.set_num_threads(args.threads)
    warnings.simplefilter("ignore")
    rows: list[tuple[float, str, str, float, float]] = []
    with np.errstate(all="ignore"):
        for case in cases():
            if not re.search(args.only, f"{case.group} {case.name}"):
                continue
            theirs, ours = times_of([case.call(np), case.call(ufunx)], args.rounds)
            rows.append((theirs / ours, case.group, case.name, theirs, ours))
    print(f"{'group':22} {'case':34} {'NumPy us':>10} {'ours us':>10} {'ratio':>7}")
    for ratio, group, name, theirs, ours in sorted(rows):
        if ratio < args.below:
            print(f"{group:22} {name:34} {theirs / 1e3:10.2f} {ours / 1e3:10.2f} {ratio:7.2f}")
    groups: dict[str, list[float]] = {}
    for ratio, group, *_ in rows:
        groups.setdefault(group, []).append(ratio)
    print(f"\n{'group':22} {'cases':>6} {'mean':>7} {'worst':>7}")
    for group, ratios in groups.items():
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        print(f"{group:22} {len(ratios):6} {mean:7.2f} {min(ratios):7.2f}")
    if args.json is not None:
        args.json.write_text(json.dumps([[*row] for row in rows]) + "\n")


if __name__ == "__main__":
    main()
