"""`ufunx.asarray`: NumPy's answer where there is one, foreign arrays' own memory, and bfloat16 and float8."""

import array
import gc
import warnings

import exchange_api
import numpy as np
import producers
import pytest
from producers import Modern, Oldest, Producer, address, data_of

import ufunx as ux

ml_dtypes = pytest.importorskip("ml_dtypes")
MINI = {
    "bfloat16": ml_dtypes.bfloat16,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
}


@pytest.fixture(autouse=True)
def everything_goes_back():
    yield
    producers.assert_all_given_back()


BASE = np.arange(12.0).reshape(3, 4)
READ_ONLY = BASE.copy()
READ_ONLY.flags.writeable = False


class Interface:
    """Speaks `__array_interface__` for an array."""

    def __init__(self, base, **changes):
        self.base = base
        self.__array_interface__ = base.__array_interface__ | changes


class Struct:
    """Speaks `__array_struct__` for an array."""

    def __init__(self, base):
        self.base = base
        self.__array_struct__ = base.__array_struct__


class NoParameters:
    def __init__(self, base):
        self.base = base

    def __array__(self):
        return self.base


class OneParameter(NoParameters):
    def __array__(self, dtype=None):
        return self.base if dtype is None else self.base.astype(dtype)


class TwoParameters(NoParameters):
    def __array__(self, dtype=None, copy=None):
        base = self.base if dtype is None else self.base.astype(dtype)
        return base.copy() if copy else base


class Sub(np.ndarray):
    pass


SOURCES = {
    "array": lambda: BASE,
    "read-only array": lambda: READ_ONLY,
    "transposed": lambda: BASE.T[::2],
    "subclass": lambda: BASE.view(Sub),
    "masked": lambda: np.ma.masked_array(BASE, BASE > 5),
    "big endian": lambda: BASE.astype(">f8"),
    "structured": lambda: np.zeros(3, "i4,f8"),
    "scalar": lambda: np.float32(2.5),
    "float": lambda: 2.5,
    "int": lambda: 2**70,
    "None": lambda: None,
    "list": lambda: [[1, 2.5], [3, 4]],
    "list of arrays": lambda: [BASE[0], BASE[1]],
    "ragged": lambda: [[1], [2, 3]],
    "strings": lambda: ["a", "bc"],
    "memoryview": lambda: memoryview(BASE),
    "read-only memoryview": lambda: memoryview(READ_ONLY),
    "bytes": lambda: b"abc",
    "bytearray": lambda: bytearray(b"abc"),
    "array.array": lambda: array.array("f", [1, 2.5, 3]),
    "interface": lambda: Interface(BASE),
    "interface, strided": lambda: Interface(BASE[::-1, ::2]),
    "interface, read-only": lambda: Interface(READ_ONLY),
    "interface, typestr": lambda: Interface(BASE, typestr="<i8"),
    "interface, no typestr": lambda: Interface(BASE, typestr=None),
    "interface, wrong typestr": lambda: Interface(BASE, typestr="<q9"),
    "interface, wrong shape": lambda: Interface(BASE, shape="ab"),
    "interface, wrong strides": lambda: Interface(BASE, strides=(1,)),
    "interface, wrong data": lambda: Interface(BASE, data="here"),
    "interface, no dict": lambda: type("Odd", (), {"__array_interface__": 3})(),
    "struct": lambda: Struct(BASE),
    "struct, strided": lambda: Struct(BASE[:, ::-2]),
    "struct, read-only": lambda: Struct(READ_ONLY),
    "struct, no capsule": lambda: type("Odd", (), {"__array_struct__": 3})(),
    "no parameters": lambda: NoParameters(BASE),
    "one parameter": lambda: OneParameter(BASE),
    "two parameters": lambda: TwoParameters(BASE),
    "two parameters, read-only": lambda: TwoParameters(READ_ONLY),
    "no array": lambda: TwoParameters([1, 2]),
    "object": object,
}
KEYWORDS = {
    "": {},
    "dtype": {"dtype": np.float32},
    "same dtype": {"dtype": "float64"},
    "wrong dtype": {"dtype": "bogus"},
    "C": {"order": "C"},
    "F": {"order": "F"},
    "wrong order": {"order": "Z"},
    "copy": {"copy": True},
    "no copy": {"copy": False},
    "no copy, dtype": {"copy": False, "dtype": "i4"},
    "cpu": {"device": "cpu"},
    "gpu": {"device": "gpu"},
    "like": {"like": np.ones(1)},
}


