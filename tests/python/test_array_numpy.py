"""`ufunx.Array` in operators, in NumPy's ufuncs and ours, and in NumPy's functions."""

import operator
import sys

import numpy as np
import pytest
from array_helpers import MINIS, address, array_over
from producers import NATIVE

import ufunx as ux

ml_dtypes = pytest.importorskip("ml_dtypes")

X = [[1, 2.5, 3], [-4, 0.5, 6]]
Y = [[2, 0.5, -1], [8, 0.25, 1.5]]
DTYPES = ["float32", "float64", *MINIS]


def known(dtype):
    return np.dtype(getattr(ml_dtypes, dtype)) if dtype in MINIS else np.dtype(dtype)


def pair(values, dtype):
    """An `Array`, and a like ndarray with memory of its own."""
    array = np.array(values).astype(known(dtype))
    memory = array.view(MINIS[dtype]) if dtype in MINIS else array
    return array_over(memory.copy(), dtype if dtype in MINIS else None), array


def assert_same(result, expected):
    """An `Array` of the values and the dtype of an ndarray or a scalar."""
    if isinstance(expected, tuple):
        assert len(result) == len(expected)
        for one, other in zip(result, expected, strict=True):
            assert_same(one, other)
        return
    assert type(result) is ux.Array
    assert (result.dtype, result.shape) == (np.asarray(expected).dtype.name, np.shape(expected))
    # Not in a dtype of ml_dtypes, some of whose NaNs NumPy does not know.
    wide = np.complex128 if np.asarray(expected).dtype.kind == "c" else np.float64
    np.testing.assert_array_equal(np.asarray(result, dtype=wide), np.asarray(expected).astype(wide))


