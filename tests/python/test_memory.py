"""Memory that runs out: every request of the engine for memory that grows with an operand may fail, and then
the call is a MemoryError that has written nothing.
"""

import os
import re
import subprocess
import sys

import exchange_api
import numpy as np
import pytest
from producers import Producer

import ufunx as ux
from ufunx import _native

LAYOUTS = {
    "rows": lambda: np.arange(60.0).reshape(12, 5) + 1,
    "columns": lambda: np.asfortranarray(np.arange(60.0).reshape(12, 5) + 1),
    "strided": lambda: (np.arange(240.0).reshape(24, 10) + 1)[::2, ::2],
    "reversed": lambda: (np.arange(60.0).reshape(12, 5) + 1)[::-1, ::-1],
    "half": lambda: np.arange(60, dtype="f2").reshape(12, 5) + 1,
    "one axis": lambda: np.arange(60.0),
}

CALLS = {
    "call": lambda a: ux.add(a, a),
    "call over itself": lambda a: ux.add(a[1:], a[:-1], out=a[1:]),
    "call with a mask in its output": lambda a: ux.add(a[1:], 1, out=a[:-1], where=a[1:] > 3),
    "reduce": lambda a: ux.add.reduce(a, axis=0),
    "reduce over itself": lambda a: ux.add.reduce(a, axis=0, out=a[0:1].reshape(a.shape[1:])),
    "accumulate": lambda a: ux.add.accumulate(a),
    "reduceat": lambda a: ux.add.reduceat(a, np.arange(len(a))),
    "outer": lambda a: ux.multiply.outer(a, a[:2]),
    "at": lambda a: ux.add.at(a.reshape(-1), np.arange(a.size), 1),
    "at with casts": lambda a: ux.add.at(a.reshape(-1), np.arange(a.size), np.ones(a.size, "f4")),
    "at itself": lambda a: ux.add.at(a.reshape(-1), np.arange(a.size), a.reshape(-1)),
    "unary at": lambda a: ux.negative.at(a.reshape(-1), np.arange(a.size)),
    "sum": lambda a: ux.sum(a, axis=0),
    "array": lambda a: ux.add(ux.asarray(a, dtype="bfloat16"), 1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", CALLS)
def test_every_request_may_fail(what, layout):
    call, failed = CALLS[what], 0
    for nth in range(1, 100):
        a = LAYOUTS[layout]()
        before = a.copy()
        _native.fail_memory_at(nth)
        try:
            call(a)
        except MemoryError as error:
            text = str(error)
            np.testing.assert_array_equal(a, before)
            failed += 1
        finally:
            left = _native.fail_memory_at(0)
        if left:
            break
        if failed == nth:  # else NumPy had the call, and its answer is as good
            assert re.match(r"Unable to allocate .* for an array with shape \(", text), text
    else:
        raise AssertionError("requests without end")
    if what in ("call over itself", "reduceat", "at with casts", "at itself") and layout in (
        "rows",
        "one axis",
    ):
        assert failed, "nothing was asked for"


def test_the_result_of_an_exchange_class_may_fail():
    tensor = exchange_api.exchanging()(Producer(np.ones(10), versioned=True))
    assert isinstance(ux.exp(tensor), exchange_api.Exchanging)  # its class is known from here on
    _native.fail_memory_at(1)
    words = re.escape("for an array with shape (10,) and data type float64")
    with pytest.raises(MemoryError, match=words):
        ux.exp(tensor)
    assert _native.fail_memory_at(0) == 0


def test_the_words_are_numpys():
    a = np.ones(1000)
    _native.fail_memory_at(1)
    with pytest.raises(MemoryError) as ours:
        ux.add(a[1:], a[:-1], out=a[1:])
    numpys = np._core._exceptions._ArrayMemoryError((999,), np.dtype("f8"))
    assert str(ours.value) == str(numpys)


PROGRAM = """
import resource, sys, numpy, ufunx
n = 20_000_000
a, i = numpy.ones(n), numpy.zeros(n, "i8")
m = a.reshape(2, -1)
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000,) * 2)
calls = {
    "call": lambda: ufunx.add(a[1:], a[:-1], out=a[1:]),
    "reduce": lambda: ufunx.add.reduce(m, axis=0, out=m[0]),
    "at": lambda: ufunx.add.at(a, i, i),
    "reduceat": lambda: ufunx.add.reduceat(a, i),
    "new": lambda: ufunx.add(a, a),
}
for name, call in calls.items():
    try:
        call()
        print(name)
    except MemoryError as error:
        assert str(error).startswith("Unable to allocate "), error
assert (a == 1).all()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them")
def test_memory_that_is_really_gone():
    environment = os.environ | {"UFUNX_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
