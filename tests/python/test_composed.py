"""Functions that NumPy composes of ufuncs run here as programs, and give what NumPy's give, warnings too."""

import itertools
import warnings

import numpy as np
import pytest

import ufunx as ux


def natively(call):
    """Calls of native kernels."""
    before = ux.native_calls()
    call()
    return ux.native_calls() - before


# Functions that NumPy composes of ufuncs, and calls of each that have a native way.
COMPOSED = {
    "nansum": [{}, {"axis": 0}, {"axis": -1}, {"axis": 1, "keepdims": True}],
    "nanmean": [{}, {"axis": 0}, {"axis": -1, "keepdims": True}],
    "nanvar": [{}, {"axis": 0}, {"axis": -1}, {"ddof": 1}, {"axis": 0, "keepdims": True, "ddof": 2}],
    "nanstd": [{}, {"axis": 0}, {"axis": -1, "ddof": 1}],
    "nanmin": [{}, {"axis": 0}, {"axis": -1}],
    "nanmax": [{}, {"axis": 0, "keepdims": True}, {"axis": -1}],
    "nan_to_num": [{}, {"nan": -1.5}, {"posinf": 9.0, "neginf": -9.0}],
    "ptp": [{}, {"axis": 0}, {"axis": -1, "keepdims": True}],
    "diff": [{}, {"n": 1}, {"axis": -1}],
    "average": [{}, {"axis": 0}],
}
SIZES = [(1,), (7,), (2000,), (40, 3), (3, 40), (300, 31), (5, 4, 6)]


def with_nans(shape, dtype):
    """No axis of it is without a number."""
    random = np.random.default_rng(5)
    array = random.normal(size=shape).astype(dtype)
    flat = array.reshape(-1)
    flat[random.random(flat.size) < 0.1] = np.nan
    array[..., 0] = 1.25
    array[0] = 0.5
    return array


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", COMPOSED)
def test_composed_functions_are_numpys(name, dtype):
    ours, theirs = getattr(ux, name), getattr(np, name)
    for shape, kwargs in itertools.product(SIZES, COMPOSED[name]):
        if kwargs.get("axis") == 1 and len(shape) == 1:
            continue
        for array in (a := with_nans(shape, dtype), a.T, np.asfortranarray(a), a[::-1], np.abs(a) > 0.5):
            if array.dtype == bool and name in ("ptp", "nan_to_num"):
                continue
            answers = both(lambda f, array=array, kwargs=kwargs: f(array, **kwargs), ours, theirs)
            assert answers[0] == answers[1], (name, shape, array.dtype, kwargs)


class Near:
    """Values that are equal to others where they are near: sums may be added in another order."""

    def __init__(self, values):
        self.values = values

    def __repr__(self):
        return repr(self.values)

    def __eq__(self, other):
        tolerance = 1e-4 if self.values.dtype == np.float32 else 1e-12
        return np.allclose(self.values, other.values, rtol=tolerance, atol=tolerance, equal_nan=True)


def both(call, ours, theirs):
    """What two functions give: the type, the values and the warnings, or the error."""

    def outcome(function):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = call(function)
            except Exception as error:
                result = error
        said = [(w.category, str(w.message)) for w in caught]
        if isinstance(result, Exception):
            return type(result), str(result), said
        values = np.asarray(result)
        return type(result), values.dtype, values.shape, Near(values), said

    return outcome(ours), outcome(theirs)


PAIRS = {
    "array_equal": [(A := np.arange(12.0).reshape(3, 4), A), (A, A + 1), (A, A.T), (A, A.astype("f4"))],
    "isclose": [(A, A), (A, A + 1e-9), (A, A[0]), (A, 2.0), (A.astype("f4"), A.astype("f4") * 1.00001)],
    "trapezoid": [(A[0],), (A[0], A[1]), (A,), (A[0], None, 0.5), (A[0], None, 1.0), (A[0], None, 1.0, 0)],
}
PAIRS["allclose"] = PAIRS["isclose"]


@pytest.mark.parametrize("name", PAIRS)
def test_composed_functions_of_two_arrays_are_numpys(name):
    odd = np.array([1.0, np.nan, np.inf, -np.inf])
    pairs = [*PAIRS[name], (odd, odd), (odd, odd[::-1]), (A.astype(int), A.astype(int))]
    keywords = [{}, {"equal_nan": True}] if name != "trapezoid" else [{}]
    if name in ("isclose", "allclose"):
        keywords += [{"rtol": 0}, {"atol": 2}, {"rtol": 0.5, "atol": np.inf}]
    for args, kwargs in itertools.product(pairs, keywords):
        answers = both(
            lambda f, args=args, kwargs=kwargs: f(*args, **kwargs), getattr(ux, name), getattr(np, name)
        )
        assert answers[0] == answers[1], (name, args, kwargs)


def test_averages_with_weights_are_numpys():
    a = with_nans((20, 31), "f8")
    a[np.isnan(a)] = 3
    for weights in (np.abs(a), np.zeros_like(a), a[0], a * np.nan):
        for kwargs in ({}, {"axis": 0}, {"axis": 1, "returned": True}, {"axis": 1, "keepdims": True}):
            answers = both(lambda m, w=weights, k=kwargs: m.average(a, weights=w, **k), ux, np)
            assert answers[0] == answers[1], kwargs


@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanvar", "nanmin", "nan_to_num", "diff", "ptp"])
def test_composed_functions_run_natively(name):
    a = with_nans((300, 31), "f8")
    assert natively(lambda: getattr(ux, name)(a)) > 0


def test_no_number_is_warned_of_as_numpy_warns():
    nothing = np.full((3, 4), np.nan)
    some = with_nans((3, 4), "f8")
    some[:, 1] = np.nan
    for name in ("nanmin", "nanmax", "nanmean", "nanvar", "nanstd", "nansum"):
        for array, axis in itertools.product((nothing, some, nothing[:0]), (None, 0, 1)):
            answers = both(lambda f, a=array, x=axis: f(a, axis=x), getattr(ux, name), getattr(np, name))
            assert answers[0] == answers[1], (name, axis)


def test_odd_arguments_are_numpys_to_judge():
    ints = np.random.default_rng(0).integers(-100, 100, 1003).astype("i1")
    table, weights = np.arange(12.0).reshape(3, 4), np.ones((3, 4))
    calls = [
        lambda m: m.var(ints, mean=ints.mean(keepdims=True).astype("f4")),
        lambda m: m.std(ints, mean=ints.mean(keepdims=True)),
        lambda m: m.nan_to_num(table, nan=None),
        lambda m: m.average(table, axis=[0], weights=weights),
        lambda m: m.average(table, axis=7, weights=weights),
        lambda m: m.average(table, axis=(0, 1), weights=weights),
        lambda m: m.average(np.zeros((0, 3)), axis=1),
        lambda m: m.average(np.zeros((3, 0)), axis=0),
        lambda m: m.isclose(table, table, rtol=10**30),
        lambda m: m.isclose(table, np.ones(3)),
        lambda m: m.allclose(table.astype("f4"), table.astype("f4"), rtol=1e-50),
    ]
    for place, call in enumerate(calls):
        answers = both(call, ux, np)
        assert answers[0] == answers[1], place
