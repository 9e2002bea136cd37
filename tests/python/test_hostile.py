"""Foreign arrays that lie, fail or are none: an exception each, and what they handed out goes back once."""

import sys
from unittest.mock import MagicMock

import numpy as np
import producers
import pytest
from exchange_api import RAISES, exchanging
from producers import Modern, Producer, new_capsule, returning

import ufunx as ux

ONES = np.ones(6)


@pytest.fixture(autouse=True)
def everything_goes_back():
    ONES[:] = 1  # some of the ways write
    yield
    producers.assert_all_given_back()


def at(obj):
    ux.add.at(obj, [0, 1], 1)


# The ways in.
ENTRIES = {
    "from_dlpack": ux.from_dlpack,
    "asarray": ux.asarray,
    "call": ux.exp,
    "second operand": lambda obj: ux.add(ONES, obj),
    "keywords": lambda obj: ux.add(obj, 1, dtype="f8"),
    "NumPy's loop": lambda obj: ux.divmod(obj, np.longdouble(2)),
    "out": lambda obj: ux.add(ONES[:1], 1, out=obj),
    "where": lambda obj: ux.exp(ONES, where=obj, out=np.ones(6)),
    "reduce": ux.add.reduce,
    "accumulate": ux.add.accumulate,
    "outer": lambda obj: ux.add.outer(obj, obj),
    "at": at,
}
CALLS = [entry for entry in ENTRIES if entry not in ("from_dlpack", "asarray")]
REFUSALS = (BufferError, TypeError, ValueError)

# Fields of tensors that are none. The memory they are told of is six float64.
LIES = {
    "no data": {"data": None},
    "no shape": {"shape": None},
    "negative length": {"shape": (-1,)},
    "most negative length": {"shape": (-(2**63),)},
    "one negative length": {"ndim": 3, "shape": (2, -3, 0), "strides": None},
    "length beyond memory": {"shape": (2**63 - 1,)},
    "lengths beyond memory": {"ndim": 2, "shape": (2**32, 2**32), "strides": None},
    "lengths that wrap to six": {"ndim": 2, "shape": (2**63 + 3 - 2**64, 2), "strides": None},
    "lengths that wrap to zero": {"ndim": 3, "shape": (2**32, 2**32, 1), "strides": (0, 0, 0)},
    "bytes beyond memory": {"shape": (2**60,), "strides": None},
    "stride beyond memory": {"shape": (3,), "strides": (2**61,)},
    "most negative stride": {"shape": (3,), "strides": (-(2**63),)},
    "strides that add up": {"ndim": 3, "shape": (3,) * 3, "strides": (2**59,) * 3},
    "negative ndim": {"ndim": -1},
    "most negative ndim": {"ndim": -(2**31)},
    "65 axes": {"ndim": 65, "shape": (1,) * 65, "strides": (1,) * 65},
    "too many axes to look at": {"ndim": 2**31 - 1},
    "offset beyond memory": {"byte_offset": 2**63, "data": 8},
    "greatest offset": {"byte_offset": 2**64 - 1, "data": 8},
    "no dtype": {"dtype": (2, 0)},
    "bits of no dtype": {"dtype": (2, 63)},
    "lanes": {"dtype": (2, 64, 2)},
    "no lanes": {"dtype": (2, 64, 0)},
    "code of no dtype": {"dtype": (255, 64)},
    "device": {"device": (2, 0)},
    "device 0": {"device": (0, 0)},
    "negative device": {"device": (-1, -1)},
}
ONLY_IN_CAPSULES = {
    "another major version": {"version": (2, 0)},
    "the greatest version": {"version": (2**32 - 1,) * 2},
    "a capsule's wrong name": {"name": b"tensor"},
    "a name that begins right": {"name": b"dltensor_versioned_2"},
    "a name of what is used up": {"name": b"used_dltensor_versioned"},
}


def refused(entry, obj, errors=REFUSALS):
    """Nothing of the error stays, as it would with `pytest.raises`."""
    try:
        ENTRIES[entry](obj)
    except errors:
        return
    pytest.fail("it was taken")


def held(*objects):
    return [sys.getrefcount(obj) for obj in objects]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("lie", [*LIES, *ONLY_IN_CAPSULES])
