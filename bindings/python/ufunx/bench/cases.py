"""What is timed: cases, made from the registry, and their operands.

A case is one ufunc called one way. Which ufuncs, loops and dtypes there are is asked of the registry, so that
a new ufunc is timed without being listed here. Operands are made from a fixed seed, the same in every
process.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np

import ufunx
from ufunx import _native

METHODS = ("call", "reduce", "accumulate", "at")
LAYOUTS = {
    "contiguous": "every operand contiguous, a new result",
    "out": "the same, into an output that is given",
    "strided": "every second element of the inputs",
    "scalar": "the second input is one number",
    "inplace": "the output is the first input, filled anew before each call, outside the timing",
    "masked": "where= a mask of which half is true, into an output that is given",
    "rows": "axis 1 of a table with rows of 1000, or of 10 where it is smaller",
    "columns": "axis 0 of the same table",
}
# `call` on a table is `call` on its elements, and `at` has one way only.
LAYOUTS_OF = {
    "call": ("contiguous", "out", "strided", "scalar", "inplace", "masked"),
    "reduce": ("contiguous", "strided", "masked", "rows", "columns"),
    "accumulate": ("contiguous", "strided", "rows", "columns"),
    "at": ("contiguous",),
}

# Values of floats and integers, from and below: the first that raises no warning is taken, so that no special
# values are timed. `arccos` is content with the second only, `arccosh` with the third, products of many with
# the last.
DOMAINS = ((0.1, 10.0, 1, 100), (0.05, 0.95, 1, 20), (1.0, 10.0, 1, 8), (0.9999, 1.0001, 1, 2))


@dataclass(frozen=True)
class Case:
    """One thing to time. `loop` is the registry's signature, such as `dd->d`."""

    ufunc: str
    method: str
    dtype: str
    loop: str
    size: int
    layout: str
    threads: int

    @property
    def inputs(self) -> str:
        return self.loop.partition("->")[0]

    @property
    def key(self) -> str:
        """The case in one line, to find it again in another run."""
        return "/".join(str(part) for name, part in asdict(self).items() if name != "loop")


@dataclass
class Operands:
    """What a case is called with. The first input is filled with `source` before each call, unless None."""

    inputs: list[Any]
    out: Any = None
    mask: Any = None
    index: Any = None
    source: Any = None

    def refill(self) -> None:
        np.copyto(self.inputs[0], self.source)


def cases(
    pattern: str,
    dtypes: Sequence[str],
    sizes: Sequence[int],
    layouts: Sequence[str],
    methods: Sequence[str],
    threads: Sequence[int],
) -> Iterator[Case]:
    """Those that exist among all combinations, ufunc by ufunc, one number of threads after the other."""
    for n, name, method, dtype in product(threads, ufuncs(pattern), methods, dtypes):
        loop = loop_of(name, dtype)
        if loop is None:
            continue
        for layout, size in product(layouts, sizes):
            case = Case(name, method, dtype, loop, size, layout, n)
            if layout in LAYOUTS_OF[method] and suits(case):
                yield case


def ufuncs(pattern: str) -> list[str]:
    """The registry's elementwise ufuncs with a name, or another name, that is the whole of the pattern."""
    whole = re.compile(pattern)
    elementwise = {alias: ufunc for alias, ufunc in ufunx._UFUNCS.items() if ufunc.signature is None}
    named = {ufunc.__name__ for alias, ufunc in elementwise.items() if whole.fullmatch(alias)}
    return [name for name in _native.records() if name in named]


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's for `f8`, `int32` and so on, and that of ml_dtypes for `bfloat16` and the float8 family."""
    try:
        return np.dtype(name)
    except TypeError:
        pass
    try:
        dtype: np.dtype[Any] = np.dtype(getattr(import_module("ml_dtypes"), name))
    except (ImportError, AttributeError):
        raise ValueError(f"no dtype is called {name!r}, or it needs ml_dtypes") from None
    return dtype


@cache
def letter(dtype: str) -> str:
    """The registry's letter for a dtype."""
    plan = ufunx.explain(ufunx.not_equal, *[np.zeros(1, numpy_dtype(dtype))] * 2)
    return str(plan["loop"][0]) if plan["path"] == "native" else ""


@cache
def loop_of(name: str, dtype: str) -> str | None:
    """The loop whose inputs are of that dtype; all, or where there is no such loop, the first."""
    here = letter(dtype)
    loops: list[str] = [loop for loop in _native.records()[name]["types"] if loop[0] == here != ""]
    uniform = [loop for loop in loops if set(loop.partition("->")[0]) == {here}]
    return next(iter(uniform + loops), None)


