"""NumPy's universal functions, by another engine.

So far there is one callable for each ufunc, `ufunx.sqrt(x)` or `ufunx.add(a, b, out=c)`, which takes ndarrays
and numbers. They are not NumPy's ufunc objects: no methods such as `reduce`, no other keywords, no overrides,
and no floating-point warnings.
"""

from collections.abc import Callable
from typing import Any

from ._native import __version__, call, show_config, table

__all__ = ["__version__", "call", "show_config", "table"]

_NAMES = frozenset(table())


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def ufunc(*inputs: Any, out: Any = None) -> Any:
        result = call(name, inputs, out)
        # NumPy turns a result of no dimensions into a scalar, unless it was given the array.
        if out is None:
            return tuple(map(_unwrapped, result)) if isinstance(result, tuple) else _unwrapped(result)
        return result

    ufunc.__name__ = ufunc.__qualname__ = name
    globals()[name] = ufunc
    return ufunc


def _unwrapped(result: Any) -> Any:
    return result if result.ndim else result[()]


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