def test_a_capsule_that_lies(lie, entry):
    fields = LIES.get(lie) or ONLY_IN_CAPSULES[lie]
    for versioned in (True,) if "version" in fields else (True, False):
        producer = Producer(ONES, versioned=versioned, **fields)
        obj = Modern(producer)
        before = held(obj, producer)
        refused(entry, obj)
        obj.asked.clear()
        assert held(obj, producer) == before
        assert producer.made == producer.deleted


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("lie", LIES)
def test_an_exchange_api_that_lies(lie, entry):
    for borrow in (True, None):
        producer = Producer(ONES, **LIES[lie])
        obj = exchanging(borrow=borrow)(producer)
        refused(entry, obj)
        assert producer.made == producer.deleted


@pytest.mark.parametrize("entry", ENTRIES)
def test_another_version_from_an_exchange_api(entry):
    producer = Producer(ONES, version=(3, 0))
    refused(entry, exchanging(borrow=None)(producer))
    assert producer.made == producer.deleted >= 1


GARBAGE = {
    "None": None,
    "number": 3,
    "text": "dltensor",
    "bytes": b"dltensor",
    "list": [],
    "array": ONES,
    "type": int,
    "capsule without a name": lambda: new_capsule(8, None),
    "capsule of something else": lambda: new_capsule(8, b"numpy._ARRAY_API"),
    "used capsule": lambda: new_capsule(8, b"used_dltensor"),
    "class": Modern,
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("answer", GARBAGE)
def test_dlpack_returns_garbage(answer, entry):
    answer = GARBAGE[answer]
    answer = answer() if callable(answer) and not isinstance(answer, type) else answer
    obj = returning(answer)
    # A capsule is this test's alone; of the others there are references elsewhere, which come and go.
    objects = (obj, answer) if "PyCapsule" in str(type(answer)) else (obj,)
    before = held(*objects)
    refused(entry, obj)
    assert held(*objects) == before


class Own(Exception):
    """An error of the producer's own."""


ERRORS = (
    Own,
    BufferError,
    RuntimeError,
    MemoryError,
    StopIteration,
    SystemExit,
    KeyboardInterrupt,
    RecursionError,
)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("error", ERRORS)
def test_dlpack_raises(error, entry):
    with pytest.raises(error, match="mine"):
        ENTRIES[entry](returning(error("mine")))


@pytest.mark.parametrize("entry", CALLS)
@pytest.mark.parametrize("error", ERRORS)
def test_an_exchange_api_that_raises(error, entry):
    for borrow in (RAISES, None):
        functions = {"borrow": borrow, "from_object": RAISES}
        obj = exchanging(**functions)(ONES)
        obj.refusal = error
        before = held(obj)
        refused(entry, obj, error)
        assert held(obj) == before


@pytest.mark.parametrize("error", ERRORS)
def test_an_exchange_api_that_lends_nothing(error):
    """Small calls borrow the memory; an error then is the call's."""
    obj = exchanging(borrow=RAISES)(ONES)
    obj.refusal = error
    refused("call", obj, error)


@pytest.mark.parametrize("entry", CALLS)
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, SystemExit])
def test_an_error_that_is_no_answer(error, entry):
    """NumPy's way of reading an object is not for when the program is to end."""

    class Readable:
        def __dlpack__(self, **keywords):
            raise error("mine")

        def __dlpack_device__(self):
            return (1, 0)

        def __array__(self, dtype=None, copy=None):
            return np.ones(6)

    refused(entry, Readable(), error)


@pytest.mark.parametrize("entry", CALLS)
def test_an_exchange_api_that_fails_silently(entry):
    """It says that it failed and sets no error, or that it worked and gives nothing."""
    nothing = {
        "no error": {"borrow": lambda obj, tensor: -1, "from_object": lambda obj, out: -1},
        "no error, no borrowing": {"borrow": None, "from_object": lambda obj, out: -1},
        "nothing": {"borrow": None, "from_object": lambda obj, out: 0},
    }
    for functions in nothing.values():
        refused(entry, exchanging(**functions)(ONES), (*REFUSALS, SystemError))


def takes_and_gives_nothing(managed, out):
    producers.call_deleter(managed, producers.Versioned)
    return 0


