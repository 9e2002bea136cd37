"""Set made ufuncs and fused functions beside NumPy and others that compute an expression at once.

    python benches/python/bench_elementwise.py [--case gelu] [--rounds 31] [--programs] [--json FILE]

numpy           the expression as it is written
numpy out       the same calls with `out=`, which is how NumPy is fastest: no memory is asked for
elementwise     a ufunc made of the expression, with `out=`
fuse            the expression, fused; its result is new
numexpr, numba, torch.compile
                where installed: `re_evaluate` into a given array, `vectorize` with `out=`, and inductor

All on one thread. The ways take turns, each round in another order, and the best time of each counts. Results
are compared with NumPy's before anything is timed. A ratio is numpy's time over the way's, and over that of
`numpy out`.

`--programs` runs those programs of benches/programs that are elementwise for the most part, as they are and
fused, each in a process of its own. `first call` is what it takes to make a ufunc and to call it once.
"""

import argparse
import gc
import importlib
import json
import math
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

import ufunx

Ways = dict[str, Callable[[], Any]]
# Of benches/programs: more than half of NumPy's time is in elementwise calls.
PROGRAMS = ["black_scholes", "gps_track", "hash_buckets", "heat", "image_colours", "layers", "masks", "nbody"]


@dataclass
class Case:
    """An expression, and it by other means. `inplace` is it with `out=`, on temporaries it is handed."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    inplace: Callable[..., Any]
    temporaries: int
    numexpr: str | None = None
    tolerance: float = 1e-12
    fold: bool = False
    names: tuple[str, ...] = field(default=())


def normal_cdf(x: Any) -> Any:
    t = 1.0 / (1.0 + 0.2316419 * abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = poly * np.exp(-0.5 * x * x) * 0.3989422804014327
    return np.where(x >= 0.0, 1.0 - tail, tail)


def black_scholes(s: Any, k: Any, t: Any, v: Any) -> Any:
    root = v * np.sqrt(t)
    d1 = (np.log(s / k) + (0.03 + 0.5 * v * v) * t) / root
    discount = k * np.exp(-0.03 * t)
    return s * normal_cdf(d1) - discount * normal_cdf(d1 - root)


def black_scholes_out(out: Any, a: Any, b: Any, c: Any, e: Any, s: Any, k: Any, t: Any, v: Any) -> Any:
    root, d1, discount = a, b, c
    np.sqrt(t, out=root)
    root *= v
    np.log(np.divide(s, k, out=d1), out=d1)
    np.multiply(v, v, out=e)
    e *= 0.5
    e += 0.03
    e *= t
    d1 += e
    d1 /= root
    np.multiply(t, -0.03, out=discount)
    np.exp(discount, out=discount)
    discount *= k
    np.multiply(s, normal_cdf_out(np.empty_like(s), e, d1), out=out)
    d1 -= root
    discount *= normal_cdf_out(np.empty_like(s), e, d1)
    out -= discount
    return out


def normal_cdf_out(out: Any, t: Any, x: Any) -> Any:
    np.absolute(x, out=t)
    t *= 0.2316419
    t += 1.0
    np.divide(1.0, t, out=t)
    np.multiply(t, 1.330274429, out=out)
    for constant in (-1.821255978, 1.781477937, -0.356563782, 0.319381530):
        out += constant
        out *= t
    np.multiply(x, -0.5, out=t)
    t *= x
    np.exp(t, out=t)
    out *= t
    out *= 0.3989422804014327
    np.subtract(1.0, out, out=out, where=x >= 0.0)
    return out


def gelu(x: Any) -> Any:
    return 0.5 * x * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def gelu_out(out: Any, x: Any) -> Any:
    np.multiply(x, 0.044715, out=out)
    out *= x
    out *= x
    out += x
    out *= 0.7978845608
    np.tanh(out, out=out)
    out += 1.0
    out *= x
    out *= 0.5
    return out


def hashed(h: Any) -> Any:
    h = (h ^ (h >> 16)) * -2048144789
    h = (h ^ (h >> 13)) * -1028477387
    return h ^ (h >> 16)


def hashed_out(out: Any, a: Any, h: Any) -> Any:
    np.bitwise_xor(h, np.right_shift(h, 16, out=a), out=out)
    for shift, factor in ((13, -2048144789), (16, -1028477387)):
        out *= factor
        np.bitwise_xor(out, np.right_shift(out, shift, out=a), out=out)
    return out


def ratio_out(out: Any, c: Any, a: Any, b: Any) -> Any:
    return np.divide(np.subtract(a, b, out=c), np.add(a, b, out=out), out=out)


def cases() -> dict[str, Case]:
    rng = np.random.default_rng(1)

    def uniform(n: int, low: float, high: float, dtype: str = "d") -> Any:
        return rng.uniform(low, high, n).astype(dtype)

    n = 400_000
    options = (uniform(n, 20, 200), uniform(n, 20, 200), uniform(n, 0.05, 3), uniform(n, 0.1, 0.6))
    pair, large = (
        tuple(uniform(size, 0.5, 2) for _ in range(count)) for size, count in ((100_000, 2), (4_000_000, 3))
    )
    return {
        "Black-Scholes 400k": Case(black_scholes, options, black_scholes_out, 4, black_scholes_text()),
        "gelu f32 1M": Case(
            gelu,
            (uniform(10**6, -4, 4, "f"),),
            gelu_out,
            0,
            "0.5*x0*(1+tanh(0.7978845608*(x0+0.044715*x0*x0*x0)))",
            1e-5,
        ),
        "hash i32 1M": Case(hashed, (rng.integers(-(2**31), 2**31, 10**6, dtype="i"),), hashed_out, 1),
        "(a-b)/(a+b) 100k": Case(lambda a, b: (a - b) / (a + b), pair, ratio_out, 1, "(x0-x1)/(x0+x1)"),
        "sum(a*b) 100k": Case(
            lambda a, b: np.sum(a * b),
            pair,
            lambda out, a, b: np.sum(np.multiply(a, b, out=out)),
            0,
            "sum(x0*x1)",
            fold=True,
        ),
        "a*b+c 4M": Case(
            lambda a, b, c: a * b + c,
            large,
            lambda out, a, b, c: np.add(np.multiply(a, b, out=out), c, out=out),
            0,
            "x0*x1+x2",
        ),
        "a*b+c 100k": Case(
            lambda a, b, c: a * b + c,
            tuple(x[:100_000].copy() for x in large),
            lambda out, a, b, c: np.add(np.multiply(a, b, out=out), c, out=out),
            0,
            "x0*x1+x2",
        ),
    }


def black_scholes_text() -> str:
    def cdf(x: str) -> str:
        t = f"(1/(1+0.2316419*abs({x})))"
        inner = f"(1.781477937+{t}*(-1.821255978+{t}*1.330274429))"
        poly = f"({t}*(0.319381530+{t}*(-0.356563782+{t}*{inner})))"
        tail = f"({poly}*exp(-0.5*{x}*{x})*0.3989422804014327)"
        return f"where({x}>=0, 1-{tail}, {tail})"

    d1 = "((log(x0/x1)+(0.03+0.5*x3*x3)*x2)/(x3*sqrt(x2)))"
    return f"x0*{cdf(d1)}-x1*exp(-0.03*x2)*{cdf(f'({d1}-x3*sqrt(x2))')}"


def ways_of(case: Case) -> Ways:
    """How to compute a case, by name, as far as libraries are installed."""
    operands, function = case.operands, case.function
    out = np.empty_like(operands[0])
    temporaries = [np.empty_like(out) for _ in range(case.temporaries)]
    ways: Ways = {
        "numpy": lambda: function(*operands),
        "numpy out": lambda: case.inplace(out, *temporaries, *operands),
        "fuse": (lambda fused: lambda: fused(*operands))(ufunx.fuse(function)),
    }
    made = made_ufunc(case)
    if made is not None:
        ways["elementwise"] = (lambda: made(*operands)) if case.fold else (lambda: made(*operands, out=out))
    for add in (add_numexpr, add_numba, add_torch):
        add(case, ways, out)
    return ways


def made_ufunc(case: Case) -> Any:
    if not case.fold:
        return ufunx.elementwise(case.function)
    try:
        return ufunx.elementwise(lambda a, b: a * b, fold=np.add)
    except NotImplementedError:
        return None


def add_numexpr(case: Case, ways: Ways, out: Any) -> None:
    numexpr = installed("numexpr")
    if numexpr and case.numexpr:
        numexpr.set_num_threads(1)
        names = {f"x{i}": x for i, x in enumerate(case.operands)}
        keywords = {} if case.fold else {"out": out}
        numexpr.evaluate(case.numexpr, local_dict=names, **keywords)
        ways["numexpr"] = lambda: numexpr.re_evaluate(local_dict=names)


def add_numba(case: Case, ways: Ways, out: Any) -> None:
    numba = installed("numba")
    if numba and not case.fold and case.function is not hashed:  # whose constants make it compute in 64 bits
        function = case.function
        if function is black_scholes:
            function = numba_black_scholes(numba)
        vectorized = numba.vectorize(function)
        vectorized(*case.operands, out=out)
        ways["numba"] = lambda: vectorized(*case.operands, out=out)


def numba_black_scholes(numba: Any) -> Any:
    """The same with `if` for `where`, which is what numba wants."""
    exp, log, sqrt = math.exp, math.log, math.sqrt

    @numba.njit  # type: ignore[untyped-decorator]
    def cdf(x: float) -> float:
        t = 1.0 / (1.0 + 0.2316419 * abs(x))
        inner = 1.781477937 + t * (-1.821255978 + t * 1.330274429)
        poly = t * (0.319381530 + t * (-0.356563782 + t * inner))
        tail = poly * exp(-0.5 * x * x) * 0.3989422804014327
        return 1.0 - tail if x >= 0.0 else tail

    def price(s: float, k: float, t: float, v: float) -> Any:
        root = v * sqrt(t)
        d1 = (log(s / k) + (0.03 + 0.5 * v * v) * t) / root
        return s * cdf(d1) - k * exp(-0.03 * t) * cdf(d1 - root)

    return price


def add_torch(case: Case, ways: Ways, out: Any) -> None:
    torch = installed("torch")
    if torch and case.function in (gelu, hashed):
        torch.set_num_threads(1)
        tensors = [torch.from_numpy(x) for x in case.operands]
        functions = {gelu: lambda x: torch.nn.functional.gelu(x, approximate="tanh"), hashed: hashed}
        compiled = torch.compile(functions[case.function])
        try:
            compiled(*tensors)
        except Exception as error:  # no compiler for it, for instance
            print(f"torch.compile: {type(error).__name__}", file=sys.stderr)
            return
        ways["torch.compile"] = lambda: compiled(*tensors).numpy()


def installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def timed(ways: Ways, rounds: int) -> dict[str, float]:
    """The best time of each way, in microseconds."""
    best = dict.fromkeys(ways, math.inf)
    order = list(ways)
    gc.collect()
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            start = perf_counter_ns()
            result = ways[name]()
            best[name] = min(best[name], (perf_counter_ns() - start) / 1000)
            del result
    return best


def run_case(name: str, case: Case, rounds: int) -> dict[str, float]:
    ways = ways_of(case)
    expected = np.array(ways["numpy"]())
    for way, call in ways.items():
        got = np.asarray(call())
        if way != "numpy" and not np.allclose(got, expected, rtol=case.tolerance * 1000, atol=case.tolerance):
            raise AssertionError(f"{name} by {way} is not as by NumPy")
    times = timed(ways, rounds)
    print(f"\n{name}")
    for way, time in sorted(times.items(), key=lambda item: item[1]):
        print(f"  {way:14}{time:10.1f} us{times['numpy'] / time:8.2f}{times['numpy out'] / time:8.2f}")
    return times


def first_call() -> dict[str, float]:
    """Microseconds to make a ufunc of Black and Scholes' formula, and to call it on ten elements."""
    few = tuple(np.ascontiguousarray(x[:10]) for x in cases()["Black-Scholes 400k"].operands)
    start = perf_counter_ns()
    made = ufunx.elementwise(black_scholes)
    defined = perf_counter_ns()
    made(*few)
    called = perf_counter_ns()
    times = {"definition": (defined - start) / 1000, "first call": (called - defined) / 1000}
    again = timed({"call of 10": lambda: made(*few)}, 2000)
    light: Any = ufunx.elementwise(lambda x, y: (x * y + x) / (y - 2.0) * 0.5)
    light(*few[:2])
    again |= timed({"call of 10, 5 light": lambda: light(*few[:2])}, 2000)
    print("\nfirst call")
    for name, time in (times | again).items():
        print(f"  {name:22}{time:8.2f} us")
    return times | again


