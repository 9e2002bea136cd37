"""Random calls, made through ufunx and through NumPy on equal copies of the data; reports whatever differs.

    python tests/python/fuzz.py --seed 0 --cases 100000

Compared: values, dtype, shape, strides, flags and exact type of every result, which array it is, all memory
that the call could see, references, warnings, and exceptions by class and text. Zeros keep their signs; NaNs
are equal whatever their bits.
"""

import argparse
import contextlib
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import numpy as np
from fuzz_cases import GENERALIZED, Case, Maker
from fuzz_values import HELPERS

import ufunx
from ufunx import _native

# What the registry states of the functions that are not exact; NumPy's are within 3 ULP by their own tests.
BOUNDED = {
    name: record["ulp"]
    for name, f in vars(np).items()
    if isinstance(f, np.ufunc) and (record := _native.records().get(f.__name__, {})) and record["ulp"]
}
NUMPYS_ULPS = 3
# The same of complex loops; the C library's are within some more, its powers within as many as the exponent
# counts.
COMPLEX = {
    name: record["complex_ulp"]
    for name, f in vars(np).items()
    if isinstance(f, np.ufunc) and (record := _native.records().get(f.__name__, {})) and record["complex_ulp"]
}
C_LIBRARYS_ULPS = {"power": 1e4, "pow": 1e4, "float_power": 1e4}
# NumPy's own formulas: one is wrong by as many units as the operand counts, the others lose what is far
# below 1.
ROUGH = {"exp2": np.inf, "log1p": 1.0, "expm1": 1.0}
FOLDED = {"add", "subtract", "multiply"}
TIES = {"maximum", "minimum", "fmax", "fmin"}  # which zero wins depends on NumPy's loop
UNFINISHED = "Integers to negative integer powers"
READ_ONLY_AT = "ValueError: output array is read-only"


@dataclass
class Outcome:
    """What one library did."""

    results: tuple[Any, ...]
    error: str
    warned: list[str]
    memory: dict[str, Any]
    identity: list[list[str]]
    references: dict[str, int]


def masked(text: str) -> str:
    """Text without addresses."""
    return re.sub(r"0x[0-9a-f]+", "0x...", text)


def text_of(error: BaseException | Warning) -> str:
    return masked(f"{type(error).__module__}.{type(error).__qualname__}: {error}".removeprefix("builtins."))


def observe(setup: CodeType, call: CodeType, case: Case, lib: Any) -> Outcome:
    """Makes the arrays, then the call."""
    space: dict[str, Any] = {**HELPERS, "lib": lib}
    exec(setup, space)
    result, error = None, ""
    with warnings.catch_warnings(record=True) as caught, np.errstate(**dict(case.state)):  # type: ignore[arg-type]
        warnings.simplefilter("always")
        try:
            result = eval(call, space)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as raised:  # a panic is no Exception
            error = text_of(raised)
    results = result if isinstance(result, tuple) else (result,)
    memory = {name: space[name] for name, _ in case.setup}
    arrays = {name: x for name, x in memory.items() if isinstance(x, np.ndarray)}
    identity = [[name for name, x in arrays.items() if x is r] for r in results]
    references = {name: sys.getrefcount(x) for name, x in arrays.items()}
    return Outcome(
        results,
        error,
        [text_of(w.message) for w in caught if isinstance(w.message, Warning)],
        memory,
        identity,
        references,
    )


def unequal(ours: np.ndarray, theirs: np.ndarray, ties: bool) -> np.ndarray:
    """Where two arrays of one dtype and shape differ."""
    kind = ours.dtype.kind
    if kind in "OV" or ours.dtype.char in "gG":
        pairs = zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True)
        flat = [type(a) is not type(b) or masked(repr(a)) != masked(repr(b)) for a, b in pairs]
        return np.array(flat, bool).reshape(ours.shape)
    ours, theirs = (
        np.ascontiguousarray(x).astype(x.dtype.newbyteorder("=")).reshape(x.shape) for x in (ours, theirs)
    )
    if kind == "c":
        part = f"f{ours.itemsize // 2}"
        a, b = (x.reshape(-1).view(part).reshape(*x.shape, 2) for x in (ours, theirs))
        return np.asarray(unequal(a, b, ties).any(-1))
    if kind == "f":
        signs = (np.signbit(ours) != np.signbit(theirs)) & (not ties)
        return np.asarray(((ours != theirs) | signs) & ~(np.isnan(ours) & np.isnan(theirs)))
    if kind in "mM":
        ours, theirs = ours.view("i8"), theirs.view("i8")
    return np.asarray(ours != theirs)