@pytest.mark.parametrize("functions", [{"to_object": takes_and_gives_nothing}, {"to_object": None}])
def test_an_exchange_api_that_makes_no_object(functions):
    obj = exchanging(**functions)(ONES)
    with pytest.raises((*REFUSALS, SystemError)):
        ux.exp(obj)
    # The results that are asked for nothing from it are had all the same.
    out = np.zeros(6)
    assert ux.add(obj, 1, out=out) is out
    assert out.tolist() == [2.0] * 6


def test_consumed_twice():
    for versioned in (True, False):
        producer = Producer(ONES, versioned=versioned)
        capsule = producer.capsule()
        assert ux.exp(returning(capsule)).tolist() == ux.exp(ONES).tolist()
        for entry in ENTRIES:
            refused(entry, returning(capsule))
        del capsule
        assert producer.made == producer.deleted == 1
        # By the same call.
        capsule = producer.capsule()
        with pytest.raises(BufferError):
            ux.add(returning(capsule), returning(capsule))
        del capsule
        assert producer.made == producer.deleted == 2


DEVICES = (None, (), (1,), (1, 0, 0), ("a", "b"), (2**70, 0), (1.5, 0), Own("mine"), 3, "ab")


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_dlpack_device_returns_garbage(device):
    """It is not asked where the tensor says it too."""
    producer = Producer(ONES)
    result = ux.from_dlpack(returning(producer.capsule(), device))
    assert result.tolist() == ONES.tolist()


@pytest.mark.parametrize("entry", ENTRIES)
def test_attributes_that_fail(entry):
    class Fails:
        @property
        def __dlpack__(self):
            raise Own("mine")

    class Three:
        __dlpack__ = 3

    with pytest.raises(Own):
        ENTRIES[entry](Fails())
    refused(entry, Three())


@pytest.mark.parametrize("make", [MagicMock, lambda: Everything()])
def test_objects_that_have_every_attribute(make):
    """Protocols are the class's: to NumPy's own ufunc and to ours such an object is one with methods."""
    obj = make()
    for call in (lambda module: module.exp(obj), lambda module: module.add(ONES, obj)):
        assert type(outcome(call, ux)) is type(outcome(call, np))


class Everything:
    def __getattr__(self, name):
        return self

    def __call__(self, *args, **keywords):
        return self


def outcome(call, module):
    try:
        return call(module)
    except Exception as error:
        return error


RIGHT = {"version": 3, "shape": (6,), "typestr": "<f8", "data": (ONES.ctypes.data, True)}
INTERFACES = {
    "no dict": 3,
    "empty": {},
    "no version": {name: value for name, value in RIGHT.items() if name != "version"},
    "shape of text": RIGHT | {"shape": ("a",)},
    "no shape": RIGHT | {"shape": None},
    "negative shape": RIGHT | {"shape": (-1,)},
    "great shape": RIGHT | {"shape": (2**62, 2**62)},
    "number as typestr": RIGHT | {"typestr": 8},
    "no such typestr": RIGHT | {"typestr": "<x8"},
    "text as address": RIGHT | {"data": ("0x8z", True)},
    "half of data": RIGHT | {"data": RIGHT["data"][:1]},
    "number as data": RIGHT | {"data": 8},
    "strides of text": RIGHT | {"strides": "a"},
    "too many strides": RIGHT | {"strides": (8, 8)},
    "number as descr": RIGHT | {"typestr": "|V8", "descr": 5},
}


@pytest.mark.parametrize("name", INTERFACES)
def test_an_array_interface_of_wrong_types(name):
    """NumPy's error, or where NumPy takes it all the same, its answer."""
    obj = type("Odd", (), {"__array_interface__": INTERFACES[name]})()
    for call in (lambda module: module.sqrt(obj), lambda module: module.add.reduce(obj, axis=0)):
        ours, theirs = outcome(call, ux), outcome(call, np)
        assert type(ours) is type(theirs)
        assert str(ours) == str(theirs)


@pytest.mark.parametrize("attribute", ["__array_struct__", "__array__"])
@pytest.mark.parametrize("value", [3, None, new_capsule(8, None), lambda *args, **keywords: 3])
def test_other_protocols_with_wrong_types(attribute, value):
    if attribute == "__array_struct__" and type(value).__name__ == "PyCapsule":
        value = new_capsule(ONES.ctypes.data, None)  # looked into: no such structure lies there
    obj = type("Odd", (), {attribute: value})()
    with pytest.raises(Exception) as theirs:
        np.exp(obj)
    with pytest.raises(theirs.type):
        ux.exp(obj)
