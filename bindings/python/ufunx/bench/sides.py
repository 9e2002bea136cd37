"""The libraries that are timed beside ufunx, and how a user of each would write a case.

A side turns a case into a statement and the names in it, or says that it has no such thing by raising
`Missing`. Functions are found by the ufunc's name or one of its other names, operators by the table below.
Nobody believes that a function of the same name does the same: each answer is compared with NumPy's before
anything is timed.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, util
from typing import Any

import numpy as np

import ufunx

from .cases import Case, Operands, statement_of

Statement = tuple[str, dict[str, Any]]

# How the languages of numexpr and polars spell what NumPy has a name for.
OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
# What others call a reduction by a ufunc.
FOLDS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
SCANS = {"add": "cumsum", "multiply": "cumprod"}


class Missing(Exception):
    """A side has no such case."""


@dataclass(frozen=True)
class Side:
    """One library: what is imported for it, how it writes a case, and whether it stands NumPy's company.

    Those that do not have threads that spin, or change NumPy: they get a process of their own.
    """

    name: str
    package: str
    write: Callable[[Case, Operands], Statement]
    at_home: bool = False

    def is_installed(self) -> bool:
        return util.find_spec(self.package) is not None


def by_ufuncs_of(package: str) -> Callable[[Case, Operands], Statement]:
    """For packages with ufuncs of NumPy's kind."""

    def write(case: Case, made: Operands) -> Statement:
        try:
            return statement_of(case, made, import_module(package))
        except AttributeError:
            raise Missing(f"{package} has no {case.ufunc}") from None

    return write


def torch(case: Case, made: Operands) -> Statement:
    library = import_module("torch")
    library.set_num_threads(case.threads)
    tensors = {
        f"x{k}": library.from_numpy(x) if isinstance(x, np.ndarray) else x.item()
        for k, x in enumerate(made.inputs)
    }
    statement, names = functional(case, library, "dim")
    if case.layout in ("out", "inplace") and isinstance(made.out, np.ndarray | None):
        names["y"] = tensors["x0"] if made.out is None else library.from_numpy(made.out)
        return f"{statement[:-1]}, out=y)", names | tensors
    return only("contiguous strided scalar rows columns", case, (statement, names | tensors))


def jax(case: Case, made: Operands) -> Statement:
    library = import_module("jax")
    library.config.update("jax_enable_x64", True)
    arrays = {f"x{k}": library.numpy.asarray(x) for k, x in enumerate(made.inputs)}
    statement, names = functional(case, library.numpy, "axis")
    # It returns before it has computed.
    return only("contiguous scalar rows columns", case, (f"{statement}.block_until_ready()", names | arrays))


def numba(case: Case, made: Operands) -> Statement:
    """A compiled function that calls the ufunc, as Numba's users write it."""
    library = import_module("numba")
    if case.method != "call" or isinstance(made.out, tuple):
        raise Missing("it has no ufunc methods")
    arguments = ", ".join(f"x{k}" for k in range(len(made.inputs)))
    scope: dict[str, Any] = {"f": getattr(np, case.ufunc)}
    exec(f"def compiled({arguments}): return f({arguments})", scope)
    names = {f"x{k}": x for k, x in enumerate(made.inputs)}
    compiled = {"f": library.njit(scope["compiled"])}
    return only("contiguous strided scalar", case, (f"f({arguments})", names | compiled))


def numexpr(case: Case, made: Operands) -> Statement:
    library = import_module("numexpr")
    library.set_num_threads(min(case.threads, library.detect_number_of_cores()))
    symbol = OPERATORS.get(case.ufunc)
    arguments = [f"x{k}" for k in range(len(made.inputs))]
    if case.method != "call":
        raise Missing("it has no ufunc methods")
    names = set(names_of(case.ufunc)) & {*import_module("numexpr.expressions").functions}
    if not symbol and not names:
        raise Missing(f"numexpr has no {case.ufunc}")
    text = f" {symbol} ".join(arguments) if symbol else f"{min(names)}({', '.join(arguments)})"
    operands = dict(zip(arguments, made.inputs, strict=True))
    scope = {"evaluate": library.evaluate, "x": operands, "y": made.out}
    call = {"out": ", out=y", "inplace": ", out=x['x0']"}.get(case.layout, "")
    statement = f"evaluate({text!r}, local_dict=x{call})"
    return only("contiguous out strided scalar inplace", case, (statement, scope))