def function_slack(case: Case, theirs: Outcome, x: Any) -> np.ndarray | None:
    """How far an array of a bounded function may be, in units of the loop's dtype, perhaps not its own."""
    if case.name in ("multiply", "square") and isinstance(x, np.ndarray | np.generic) and x.dtype.kind == "c":
        # NumPy multiplies and adds in one step, but not where operands overlap, nor in its scalar loop.
        with np.errstate(all="ignore"):
            sizes = np.nan_to_num(abs(np.asarray(x).astype("G")), nan=0.0, posinf=0.0)
            return np.asarray(4 * float(np.finfo(x.dtype).eps) * sizes)
    if case.name in COMPLEX and is_complex(case, theirs) and isinstance(x, np.ndarray | np.generic):
        if x.dtype.kind not in "biufc":
            return None
        with np.errstate(all="ignore"):
            dtypes = [np.asarray(y).dtype for y in theirs.memory.values()] + [x.dtype]
            eps = max((float(np.finfo(d).eps) for d in dtypes if d.kind in "fc"), default=2e-16)
            ulps = COMPLEX[case.name] + C_LIBRARYS_ULPS.get(case.name, 16)
            parts = [np.where(np.isfinite(part), abs(part), 0) for part in parts_of(np.asarray(x))]
            sizes = np.maximum.reduce(parts)
            if case.name in C_LIBRARYS_ULPS and any(
                (abs(part[np.isfinite(part)]) > 1e3).any()
                for y in theirs.memory.values()
                if np.asarray(y).dtype.kind in "biufc"
                for part in parts_of(np.asarray(y))
            ):
                return np.asarray(np.nan)  # there may be no digit left
            sizes = np.maximum(sizes, ROUGH.get(case.name, eps))
            return np.asarray(ulps * eps * sizes + (x.dtype.kind in "biu"))
    if case.name not in BOUNDED or not isinstance(x, np.ndarray | np.generic) or x.dtype.kind not in "biufc":
        return None
    dtypes = [np.asarray(y).dtype for y in theirs.memory.values()] + [x.dtype]
    with contextlib.suppress(Exception):  # a wrong value of `dtype`
        dtypes.append(np.dtype(eval(dict(case.kwargs)["dtype"], dict(HELPERS))))
    floats = [d for d in dtypes if d.kind in "fc"]
    narrower = [d for d in dtypes if d.kind in "biu" and d.itemsize < 4]
    floats += [np.dtype("e" if d.itemsize == 1 else "f") for d in narrower]
    narrow = np.finfo(min(floats, key=lambda d: np.finfo(d).bits, default=np.dtype("d")))
    whole = 0 if x.dtype.kind in "fc" else 1  # a float that was truncated
    with np.errstate(all="ignore"):
        sizes = abs(np.asarray(x).astype("G"))
        ulps = BOUNDED[case.name] + NUMPYS_ULPS
        # Of results near 0 the operands are near 1, and their last places are what counts.
        sizes = np.maximum(sizes, 1) if case.name.startswith("logaddexp") else sizes
        return np.asarray(ulps * (float(narrow.eps) * sizes + float(narrow.smallest_subnormal)) + whole)


def is_complex(case: Case, theirs: Outcome) -> bool:
    """Whether it runs a complex loop."""
    kinds = {np.asarray(x).dtype.kind for x in theirs.memory.values()}
    wanted = [text for name, text in case.kwargs if name in ("dtype", "signature", "sig")]
    return (
        "c" in kinds
        or any("j" in text for text in case.args)
        or any(c in text for text in wanted for c in ("F", "D", "c8", "c16", "complex"))
    )


def depends_on_cpu(case: Case, text: str) -> bool:
    """Whether NumPy says so by some of its loops of a function and not by others: of results that underflow,
    and of zero to the power of minus infinity. (What ours say, the tests in Rust know.)
    """
    divides = case.name in ("power", "pow", "float_power") and "divide by zero" in text
    return case.name in BOUNDED and ("underflow" in text or divides)


