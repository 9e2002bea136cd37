"""Our ufuncs on other libraries' objects: what NumPy's give, by our kernels where the library lets them."""

import os
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import libraries
import numpy as np
import pytest
from running import two_workers

import ufunx as ux

FULL = os.environ.get("INTEROP") == "full"


full = pytest.mark.skipif(not FULL, reason="large libraries are tried by make test INTEROP=full")

CASES = [
    pytest.param(library, case, who, id=f"{library.name}: {case}", marks=[full] if library.heavy else [])
    for library in libraries.LIBRARIES
    for case, who in library.cases()
]


@dataclass
class Outcome:
    """What came of a call: result or exception, the warnings on the way, who ran it."""

    result: Any
    error: Exception | None
    warned: list[tuple[str, str]]
    who: str


@pytest.fixture(scope="module")
def opened():
    """Opens a way to run calls; a cluster, once open, serves all its cases."""
    with ExitStack() as stack:
        yield cache(lambda way: stack.enter_context(way()))


@pytest.mark.parametrize(("library", "case", "who"), CASES)
def test_a_librarys_objects(opened, library, case, who):
    run = opened(library.run)
    theirs = outcome(run, library, case, np)
    ours = outcome(run, library, case, ux)
    assert described(ours.error) == described(theirs.error)
    assert ours.warned == theirs.warned
    assert_same_results(ours.result, theirs.result, library.parts)
    if who != "any":
        assert ours.who == who


@full
def test_every_worker_of_a_cluster_runs_our_kernels():
    """A ufunc is pickled by its name, and each worker runs its own kernels."""
    with two_workers() as client:
        before = client.run(ux.native_calls)
        assert len(before) == 2
        for worker in before:
            there = client.submit(ux.exp, np.arange(4.0), workers=[worker], pure=False)
            np.testing.assert_allclose(there.result(), np.exp(np.arange(4.0)), rtol=1e-15)
        assert client.run(ux.native_calls) == {worker: calls + 1 for worker, calls in before.items()}


def described(error):
    return type(error), str(error), getattr(error, "__notes__", None)


def outcome(run, library, case, module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's of np.matrix
        objects = library.objects()
    result, kernels, error = None, 0, None
    with warnings.catch_warnings(record=True) as caught, handed_to(type(objects["x"])) as handed:
        warnings.simplefilter("always")
        try:
            result, kernels = run(lambda: eval(case, {"np": module, **objects}))
        except Exception as raised:
            error = raised
    warned = [(warning.category.__name__, str(warning.message)) for warning in caught]
    if error:
        who = "refused"
    elif kernels:
        who = "ours"
    else:
        who = "twin" if handed and type(handed[0]) is np.ufunc else "own"
    return Outcome(result, error, warned, who)


@contextmanager
def handed_to(kind):
    """What the override of a class is handed while the block runs."""
    handed = []
    override = getattr(kind, "__array_ufunc__", np.ndarray.__array_ufunc__)
    if override is np.ndarray.__array_ufunc__:
        yield handed
        return

    def spy(self, ufunc, method, *inputs, **kwargs):
        handed.append(ufunc)
        return override(self, ufunc, method, *inputs, **kwargs)

    inherited = "__array_ufunc__" not in vars(kind)
    kind.__array_ufunc__ = spy
    try:
        yield handed
    finally:
        if inherited:
            del kind.__array_ufunc__
        else:
            kind.__array_ufunc__ = override


def assert_same_results(ours, theirs, parts):
    """Same types, and the same in all that makes up the results."""
    assert type(ours) is type(theirs)
    if isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same_results(one, other, parts)
    elif (type(ours) is np.ndarray and ours.dtype != object) or isinstance(
        ours, np.generic | int | float | None
    ):
        assert_same_parts(ours, theirs)
    else:
        for one, other in zip(parts(ours), parts(theirs), strict=True):
            assert_same_parts(one, other)


def assert_same_parts(ours, theirs):
    """Same dtypes and shapes; floats to the last bits, where two right kernels may differ."""
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray | np.generic):
        if ours.dtype.kind in "fc":
            np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(ours.dtype).eps, atol=0, strict=True)
        else:
            np.testing.assert_array_equal(ours, theirs, strict=True)
    else:
        assert ours == theirs
