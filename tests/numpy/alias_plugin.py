"""A pytest plugin that puts ufunx's ufuncs where NumPy's own modules and tests find NumPy's, and functions
where tests do.
"""

import importlib
import sys
from types import BuiltinFunctionType
from typing import Any

import numpy as np
import pytest

# Extensions that, when imported, take `numpy.add` and the like for C ufuncs, and modules that hold ufuncs.
EARLY = """
    ml_dtypes numpy._core._rational_tests numpy._core._umath_tests numpy._core._multiarray_tests
    numpy._core._operand_flag_tests numpy._core._struct_ufunc_tests numpy.linalg._umath_linalg
    numpy.random numpy.fft numpy.polynomial numpy.testing numpy.strings numpy.rec numpy.ma.mrecords
    numpy.lib.recfunctions
""".split()
# The extension itself, whose C code reads its own names.
LEFT_ALONE = {"numpy._core._multiarray_umath"}
NUMPYS_FROM_DLPACK = np.from_dlpack


def replacements() -> dict[int, Any]:
    """ufunx's objects by the identity of NumPy's."""
    import ufunx

    ours: dict[str, Any] = ufunx._UFUNCS
    return {id(getattr(np, name)): ufunc for name, ufunc in ours.items()}


def replace_everywhere() -> None:
    """Put ufunx's ufuncs into NumPy's modules and what these hold."""
    for name in EARLY:
        importlib.import_module(name)
    np._core._multiarray_umath._get_sfloat_dtype()  # type: ignore[attr-defined]  # adds loops by name, once
    by_id = replacements()

    def ours(value: object) -> Any:
        if isinstance(value, BuiltinFunctionType) and id(value.__self__) in by_id:
            return getattr(by_id[id(value.__self__)], value.__name__)  # a method that a module took
        return by_id.get(id(value))

    def put(names: dict[str, Any]) -> None:
        for name, value in list(names.items()):
            if (ufunc := ours(value)) is not None:
                names[name] = ufunc

    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] != "numpy" or module_name in LEFT_ALONE or ".tests" in module_name:
            continue
        put(vars(module))
        for value in list(vars(module).values()):
            if type(value).__module__.startswith("numpy.ma"):
                put(getattr(value, "__dict__", {}))  # numpy.ma's functions hold the ufunc they extend
            if isinstance(value, type) and value.__module__.startswith("numpy."):
                for method in vars(value).values():
                    for cell in getattr(method, "__closure__", None) or ():
                        if (ufunc := ours(cell.cell_contents)) is not None:
                            cell.cell_contents = ufunc  # the operators of NDArrayOperatorsMixin


def put_functions() -> None:
    """Put ufunx's `sum` and its like where tests find NumPy's. NumPy's modules go on calling each other's."""
    import ufunx

    functions: dict[str, Any] = ufunx._FUNCTIONS
    for name, function in functions.items():
        setattr(np, name, function)
    setattr(np, "from_dlpack", ufunx.from_dlpack)  # noqa: B010, mypy knows what NumPy's is


def pytest_configure() -> None:
    replace_everywhere()
    put_functions()
    if np.from_dlpack is NUMPYS_FROM_DLPACK:
        raise pytest.UsageError("ufunx has no from_dlpack of its own")
    captured = [np.add, np.ma.add.f, np._core._methods.umr_sum.__self__]  # type: ignore[attr-defined]
    if any(type(ufunc) is np.ufunc for ufunc in captured):
        raise pytest.UsageError("a ufunc of NumPy's is left where tests find it")
