"""NumPy's functions that are ours: on the same calls they give what NumPy's give, and run on our kernels where said."""

import copy
import functools
import inspect
import pickle
import random
import warnings

import numpy as np
import pytest

import ufunx as ux

NAMES = sorted(ux._FUNCTIONS)
REDUCTIONS = ["sum", "prod", "max", "amax", "min", "amin", "any", "all", "mean", "var", "std"]


def outcome(call, *args, **kwargs):
    """What a call gives: the result, or the error, and what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call(*args, **kwargs)
        except Exception as error:
            result = (type(error), str(error))
    return result, [(warning.category, str(warning.message)) for warning in caught]


def assert_same(got, wanted):
    """The same type and, of arrays and numbers, the same dtype, shape, strides and bits, but for a NaN's sign."""
    assert type(got) is type(wanted)
    if isinstance(wanted, tuple):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            assert_same(one, other)
    elif isinstance(wanted, np.ndarray | np.generic):
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
        if isinstance(wanted, np.ndarray) and wanted.size:
            assert got.strides == wanted.strides
        if wanted.dtype.char in "Og":  # addresses and padding are no part of the value
            assert repr(got) == repr(wanted)
            return
        if wanted.dtype.kind in "fc":
            np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
            got, wanted = (np.where(np.isnan(x), 0, x) for x in (got, wanted))
        assert got.tobytes() == wanted.tobytes()
    else:
        assert got == wanted


def check(name, *args, **kwargs):
    (got, warned), (wanted, warned_too) = (
        outcome(getattr(module, name), *args, **kwargs) for module in (ux, np)
    )
    note = f"{name}{args!r} {kwargs!r}"
    assert warned == warned_too, note
    try:
        assert_same(got, wanted)
    except AssertionError as error:
        raise AssertionError(f"{note}: {got!r}, not {wanted!r}") from error


def natively(call):
    """Calls of native kernels."""
    before = ux.native_calls()
    call()
    return ux.native_calls() - before


# Values whose sums are exact, so that they do not depend on the order of adding.
DTYPES = ["?", "i1", "u1", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c16", "O", ">f8", "g"]


def random_array(rng, dtype, largest=6):
    """Of any layout, with a few odd values; no -0.0 beside 0.0, as either is the smallest."""
    shape = tuple(rng.randint(0, largest) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3])))
    values = np.array([rng.randint(1, 9) for _ in range(int(np.prod(shape)))]).reshape(shape)
    array = values.astype(dtype)
    if array.size and rng.random() < 0.3:
        array.flat[rng.randrange(array.size)] = 0
    elif array.dtype.kind == "f" and array.size and rng.random() < 0.15:
        array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, -np.inf, -0.0])
    if array.ndim > 1 and rng.random() < 0.3:
        array = np.asfortranarray(array)
    if array.ndim and rng.random() < 0.3:
        array = array[:: rng.choice([-1, 2])]
    if array.ndim > 1 and rng.random() < 0.2:
        array = array.T
    return array


def random_axis(rng, ndim):
    choices = [None, 0, -1, 1, ndim]
    if ndim > 1:
        choices += [(0, 1), (), (0, 0), (-1,)]
    return rng.choice(choices)


def random_arguments(rng, name, array):
    kwargs = {}

    def maybe(keyword, value, chance=0.25):
        if rng.random() < chance:
            kwargs[keyword] = value() if callable(value) else value

    maybe("axis", lambda: random_axis(rng, array.ndim), 0.5)
    mask = lambda: rng.choice([True, np.arange(array.shape[-1]) % 2 == 0 if array.ndim else np.True_, [True]])  # noqa: E731
    if name in REDUCTIONS:
        maybe("keepdims", lambda: rng.choice([True, False, np._NoValue]))
        maybe("where", mask, 0.12)
    if name in ("sum", "prod", "mean", "var", "std", "cumsum", "cumprod"):
        maybe("dtype", lambda: rng.choice(["f8", "f4", np.int64, float, None, "c16"]), 0.2)
    if name in ("sum", "prod", "max", "min", "amax", "amin"):
        maybe("initial", lambda: rng.choice([0, 2, 1.5, None]), 0.15)
    if name in ("var", "std"):
        maybe("ddof", lambda: rng.choice([0, 1, 1.5, 3, np.int64(1)]), 0.4)
        maybe("correction", lambda: rng.choice([0, 1]), 0.1)
    if name not in ("cumsum", "cumprod"):  # whose outputs of another shape crash NumPy
        maybe("out", lambda: rng.choice([None, np.zeros(()), np.zeros(array.shape[1:])]), 0.06)
    return kwargs


@pytest.mark.parametrize("name", [*REDUCTIONS, "cumsum", "cumprod"])
def test_random_calls(name):
    rng = random.Random(name)
    for _ in range(400):
        array = random_array(rng, rng.choice(DTYPES))
        if name in ("prod", "cumprod"):
            array = np.where(array == 0, array, array.astype(bool)).astype(array.dtype)
        kwargs = random_arguments(rng, name, array)
        if name == "cumsum" or name == "cumprod":
            kwargs.pop("keepdims", None)
        if name in ("mean", "var", "std") and array.ndim > 1 and array.dtype.kind in "fcg":
            # Of what is divided, the sums are not exact: only along the last axis is the order of adding NumPy's.
            array = np.ascontiguousarray(array)
            kwargs["axis"] = -1
        frozen = copy.deepcopy(kwargs)
        check_with_out(name, array, kwargs, frozen)


def check_with_out(name, array, kwargs, frozen):
    """As `check`, each side with an output of its own."""
    (got, warned), (wanted, warned_too) = (
        outcome(getattr(module, name), array, **own) for module, own in ((ux, kwargs), (np, frozen))
    )
    note = f"{name}({array!r}, {frozen!r}): {got!r}, not {wanted!r}"
    assert warned == warned_too, note
    try:
        assert_same(got, wanted)
        if kwargs.get("out") is not None:
            assert_same(kwargs["out"], frozen["out"])
    except AssertionError as error:
        raise AssertionError(note) from error