def run_program(name: str, rounds: int) -> dict[str, float]:
    """A program as it is, fused, and fused in in-place mode."""
    sys.path.insert(0, str(Path(__file__).parent))
    bench = importlib.import_module("bench_programs")
    program = bench.Program(name)
    function = program._run[False]
    fused = ufunx.fuse(function)

    def in_place() -> Any:
        with ufunx.installed():
            return fused(*program.data)

    ways: Ways = {
        "stock": lambda: function(*program.data),
        "fuse": lambda: fused(*program.data),
        "fuse in place": in_place,
    }
    expected = bench.as_tuple(ways["stock"]())
    for way in ("fuse", "fuse in place"):
        different = bench.difference(expected, bench.as_tuple(ways[way]()), program.tolerance)
        if different:
            raise AssertionError(f"{name}: {different}")
    return timed(ways, rounds)


def run_programs(rounds: int) -> dict[str, dict[str, float]]:
    """Each in a process of its own, so that none has another's memory."""
    found = {}
    print(f"\n{'program':16}{'stock ms':>10}{'fuse':>8}{'in place':>10}")
    for name in PROGRAMS:
        command = [sys.executable, __file__, "--program", name, "--rounds", str(rounds)]
        times = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        found[name] = times
        stock = times["stock"]
        print(
            f"{name:16}{stock / 1000:10.2f}{stock / times['fuse']:8.2f}{stock / times['fuse in place']:10.2f}"
        )
    for way in ("fuse", "fuse in place"):
        mean = statistics.geometric_mean(times["stock"] / times[way] for times in found.values())
        print(f"geometric mean, {way}: {mean:.2f}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", help="only cases whose names contain this")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--programs", action="store_true", help="fused programs of benches/programs too")
    parser.add_argument("--program", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the times there")
    options = parser.parse_args()
    ufunx.set_num_threads(1)
    if options.program:
        print(json.dumps(run_program(options.program, options.rounds)))
        return
    print(f"{'':16}{'time':>13}  {'numpy/':>6}  {'out=/':>6}")
    times: dict[str, Any] = {}
    for name, case in cases().items():
        if not options.case or options.case in name:
            times[name] = run_case(name, case, options.rounds)
    if not options.case:
        times["first call"] = first_call()
    if options.programs:
        times["programs"] = run_programs(options.rounds)
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
