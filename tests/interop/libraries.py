"""The libraries whose objects meet our ufuncs, a row each: for the tests, and for docs/interop.md.

A case is the text of a call; `np` in it is ufunx or NumPy, the other names are the row's objects. Under
`ours` stand the calls that must run our kernels, under `otherwise` those that do not, with who runs them
instead and why. Both are measured: a call that begins to run our kernels fails until its row says so.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import samples
from running import Run, distributed, here, threads

# ours: our kernel ran. twin: the library's `__array_ufunc__` was handed NumPy's ufunc. own: it got ours, or
# there is none, and other code ran. refused: it raises, with NumPy's too. any: only the answer counts.
Who = Literal["ours", "twin", "own", "refused", "any"]


@dataclass(frozen=True)
class Library:
    """One kind of object, and what becomes of our ufuncs on it. Calls are separated by ";"."""

    name: str
    objects: Callable[[], dict[str, Any]]
    ours: str = ""
    otherwise: Mapping[str, tuple[Who, str]] = field(default_factory=dict)
    answers: str = ""  # calls of ufuncs without native loops
    heavy: bool = False  # only in the full run: large to install, with what it needs
    parts: Callable[[Any], tuple[Any, ...]] = lambda result: (np.asarray(result),)
    run: Callable[[], AbstractContextManager[Run]] = here

    def cases(self) -> Iterator[tuple[str, Who]]:
        """Each call and who runs it."""
        yield from ((call, "ours") for call in calls(self.ours))
        yield from ((call, "any") for call in calls(self.answers))
        for these, (who, _) in self.otherwise.items():
            yield from ((call, who) for call in calls(these))


def calls(text: str) -> list[str]:
    """The calls in a text that separates them by ";"."""
    return [call.strip() for call in text.split(";") if call.strip()]


CALLS = "np.exp(x); np.isfinite(x); np.add(x, a); np.add(a, x); np.maximum(x, x); np.multiply(x, 2.0)"
IN_PLACE = "np.sqrt(x, out=x); np.add(a, x, out=x)"
REDUCTIONS = "np.add.reduce(x); np.maximum.reduce(x); np.add.accumulate(x)"
OPERATORS = "pandas runs its operator of that name, hence NumPy's ufunc on the arrays inside"
NO_PROTOCOL = "they speak no protocol: to NumPy they are Python objects with methods and operators"
BY_NAME = "pint takes NumPy's ufunc of that name"

LIBRARIES = (
    Library(
        "np.matrix",
        samples.matrix,
        f"{CALLS}; {IN_PLACE}; {REDUCTIONS}; np.add.reduce(x, axis=1)",
        answers="np.modf(x)",
    ),
    Library(
        "np.ma.MaskedArray",
        samples.masked,
        f"{CALLS}; {IN_PLACE}; {REDUCTIONS}; np.log(x); np.divide(a, x)",
        answers="np.modf(x); np.remainder(a, x)",
        parts=samples.parts_of_masked,
    ),
    Library(
        "np.recarray",
        samples.recarray,
        f"{CALLS}; {IN_PLACE}; {REDUCTIONS}",
        answers="np.modf(x)",
    ),
    Library(
        "np.memmap",
        samples.memmap,
        f"{CALLS}; {IN_PLACE}; {REDUCTIONS}",
        answers="np.modf(x)",
    ),
    Library(
        "pandas Series",
        samples.series,
        "np.exp(x); np.isfinite(x); np.maximum(x, a); np.maximum(a, x); np.maximum(x, y); np.sqrt(x, out=x); "
        "np.add.accumulate(x)",
        {
            "np.add(x, a); np.add(a, x); np.add(x, y); np.less(x, a)": ("own", OPERATORS),
            "np.add.reduce(x); np.maximum.reduce(x)": ("own", "pandas runs its methods `sum` and `max`"),
        },
        answers="np.modf(x)",
        parts=samples.parts_of_pandas,
    ),
    Library(
        "pandas DataFrame",
        samples.frame,
        "np.exp(x); np.isfinite(x); np.maximum(x, a); np.maximum(a, x); np.maximum(x, x); np.sqrt(x, out=x); "
        "np.add.accumulate(x)",
        {
            "np.add(x, a); np.add(a, x); np.add(x, x); np.less(x, a)": ("own", OPERATORS),
            "np.add.reduce(x); np.maximum.reduce(x)": ("own", "pandas runs its methods `sum` and `max`"),
        },
        answers="np.modf(x)",
        parts=samples.parts_of_pandas,
    ),
    Library(
        "xarray DataArray",
        samples.data_array,
        CALLS,
        {"np.add.reduce(x); np.add.accumulate(x)": ("refused", "xarray takes calls only")},
        answers="np.modf(x)",
        parts=samples.parts_of_xarray,
    ),
    Library(
        "xarray Dataset",
        samples.dataset,
        CALLS,
        {"np.add.reduce(x)": ("refused", "xarray takes calls only")},
        answers="np.modf(x)",
        parts=samples.parts_of_xarray,
    ),
    Library(
        "scipy.sparse arrays",
        samples.csr,
        "",
        {
            "np.sqrt(x); np.add(x, x); np.multiply(x, a); np.multiply(a, x)": (
                "own",
                NO_PROTOCOL,
            )
        },
        parts=samples.parts_of_scipy,
    ),
    Library(
        "pint Quantity",
        samples.pint_quantity,
        "",
        {
            "np.sqrt(x); np.exp(ratio); np.add(x, y); np.maximum(x, y)": ("own", BY_NAME),
            "np.multiply(x, a); np.multiply(a, x)": ("own", BY_NAME),
            "np.add.reduce(x)": ("refused", "pint takes calls only"),
        },
        answers="np.modf(ratio)",
        parts=samples.parts_of_pint,
    ),
    Library(
        "dask.array, threads",
        samples.dask_array,
        CALLS,
        {
            "np.matmul(x, a.T); np.matmul(a.T, x)": ("twin", "dask asks whether the ufunc `is np.matmul`"),
            "np.add.outer(x, a)": ("own", "dask takes its own `add`, hence NumPy's"),
            "np.add.reduce(x); np.add.accumulate(x)": ("refused", "dask takes calls and `outer` only"),
        },
        answers="np.modf(x)",
        heavy=True,
        parts=samples.parts_of_dask,
        run=threads,
    ),
    Library(
        "dask.array, two processes of `distributed`",
        samples.dask_array,
        CALLS,
        {"np.matmul(x, a.T)": ("twin", "dask asks whether the ufunc `is np.matmul`")},
        answers="np.modf(x)",
        heavy=True,
        parts=samples.parts_of_dask,
        run=distributed,
    ),
    Library(
        "astropy Quantity",
        samples.quantity,
        "np.sqrt(x); np.isfinite(x); np.exp(ratio); np.add(x, y); np.multiply(x, a); np.multiply(a, x); "
        f"np.maximum(x, y); np.multiply(x, 2.0, out=x); {REDUCTIONS}",
        {"np.exp(x); np.add(x, a)": ("refused", "the units do not fit")},
        answers="np.modf(ratio)",
        heavy=True,
        parts=samples.parts_of_astropy,
    ),
    Library(
        "astropy SpectralQuantity",
        samples.spectral_quantity,
        f"np.sqrt(x); np.isfinite(x); np.add(x, x); np.maximum(x, x); {REDUCTIONS}",
        {
            "np.multiply(x, a); np.multiply(a, x); np.divide(x, a)": (
                "twin",
                "astropy asks whether the ufunc `is np.multiply` or `is np.true_divide`",
            )
        },
        heavy=True,
        parts=samples.parts_of_astropy,
    ),
    Library(
        "astropy Masked",
        samples.astropy_masked,
        f"{CALLS}; {IN_PLACE}; {REDUCTIONS}",
        {"np.matmul(x, a); np.matmul(a, x)": ("twin", "astropy asks whether the ufunc `is np.matmul`")},
        answers="np.modf(x)",
        heavy=True,
        parts=samples.parts_of_astropy,
    ),
    Library(
        "astropy Masked Quantity",
        samples.masked_quantity,
        f"np.sqrt(x); np.isfinite(x); np.multiply(x, a); np.multiply(a, x); np.maximum(x, x); {REDUCTIONS}",
        {"np.matmul(x, a); np.matmul(a, x)": ("twin", "astropy asks whether the ufunc `is np.matmul`")},
        heavy=True,
        parts=samples.parts_of_astropy,
    ),
    Library(
        "astropy table Column",
        samples.column,
        f"{CALLS}; {IN_PLACE}; {REDUCTIONS}",
        answers="np.modf(x)",
        heavy=True,
        parts=samples.parts_of_astropy,
    ),
    Library(
        "unyt_array",
        samples.unyt_array,
        "np.sqrt(x); np.isfinite(x); np.add(x, y); np.multiply(x, a); np.multiply(a, x); np.maximum(x, y); "
        f"np.not_equal(x, y); {REDUCTIONS}",
        {
            "np.power(x, 2.0); np.equal(x, y); np.equal(x, s)": (
                "twin",
                "unyt asks whether the ufunc `is power` or `is equal`",
            ),
            "np.not_equal(x, s)": ("own", "unyt answers that units differ without a look at the values"),
            "np.add(x, s)": ("refused", "the units do not fit"),
        },
        heavy=True,
        parts=samples.parts_of_unyt,
    ),
    Library(
        "sparse.COO",
        samples.coo,
        f"{CALLS}; np.add.reduce(x); np.maximum.reduce(x, axis=1); np.add.reduce(x, axis=None)",
        {"np.add.accumulate(x)": ("refused", "sparse takes calls, `outer` and `reduce` only")},
        answers="np.modf(x)",
        heavy=True,
        parts=samples.parts_of_sparse,
    ),
    Library(
        "polars Series",
        samples.polars_series,
        "np.exp(x); np.exp(nulls); np.add(x, a); np.add(a, x); np.maximum(x, x); np.multiply(x, 2.0)",
        {
            "np.isfinite(x)": (
                "refused",
                "polars asks for the loop by the inputs' dtype, which no predicate has",
            ),
            "np.add.reduce(x); np.modf(x)": ("refused", "polars takes calls with one result only"),
        },
        heavy=True,
        parts=samples.parts_of_polars,
    ),
    Library(
        "awkward Array",
        samples.lists,
        CALLS,
        {
            "np.equal(x, a); np.not_equal(words, words); np.equal(words, words)": (
                "twin",
                "awkward asks whether the ufunc `is numpy.equal` or `is numpy.not_equal`",
            ),
            "np.matmul(x, x)": ("refused", "awkward has no matrix product"),
            "np.exp(words); np.add(words, words)": ("refused", "awkward compares strings, no more"),
            "np.add(x, x[1:])": ("refused", "the lengths differ"),
            "np.add.reduce(x)": ("refused", "awkward takes calls only"),
        },
        answers="np.modf(x)",
        heavy=True,
        parts=samples.parts_of_awkward,
    ),
)
