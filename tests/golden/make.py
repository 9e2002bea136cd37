"""Write the golden data in tests/data: what NumPy answers.

    python tests/golden/make.py

Needs NumPy 2.4 on 64-bit little-endian Linux. On the same NumPy and the same CPU family, running it again
changes no byte. Every file is CSV with a header line and no quoting. `int`, `float` and `complex` stand for
weak Python scalars (NEP 50).

The ufuncs are those of the registry that NumPy has, and that compute one element at a time.

promotion.csv        a,b,result
    The common dtype of each ordered pair.

casting.csv          from,to,no,equiv,safe,same_kind,unsafe
    `np.can_cast`, as 0 or 1.

resolve.csv          ufunc,inputs,result
    `ufunc.resolve_dtypes` for each combination of operand dtypes, as `float32;float32->float32`, or an
    error word; several outputs are separated by `;` too. The result dtypes of each row, or its error, are
    checked against a real call on ones. The inputs are as `resolve_dtypes` has them. A real comparison
    differs in how it gets there, by value: two weak integers are `object` here and int64 in a call where
    they fit; and one that does not fit the other operand's integer dtype still compares exactly, where this
    table alone would have the cast fail.

resolve_reduce.csv   ufunc,input,dtype_arg,result
    The dtype of `ufunc.reduce(np.ones(3, input), dtype=dtype_arg)`, or an error word; dtype_arg may be
    empty. Each row is checked against `resolve_dtypes(..., reduction=True)`.

edge_values.csv      ufunc,dtype,out_dtype,inputs,outputs,flags
    One line for each loop that takes this very dtype in every input; complex ones where we have them. Lists
    are separated by spaces. A binary ufunc has two lists of inputs separated by `;`, already paired: the
    first of each belong together; so have several outputs, and their dtypes. A value is its bits as a
    hexadecimal integer, of a complex number those of its parts with `:` between them; an output that is NaN
    is `nan`. Flags are what a call on that one element reports: the sum of DIVIDE 1, OVERFLOW 2,
    UNDERFLOW 4 and INVALID 8, or 16 where the call is refused.

    NumPy has several code paths, chosen by CPU. Values and flags are those of the best path of the machine
    that wrote the file. `?` after a flag or an output says that another path, or one call on the whole
    list, gives something else: the last bit of exp and log, a flag on a subnormal, the sign of fmin(0, -0).
    On other CPUs it may be other bits: compare such functions within the accuracy they promise. A CPU that
    lacks a path cannot tell of it: there what the file says of the same inputs already stays, as doubted.

Error words: `no_loop` (this signature has no loop), `no_safe_loop` (no loop takes these inputs by safe
casts), `no_matching_loop` (no loop fits dtype=, or the reduction), `bool_subtract`, `bool_negative`.
"""

import itertools
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ufunx import _native

DATA = Path(__file__).resolve().parent.parent / "data"

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
WEAK: dict[str, Any] = {"int": 1, "float": 1.0, "complex": 1 + 0j}

# All of NumPy's ufuncs: `clip` is none of its namespace.
UMATH = np._core.umath  # type: ignore[attr-defined]

COMPLEXES = ["complex64", "complex128"]
STRONG = ["bool", *INTS, *FLOATS, *COMPLEXES]
NUMPYS = [
    name
    for name, record in _native.records().items()
    if isinstance(getattr(UMATH, name, None), np.ufunc) and any(not {*"mM"} & {*t} for t in record["types"])
]
UFUNCS = [name for name in NUMPYS if getattr(UMATH, name).signature is None]

ERRORS = {
    "numpy boolean subtract": "bool_subtract",
    "The numpy boolean negative": "bool_negative",
    "did not contain a loop with signature": "no_loop",
    "could not be safely coerced": "no_safe_loop",
    "No loop matching the specified signature and casting": "no_matching_loop",
}

# What is turned off to reach each of NumPy's code paths, best first.
CPU_PATHS = ["", "X86_V4 AVX512_ICL AVX512_SPR", "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"]


def ufunc(name: str) -> np.ufunc:
    found = getattr(UMATH, name)
    assert isinstance(found, np.ufunc)
    return found


def one(name: str) -> Any:
    """The number 1 as an operand of this dtype."""
    return WEAK[name] if name in WEAK else np.ones(1, name)


def answer(question: Callable[[], str]) -> str:
    """The answer, or the word for the TypeError."""
    try:
        return question()
    except TypeError as error:
        for text, word in ERRORS.items():
            if text in str(error):
                return word
        raise


def promotion() -> Iterable[list[str]]:
    yield ["a", "b", "result"]
    for a, b in itertools.product([*STRONG, *WEAK], repeat=2):
        result = np.result_type(one(a), one(b)).name
        if a in STRONG and b in STRONG:
            assert result == np.promote_types(a, b).name, (a, b)
        yield [a, b, result]


