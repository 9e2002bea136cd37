"""Random calls of the array functions, ours and NumPy's on equal copies of the data: every form of every
argument, by position and by name; reports whatever differs.

    python tests/python/fuzz_functions.py --seed 0 --cases 50000

Compared: exceptions by class and text, warnings, exact types, dtype, shape, whether `out` is returned and
what it holds. Floats may differ as sums in another order do: by a few eps of the sum of the magnitudes.
"""

import argparse
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import ufunx

REDUCTIONS = ["sum", "prod", "max", "min", "any", "all"]
MOMENTS = ["mean", "var", "std"]
SCANS = ["cumsum", "cumprod"]
OTHERS = ["clip", "where", "round"]
NAMES = REDUCTIONS + MOMENTS * 2 + SCANS + OTHERS

# The parameters after the array, in NumPy's order; those after `*` by name only.
PARAMETERS = {
    "sum": "axis dtype out keepdims initial where",
    "prod": "axis dtype out keepdims initial where",
    "max": "axis out keepdims initial where",
    "min": "axis out keepdims initial where",
    "any": "axis out keepdims * where",
    "all": "axis out keepdims * where",
    "mean": "axis dtype out keepdims * where",
    "var": "axis dtype out ddof keepdims * where correction",
    "std": "axis dtype out ddof keepdims * where correction",
    "cumsum": "axis dtype out",
    "cumprod": "axis dtype out",
    "clip": "a_min a_max out * min max",
    "where": "x y *",
    "round": "decimals out",
}
SHAPES: list[tuple[int, ...]] = [
    (),
    (0,),
    (1,),
    (3,),
    (8,),
    (17,),
    (130,),
    (2, 3),
    (3, 1),
    (1, 1),
    (4, 0),
    (2, 3, 4),
    (5, 40),
]
# Not of objects: reducing them, NumPy 2.4 releases some that it never made.
DTYPES = ["d"] * 5 + ["f"] * 3 + ["l", "i", "b", "B", "L", "?", "e", "D", "F", "g", ">f8", "m8[s]"]


