"""The ufunc object: identity, attributes, methods, error state, and which way calls go."""

import copy
import inspect
import pickle

import ml_dtypes
import numpy as np
import pytest

import ufunx as ux

NAMES = sorted(name for name in dir(np) if type(getattr(np, name)) is np.ufunc)


@pytest.mark.parametrize("name", NAMES)
def test_an_object_carries_its_twins_identity(name):
    ours, twin = getattr(ux, name), getattr(np, name)
    assert ours is not twin
    assert type(ours) is not np.ufunc
    assert isinstance(ours, np.ufunc)
    assert ours == twin
    assert twin == ours
    assert not (ours != twin)  # noqa: SIM202, both operators are asked
    assert ours != (np.exp if name != "exp" else np.log)
    assert hash(ours) == hash(twin)
    assert {twin: 1}[ours] == 1
    assert repr(ours) == repr(twin)
    for attribute in ("__name__", "nin", "nout", "nargs", "ntypes", "types", "identity", "signature"):
        assert getattr(ours, attribute) == getattr(twin, attribute)
    assert ours is getattr(ux, ours.__name__)


@pytest.mark.parametrize("name", NAMES)
def test_pickled_and_copied_by_name(name):
    ours = getattr(ux, name)
    assert pickle.loads(pickle.dumps(ours)) is ours
    assert copy.copy(ours) is ours
    assert copy.deepcopy(ours) is ours


@pytest.mark.skipif(not hasattr(np.add, "__dict__"), reason="this NumPy lets nothing be set on a ufunc")
def test_attributes_can_be_set_and_the_doc_replaced():
    before = ux.cbrt.__doc__
    ux.cbrt.__doc__ = "roots"
    assert ux.cbrt.__doc__ == "roots"
    assert np.cbrt.__doc__ != "roots"
    ux.add.note = 1
    assert ux.add.__dict__["note"] == 1
    del ux.add.note
    del ux.cbrt.__doc__
    assert ux.cbrt.__doc__ == before
    with pytest.raises(AttributeError):
        _ = ux.add.no_such_attribute


@pytest.mark.parametrize("name", ["__name__", "nin", "types", "identity", "signature"])
def test_facts_cannot_be_overwritten(name):
    with pytest.raises(AttributeError, match=f"attribute '{name}' of 'numpy.ufunc' objects is not writable"):
        setattr(ux.hypot, name, 5)


@pytest.mark.parametrize("name", ["reduce", "accumulate", "reduceat", "at"])
def test_methods_have_signatures(name):
    assert getattr(ux.add, name).__doc__
    ours = inspect.signature(getattr(ux.add, name))
    try:
        assert ours == inspect.signature(getattr(np.add, name))
    except ValueError as error:  # NumPy's have one since 2.4
        assert "no signature found" in str(error)  # noqa: PT017


def test_resolve_dtypes_is_numpys():
    wanted = np.add.resolve_dtypes((np.dtype("i4"), float, None))
    assert ux.add.resolve_dtypes((np.dtype("i4"), float, None)) == wanted


METHODS = [
    ("reduce", lambda f, x: f.reduce(x)),
    ("reduce axis", lambda f, x: f.reduce(x, axis=1)),
    ("reduce all", lambda f, x: f.reduce(x, axis=None)),
    ("reduce many", lambda f, x: f.reduce(x, axis=(0, -1))),
    ("reduce none", lambda f, x: f.reduce(x, axis=())),
    ("keepdims", lambda f, x: f.reduce(x, axis=1, keepdims=True)),
    ("initial", lambda f, x: f.reduce(x, axis=0, initial=3)),
    ("initial none", lambda f, x: f.reduce(x, axis=0, initial=None)),
    ("where", lambda f, x: f.reduce(x, axis=0, initial=1, where=x > x.dtype.type(20))),
    ("out", lambda f, x: f.reduce(x, axis=0, out=np.zeros(x.shape[1:], x.dtype))),
    ("bad out", lambda f, x: f.reduce(x, axis=0, out=np.zeros(3, x.dtype))),
    ("bad axis", lambda f, x: f.reduce(x, axis=7)),
    ("twice", lambda f, x: f.reduce(x, axis=(1, 1))),
    ("dtype", lambda f, x: f.reduce(x, axis=0, dtype=np.float32)),
    ("empty", lambda f, x: f.reduce(x[:0])),
    ("accumulate", lambda f, x: f.accumulate(x)),
    ("accumulate last", lambda f, x: f.accumulate(x, axis=-1)),
    ("accumulate scalar", lambda f, x: f.accumulate(x[0, 0, 0])),
    ("reduceat", lambda f, x: f.reduceat(x, np.array([0, 2, 1]), axis=1)),
    ("reduceat bad", lambda f, x: f.reduceat(x, np.array([0, 9]), axis=1)),
    ("outer", lambda f, x: f.outer(x[0, 0], x[0, :2, 0])),
]


def outcome(call):
    try:
        return call()
    except Exception as error:
        return (type(error), str(error))


