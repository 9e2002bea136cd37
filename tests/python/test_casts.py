"""What casts and memory order show of NumPy's way of working: the names of warnings, and strides."""

import warnings
from typing import Any

import numpy as np
import pytest

import ufunx

WARNING = [
    "log10(np.full(3, 1e30, 'f4'), dtype='e')",  # a short vector is cast before the loop
    "log10(np.full(8193, 1e30, 'f4'), dtype='e')",  # a longer one in it
    "log10(np.full((3, 5), 1e30, 'f4'), dtype='e')",
    "add(np.full(3, 1e30, 'f4'), np.full(3, -1e30, 'f4'), dtype='e')",  # one warning each
    "add(np.full((3, 5), 1e3, 'f4'), np.float32(-1e30), dtype='e')",
    "add(np.full(3, 1e30, 'f4'), np.ones((2, 3), 'f4'), dtype='e')",
    "add(np.ones((2, 3), 'f4'), np.full(3, 1e30, 'f4'), dtype='e')",  # NumPy stops at the first
    "add(np.full(3, 1e30, 'f4'), 1, out=np.zeros(3, 'e'))",  # outputs in the loop
    "less(np.full((3, 5), np.nan, 'f4'), np.float32(1), casting='unsafe', signature='ii->?')",  # forgotten
    "minimum(np.ones(3, 'e'), 1.5, out=np.full(3, 1e300), where=np.array([True, False, True]))",
    "log2(x := np.arange(32, dtype='I').reshape(8, 4), out=x[::-1], casting='unsafe')",
    "maximum.accumulate(np.full((3, 3), 1e30, 'f4'), dtype='i4')",
    "add.accumulate(np.full(3, 1e4, 'f8'), dtype='e')",
    "add.accumulate(np.full(9, 6e4, 'f8'), dtype='e')",
    "add(np.ones((1, 1), 'f4'), -np.inf, casting='unsafe', dtype='h')",
    "add(np.ones((1, 1), 'f4'), -float('inf'), casting='unsafe', dtype='h')",
    "log1p(x := np.ones((1, 3, 2), 'i4') * -2, out=x[::-1], casting='unsafe')",
    "maximum.at(np.full(9, 1e30, 'f4').astype('e'), np.arange(9), np.full(9, 1e30))",
    "maximum.at(np.ones(9, 'u8'), np.arange(9), np.full(9, np.nan, 'f4'))",
    "add.at(np.ones(9, 'e'), np.arange(9), np.full(9, 1e30))",
    "bitwise_xor.reduceat(np.full((3, 3), np.nan), [0, 1], dtype='h')",
    "add.reduceat(np.full((3, 3), np.nan), np.array([], 'i8'), dtype='i8')",
    "add.reduce(np.full((3, 3), 1e30), dtype='e')",
    "maximum.reduce(np.full(3, 1e30, 'f4'), dtype='i8')",  # the element it starts from is copied
    "maximum.reduce(np.float32(1e30), dtype='e')",
    "minimum.reduce(np.full((3, 3), 1e30), dtype='e', initial=1)",
    "left_shift.reduce(np.full((3, 3), np.nan), dtype='I')",
    "subtract.reduce(np.ones(3, 'f4'), initial=1e300)",
    "subtract.reduce(np.ones(0, 'f4'), initial=1e300)",
    "add.reduce(np.ones((1, 5), 'H'), out=np.zeros(5, 'D'), dtype='B')",
    "bitwise_or.reduce(np.full((3, 3), np.nan), dtype='i', where=np.eye(3, dtype=bool))",
]

