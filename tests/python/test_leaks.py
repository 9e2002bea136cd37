"""No way through a call keeps an object: allocated blocks stay the same over thousands of calls."""

import contextlib
import copy
import ctypes
import gc
import operator
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from array_helpers import TABLE, ManagedPointer, array_over
from producers import Tensor, Versioned, call_deleter

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
ARRAY = array_over(np.arange(6, dtype="u2").reshape(2, 3), "bfloat16")
FLOATS = array_over(np.ones((2, 3)))


def lent() -> None:
    """What the exchange API gives goes back."""
    tensor, managed = Tensor(), ManagedPointer()
    TABLE.borrow(ARRAY[0], tensor)
    TABLE.from_object(ARRAY, managed)
    call_deleter(ctypes.addressof(managed.contents), Versioned)


ARRAYS = {
    "sum of arrays": lambda: ARRAY + ARRAY,
    "into an array": lambda: operator.iadd(FLOATS, 1),
    "array and number": lambda: 2 * ARRAY < 3,
    "array not comparable": lambda: FLOATS == "x",
    "override of an array": lambda: ARRAY + Answers(),
    "opts out of an array": lambda: ARRAY + OptsOut(),
    "numpy's ufunc of an array": lambda: np.add(ARRAY, ARRAY, out=ARRAY),
    "numpy's function of arrays": lambda: np.concatenate([ARRAY, ARRAY]),
    "numpy's function of floats": lambda: np.linalg.qr(FLOATS),
    "function of an array": lambda: np.max(ARRAY, axis=0),
    "mean of an array": lambda: np.mean(ARRAY, axis=0, keepdims=True),
    "function refused by arrays": lambda: np.concatenate([ARRAY, Takes()]),
    "array indexed": lambda: (ARRAY[0], ARRAY[[0, 1]], ARRAY[..., 1:], ARRAY["a"]),
    "array assigned": lambda: ARRAY.__setitem__((0, slice(None)), [1, 2, 3]),
    "array iterated": lambda: list(ARRAY),
    "array in text": lambda: (repr(ARRAY), str(FLOATS)),
    "array cast": lambda: ARRAY.astype("f4").astype("float8_e5m2"),
    "array not cast": lambda: ARRAY.astype("U3"),
    "array as numbers": lambda: (ARRAY.tolist(), float(ARRAY[0, 0]), ARRAY.item(1), ARRAY.item(99)),
    "array pickled": lambda: pickle.loads(pickle.dumps(ARRAY)),
    "array copied": lambda: (ARRAY.copy(), copy.copy(ARRAY), ARRAY.T, ARRAY.reshape(3, 2)),
    "array as ndarray": lambda: (np.asarray(ARRAY), np.asarray(FLOATS), np.asarray(ARRAY, dtype="f4")),
    "array as buffer": lambda: memoryview(FLOATS),
    "array as no buffer": lambda: memoryview(ARRAY),
    "capsules": lambda: (ARRAY.__dlpack__(), ARRAY.__dlpack__(max_version=(1, 0), copy=True)),
    "capsule consumed": lambda: np.from_dlpack(FLOATS),
    "capsule refused": lambda: np.from_dlpack(ARRAY),
    "lent": lent,
    "given": lambda: array_over(A),
}
CALLS = {
    **ARRAYS,
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
    "NumPy's": lambda: ux.divmod(A, np.longdouble(2)),
    "byte order": lambda: ux.exp(A.astype(">f8")),
    "list": lambda: ux.add([1.0, 2, True], (3, 4, 5)),
    "nested": lambda: ux.add([[1, 2], [3, 4]], [np.float64(1), np.int64(2)]),
    "range": lambda: ux.multiply(range(5), 2),
    "mask in a list": lambda: ux.add(A[:2], 1, out=OUT[:2], where=[True, False]),
    "no row of numbers": lambda: ux.add([[1, 2], [3]], 1),
    "objects in a list": lambda: ux.add([None, 1], 1),
    "reduce a list": lambda: ux.add.reduce([1, 2, 3]),
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
