"""Code that asks whether a ufunc *is* NumPy's goes wrong with ours, which only equals it: it gets NumPy's.

Each case is an entry of the table of such types: handed our object, the library's override must still go
wrong. If it no longer does, the entry has lost its reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import samples
from test_libraries import assert_same_results, full

import ufunx as ux

pytestmark = full


@dataclass(frozen=True)
class Entry:
    """A call that needs NumPy's ufunc, and how it goes wrong with ours: an exception, or a wrong answer."""

    ufunc: str
    operands: Callable[[], tuple[Any, ...]]  # the first one's override takes the call
    parts: Callable[[Any], tuple[Any, ...]]
    exception: str | None


def of(row, *names):
    return lambda: tuple(row()[name] for name in names)


def dask_and_transposed():
    x = samples.dask_array()["x"]
    return x, x.T


def parts_of_lazy(result):
    return result.chunks, result.compute()


def spectral_coordinate():
    from astropy import units
    from astropy.coordinates import SpectralCoord

    return SpectralCoord(samples.A, units.GHz), samples.B


def squared():
    return samples.unyt_array()["x"], 2.0


def categories():
    """Categories that are records: awkward compares their indices, as it cannot compare records."""
    import awkward as ak

    def indexed(records, index):
        index = ak.index.Index64(np.array(index))
        parameters = {"__array__": "categorical"}
        return ak.Array(ak.contents.IndexedArray(index, ak.Array(records).layout, parameters=parameters))

    return indexed([{"n": 1}, {"n": 2}], [0, 1, 0]), indexed([{"n": 2}, {"n": 1}, {"n": 3}], [1, 1, 1])


ASTROPY, UNYT, AWKWARD = samples.parts_of_astropy, samples.parts_of_unyt, samples.parts_of_awkward
ENTRIES = {
    "dask matmul": Entry("matmul", dask_and_transposed, parts_of_lazy, "ValueError"),
    "unyt power": Entry("power", squared, UNYT, "InvalidUnitOperation"),
    "unyt equal": Entry("equal", of(samples.unyt_array, "x", "s"), UNYT, None),
    "astropy SpectralQuantity multiply": Entry(
        "multiply", of(samples.spectral_quantity, "x", "a"), ASTROPY, None
    ),
    "astropy SpectralQuantity divide": Entry(
        "divide", of(samples.spectral_quantity, "x", "a"), ASTROPY, None
    ),
    "a subclass of SpectralQuantity": Entry("multiply", spectral_coordinate, ASTROPY, None),
    "astropy Masked matmul": Entry("matmul", of(samples.astropy_masked, "x", "a"), ASTROPY, "ValueError"),
    "a subclass of Masked": Entry("matmul", of(samples.masked_quantity, "x", "a"), ASTROPY, "ValueError"),
    "awkward equal": Entry("equal", categories, AWKWARD, "ValueError"),
    "awkward not_equal": Entry("not_equal", of(samples.lists, "words", "words"), AWKWARD, None),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_type_that_asks_for_identity_gets_numpys_ufunc(name):
    entry = ENTRIES[name]
    operands = entry.operands()
    ours, twin = getattr(ux, entry.ufunc), getattr(np, entry.ufunc)
    wanted = twin(*operands)
    assert_same_results(ours(*operands), wanted, entry.parts)

    def handed(ufunc):
        assert_same_results(operands[0].__array_ufunc__(ufunc, "__call__", *operands), wanted, entry.parts)

    handed(twin)
    with pytest.raises(Exception) as went_wrong:  # noqa: PT011, its class is looked at
        handed(ours)
    assert went_wrong.type.__name__ == (entry.exception or "AssertionError")


def test_awkward_says_that_it_has_no_matrix_product():
    """Handed ours, it looks for one all the same and fails inside."""
    x = samples.lists()["x"]
    for ufunc in (np.matmul, ux.matmul):
        with pytest.raises(NotImplementedError, match="not yet implemented for Awkward Arrays"):
            ufunc(x, x)
    with pytest.raises(TypeError, match="must be an array, not a scalar"):
        x.__array_ufunc__(ux.matmul, "__call__", x, x)