def polars(case: Case, made: Operands) -> Statement:
    library = import_module("polars")
    names: dict[str, Any] = {
        f"x{k}": library.Series(x) if isinstance(x, np.ndarray) else x.item()
        for k, x in enumerate(made.inputs)
    }
    if case.method == "reduce" and case.ufunc in FOLDS and case.layout == "contiguous":
        fold = {"prod": "product"}.get(FOLDS[case.ufunc], FOLDS[case.ufunc])
        return f"x0.{fold}()", names
    if case.method == "accumulate" and case.ufunc in SCANS and case.layout == "contiguous":
        return f"x0.{SCANS[case.ufunc].replace('cum', 'cum_')}()", names
    if case.method != "call":
        raise Missing(f"polars has no {case.ufunc}.{case.method}")
    found = [name for name in names_of(case.ufunc) if hasattr(library.Series, name)]
    if case.ufunc in OPERATORS:
        statement = f"x0 {OPERATORS[case.ufunc]} x1"
    elif found and len(made.inputs) == 1:
        statement = f"x0.{found[0]}()"
    else:
        raise Missing(f"polars has no {case.ufunc}")
    return only("contiguous scalar", case, (statement, names))


SIDES = {
    side.name: side
    for side in (
        Side("ufunx", "ufunx", by_ufuncs_of("ufunx"), at_home=True),
        Side("numpy", "numpy", by_ufuncs_of("numpy"), at_home=True),
        Side("mkl_umath", "mkl_umath", by_ufuncs_of("mkl_umath")),
        Side("torch", "torch", torch),
        Side("jax", "jax", jax),
        Side("numexpr", "numexpr", numexpr),
        Side("numba", "numba", numba),
        Side("polars", "polars", polars),
    )
}
OTHERS = tuple(name for name in SIDES if name != "ufunx")


def limit_threads(n: int) -> None:
    """Tell libraries that are not imported yet how many threads to use: most listen at no other time."""
    for variable in ("OMP", "MKL", "NUMBA", "NUMEXPR", "OPENBLAS"):
        os.environ[f"{variable}_NUM_THREADS"] = str(n)
    os.environ["NUMEXPR_MAX_THREADS"] = os.environ["POLARS_MAX_THREADS"] = str(n)
    if n == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"


def functional(case: Case, namespace: Any, axis: str) -> Statement:
    """A call of the function of that name; `axis` is what the library calls one."""
    if case.method == "at":
        raise Missing("it has no ufunc methods")
    if case.method == "call":
        candidates = names_of(case.ufunc)
        arguments = ", ".join(f"x{k}" for k in range(len(case.inputs)))
    else:
        name = (FOLDS if case.method == "reduce" else SCANS).get(case.ufunc, "")
        along = {"rows": 1, "columns": 0}.get(case.layout)
        if axis == "dim":  # torch: its max along an axis gives places too, and cumsum wants an axis
            along = 0 if along is None and case.method == "accumulate" else along
            name = name if along is None else {"max": "amax", "min": "amin"}.get(name, name)
        candidates = [name]
        arguments = "x0" if along is None else f"x0, {axis}={along}"
    found = next((name for name in candidates if callable(getattr(namespace, name, None))), None)
    if found is None:
        raise Missing(f"{namespace.__name__} has no {case.ufunc}")
    return f"f({arguments})", {"f": getattr(namespace, found)}


def names_of(ufunc: str) -> list[str]:
    """The name, then the ufunc's others: `power`, `pow`."""
    named = getattr(ufunx, ufunc)
    return [ufunc, *(name for name, other in ufunx._UFUNCS.items() if other is named and name != ufunc)]


def only(layouts: str, case: Case, statement: Statement) -> Statement:
    if not re.search(rf"\b{case.layout}\b", layouts):
        raise Missing(f"it has nothing like {case.layout}")
    return statement
