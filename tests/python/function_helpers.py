"""NumPy's functions, ours and NumPy's, on the same calls; and classes with `__array_function__`."""

import warnings

import numpy as np

import ufunx as ux

NAMES = sorted(ux._FUNCTIONS)


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
    """The same type and, of arrays and numbers, dtype, shape, strides and bits, but for a NaN's sign."""
    assert type(got) is type(wanted)
    if isinstance(wanted, tuple):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            assert_same(one, other)
    elif isinstance(wanted, np.ndarray | np.generic):
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
        if isinstance(wanted, np.ndarray) and wanted.size:
            assert got.strides == wanted.strides
        if wanted.dtype.char in "OgG":  # addresses and padding are no part of the value
            assert repr(got) == repr(wanted)
            return
        if wanted.dtype.kind in "fc":
            np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
            got, wanted = (np.where(np.isnan(x), 0, x) for x in (got, wanted))
        assert got.tobytes() == wanted.tobytes()
    else:
        assert repr(got) == repr(wanted)


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


class Recorder:
    def __array_function__(self, func, types, args, kwargs):
        return func, types, args, kwargs


class Refuser:
    def __array_function__(self, func, types, args, kwargs):
        return NotImplemented


class Failing:
    def __array_function__(self, func, types, args, kwargs):
        raise ValueError("of Failing")