class Maker:
    """The case of a seed, as a source text of each argument: equal texts make equal, and fresh, objects."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        r = self.random
        self.name = r.choice(NAMES)
        self.shape = r.choice(SHAPES)
        self.dtype = r.choice(DTYPES)
        self.array = self.values(self.shape, self.dtype)

    def values(self, shape: tuple[int, ...], dtype: str) -> str:
        r, n = self.random, int(np.prod(shape))
        small = [r.choice([0, 1, 2, 3, 7, -1, -5]) for _ in range(min(n, 7))] or [1]
        if dtype in "BL?":
            small = [abs(x) for x in small]
        text = f"np.resize(np.array({small}), {shape}).astype({dtype!r})"
        if dtype in "dfe" and r.random() < 0.3:
            special = r.choice(["np.nan", "np.inf", "-np.inf", "-0.0", "1e300", "1e-300", "5e-324"])
            text = f"spiced({text}, {special})"
        return {0: f"{text}.T", 1: f"{text}[::-1]", 2: f"{text}[..., ::2]"}.get(
            r.randrange(8) if shape else 9, text
        )

    def axis(self) -> str:
        r, nd = self.random, len(self.shape)
        all_axes = tuple(range(nd))
        forms = ["None", "0", "-1", "()", "(0,)", "(-1,)", str(all_axes), str(all_axes[::-1]), str(nd - 1)]
        rare = [
            "np.int64(0)",
            "np.array(0)",
            str(nd),
            str(-nd - 1),
            "(0, 0)",
            "(0, -1)",
            f"({nd},)",
            "[0]",
            "1.0",
            "True",
            "'a'",
        ]
        return r.choice(rare if r.random() < 0.25 else forms)

    def argument(self, parameter: str) -> str:
        r = self.random
        if parameter == "axis":
            return self.axis()
        if parameter == "dtype":
            return r.choice(
                [
                    "None",
                    "'d'",
                    "'f'",
                    "'l'",
                    "'e'",
                    "'D'",
                    "float",
                    "int",
                    "bool",
                    "np.float32",
                    "'nonsense'",
                ]
            )
        if parameter == "out":
            n = int(np.prod(self.shape))
            shapes = [(), self.shape, self.shape[1:], self.shape[:-1], (1,) * len(self.shape), (3,)]
            # NumPy crashes on a cumsum into another shape.
            shape = (n,) if self.name in SCANS else r.choice(shapes)
            new = f"np.full({shape}, 9, {r.choice([self.dtype, 'd', 'f', 'l', '?'])!r})"
            return r.choice(["None", new, new, new, f"({new},)", "[]"])
        if parameter == "keepdims":
            return r.choice(["True", "False", "1", "0", "None", "np._NoValue", "np.True_", "2", "'a'"])
        if parameter == "initial":
            return r.choice(
                ["0", "1", "-3.5", "None", "np._NoValue", "np.float32(2)", "True", "1e300", "'a'", "[1]"]
            )
        if parameter == "where":
            n = int(np.prod(self.shape))
            mask = f"(np.arange({n}) % {r.choice([1, 2, 3])} == 0).reshape({self.shape})"
            return r.choice(
                ["True", "False", mask, mask, mask, f"{mask}.tolist()", "np._NoValue", "1", "[True, False]"]
            )
        if parameter in ("ddof", "correction"):
            return r.choice(
                ["0", "1", "2", "-1", "0.5", "1000", "np.int64(1)", "None", "True", "np._NoValue"]
            )
        if parameter == "decimals":
            return r.choice(["0", "1", "-1", "2", "308", "np.int64(1)", "1.0", "None"])
        # Bounds and choices.
        n = r.choice([self.shape, self.shape[1:], ()])
        value = self.values(n, r.choice([self.dtype, "d", "l"]))
        return r.choice([value, "0", "2", "-1.5", "None", "np.nan", "300", "np.float64(1)", "[0]", "10**20"])

    def scan_axis(self) -> str:
        """One with which an `out` of all elements, in one dimension, is right."""
        return "None" if len(self.shape) != 1 else self.random.choice(["None", "0", "-1"])

    def case(self) -> tuple[str, list[str], dict[str, str]]:
        r, named = self.random, {}
        by_position, _, by_name = PARAMETERS[self.name].partition(" *")
        parameters = by_position.split()
        given = 0
        if self.name in ("clip", "where") or r.random() < 0.3:
            given = r.randrange(1 if self.name in ("clip", "where") else 0, len(parameters) + 1)
        args = [self.array, *(self.argument(p) for p in parameters[:given])]
        if self.name == "where":
            return self.name, args, named
        for parameter in parameters[given:] + by_name.split():
            chance = {"axis": 0.6, "keepdims": 0.3, "min": 0.1, "max": 0.1, "correction": 0.1}.get(
                parameter, 0.2
            )
            if r.random() < chance:
                named[parameter] = self.argument(parameter)
        if self.name in SCANS and (len(args) > 3 or "out" in named):
            if len(args) > 1:
                args[1] = self.scan_axis()
            else:
                named["axis"] = self.scan_axis()
        if r.random() < 0.02:
            named["bogus"] = "1"
        return self.name, args, named


def spiced(x: np.ndarray, value: float) -> np.ndarray:
    """With a special value in the middle."""
    if x.size:
        with np.errstate(all="ignore"):
            x.flat[x.size // 2] = value
    return x


SPACE = {"np": np, "spiced": spiced}


def source(case: tuple[str, list[str], dict[str, str]]) -> str:
    name, args, kwargs = case
    return f"{name}({', '.join([*args, *(f'{k}={v}' for k, v in kwargs.items())])})"


def observe(lib: Any, case: tuple[str, list[str], dict[str, str]]) -> tuple[Any, list[Any], list[str], str]:
    """The result, the arguments afterwards, warnings and the error."""
    name, args, kwargs = case
    positional = [eval(text, SPACE) for text in args]
    named = {key: eval(text, SPACE) for key, text in kwargs.items()}
    result, error = None, ""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
        warnings.simplefilter("always")
        try:
            result = getattr(lib, name)(*positional, **named)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as raised:  # a panic is no Exception
            error = f"{type(raised).__name__}: {raised}"
    warned = [f"{w.category.__name__}: {w.message}" for w in caught]
    return result, [*positional, *named.values()], warned, error


def slack(case: tuple[str, list[str], dict[str, str]], arguments: list[Any], dtype: np.dtype) -> Any:
    """How far an order of summing, or of multiplying, may lead."""
    name = case[0]
    if dtype.kind not in "fc" or name in ("max", "min", "any", "all", "clip", "where"):
        return 0.0
    x = np.asarray(arguments[0])
    if x.dtype.kind not in "biufc" or not x.size:
        return 0.0
    floats = [np.finfo(d).eps for d in (dtype, x.dtype) if np.dtype(d).kind in "fc"]
    with np.errstate(all="ignore"):
        magnitudes = np.abs(np.where(np.isfinite(x), x, 0)).astype("g")
        if name in ("prod", "cumprod"):
            total = np.maximum(magnitudes, 1).prod()
        else:
            total = (magnitudes + magnitudes.max()).sum()
        if name in ("var", "std"):
            total = total * max(total, 1)
        return 8.0 * x.size * float(max(floats)) * float(max(total, 1e-300))


def compare(ours: Any, theirs: Any, room: float) -> str:
    if type(ours) is not type(theirs):
        return f"type {type(ours).__name__} for {type(theirs).__name__}"
    if isinstance(theirs, tuple | list):
        if len(ours) != len(theirs):
            return f"{len(ours)} results for {len(theirs)}"
        return next(filter(None, (compare(a, b, room) for a, b in zip(ours, theirs, strict=True))), "")
    if not isinstance(theirs, np.ndarray | np.generic):
        return "" if repr(ours) == repr(theirs) else f"value {ours!r} for {theirs!r}"
    x, y = np.asarray(ours), np.asarray(theirs)
    if (x.dtype, x.shape) != (y.dtype, y.shape):
        return f"{x.dtype} {x.shape} for {y.dtype} {y.shape}"
    if y.dtype.kind not in "fc":
        return "" if repr(x.tolist()) == repr(y.tolist()) else f"value {x!r} for {y!r}"
    with np.errstate(all="ignore"):
        same = (x == y) | ((x != x) & (y != y)) | (abs(x.astype("G") - y.astype("G")) <= room)
    return "" if same.all() else f"value {x!r} for {y!r}"


def difference(case: tuple[str, list[str], dict[str, str]], lib: Any = ufunx) -> str:
    """What ours does otherwise than NumPy's, or nothing."""
    ours, mine, our_warnings, our_error = observe(lib, case)
    theirs, its, their_warnings, their_error = observe(np, case)
    if our_error != their_error:
        return f"error {our_error or 'none'!r} for {their_error or 'none'!r}"
    if their_error:
        return ""
    if our_warnings != their_warnings:
        return f"warnings {our_warnings} for {their_warnings}"
    if [x is ours for x in mine] != [x is theirs for x in its]:
        return "another object"
    dtype = np.asarray(theirs).dtype if not isinstance(theirs, tuple) else np.dtype("l")
    room = slack(case, its, dtype)
    return compare(ours, theirs, room) or next(
        (
            f"{found}, in an argument afterwards"
            for a, b in zip(mine, its, strict=True)
            if (found := compare(a, b, room))
        ),
        "",
    )


def differences(first: int, count: int, lib: Any = ufunx) -> Iterator[tuple[str, str]]:
    """Calls of these seeds that differ, and how."""
    for seed in range(first, first + count):
        case = Maker(seed).case()
        if found := difference(case, lib):
            yield source(case), found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first case")
    parser.add_argument("--cases", type=int, default=50_000)
    options = parser.parse_args()
    count = 0
    for text, found in differences(options.seed, options.cases):
        count += 1
        print(f"{text}  # {found}", flush=True)
    print(f"# {options.cases} calls, {count} differences")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