def suits(case: Case) -> bool:
    """Whether the case exists: whether the ufunc can be called so, and NumPy would do it too."""
    two = len(case.inputs) == 2
    outputs = case.loop.partition("->")[2]
    if case.layout == "scalar":
        return two
    if case.layout == "inplace":
        return outputs == case.inputs[0]
    if case.method == "call":
        return True
    if not two or len(outputs) != 1 or (case.layout in ("rows", "columns") and case.size < 20):
        return False
    # A fold goes on from its result, so that must be what the loop takes: comparisons fold bools only.
    if outputs != case.inputs[0] or case.method == "at":
        return outputs == case.inputs[0]
    identity = getattr(ufunx, case.ufunc).identity
    return is_reorderable(case.ufunc) and (case.layout != "masked" or identity is not None)


@cache
def is_reorderable(name: str) -> bool:
    """Whether the ufunc folds in any order. Nobody folds others, such as `arctan2`: errors run wild."""
    loop = next(loop for loop in _native.records()[name]["types"] if loop[0] not in "?")
    try:
        getattr(ufunx, name).reduce(np.ones((1, 1), loop[0]), axis=(0, 1))
    except (TypeError, ValueError):
        return False
    return True


def operands(case: Case) -> Operands:
    """The case's, of the first domain in which NumPy does not warn."""
    for domain in DOMAINS:
        made = made_of(case, domain)
        try:
            with np.errstate(all="raise"):
                evaluate_on_numpy(case, made)
        except FloatingPointError:
            continue
        except (TypeError, ValueError):  # NumPy has no such loop
            pass
        return made_of(case, domain)  # the trial may have written to it
    return made_of(case, DOMAINS[0])


def evaluate_on_numpy(case: Case, made: Operands) -> Any:
    """NumPy's answer."""
    statement, names = statement_of(case, made, np)
    return evaluate(statement, names, made)


def evaluate(statement: str, names: dict[str, Any], made: Operands) -> Any:
    """What a statement gives: for `at`, which gives nothing, what became of the first input."""
    if made.source is not None:
        made.refill()
    answer = eval(statement, names)
    return made.inputs[0].copy() if answer is None else answer


def statement_of(case: Case, made: Operands, namespace: Any) -> tuple[str, dict[str, Any]]:
    """The case in NumPy's interface, and the names in it; AttributeError if nothing is called so."""
    names = {
        "f": getattr(namespace, case.ufunc),
        "y": made.out,
        "m": made.mask,
        "i": made.index,
        **{f"x{k}": x for k, x in enumerate(made.inputs)},
    }
    arguments = ", ".join(f"x{k}" for k in range(len(made.inputs)))
    if case.method == "at":
        return "f.at(x0, i, x1)", names
    keywords = {
        "out": ", out=y",
        "inplace": ", out=x0",
        "masked": ", where=m" if case.method == "reduce" else ", out=y, where=m",
        "rows": ", axis=1",
        "columns": ", axis=0",
    }.get(case.layout, "")
    method = "" if case.method == "call" else f".{case.method}"
    return f"f{method}({arguments}{keywords})", names


def made_of(case: Case, domain: tuple[float, float, int, int]) -> Operands:
    """The case's operands, with values of that domain."""
    rng = np.random.default_rng(1)
    step = 2 if case.layout == "strided" else 1
    dtypes = [numpy_dtype(case.dtype if char == case.loop[0] else char) for char in case.inputs]
    arrays = [values(rng, dtype, case.size * step, domain)[::step] for dtype in dtypes]
    made = Operands(arrays)
    if case.layout == "scalar":
        arrays[1] = arrays[1][0]
    if case.layout == "masked":
        made.mask = rng.random(case.size) < 0.5
    if case.method == "at":
        made.index = rng.integers(0, case.size, case.size)
    elif case.method != "call":
        del arrays[1:]
        if case.layout in ("rows", "columns"):
            row = 1000 if case.size >= 10_000 else 10
            arrays[0] = arrays[0][: case.size // row * row].reshape(-1, row)
    if case.layout == "inplace" or case.method == "at":
        made.source = arrays[0].copy()
    if case.method == "call" and case.layout in ("out", "masked"):
        made.out = outputs_for(case)
    return made


def values(
    rng: np.random.Generator, dtype: np.dtype[Any], n: int, domain: tuple[float, float, int, int]
) -> np.ndarray:
    if dtype.kind == "b":
        return rng.integers(0, 2, n).astype(bool)
    if dtype.kind in "iu":
        return rng.integers(domain[2], domain[3], n).astype(dtype)
    numbers = rng.uniform(domain[0], domain[1], n)
    return (numbers + 0.5j if dtype.kind == "c" else numbers).astype(dtype)


def outputs_for(case: Case) -> Any:
    """An output for each of the loop's, zeros; a tuple where there are several."""
    chars = case.loop.partition("->")[2]
    made = [np.zeros(case.size, numpy_dtype(case.dtype if c == case.loop[0] else c)) for c in chars]
    return made[0] if len(made) == 1 else tuple(made)
