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


class Takes:
    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return 1 if kwargs else NotImplemented


class Sums:
    def sum(self, **kwargs: Any) -> Any:
        return list(kwargs)


@ux.array_function_dispatch(lambda a, b=None: (a, b))
def decorated(a: Any, b: Any = None) -> Any:
    return [a, b]


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
    "sum": lambda: ux.sum(A),
    "sum of a list": lambda: ux.sum([1.0, 2.0]),
    "sum of an object": lambda: ux.sum(Sums(), keepdims=True),
    "sum into": lambda: ux.sum(M, axis=0, out=OUT[:3]),
    "mean": lambda: ux.mean(M, axis=0, keepdims=True),
    "mean of halves": lambda: ux.mean(M.astype("f2"), axis=0),
    "std": lambda: ux.std(M, axis=0),
    "std of few": lambda: ux.std(A, ddof=1),
    "mean of infinities": lambda: ux.mean(A * np.inf),
    "cumsum of rows": lambda: ux.cumsum(M),
    "clip": lambda: ux.clip(A, 0, 2, out=OUT),
    "clip below": lambda: ux.clip(A, 0, None),
    "choose": lambda: ux.where(A > 0, A, 0.0),
    "round": lambda: ux.round(A),
    "round integers": lambda: ux.round(INDICES),
    "function taken": lambda: ux.sum(Takes(), axis=0),
    "function refused": lambda: ux.sum(Takes()),
    "function refused by two": lambda: ux.where(True, Takes(), P),
    "function with wrong keyword": lambda: ux.sum(A, bogus=1),
    "decorated": lambda: decorated(A, b=2),
    "decorated, taken": lambda: decorated(1, b=Takes()),
    "decorated, wrong": lambda: decorated(1, 2, 3),
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
