"""No way through a call keeps an object: allocated blocks stay the same over thousands of calls."""

import contextlib
import gc
import sys
from typing import Any

import numpy as np
import pytest

import ufunx as ux


class Answers:
    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        return 1


class Refuses:
    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        return NotImplemented


class Raises:
    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        raise KeyError(args)


class OptsOut:
    __array_ufunc__ = None


class Plain(np.ndarray):
    pass


class Wraps(np.ndarray):
    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return super().__array_wrap__(array, context, return_scalar)


class WrongPriority(Wraps):
    __array_priority__ = "high"


A, M, OUT, INDICES = np.ones(10), np.ones((2, 3)), np.zeros(10), np.array([0, 3])
P, W = A.view(Plain), A.view(Wraps)
CALLS = {
    "override": lambda: ux.exp(Answers()),
    "override of reduce": lambda: ux.add.reduce(Answers(), axis=0),
    "override with out": lambda: ux.add(Answers(), A, out=OUT),
    "refused": lambda: ux.add(Refuses(), A),
    "refused with keywords": lambda: ux.add(Refuses(), A, casting="safe"),
    "raises": lambda: ux.add(Raises(), A),
    "raises with keywords": lambda: ux.add(Raises(), A, casting="safe"),
    "opts out": lambda: ux.add(OptsOut(), A),
    "subclass": lambda: ux.exp(P),
    "subclass reduced": lambda: ux.add.reduce(P),
    "subclass as output": lambda: ux.add(P, 1, out=P),
    "wrap": lambda: ux.add(W, P),
    "wrong priority": lambda: ux.add(A.view(WrongPriority), P),
    "small": lambda: ux.add(A, A),
    "small into": lambda: ux.add(A, A, out=OUT),
    "scalars": lambda: ux.divide(np.float32(3), 2),
    "broadcast": lambda: ux.greater(M, A[:3]),
    "permuted": lambda: ux.exp(M.T),
    "strided": lambda: ux.add(A[::2], A[1::2]),
    "dtype": lambda: ux.add(A, A, dtype="f4"),
    "where": lambda: ux.add(A, 1.0, where=A > 0, out=OUT),
    "two outputs": lambda: ux.divmod(A, 3.0),
    "NumPy's": lambda: ux.frexp(A),
    "byte order": lambda: ux.exp(A.astype(">f8")),
    "outer": lambda: ux.add.outer(A, A),
    "reduce, rows": lambda: ux.add.reduce(M, axis=1),
    "reduce, columns": lambda: ux.add.reduce(M, axis=0),
    "reduce, where": lambda: ux.add.reduce(M, where=M > 0),
    "accumulate": lambda: ux.add.accumulate(A),
    "reduceat": lambda: ux.add.reduceat(A, INDICES),
    "at": lambda: ux.add.at(OUT, INDICES, 1.0),
    "shapes that differ": lambda: ux.add(A, M),
    "wrong keyword": lambda: ux.add(A, A, bogus=1),
    "explain": lambda: ux.explain(ux.exp, A),
    "doc": lambda: ux.exp.__doc__,
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_keep_nothing(name: str) -> None:
    def run(times: int) -> None:
        for _ in range(times):
            with contextlib.suppress(Exception):
                CALLS[name]()

    run(200)
    gc.collect()
    before = sys.getallocatedblocks()
    run(2000)
    gc.collect()
    # Caches and free lists of the interpreter come and go by a few.
    assert sys.getallocatedblocks() - before < 200