BINARY = [getattr(operator, name) for name in "add sub mul truediv floordiv mod pow".split()]
COMPARISONS = [getattr(operator, name) for name in "lt le eq ne gt ge".split()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", [*BINARY, divmod, *COMPARISONS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_operators_give_what_ndarrays_give(operation, dtype):
    (a, na), (b, nb) = pair(X, dtype), pair(Y, dtype)
    assert_same(operation(a, b), operation(na, nb))
    assert_same(operation(a, b[0]), operation(na, nb[0]))
    assert_same(operation(a[0], b[1, :1]), operation(na[0], nb[1, :1]))
    # With an ndarray of the same dtype on either side.
    assert_same(operation(a, nb), operation(na, nb))
    assert_same(operation(na, b), operation(na, nb))
    # With integers on either side, which take the dtype.
    two = nb.dtype.type(2)
    assert_same(operation(a, 2), operation(na, two))
    assert_same(operation(2, a), operation(two, na))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", [operator.neg, operator.pos, operator.abs])
def test_unary_operators(operation, dtype):
    a, na = pair(X, dtype)
    assert_same(operation(a), operation(na))


@pytest.mark.parametrize("name", "lshift rshift and_ xor or_".split())
def test_operators_of_integers(name):
    operation = getattr(operator, name)
    x, y = np.array([1, 6, 7]), np.array([3, 2, 1])
    assert_same(operation(array_over(x), y), operation(x, y))
    assert_same(operation(x, array_over(y)), operation(x, y))
    assert_same(operation(array_over(x), 1), operation(x, 1))
    assert_same(operation(1, array_over(x)), operation(1, x))
    array, alias = array_over(x.copy()), x.copy()
    array, alias = getattr(operator, f"i{name.strip('_')}")(array, y), operation(alias, y)
    assert_same(array, alias)
    assert_same(~array_over(x), ~x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", "add sub mul truediv floordiv mod pow".split())
def test_in_place_operators_write_into_the_array(name, dtype):
    a, na = pair(np.abs(X), dtype)
    b, nb = pair(Y, dtype)
    operation = getattr(operator, f"i{name}")
    before, where = a, address(a)
    with np.errstate(over="ignore"):  # a power is too large for float8
        a = operation(a, b)
    assert a is before
    assert address(a) == where
    assert_same(a, getattr(operator, name)(na, nb))
    with pytest.raises(ValueError, match="broadcast"):
        operation(a[0], b)


def test_what_is_read_only_is_not_written_to():
    memory = np.ones(3)
    memory.flags.writeable = False
    array = array_over(memory)
    with pytest.raises(ValueError, match="read-only"):
        array += 1
    assert memory.tolist() == [1, 1, 1]


def test_powers_that_are_something_easier():
    for dtype in (*DTYPES, "int8", "int64"):
        a, na = pair([1, 2, 3], dtype)
        assert_same(a**2, na * na)
    with pytest.raises(TypeError):
        pow(array_over(np.ones(3)), 2, 3)


def test_matrix_products():
    (a, na), (b, nb) = pair(X, "float64"), pair(np.transpose(Y), "float64")
    assert_same(a @ b, na @ nb)
    assert_same(na @ b, na @ nb)
    assert_same(a[0] @ b, na[0] @ nb)
    square, like = pair(np.eye(3), "float64")
    square @= like * 2
    assert_same(square, like * 2)


def test_numbers_are_weak_beside_bfloat16():
    a, _ = pair([1, 2.5], "bfloat16")
    assert (a * 0.1).dtype == (0.1 * a).dtype == (a > 0.1).astype("bfloat16").dtype == "bfloat16"
    assert (a * 0.1).tolist() == [float(ml_dtypes.bfloat16(x * float(np.float32(0.1)))) for x in (1, 2.5)]
    # What has a dtype is not.
    assert (a * np.float32(2)).dtype == (a * np.ones(2, "f4")).dtype == "float32"
    assert (a * np.ones(2)).dtype == "float64"
    assert (a + pair([1, 2], "float8_e5m2")[0]).dtype == "bfloat16"
    assert (a + np.ones(2, "f2")).dtype == "float32"


class OptsOut:
    __array_ufunc__ = None

    def __radd__(self, other):
        return "radd"

    def __add__(self, other):
        return "add"

    def __eq__(self, other):
        return "eq"

    def __gt__(self, other):
        return "gt"

    __hash__ = None


def test_operands_that_opt_out_answer_themselves():
    a = array_over(np.ones(2))
    assert (a + OptsOut(), OptsOut() + a, a == OptsOut(), a < OptsOut()) == ("radd", "add", "eq", "gt")
    with pytest.raises(TypeError, match="unsupported operand"):
        a - OptsOut()
    with pytest.raises(TypeError, match="OptsOut"):
        a += OptsOut()


class Answers:
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return ufunc.__name__, method, [type(x).__name__ for x in inputs], list(kwargs)


def test_operands_with_an_override_are_asked():
    a = array_over(np.ones(2))
    assert a + Answers() == ("add", "__call__", ["Array", "Answers"], [])
    assert np.multiply(Answers(), a) == ("multiply", "__call__", ["Answers", "Array"], [])
    assert np.multiply(a, Answers()) == ("multiply", "__call__", ["Array", "Answers"], [])
    with pytest.raises(TypeError, match="Answers answered"):
        a += Answers()


def test_what_cannot_be_compared_differs():
    for dtype in ("float32", "bfloat16"):
        a, _ = pair([1, 2], dtype)
        assert_same(a == None, np.array([False, False]))  # noqa: E711
        assert_same(a != None, np.array([True, True]))  # noqa: E711
    a, _ = pair([1, 2], "float32")
    assert_same(a == "x", np.array([False, False]))
    assert_same(a != np.array(["x", "y"]), np.array([True, True]))
    assert_same(a[0] == np.zeros(2, "M8[s]"), np.array([False, False]))
    with pytest.raises(TypeError):
        operator.lt(a, "x")
    with pytest.raises(ValueError, match="broadcast"):
        operator.eq(a, np.ones(3))


# NumPy's ufuncs, and ours.


@pytest.mark.parametrize("module", [np, ux])
@pytest.mark.parametrize("dtype", DTYPES)
def test_ufuncs(module, dtype):
    (a, na), (b, nb) = pair(X, dtype), pair(Y, dtype)
    assert_same(module.exp(b[:, 1]), ux.exp(nb[:, 1]))
    assert_same(module.maximum(a, b), np.maximum(na, nb))
    assert_same(module.isfinite(a), np.isfinite(na))
    assert_same(module.frexp(a), np.frexp(na))
    assert_same(module.add.reduce(a, axis=0), np.add.reduce(na, axis=0))
    assert_same(module.maximum.reduce(a, axis=None), np.maximum.reduce(na, axis=None))
    assert_same(module.add.accumulate(a, axis=1), np.add.accumulate(na, axis=1))
    assert_same(module.multiply.outer(a[0], b[0]), np.multiply.outer(na[0], nb[0]))
    assert_same(module.add.reduceat(a, [0, 1], axis=1), np.add.reduceat(na, [0, 1], axis=1))
    assert module.add.at(a, ([0, 0], [1, 1]), 1) is None
    np.add.at(na, ([0, 0], [1, 1]), 1)
    assert_same(a, na)


@pytest.mark.parametrize("module", [np, ux])
@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_and_masks(module, dtype):
    (a, na), (b, nb) = pair(X, dtype), pair(Y, dtype)
    out, expected = pair(np.zeros((2, 3)), dtype)
    assert module.add(a, b, out=out) is out
    assert_same(out, np.add(na, nb, out=expected))
    mask = array_over(np.array([True, False, True]))
    assert module.subtract(a, b, out=(out,), where=mask) is out
    assert_same(out, np.subtract(na, nb, out=expected, where=np.asarray(mask)))
    assert module.add.reduce(a, axis=0, out=out[0]) is not None
    expected[0] = np.add.reduce(na, axis=0)
    assert_same(out, expected)


def test_ndarrays_are_outputs_too():
    a = array_over(np.array([1.0, 2.0]))
    out = np.zeros(2)
    assert ux.add(a, 1, out=out) is out
    assert np.add(a, 1, out=out) is out
    assert out.tolist() == [2, 3]
    into = array_over(np.zeros(2))
    assert np.sqrt([4.0, 9.0], out=into) is into
    assert into.tolist() == [2, 3]


def test_ufuncs_that_are_not_numpys_public_ones():
    special = pytest.importorskip("scipy.special")
    a, na = pair([1, 2.5, 4], "float64")
    assert_same(special.gamma(a), special.gamma(na))
    assert_same(special.gamma(a[0]), special.gamma(na[0]))
    assert_same(special.xlogy(na, a), special.xlogy(na, na))
    out = array_over(np.zeros(3))
    assert special.gamma(a, out=out) is out
    assert_same(out, special.gamma(na))
    b, nb = pair([1, 2.5, 4], "bfloat16")
    assert_same(special.gamma(b), special.gamma(nb))


def test_in_place_mode_leaves_it_as_it_is():
    a, na = pair(X, "bfloat16")
    with ux.installed():
        assert_same(np.add(a, a), na + na)
        assert_same(na + a, na + na)
        assert_same(np.add.reduce(a), np.add.reduce(na))


# NumPy's functions.

REDUCTIONS = [np.sum, np.prod, np.max, np.min, np.any, np.all]


@pytest.mark.parametrize("dtype", ["float64", *MINIS])
@pytest.mark.parametrize("function", REDUCTIONS)
def test_reductions(function, dtype):
    a, na = pair([[1, 2.5, 0.5], [-1, 0, 1]], dtype)
    ours = getattr(ux, function.__name__)
    for arguments in ({"axis": 0}, {"axis": 1, "keepdims": True}, {"axis": (0, 1), "keepdims": True}):
        assert_same(function(a, **arguments), function(na, **arguments))
        assert_same(ours(a, **arguments), function(na, **arguments))
    total = function(a)
    assert total == function(na)
    # A scalar where NumPy has one.
    assert isinstance(total, ux.Array) == (dtype in MINIS and function not in (np.any, np.all))
    out, expected = pair([0, 0, 0], "bool" if function in (np.any, np.all) else dtype)
    assert function(a, 0, out=out) is out
    assert_same(out, function(na, 0, out=expected))


@pytest.mark.parametrize("dtype", MINIS)
def test_reductions_need_no_ml_dtypes(dtype, monkeypatch):
    a, na = pair([[1, 2, 3], [1, 0, 1]], dtype)
    mask = np.array([[True, True, False], [True, True, True]])
    expected = [function(na, axis=1).tolist() for function in (*REDUCTIONS, np.mean)]
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    for function, values in zip((*REDUCTIONS, np.mean), expected, strict=True):
        for module in (np, ux):
            result = getattr(module, function.__name__)(a, axis=1)
            assert result.tolist() == pytest.approx(values, rel=0.13)
            assert getattr(module, function.__name__)(a).shape == ()
    assert np.sum(a, axis=1, where=mask).tolist() == [3, 2]
    assert np.cumsum(a, axis=1).tolist() == [[1, 3, 6], [1, 1, 2]]
    assert np.mean(a, axis=0, keepdims=True).tolist() == [[1, 1, 2]]
    with pytest.raises(TypeError, match="ml_dtypes"):
        np.sort(a)
    assert np.vecdot(a, a).tolist() == [14, 2]


def test_means_are_of_sums_in_float32():
    """In bfloat16 the sum would stop growing at 256."""
    a, _ = pair(np.ones(1000), "bfloat16")
    assert np.mean(a).item() == ux.mean(a).item() == 1
    assert (np.mean(a).dtype, np.mean(a, dtype="f8")) == ("bfloat16", 1)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_functions_get_arrays_and_give_them(dtype):
    (a, na), (b, nb) = pair(X, dtype), pair(Y, dtype)
    assert_same(np.concatenate([a, b]), np.concatenate([na, nb]))
    assert_same(np.concatenate((a, nb), axis=1), np.concatenate((na, nb), axis=1))
    assert_same(np.block([[a, b], [nb, a]]), np.block([[na, nb], [nb, na]]))
    assert_same(np.where(a > b, a, b), np.where(na > nb, na, nb))
    assert_same(np.sort(a, axis=0), np.sort(na, axis=0))
    assert_same(np.argsort(a), np.argsort(na))
    assert_same(np.transpose(a), na.T)
    assert_same(np.clip(a, 0, 2), np.clip(na, 0, 2))
    assert_same(tuple(np.split(a, 2)), tuple(np.split(na, 2)))
    assert isinstance(np.split(a, 2), list)
    assert np.shape(a) == (2, 3)
    assert np.array_equal(a, na)
    assert not np.array_equal(a, nb)
    assert np.shares_memory(a, np.reshape(a, -1))
    out, _ = pair(np.zeros((4, 3)), dtype)
    assert np.concatenate([a, b], out=out) is out
    assert_same(out, np.concatenate([na, nb]))
    np.copyto(a, nb)
    assert_same(a, nb)
    assert_same(np.zeros_like(a), np.zeros_like(na))


def test_functions_of_native_arrays():
    a, na = pair(X, "float64")
    assert_same(np.std(a, axis=0), np.std(na, axis=0))
    assert_same(np.mean(a, axis=0), np.mean(na, axis=0))
    assert np.mean(a) == np.mean(na)
    unique = np.unique_counts(array_over(np.array([1, 1, 2])))
    assert type(unique).__name__ == "UniqueCountsResult"
    assert_same(unique.counts, np.array([2, 1]))
    assert_same(np.linalg.qr(a).R, np.linalg.qr(na).R)
    assert_same(np.einsum("ij,kj", a, a), np.einsum("ij,kj", na, na))
    # What is no dtype of ours stays NumPy's.
    assert isinstance(np.char.mod("%d", a), np.ndarray)
    with pytest.raises(np.exceptions.AxisError):
        np.sum(a, axis=2)
    with pytest.raises(TypeError, match="unexpected keyword"):
        np.sum(a, bogus=1)


class Takes:
    def __array_function__(self, func, types, args, kwargs):
        return func.__name__, {t.__name__ for t in types}


def test_other_classes_are_asked():
    a, _ = pair(X, "float64")
    assert np.concatenate([a, Takes()]) == ("concatenate", {"Array", "Takes"})
    assert a.__array_function__(np.sum, (ux.Array, Takes), (a,), {}) is NotImplemented


@pytest.mark.parametrize("dtype", [*NATIVE, *MINIS])
def test_scalars_and_sums_of_every_dtype(dtype):
    a, na = pair([0, 1, 1], dtype)
    assert_same(ux.logical_not(a), np.logical_not(na))
    assert_same(ux.equal(a, a), np.equal(na, na))
    assert np.sum(a).item() == 2
    assert np.sum(a).dtype == np.sum(na).dtype
