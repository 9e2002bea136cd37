"""`UFUNX_VERBOSE=1`: at its end, a program says which kinds of calls went to NumPy, each once, and why.

Every call of a ufunc is looked at (`_hooks.py`) and reported if it was not native and could have been
expected to be: one of ours, or of NumPy's in in-place mode. It costs microseconds a call.
"""

import atexit
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _native
from ._hooks import around_ufuncs
from ._profile import how, kinds_of

# By ufunc, method, kinds of operands and keywords; the name and the reason as text, when it was first met.
_calls: Counter[tuple[Any, ...]] = Counter()
_texts: dict[tuple[Any, ...], str] = {}


def start() -> None:
    """Look at every call from now on, and report at the end of the process."""
    _hooks.__enter__()
    atexit.register(lambda: print(report(), file=sys.stderr, end=""))


def report() -> str:
    """A line for each kind of call, the most frequent first; empty if all were native."""
    counts: Counter[str] = Counter()
    for key, count in _calls.items():
        counts[_texts[key]] += count
    lines = [f"  {text}, {count} {'call' if count == 1 else 'calls'}" for text, count in counts.most_common()]
    return "\n".join(["ufunx: these went to NumPy", *lines, ""]) if lines else ""


def _call(
    original: Callable[..., Any], method: str, ufunc: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    before = _native.native_calls()
    try:
        return original(ufunc, *args, **kwargs)
    finally:
        if _native.native_calls() == before and is_expected(ufunc):
            key = (ufunc, method, *kinds_of(args), *kwargs)
            _calls[key] += 1
            if key not in _texts:
                name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
                kinds = ", ".join(str(getattr(kind, "__name__", kind)) for kind in kinds_of(args))
                _texts[key] = f"{name}({kinds}): {how(ufunc, method, args, kwargs, is_native=False)}"


def is_expected(ufunc: Any) -> bool:
    """Whether a call is ours to make: of our objects always."""
    return type(ufunc) is not np.ufunc or bool(_native.show_config()["in_place"])


_hooks = around_ufuncs(_call)  # kept: they end with the object