def casting() -> Iterable[list[str]]:
    rules = ["no", "equiv", "safe", "same_kind", "unsafe"]
    yield ["from", "to", *rules]
    for a, b in itertools.product(STRONG, repeat=2):
        yield [a, b, *(str(int(np.can_cast(a, b, rule))) for rule in rules)]  # type: ignore[arg-type]


def resolve() -> Iterable[list[str]]:
    yield ["ufunc", "inputs", "result"]
    for name in UFUNCS:
        f = ufunc(name)
        for inputs in itertools.product([*STRONG, *WEAK], repeat=f.nin):

            def planned(f: Any = f, inputs: tuple[str, ...] = inputs) -> str:
                operands = [type(WEAK[x]) if x in WEAK else np.dtype(x) for x in inputs]
                dtypes = [d.name for d in f.resolve_dtypes((*operands, *[None] * f.nout))]
                return f"{';'.join(dtypes[: f.nin])}->{';'.join(dtypes[f.nin :])}"

            def called(f: Any = f, inputs: tuple[str, ...] = inputs) -> str:
                results = f(*map(one, inputs))
                several = results if isinstance(results, tuple) else (results,)
                return ";".join(np.asarray(result).dtype.name for result in several)

            plan = answer(planned)
            assert plan.rpartition("->")[2] == answer(called), (name, inputs, plan)
            yield [name, ";".join(inputs), plan]


def resolve_reduce() -> Iterable[list[str]]:
    yield ["ufunc", "input", "dtype_arg", "result"]
    for name in UFUNCS:
        f = ufunc(name)
        if (f.nin, f.nout) != (2, 1):
            continue
        for given, wanted in itertools.product(STRONG, [None, *STRONG]):

            def planned(f: Any = f, given: str = given, wanted: str | None = wanted) -> str:
                signature = (wanted and np.dtype(wanted), None, None)
                operands = (None, np.dtype(given), None)
                plan = f.resolve_dtypes(operands, reduction=True, casting="unsafe", signature=signature)
                result: str = plan[-1].name
                return result

            def called(f: Any = f, given: str = given, wanted: str | None = wanted) -> str:
                result: str = f.reduce(np.ones(3, given), dtype=wanted).dtype.name
                return result

            result = answer(called)
            assert result == answer(planned), (name, given, wanted)
            yield [name, given, wanted or "", result]


def integer_edges(dtype: str) -> np.ndarray:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    widths = [7, 8, 15, 16, 31, 32, 63, 64]
    values = [0, 1, 2, 3, -1, -2, low, low + 1, high, high - 1, *widths]
    return np.array([v for v in dict.fromkeys(values) if low <= v <= high], dtype)


def float_edges(dtype: str, nin: int) -> np.ndarray:
    info = np.finfo(dtype)
    tiny, normal, huge = float(info.smallest_subnormal), float(info.smallest_normal), float(info.max)
    both_signs = [0.0, 1.0, 0.5, 1.5, 2.5, tiny, huge, np.inf, np.nan]
    positive = [3.0, normal - tiny, normal, 1 + float(info.eps), 1 - float(info.epsneg), 0.1, 1e-8]
    values = [signed for v in both_signs for signed in (v, -v)] + positive
    if nin == 1:
        values += [-v for v in positive] + [0.25, 2.0, 4.0, 8.0, 27.0, 10.0, 100.0, 1000.0, np.e, np.pi]
        # exp, expm1 and exp2 overflow, go subnormal and reach zero around these, in f64, f32 and f16.
        values += [709.78, 709.79, -708.4, -745.1, -745.2, 1023.9, 1024.0, -1022.5, -1074.0, -1075.5]
        values += [88.7, 88.73, -87.4, -103.9, -104.0, 127.9, 128.0, -126.5, -149.0, -150.5]
        values += [11.08, 11.09, -9.8, -17.3, -17.4, 15.9, 16.0, -14.5, -24.0, -25.5]
    with np.errstate(all="ignore"):
        return np.array(values).astype(dtype)


def edges(dtype: str, nin: int) -> list[np.ndarray]:
    """One array per input; for two inputs every pair, for three some of the triples."""
    if dtype == "bool":
        values = np.array([False, True])
    elif dtype in COMPLEXES:
        parts = [0.0, -0.0, 1.0, -1.5, np.inf, np.nan] + [3e38, -1e-30, -np.inf] * (nin == 1)
        values = np.array([complex(re, im) for re in parts for im in parts]).astype(dtype)
    elif dtype in INTS:
        values = integer_edges(dtype)
    else:
        values = float_edges(dtype, nin)
    if nin == 1:
        return [values]
    if nin > 2:
        values = values[::3]
    grids = np.meshgrid(*[values] * nin, indexing="ij")
    return [grid.ravel() for grid in grids]