LAYOUT = [
    "reciprocal(np.ones((2, 4, 3, 1)).transpose((2, 1, 3, 0)))",
    "add(x := np.ones((1, 3, 1, 2)).transpose((2, 3, 1, 0)), x)",
    "add(x := np.ones((1, 3, 1, 2)).transpose((2, 3, 1, 0)), x, dtype='f4')",
    "divmod(x := np.ones((1, 3, 1, 2)).transpose((2, 3, 1, 0)), x)",
    "frexp(np.ones((1, 3, 1, 2)).transpose((2, 3, 1, 0)))",
    "divmod(np.ones(5), np.ones((3, 1)), out=(None, np.ones((5, 3), 'f4').T), casting='unsafe')",
    "add(x := np.ones((1, 3, 1, 2)).transpose((2, 3, 1, 0)), x, order='C')",
    "add.reduce(np.ones((0, 1, 3), 'f4').transpose((2, 1, 0)), axis=-1)",
    "add.reduce(np.ones((2, 2, 8, 8)).transpose((3, 2, 0, 1))[::2, ::2, ::2, ::-1], axis=3)",
    "add.reduce(np.ones((3, 5, 2, 6), '?').transpose((2, 0, 1, 3))[:, ::3, :, ::-2], axis=-2)",
    "logical_or.reduce(np.ones((3, 5, 5)).transpose((1, 2, 0))[1::2, :, 1:], where=np.ones((2, 5, 2), '?'))",
    "multiply.reduce(np.ones((3, 3)).T, axis=(), where=np.ones((3, 3), '?'))",
    "logical_and.reduce(np.ones((67, 0)).T[:, 1::2], keepdims=True, where=np.ones((0, 33), '?'))",
]


def answer(lib: Any, source: str) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
        warnings.simplefilter("always")
        result = eval(f"lib.{source}", {"np": np, "lib": lib})
    return result, [f"{w.category.__name__}: {w.message}" for w in caught]


@pytest.mark.parametrize("source", WARNING)
def test_casts_are_reported_as_numpy_reports_them(source: str) -> None:
    assert answer(ufunx, source)[1] == answer(np, source)[1]


@pytest.mark.parametrize(
    "source", ["log1p(np.array([1e-40, np.nan], 'f4'))", "expm1(np.array([1e-310, np.nan]))"]
)
def test_a_subnormal_that_is_its_own_answer_is_no_underflow(source: str) -> None:
    """NumPy's warning depends on the processor: its AVX-512 loops give none, the C library's functions do."""
    assert answer(ufunx, source)[1] == []


@pytest.mark.parametrize("source", LAYOUT)
def test_results_lie_as_numpys(source: str) -> None:
    ours, theirs = answer(ufunx, source)[0], answer(np, source)[0]
    strides = [np.asarray(x).strides for x in (ours, theirs)]
    if isinstance(theirs, tuple):
        strides = [x[0].strides for x in (ours, theirs)]
    assert strides[0] == strides[1]


def test_a_slice_of_reduceat_is_summed_by_itself() -> None:
    x = np.random.default_rng(0).standard_normal((40, 30)) * 1e6
    for axis in (0, 1):
        ours, theirs = (lib.add.reduceat(x, np.array([0, 3, 20, 7]), axis=axis) for lib in (ufunx, np))
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"])
@pytest.mark.parametrize("dtype", ["b", "u1", "i4", "u4", "u8"])
@pytest.mark.parametrize("number", [-(2**63), -1, -129, 256, 2**40, 2**63 - 1])
def test_numbers_out_of_bounds_are_compared_exactly(name: str, dtype: str, number: int) -> None:
    """With a mask too, where NumPy 2.4 crashes."""
    info = np.iinfo(dtype)
    x = np.array([info.min, 0, 1, info.max], dtype)
    for turned in (False, True):
        args = (number, x) if turned else (x, number)
        truth = getattr(np, name)(*args)
        assert getattr(ufunx, name)(*args).tolist() == truth.tolist()
        if not info.min <= number <= info.max:  # our loops, whatever the mask
            out, mask = np.array([True, False, True, False]), np.array([True, True, True, False])
            getattr(ufunx, name)(*args, out=out, where=mask)
            assert out.tolist() == [*truth[:3].tolist(), False]
            assert ufunx.explain(getattr(ufunx, name), *args)["path"] == "native"