def undefined(case: Case, theirs: Outcome) -> bool:
    """Whether nothing is promised of the values.

    Floats are cast to integers that cannot hold them, which C leaves open; a bounded function is repeated,
    which multiplies the errors; or a fold without identity starts from elements that NumPy casts to `out`'s
    dtype first.
    """
    if case.method == "at" and case.name in BOUNDED:
        return True
    x, result = theirs.memory.get(case.args[0]) if case.args else None, theirs.results[0]
    if case.method == "reduce" and getattr(np, case.name).identity is None and "out" in dict(case.kwargs):
        return isinstance(x, np.ndarray) and isinstance(result, np.ndarray) and x.dtype != result.dtype
    kwargs, ignored = dict(case.kwargs), ("all", "ignore") in case.state
    unsafe = "unsafe" in kwargs.get("casting", "") or case.method != "call"
    kinds = {np.asarray(x).dtype.kind for x in [*theirs.memory.values(), *theirs.results]}
    return (
        unsafe and bool(kinds & set("iu")) and (ignored or any("invalid" in text for text in theirs.warned))
    )


def fold_slack(case: Case, theirs: Outcome) -> np.ndarray | None:
    """How far a fold of floats may be from NumPy's; None where it is NumPy's to the bit, NaN for any value.

    NumPy adds pairwise only along the innermost axis of its iterator. Along others it adds naively, with an
    error of up to n eps sum|x|, where we add pairwise too. A product is rounded n times in any order. NumPy
    rounds halves after each step of a fold, and we after the last. Where a step could overflow or vanish on
    one side only, any value will do.
    """
    if theirs.error:
        return None
    if case.name in BOUNDED and case.method in ("reduce", "accumulate", "reduceat"):
        return repeated_slack(case, theirs)
    if case.method not in ("reduce", "reduceat"):
        return None
    x, result, space = theirs.memory.get(case.args[0]), theirs.results[0], {**HELPERS, **theirs.memory}
    if not isinstance(x, np.ndarray) or not isinstance(result, np.ndarray | np.generic):
        return None
    kwargs = {name: eval(text, space) for name, text in case.kwargs}
    dtypes = [d for d in (x.dtype, result.dtype, np.dtype(kwargs.get("dtype") or x.dtype)) if d.kind in "fc"]
    if not dtypes or x.dtype.kind not in "biufc" or result.dtype.kind not in "biufc":
        return None
    narrow = min(dtypes, key=lambda d: np.finfo(d).bits)
    half = narrow.char == "e"
    if case.name not in FOLDED:
        return np.asarray(np.nan) if half and case.name not in TIES else None
    # To a narrower output NumPy rounds after each buffer.
    wide = result.dtype.itemsize >= x.dtype.itemsize and not half
    alike = case.name == "subtract" or case.method == "reduceat" or pairwise(x, kwargs)
    if wide and case.name != "multiply" and alike:
        return None
    fold = getattr(np.add if case.name in ("add", "subtract") else np.multiply, case.method)
    rest = [eval(text, space) for text in case.args[1:]]
    exact = {k: v for k, v in kwargs.items() if k in ("axis", "keepdims", "where")}
    initial = kwargs.get("initial", 0)
    start = (
        abs(complex(np.nan_to_num(initial))) if isinstance(initial, int | float | complex | np.inexact) else 0
    )
    n, info = max(x.size, 1), np.finfo(narrow)
    with np.errstate(all="ignore"):
        sizes: np.ndarray = abs(np.asarray(x, np.clongdouble if x.dtype.kind == "c" else np.longdouble))
        sizes = np.where(np.isfinite(sizes), sizes, 0)
        if fold.__self__ is np.add:
            total = fold(sizes, *rest, **exact) + start
            return np.asarray(np.where(total < info.max / 4, 4 * n * float(info.eps) * total, np.nan))
        sizes = np.where(sizes == 0, 1, sizes)
        high = fold(np.maximum(sizes, 1), *rest, **exact) * max(start, 1)
        low = fold(np.minimum(sizes, 1), *rest, **exact) * (min(start, 1) or 1)
        plain = (high < info.max / 4) & (low > info.tiny * 4)
        return np.asarray(np.where(plain, 4 * n * float(info.eps) * abs(np.asarray(result)), np.nan))