def hexadecimal(values: np.ndarray, nan: bool) -> list[str]:
    """The bits of each value, with every NaN alike if `nan`."""
    if values.dtype.kind == "c":
        real, imag = hexadecimal(values.real.copy(), nan), hexadecimal(values.imag.copy(), nan)
        return [f"{re}:{im}" for re, im in zip(real, imag, strict=True)]
    bits = values.view(f"uint{values.dtype.itemsize * 8}")
    return ["nan" if nan and v != v else f"{b:x}" for v, b in zip(values, bits, strict=True)]


def edge_rows() -> Iterable[list[str]]:
    """The rows of edge_values.csv on the code path of this process; last, the outputs of one call on all."""
    raised = 0

    def note(_: str, flags: int) -> None:
        nonlocal raised
        raised |= flags

    np.seterrcall(note)
    for name in UFUNCS:
        f = ufunc(name)
        for dtype in STRONG:
            try:
                loop = f.resolve_dtypes((np.dtype(dtype),) * f.nin + (None,) * f.nout)
            except TypeError:
                continue
            if any(d.name != dtype for d in loop[: f.nin]):
                continue
            if dtype in COMPLEXES and not any("D" in t for t in _native.records()[name]["types"]):
                continue  # NumPy's alone yet
            inputs = edges(dtype, f.nin)
            outputs = [np.zeros(len(inputs[0]), d) for d in loop[f.nin :]]
            flags, refused = [], np.zeros(len(inputs[0]), bool)
            with np.errstate(all="call"):
                for i in range(len(refused)):
                    raised = 0
                    try:
                        f(*(x[i : i + 1] for x in inputs), out=tuple(y[i : i + 1] for y in outputs))
                    except ValueError:
                        raised, refused[i] = 16, True
                    flags.append(str(raised))
            whole = [y.copy() for y in outputs]
            with np.errstate(all="ignore"):
                taken = f(*(x[~refused] for x in inputs))
                for y, part in zip(whole, taken if f.nout > 1 else (taken,), strict=True):
                    y[~refused] = part
            lists = ";".join(" ".join(hexadecimal(x, nan=False)) for x in inputs)
            singly, together = (
                ";".join(" ".join(hexadecimal(y, nan=True)) for y in ys) for ys in (outputs, whole)
            )
            dtypes = ";".join(y.dtype.name for y in outputs)
            yield [name, dtype, dtypes, lists, singly, " ".join(flags), together]


def edge_values() -> Iterable[list[str]]:
    """The rows of the best path, with `?` at what another path does differently."""
    yield ["ufunc", "dtype", "out_dtype", "inputs", "outputs", "flags"]
    earlier = {} if has_every_path() else {tuple(row[:4]): row[4:] for row in EARLIER}
    paths = []
    for disabled in CPU_PATHS:
        env = {**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled, "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, __file__, "--edge-rows"]
        text = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        paths.append([line.split(",") for line in text.splitlines()])
    for rows in zip(*paths, strict=True):
        same, outputs, flags, whole = rows[0][:4], *([row[column] for row in rows] for column in (4, 5, 6))
        assert all(row[:4] == same for row in rows)
        known = earlier.get(tuple(same), [])
        yield [*same, marked([*known[:1], *outputs, *whole]), marked([*known[1:], *flags])]


def marked(lists: list[str]) -> str:
    """The first list, with `?` after each item that the other lists do not share; of several, each."""
    if ";" in lists[0]:
        return ";".join(
            marked(list(parts)) for parts in zip(*(text.split(";") for text in lists), strict=True)
        )
    columns = zip(*(text.split() for text in lists), strict=True)
    return " ".join(items[0].rstrip("?") + "?" * (len(set(items)) > 1) for items in columns)


def has_every_path() -> bool:
    """Whether this CPU runs the best of NumPy's code paths."""
    found: list[str] = np.show_config("dicts")["SIMD Extensions"]["found"]
    return "X86_V4" in found


def earlier_edge_values() -> list[list[str]]:
    """The file's rows so far."""
    path = DATA / "edge_values.csv"
    return [line.split(",") for line in path.read_text().splitlines()[1:]] if path.exists() else []


EARLIER = earlier_edge_values()


def main() -> None:
    assert np.__version__.startswith("2.4."), f"the golden data is that of NumPy 2.4, not {np.__version__}"
    assert sys.byteorder == "little"
    if sys.argv[1:] == ["--edge-rows"]:
        sys.stdout.writelines(",".join(row) + "\n" for row in edge_rows())
        return
    warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
    DATA.mkdir(exist_ok=True)
    for make in (promotion, casting, resolve, resolve_reduce, edge_values):
        path = DATA / f"{make.__name__}.csv"
        with path.open("w", newline="\n") as file:
            file.writelines(",".join(row) + "\n" for row in make())
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
