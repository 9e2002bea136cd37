"""The object's attributes beside those of the installed NumPy's ufuncs: values, what can be set, messages."""

import copy
import gc
import inspect
import operator
import pickle
import re
import sys
import weakref

import numpy as np
import pytest

import ufunx as ux

FACTS = ["__name__", "identity", "nargs", "nin", "nout", "ntypes", "signature", "types"]
I4_F4 = (np.dtype("i4"), np.dtype("f4"), None)

# Each is tried on our object and on NumPy's. None leaves anything behind.
PROBES = {
    "get": lambda f: f.no_such_name,
    "delete": lambda f: delattr(f, "no_such_name"),
    "class": lambda f: f.__class__,
    "set class": lambda f: setattr(f, "__class__", int),
    "set class to itself": lambda f: setattr(f, "__class__", np.ufunc),
    "set class to no class": lambda f: setattr(f, "__class__", 1),
    "delete class": lambda f: delattr(f, "__class__"),
    "set dict": lambda f: setattr(f, "__dict__", {}),
    "delete dict": lambda f: delattr(f, "__dict__"),
    "type": lambda f: (repr(type(f)), type(f).__name__, type(f).__qualname__, type(f).__module__),
    "instantiate": lambda f: type(f)(),
    "subclass": lambda f: type("Sub", (type(f),), {}),
    "set on type": lambda f: setattr(type(f), "note", 1),
    "method of type": lambda f: repr(type(f).reduce),
    "method of another": lambda f: type(f).reduce(3),
    "call by type": lambda f: type(f).__call__(f, 1, 2),
    "no arguments": lambda f: f(),
    "add": lambda f: f + 1,
    "compare": lambda f: f < f,
    "length": len,
    "iterate": iter,
    "index": lambda f: f[0],
    "int": int,
    "truth": bool,
    "buffer": memoryview,
    "format": lambda f: format(f, "x"),
    "text": str,
    "repr": repr,
    "dir": lambda f: [name for name in dir(f) if name != "__module__"],
    "routine": lambda f: (inspect.isroutine(f), inspect.isbuiltin(f), callable(f)),
    "qualname": lambda f: f.__qualname__,
    "text signature": lambda f: f.__text_signature__,
    "resolve": lambda f: f.resolve_dtypes(I4_F4),
    "resolve reduction": lambda f: f.resolve_dtypes((None, *I4_F4[:2]), reduction=True),
    "resolve too few": lambda f: f.resolve_dtypes(I4_F4[:1]),
    "resolve and context": lambda f: f._resolve_dtypes_and_context(I4_F4)[0],
} | {f"set {name}": lambda f, name=name: setattr(f, name, 5) for name in FACTS}


def outcome(call, argument):
    try:
        return call(argument)
    except Exception as error:
        return type(error), re.sub("0x[0-9a-f]+", "ADDRESS", str(error))


@pytest.mark.parametrize("name", ["add", "exp", "sin", "matmul"])
@pytest.mark.parametrize("probe", [pytest.param(call, id=name) for name, call in PROBES.items()])
def test_attributes_are_numpys(probe, name):
    assert outcome(probe, getattr(ux, name)) == outcome(probe, getattr(np, name))


@pytest.mark.parametrize(
    "name", ["note", "__module__", "__qualname__", "__doc__", "__signature__", "reduce", "__call__"]
)
def test_what_can_be_set_is_what_numpy_lets_be_set(name):
    def set_and_delete(ufunc):
        before = dict(getattr(ufunc, "__dict__", {}))
        try:
            setattr(ufunc, name, "new")
            held = getattr(ufunc, name), ufunc.__dict__[name]
            delattr(ufunc, name)
            return held, name in ufunc.__dict__
        finally:
            if hasattr(ufunc, "__dict__"):
                ufunc.__dict__.update(before)

    assert outcome(set_and_delete, ux.hypot) == outcome(set_and_delete, np.hypot)


def test_the_dict_is_numpys_but_for_the_module():
    if not hasattr(np.add, "__dict__"):
        pytest.skip("this NumPy's ufuncs have no __dict__")
    theirs = {name: value for name, value in vars(np.tan).items() if name != "__signature__"}  # cached there
    assert vars(ux.tan) == (theirs | {"__module__": "ufunx"} if theirs else vars(ux.tan))
    assert vars(ux.tan)["__module__"] == "ufunx"
    assert operator.is_(vars(ux.tan), ux.tan.__dict__)


def test_the_type_is_found_by_numpys_name():
    assert ux.ufunc is np.ufunc
    assert ux.add.__module__ == "ufunx"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", sorted(ux._UFUNCS))
def test_pickles_name_the_object(name, protocol):
    ufunc = getattr(ux, name)
    assert pickle.loads(pickle.dumps([ufunc, ufunc.__class__], protocol)) == [ufunc, np.ufunc]
    assert pickle.loads(pickle.dumps(ufunc, protocol)) is ufunc


def test_copies_are_the_object():
    assert copy.copy(ux.add) is ux.add
    assert copy.deepcopy({"f": ux.add})["f"] is ux.add
    assert weakref.ref(ux.add)() is ux.add


def test_attribute_access_leaks_nothing():
    counted = (ux.add, np.add, type(ux.add), np.ufunc, np.add.types[0], "ufunx", int)

    def work():
        for probe in PROBES.values():
            outcome(probe, ux.add)
        for name in (
            "__doc__",
            "__dict__",
            "__class__",
            "__module__",
            "__name__",
            "types",
            "reduce",
            "outer",
        ):
            getattr(ux.add, name, None)
        hash(ux.add), ux.add == np.add, pickle.dumps(ux.add), ux.explain(ux.add, 1, 2)

    def counts():
        gc.collect()
        return [sys.getrefcount(each) for each in counted]

    for _ in range(3):  # caches fill
        work()
    before, blocks = counts(), sys.getallocatedblocks()
    for _ in range(100):
        work()
    assert [after - b for after, b in zip(counts(), before, strict=True) if abs(after - b) > 10] == []
    assert sys.getallocatedblocks() - blocks < 500