def product_slack(case: Case, theirs: Outcome) -> np.ndarray | None:
    """How far products of floats may be from NumPy's, whose matrix library adds in an order of its own; NaN
    for any value where a step could overflow or vanish in one order only.
    """
    arrays = [np.asarray(x) for x in theirs.memory.values() if isinstance(x, np.ndarray | np.generic)]
    dtypes = [x.dtype for x in [*arrays, *theirs.results] if isinstance(x, np.ndarray | np.generic)]
    with contextlib.suppress(Exception):  # a wrong value of `dtype`
        dtypes.append(np.dtype(eval(dict(case.kwargs)["dtype"], dict(HELPERS))))
    floats = [d for d in dtypes if d.kind in "fc"]
    if not floats:
        return None
    info, terms = np.finfo(min(floats, key=lambda d: np.finfo(d).bits)), max([9, *(x.size for x in arrays)])
    largest, least = 1.0, 1.0
    with np.errstate(all="ignore"):
        for x in arrays:
            if x.dtype.kind in "biufc":
                sizes = abs(x.astype("G")).ravel()
                if not np.isfinite(sizes).all():
                    return np.asarray(np.nan)
                largest = max(largest, float(sizes.max(initial=0)))
                least = min(least, float(sizes[sizes > 0].min(initial=1)))
        sure = terms * largest**2 < info.max / 4 and least**2 > info.tiny * 4
        return np.asarray(4 * terms * float(info.eps) * largest**2 if sure else np.nan)


def repeated_slack(case: Case, theirs: Outcome) -> np.ndarray | None:
    """How far a bounded function that is applied n times may be: n times as far. Logarithms of sums that
    pass zero on the way have the error of what was larger.
    """
    x = theirs.memory.get(case.args[0])
    slack = function_slack(case, theirs, theirs.results[0])
    if not isinstance(x, np.ndarray) or slack is None or x.dtype.kind not in "biuf" or x.dtype.char == "e":
        return np.asarray(np.nan)
    with np.errstate(all="ignore"):
        largest = np.nanmax(np.abs(np.where(np.isfinite(x), x, 0)), initial=1.0).astype("d")
        beside = float(np.finfo("f" if x.dtype.itemsize < 8 else "d").eps) * largest
        return np.asarray(x.size * (slack + (beside if case.name.startswith("logaddexp") else 0)))


def pairwise(x: np.ndarray, kwargs: dict[str, Any]) -> bool:
    """Whether NumPy adds all of it pairwise, as we do."""
    if x.ndim <= 1 or "where" in kwargs:
        return "where" not in kwargs
    axis = kwargs.get("axis", 0)
    axes = (
        range(x.ndim)
        if axis is None
        else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    )
    return x.flags.c_contiguous and sorted(axes) == list(range(x.ndim - len(axes), x.ndim))


def parts_of(x: np.ndarray) -> list[np.ndarray]:
    """Its parts, as numbers of more digits."""
    return [part.astype("g") for part in ((x.real, x.imag) if x.dtype.kind == "c" else (x,))]


def compare_values(
    ours: Any, theirs: Any, ties: bool, slack: np.ndarray | None, mask: np.ndarray | None
) -> str:
    if type(ours) is not type(theirs):
        return f"type {type(ours).__name__} for {type(theirs).__name__}"
    if not isinstance(theirs, np.ndarray | np.generic):
        return "" if masked(repr(ours)) == masked(repr(theirs)) else f"value {ours!r} for {theirs!r}"
    for what in ("shape", "strides"):
        if getattr(ours, what) != getattr(theirs, what):
            return f"{what} {getattr(ours, what)} for {getattr(theirs, what)}"
    if (ours.dtype.str, ours.dtype.char, ours.dtype) != (theirs.dtype.str, theirs.dtype.char, theirs.dtype):
        return f"dtype {ours.dtype!r} for {theirs.dtype!r}"
    if ours.flags.num != theirs.flags.num:
        return f"flags {ours.flags.num:#x} for {theirs.flags.num:#x}"
    x, y = np.asarray(ours), np.asarray(theirs)
    differ = unequal(x, y, ties)
    if slack is not None and differ.any():
        with np.errstate(all="ignore"):
            far = ~np.isnan(slack) & ~np.logical_and.reduce(
                [
                    (a == b) | (np.isnan(a) & np.isnan(b)) | (abs(a - b) <= slack)
                    for a, b in zip(parts_of(x), parts_of(y), strict=True)
                ]
            )
        differ &= far
    if mask is not None:
        differ &= np.broadcast_to(mask, differ.shape)
    if not differ.any():
        return ""
    where = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(differ)))
    a, b = np.atleast_1d(x)[where], np.atleast_1d(y)[where]
    return f"value at {where}: {a!r} for {b!r}; {int(differ.sum())} of {differ.size}"