@pytest.mark.parametrize("call", [pytest.param(c, id=n) for n, c in METHODS])
@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "i8", "f4", "f8", "O"])
@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "maximum", "logical_or", "bitwise_and", "less"]
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_methods_are_numpys(name, dtype, call):
    x = (np.arange(60).reshape(3, 4, 5) % 47).astype(dtype)
    ours = outcome(lambda: call(getattr(ux, name), x.copy()))
    theirs = outcome(lambda: call(getattr(np, name), x.copy()))
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, tuple):
        assert ours == theirs
    elif isinstance(theirs, np.ndarray | np.generic):
        assert ours.strides == theirs.strides
        np.testing.assert_array_equal(ours, theirs, strict=True)
    else:
        assert ours == theirs


def test_at_counts_what_is_given_twice_and_refuses_read_only():
    x = np.zeros(5)
    assert ux.add.at(x, np.array([0, 3, 3, -1]), 1.5) is None
    np.testing.assert_array_equal(x, [1.5, 0, 0, 3, 1.5])
    y = np.arange(6).reshape(2, 3)
    ux.multiply.at(y, (slice(None), [0, 0, 2]), 2)
    np.testing.assert_array_equal(y, [[0, 1, 4], [12, 4, 10]])
    with pytest.raises(IndexError):
        ux.add.at(x, np.array([0, 5]), 1.0)
    np.testing.assert_array_equal(x, [1.5, 0, 0, 3, 1.5])
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ux.add.at(x, np.array([0]), 1.0)


def test_the_error_state_is_numpys():
    one, zero = np.ones(3), np.zeros(3)
    with np.errstate(all="ignore"):
        assert np.isinf(ux.divide(one, zero)).all()
    refused = pytest.raises(FloatingPointError, match="divide by zero encountered in divide")
    with np.errstate(divide="raise"), refused:
        ux.divide(one, zero)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        ux.log(-one)
    with pytest.warns(RuntimeWarning, match="overflow encountered in reduce"):
        ux.multiply.reduce(np.full(3, 1e200))
    seen = []
    with np.errstate(all="call", call=lambda kind, flags: seen.append((kind, flags))):
        ux.exp(np.array([1e3, -1e3]))
    assert [kind for kind, _ in seen] == ["overflow", "underflow"]


def test_two_outputs_are_given_as_a_tuple():
    for lib in (np, ux):
        with pytest.raises(TypeError, match="'out' must be a tuple of arrays"):
            lib.frexp(np.ones(3), out=None)


def test_explain_says_which_way():
    x = np.ones(10)
    native = ux.explain(ux.add, x, x)
    assert (native["path"], native["loop"], native["axes"]) == ("native", "dd->d", (10,))
    assert ux.explain(ux.add, x[::2], 1)["path"] == "native"
    for call in ((ux.matmul, x, 1.0), (ux.add, x, "a"), (ux.add, x, np.ones(3)), (ux.sqrt, [None])):
        refused = ux.explain(*call)
        assert refused["path"] == "numpy"
        assert refused["reason"]


def test_numpys_namespace_resolves():
    for name in np.__all__:
        assert getattr(ux, name) is not None or name == "newaxis"
    assert ux.median is np.median
    assert ux.add is not np.add
    assert set(NAMES) <= set(dir(ux))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = ux.no_such_name


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_the_narrow_floats_of_ml_dtypes_run_natively(name):
    dtype = getattr(ml_dtypes, name)
    x = np.array([0.5, 1, 2, 3, -4, 0.5], dtype)
    for ufunc in (ux.add, ux.multiply, ux.maximum, ux.less, ux.logical_and):
        assert ux.explain(ufunc, x, x)["path"] == "native"
        ours, theirs = ufunc(x, x), getattr(np, ufunc.__name__)(x, x)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.astype("f4"), theirs.astype("f4"))
    for ufunc in (ux.exp, ux.sqrt, ux.negative, ux.isnan, ux.rint):
        ours, theirs = ufunc(abs(x)), getattr(np, ufunc.__name__)(abs(x))
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.astype("f4"), theirs.astype("f4"))
    assert ux.add.reduce(x).dtype == dtype
    assert float(ux.add.reduce(x)) == 3
    for other in (np.float32(1), 1.5, x.astype("f8")):
        assert ux.explain(ux.add, x, other)["path"] == "numpy"
        assert ux.add(x, other).dtype == np.add(x, other).dtype


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_a_numbers_truth_counts_before_rounding(name):
    for x in (np.arange(4, dtype="f4"), np.arange(4000, dtype="f4")):
        np.testing.assert_array_equal(getattr(ux, name)(x, 1e-300), getattr(np, name)(x, 1e-300))


def test_native_calls_are_counted() -> None:
    before = ux.native_calls()
    ux.add(1.0, np.ones(3))
    ux.add(np.ones((2, 3)), np.ones(3))
    ux.add.reduce(np.ones(3))
    ux.add([1], 2)
    ux.add([1], np.ones(3, ">f8"))
    assert ux.native_calls() == before + 5
