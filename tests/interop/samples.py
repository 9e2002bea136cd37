"""Objects of other libraries to call ufuncs on, and the parts of results that must be equal."""

import tempfile
from functools import cache
from typing import Any

import numpy as np

A = np.array([1.5, 0.25, 3.0, 4.0])
B = np.array([2.0, 4.0, 0.5, 1.0])
TABLE = np.array([[1.5, 0.25, -3.0], [4.0, 5.0, 6.0]])
for shared in (A, B, TABLE):
    shared.flags.writeable = False

# --- NumPy's own subclasses ---


def matrix() -> dict[str, Any]:
    return {"x": np.asmatrix(TABLE.copy()), "a": TABLE + 8}


def masked() -> dict[str, Any]:
    return {"x": np.ma.array([1.5, -1.0, 0.0, 4.0], mask=[0, 0, 0, 1], fill_value=7), "a": A}


def recarray() -> dict[str, Any]:
    return {"x": A.copy().view(np.recarray), "a": B}


def memmap() -> dict[str, Any]:
    with tempfile.TemporaryFile() as file:  # the mapping outlives it
        mapped = np.memmap(file, dtype=A.dtype, shape=A.shape)
    mapped[:] = A
    return {"x": mapped, "a": B}


def parts_of_masked(result: Any) -> tuple[Any, ...]:
    return np.ma.getmaskarray(result), np.ma.getdata(result), np.ma.filled(result)


# --- pandas, xarray ---


def series() -> dict[str, Any]:
    import pandas as pd

    return {"x": pd.Series(A, index=list("pqrs"), name="s"), "y": pd.Series(B, index=list("qrst")), "a": B}


def frame() -> dict[str, Any]:
    import pandas as pd

    return {"x": pd.DataFrame(TABLE, columns=list("uvw")), "a": TABLE + 8}


def parts_of_pandas(result: Any) -> tuple[Any, ...]:
    return (*(list(axis) for axis in result.axes), getattr(result, "name", None), result.to_numpy())


def data_array() -> dict[str, Any]:
    import xarray as xr

    return {"x": xr.DataArray(A, dims="t", coords={"t": range(4)}, name="v", attrs={"unit": "m"}), "a": B}


def dataset() -> dict[str, Any]:
    return {"x": data_array()["x"].to_dataset(), "a": B}


def parts_of_xarray(result: Any) -> tuple[Any, ...]:
    if hasattr(result, "data_vars"):
        return tuple(part for name in result.data_vars for part in parts_of_xarray(result[name]))
    return result.dims, result.name, result.attrs, list(result.coords), result.values


# --- scipy, pydata/sparse ---


def csr() -> dict[str, Any]:
    import scipy.sparse

    return {"x": scipy.sparse.csr_array(abs(TABLE)), "a": TABLE}


def parts_of_scipy(result: Any) -> tuple[Any, ...]:
    each = result.ravel() if isinstance(result, np.ndarray) else [result]
    return np.shape(result), *(one.toarray() for one in each)


def coo() -> dict[str, Any]:
    import sparse

    return {"x": sparse.COO.from_numpy(np.diag(A)), "a": np.diag(B)}


def parts_of_sparse(result: Any) -> tuple[Any, ...]:
    return result.shape, result.fill_value, result.coords, result.data


# --- units ---


def quantity() -> dict[str, Any]:
    from astropy import units

    return {"x": A * units.m, "y": B * units.km, "ratio": A * units.one, "a": B}


def spectral_quantity() -> dict[str, Any]:
    from astropy import units
    from astropy.coordinates import SpectralQuantity

    return {"x": SpectralQuantity(A, units.GHz), "a": B}


def astropy_masked() -> dict[str, Any]:
    from astropy.utils.masked import Masked

    return {"x": Masked(A.copy(), [True, False, False, False]), "a": B}


def masked_quantity() -> dict[str, Any]:
    from astropy import units

    return {"x": astropy_masked()["x"] * units.m, "a": B}


def column() -> dict[str, Any]:
    from astropy.table import Column

    return {"x": Column(A.copy(), name="c", unit="m"), "a": B}


def parts_of_astropy(result: Any) -> tuple[Any, ...]:
    bare = getattr(result, "unmasked", result)
    return str(getattr(result, "unit", None)), getattr(result, "mask", None), np.asarray(bare)


@cache
def unit_registry() -> Any:
    import pint

    return pint.UnitRegistry()  # quantities of two registries do not mix


def pint_quantity() -> dict[str, Any]:
    unit = unit_registry()
    return {"x": A * unit.m, "y": B * unit.km, "ratio": A * unit.dimensionless, "a": B}


def parts_of_pint(result: Any) -> tuple[Any, ...]:
    return str(result.units), result.magnitude


def unyt_array() -> dict[str, Any]:
    import unyt

    metres, seconds = unyt.unyt_array(A, "m"), unyt.unyt_array(B, "s")
    return {"x": metres, "y": unyt.unyt_array(B, "km"), "s": seconds, "a": B}


def parts_of_unyt(result: Any) -> tuple[Any, ...]:
    return str(getattr(result, "units", None)), np.asarray(result)


# --- columns and lists ---


def polars_series() -> dict[str, Any]:
    import polars as pl

    return {"x": pl.Series("p", A), "nulls": pl.Series("n", [1.0, None, 4.0]), "a": B}


def parts_of_polars(result: Any) -> tuple[Any, ...]:
    return result.name, str(result.dtype), result.is_null().to_list(), result.to_numpy()


def lists() -> dict[str, Any]:
    import awkward as ak

    words = ak.Array(["one", "two", "one"])
    return {"x": ak.Array([[1.0, 2.0], [], [4.0]]), "words": words, "a": np.array([1.0, 2.0, 3.0])}


def parts_of_awkward(result: Any) -> tuple[Any, ...]:
    import awkward as ak

    return str(result.type), ak.to_numpy(ak.flatten(result, axis=None))


# --- dask ---


def dask_array() -> dict[str, Any]:
    import dask.array as da

    return {"x": da.from_array(TABLE, chunks=(1, 3)), "a": TABLE + 8}


def parts_of_dask(result: Any) -> tuple[Any, ...]:
    return result.kind, result.chunks, result.value
