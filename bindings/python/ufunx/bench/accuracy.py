"""Whether an answer is right, and how far it is off.

The measure is the ULP: the distance of two neighbouring numbers of the result's dtype. Where there is a wider
type, the exact answer is NumPy's in that type: float64 for what is narrower, long double for float64 where it
is wider (on x86-64). What is no float must be equal to NumPy's answer.
"""

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from .cases import Case, Operands, evaluate, numpy_dtype, statement_of

# NumPy's own tests allow a function that many; nobody is timed who is farther off.
BOUND = 4.0
# Elements of a call that are looked at: a long double costs 50 ns and more.
SAMPLE = 4096
# Longer folds are compared with NumPy's own answer, as long doubles of that many are slow and large.
LONGEST_FOLD = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """`why` is empty if the answer is right; `ulp` is None where it cannot be said."""

    ulp: float | None = None
    why: str = ""


class Judge:
    """Knows the answers to a case."""

    def __init__(self, case: Case, made: Operands) -> None:
        self.case = case
        self.exact = exact_answer(case, made)  # first: a call may write to its inputs
        statement, names = statement_of(case, made, np)
        try:
            with np.errstate(all="ignore"):
                # A copy, as the next side writes to the same output.
                self.stock: Any = deepcopy(evaluate(statement, names, made))
        except (TypeError, ValueError):  # NumPy has no such loop
            self.stock = None
        # `spacing` and `nextafter` are about the dtype itself, and have another answer in a wider one.
        if self.judge(self.stock, "numpy").why:
            self.exact = None

    def judge(self, answer: Any, library: str) -> Verdict:
        """A side's answer. Only ufunx and NumPy owe the very dtype; others may lack it."""
        parts = answer if isinstance(answer, tuple | list) else (answer,)
        stock = self.stock if isinstance(self.stock, tuple) else (self.stock,)
        exact = self.exact if isinstance(self.exact, tuple) else (self.exact,)
        if len(parts) != len(stock):
            return Verdict(why=f"{len(parts)} results, not {len(stock)}")
        worst: float | None = None
        for one, right, ideal in zip(parts, stock, exact, strict=False):
            verdict = self._judge_part(np.asarray(one), right, ideal, library)
            if verdict.why:
                return verdict
            worst = max((ulp for ulp in (worst, verdict.ulp) if ulp is not None), default=None)
        return Verdict(worst)

    def _judge_part(self, got: np.ndarray, stock: Any, exact: Any, library: str) -> Verdict:
        if stock is None:  # ufunx alone has such a loop
            return Verdict()
        right = np.asarray(stock)
        if got.shape != right.shape:
            return Verdict(why=f"shape {got.shape}, not {right.shape}")
        if got.dtype != right.dtype and got.dtype.isbuiltin != 1:
            return Verdict()  # bfloat16, where NumPy computes and answers in float32
        if got.dtype != right.dtype and (
            library in ("ufunx", "numpy") or got.dtype.kind != right.dtype.kind or right.dtype.kind == "f"
        ):
            return Verdict(why=f"{got.dtype}, not {right.dtype}")
        if not is_float(right.dtype):
            # Complex numbers are rounded twice, in an order that is nobody's promise.
            same = np.allclose(got, right) if right.dtype.kind == "c" else np.array_equal(got, right)
            return Verdict(why="" if same else "other values")
        ideal, got = (right, got) if exact is None else (np.asarray(exact), sampled(self.case, got))
        ulp = ulps(got, ideal, right.dtype)
        bound = self.bound() * (1 if exact is not None else 2)
        return Verdict(None if exact is None else ulp, "" if ulp <= bound else f"{ulp:.3g} ULP off")

    def bound(self) -> float:
        """A call's; of a fold, one more for each step."""
        if self.case.method == "call":
            return BOUND
        # In 8 bits the order of a fold decides what comes of it.
        is_byte = numpy_dtype(self.case.dtype).itemsize == 1
        return math.inf if is_byte else BOUND + self.case.size


def is_float(dtype: np.dtype[Any]) -> bool:
    """NumPy's floats, and those of ml_dtypes, whose kind may be another."""
    return dtype.kind == "f" or "float" in dtype.name


def ulps(got: np.ndarray, ideal: np.ndarray, dtype: np.dtype[Any]) -> float:
    """The largest distance. What is not finite must be equal."""
    wide = np.result_type(ideal.dtype if ideal.dtype.kind == "f" else np.float64, np.float64)
    a, b = got.astype(wide), ideal.astype(wide)
    with np.errstate(all="ignore"):
        distance = np.abs(a - b) / spacing(b, dtype)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        rounds_to_infinity = np.isinf(a) & (np.abs(b) > largest(dtype))
    distance = np.where(same | rounds_to_infinity, 0.0, np.where(np.isfinite(distance), distance, np.inf))
    return float(np.max(distance, initial=0.0))


def spacing(x: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The distance of neighbours in the dtype around values of a wider one."""
    info = information(dtype)
    exponent = np.maximum(np.frexp(x)[1] - 1, info.minexp)
    distance: np.ndarray = np.ldexp(x.dtype.type(info.eps), exponent)
    return distance


def largest(dtype: np.dtype[Any]) -> float:
    return float(information(dtype).max)


def information(dtype: np.dtype[Any]) -> Any:
    """The `finfo` of a dtype, for which ml_dtypes' own has to be asked of its dtypes."""
    library = np if dtype.isbuiltin == 1 else import_module("ml_dtypes")
    return library.finfo(dtype)


def exact_answer(case: Case, made: Operands) -> Any:
    """NumPy's answer in a wider type, of a sample where the case is a call; None where there is none."""
    dtype = made.inputs[0].dtype
    wider = np.dtype(np.float64) if dtype != np.float64 else np.dtype(np.longdouble)
    is_wider = wider.itemsize > dtype.itemsize
    fold = case.method != "call"
    if not is_float(dtype) or not is_wider or (fold and case.size > LONGEST_FOLD):
        return None
    inputs = [x if fold or np.ndim(x) == 0 else sampled(case, x) for x in made.inputs]
    wide = [x.astype(wider) if is_float(x.dtype) else x for x in inputs]
    there = made.mask if fold else sampled(case, made.mask)
    ideal = replace(made, inputs=wide, out=None, mask=there, source=None)
    statement, names = statement_of(case, ideal, np)
    # Outputs that are given have the narrow type; those under a mask keep their zeros.
    statement = statement.replace(", out=x0", "").replace(", out=y", "")
    if case.layout == "masked" and not fold:
        return None if made.out is None or isinstance(made.out, tuple) else masked(statement, names, there)
    with np.errstate(all="ignore"):
        return evaluate(statement, names, ideal)


def masked(statement: str, names: dict[str, Any], there: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        answer: np.ndarray = np.where(there, eval(statement.replace(", where=m", ""), names), 0)
    return answer


def sampled(case: Case, x: Any) -> Any:
    """Every so manieth element, of a call."""
    if x is None or case.method != "call":
        return x
    return x[:: max(1, len(x) // SAMPLE)]