def outcome(module, source, keywords):
    """What came of it, with the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = module.asarray(source, **keywords)
        except Exception as error:
            result = error
    return result, [(warning.category, str(warning.message)) for warning in caught]


@pytest.mark.parametrize("keywords", KEYWORDS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_numpy_takes(source, keywords):
    obj = SOURCES[source]()
    ours, our_warnings = outcome(ux, obj, KEYWORDS[keywords])
    theirs, their_warnings = outcome(np, obj, KEYWORDS[keywords])
    assert type(ours) is type(theirs)
    assert our_warnings == their_warnings
    if isinstance(theirs, Exception):
        assert str(ours) == str(theirs)
        return
    assert (ours.dtype, ours.shape, ours.strides) == (theirs.dtype, theirs.shape, theirs.strides)
    assert ours.flags.writeable == theirs.flags.writeable
    if isinstance(obj, np.ndarray | memoryview | Interface | Struct | NoParameters):
        assert np.shares_memory(ours, BASE) == np.shares_memory(theirs, BASE)
        assert (address(ours) == address(theirs)) == (ours is theirs or np.shares_memory(ours, theirs))
    if theirs.dtype != object:
        assert ours.tobytes() == theirs.tobytes()
    else:
        assert ours.tolist() == theirs.tolist()


def test_an_array_is_itself():
    assert ux.asarray(BASE) is BASE
    mini = BASE.astype(ml_dtypes.bfloat16)
    assert ux.asarray(mini) is mini


@pytest.mark.parametrize("form", [Modern, Oldest, "exchange"])
def test_foreign_arrays_keep_their_memory(form):
    base = np.arange(12, dtype="f4").reshape(3, 4)[:, ::2]
    obj = (
        exchange_api.exchanging()(base)
        if form == "exchange"
        else form(Producer(base, versioned=form is Modern))
    )
    result = ux.asarray(obj)
    assert type(result) is np.ndarray
    assert (address(result), result.strides, result.dtype) == (address(base), base.strides, base.dtype)
    assert result.flags.writeable == (form is not Oldest)
    no_copy = ux.asarray(obj, copy=False)
    assert address(no_copy) == address(base)
    assert ux.asarray(obj, dtype="f4", device="cpu").tolist() == base.tolist()


def test_foreign_arrays_by_every_keyword():
    base = np.arange(12, dtype="f4").reshape(3, 4)
    cast = ux.asarray(Modern(base), dtype="f8", order="F")
    assert cast.dtype == "f8"
    assert cast.flags.f_contiguous
    assert cast.tolist() == base.tolist()
    copied = ux.asarray(Modern(base), copy=True)
    assert not np.shares_memory(copied, base)
    assert copied.flags.writeable
    assert copied.tolist() == base.tolist()
    with pytest.raises(ValueError, match="copy"):
        ux.asarray(Modern(base), dtype="f8", copy=False)
    with pytest.raises(ValueError, match="copy"):
        ux.asarray(Modern(base), order="F", copy=False)
    with pytest.raises(BufferError, match="cuda"):
        ux.asarray(Modern(Producer(base, device=(2, 0))))


@pytest.mark.parametrize("name", MINI)
def test_foreign_arrays_of_what_numpy_has_not(name):
    base = np.arange(12.0).reshape(3, 4).astype(MINI[name])
    result = ux.asarray(Modern(base.T))
    assert type(result) is ux.Array
    assert (result.dtype, result.shape) == (name, (4, 3))
    assert data_of(result) == address(base)
    assert ux.asarray(result) is result
    wide = ux.asarray(Modern(base), dtype="float32")
    assert type(wide) is np.ndarray
    assert wide.dtype == "float32"
    assert wide.tolist() == base.astype("float32").tolist()


@pytest.mark.parametrize("name", MINI)
def test_dtypes_by_name(name):
    """Where NumPy's `dtype` does not know the name."""
    values = [[1.5, -2, 0.1], [1e-3, 300, 7.3]]
    for source in (values, np.array(values), Modern(np.array(values)), np.array(values, "f4")):
        result = ux.asarray(source, dtype=name)
        assert type(result) is ux.Array
        assert (result.dtype, result.shape) == (name, (2, 3))
        assert np.asarray(result).tobytes() == np.array(values).astype(MINI[name]).tobytes()
    # An array of ml_dtypes stays one.
    mini = np.array(values).astype(MINI[name])
    kept = ux.asarray(mini, dtype=MINI[name])
    assert kept is mini


def test_references_come_back():
    base = np.arange(6.0)
    for keywords in ({}, {"dtype": "f4"}, {"copy": True}, {"dtype": "bfloat16"}, {"dtype": "bogus"}):
        producer = Producer(base)
        outcome(ux, Modern(producer), keywords)
        gc.collect()
        assert producer.made == producer.deleted