def difference(case: Case, lib: Any = ufunx) -> str:
    """What the library does otherwise than NumPy, or nothing."""
    lines = "\n".join(f"{name} = {text}" for name, text in case.setup)
    setup, call = compile(lines, "<setup>", "exec"), compile(case.call(), "<call>", "eval")
    ours, theirs = observe(setup, call, case, lib), observe(setup, call, case, np)
    told = {
        name: [w for w in o.warned if not depends_on_cpu(case, w)]
        for name, o in (("ours", ours), ("theirs", theirs))
    }
    products = product_slack(case, theirs) if case.name in GENERALIZED else None
    if ours.error != theirs.error:
        if products is not None and np.isnan(products):
            return ""
        if any(depends_on_cpu(case, o.error) for o in (ours, theirs)):
            return ""
        if case.method == "at" and ours.error == READ_ONLY_AT and "frozen" in lines:
            return ""  # NumPy 2.4 writes into read-only arrays
        return f"error {ours.error or 'none'!r} for {theirs.error or 'none'!r}"
    kwargs = dict(case.kwargs)
    slack = np.asarray(np.nan) if undefined(case, theirs) else fold_slack(case, theirs)
    slack = products if slack is None else slack
    loose = slack is not None and np.isnan(slack).any() and not undefined(case, theirs)
    if not loose and told["ours"] != told["theirs"]:
        return f"warnings {ours.warned} for {theirs.warned}"
    if ours.identity != theirs.identity:
        return f"identity {ours.identity} for {theirs.identity}"
    mask = None
    if "where" in kwargs and case.method in ("call", "outer") and not theirs.error:
        mask = np.asarray(eval(kwargs["where"], {**HELPERS, **theirs.memory}), bool)
    ties = case.name in TIES
    for i, (x, y) in enumerate(zip(ours.results, theirs.results, strict=True)):
        fresh = not theirs.identity[i]
        within = slack if slack is not None else function_slack(case, theirs, y)
        if fresh and case.name in GENERALIZED:
            # Here new results lie in rows, in NumPy as its iterator has walked.
            x, y = (part.copy() if isinstance(part, np.ndarray) else part for part in (x, y))
        if found := compare_values(x, y, ties, within, mask if fresh else None):
            return found
    # After these NumPy leaves in an output what its buffers or a copy held.
    unfinished = UNFINISHED in theirs.error or "FloatingPointError" in theirs.error
    for name, y in theirs.memory.items():
        vague = unfinished or (slack is not None and ("out" in kwargs or case.method == "at"))
        within = function_slack(case, theirs, y)
        if not vague and (found := compare_values(ours.memory[name], y, ties, within, None)):
            return f"{found}, in {name} afterwards"
    if ours.references != theirs.references:
        return f"references {ours.references} for {theirs.references}"
    return ""


def smaller(case: Case) -> Iterator[Case]:
    """The case with one thing left out or made plain."""
    for i in range(len(case.kwargs)):
        yield replace(case, kwargs=case.kwargs[:i] + case.kwargs[i + 1 :])
    if case.state:
        yield replace(case, state=())
    for i, (name, text) in enumerate(case.setup):
        head = text.removeprefix("shifted(").removesuffix(")") + ")" if text.startswith("shifted(") else text
        tame = re.sub(r"(values\('.*', \d+, )\d{2,}\)", r"\g<1>0)", head)
        for plain in (head, tame, f"{text}.copy()" if name.startswith("x") and "copy" not in text else text):
            if plain != text:
                yield replace(case, setup=(*case.setup[:i], (name, plain), *case.setup[i + 1 :]))
        if sum(name in other for _, other in case.setup) + case.call().count(name) == 0:
            yield replace(case, setup=case.setup[:i] + case.setup[i + 1 :])


def shrink(case: Case, lib: Any = ufunx) -> Case:
    """A case as small as we can make it that differs in the same way."""
    kind = difference(case, lib).split(" ")[0]
    for tried in smaller(case):
        try:
            if difference(tried, lib).split(" ")[0] == kind:
                return shrink(tried, lib)
        except Exception:  # a line that no longer works
            continue
    return case


def differences(first: int, count: int, lib: Any = ufunx) -> Iterator[tuple[Case, str]]:
    """Cases of these seeds that differ, and how."""
    for seed in range(first, first + count):
        case = Maker(seed).case()
        if found := difference(case, lib):
            yield case, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first case")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--raw", action="store_true", help="do not make the cases smaller")
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    for case, found in differences(options.seed, options.cases):
        kinds[found.split(" ")[0]] += 1
        shown = case if options.raw else shrink(case)
        print(f"# seed {case.seed}: {found}\n{shown.source()}\n", flush=True)
    print(f"# {options.cases} cases, {sum(kinds.values())} differences {dict(kinds)}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
