"""Reductions of lazy arrays, in one with the calls that make what is reduced if nothing else needs it."""

import sys
from typing import Any, Final

import numpy as np

from ._kinds import FUNCTIONS, UFUNCS
from ._lazy import FOLDS, Lazy, called, is_open, wrapped
from ._references import is_temporary
from ._writers import method_writes

# By which ufunc a function reduces; a mean divides after that.
REDUCTIONS: Final = {
    "sum": "add",
    "prod": "multiply",
    "max": "maximum",
    "amax": "maximum",
    "min": "minimum",
    "amin": "minimum",
    "any": "logical_or",
    "all": "logical_and",
    "mean": "add",
}


def method(name: str) -> Any:
    def call(self: Lazy, *args: Any, **kwargs: Any) -> Any:
        references = sys.getrefcount(self)
        if is_temporary(references, self, "method"):
            result = reduced(self, name, *args, **kwargs)
            if result is not None:
                return result
        writes = method_writes(name, (self, *args), kwargs)  # an array may be the output, by place too
        return called(self._node.recorder, FUNCTIONS[name], (self, *args), kwargs, name, writes)

    call.__name__ = name
    return call


def function(name: str) -> Any:
    def call(references: int, lazy: Lazy, *args: Any, **kwargs: Any) -> Any:
        if is_temporary(references, lazy, "function"):
            return reduced(lazy, name, *args, **kwargs)
        return None

    return call


def reduced(lazy: Lazy, name: str, axis: Any = None, *args: Any, keepdims: Any = False, **kwargs: Any) -> Any:
    """A reduction by a fold, None if it has to be made of an array."""
    if args or kwargs or type(keepdims) is not bool or (name == "mean" and lazy._node.kind not in ("d", "f")):
        return None
    total = folded(lazy, REDUCTIONS[name], axis, keepdims)
    if total is None or name != "mean":
        return total
    # As NumPy's mean divides.
    if isinstance(total, np.generic):
        return total.dtype.type(total / lazy.size)  # type: ignore[operator]
    array = total._node.value if type(total) is Lazy else total
    count = lazy.size // array.size if array.size else 0
    UFUNCS["divide"](array, np.intp(count), out=array, casting="unsafe")
    return total


def folded(lazy: Lazy, fold: str, axis: Any, keepdims: bool) -> Any:
    """`fold.reduce` of what has not been made yet, None if that cannot be."""
    node = lazy._node
    if not is_open(node.recorder) or node.value is not None or node.odd or 0 in node.shape:
        return None
    result = node.recorder.fold(node, fold, axis, keepdims)
    return None if result is None else wrapped(result, node.recorder)


for name in REDUCTIONS:
    if hasattr(np.ndarray, name):
        setattr(Lazy, name, method(name))
    FOLDS[getattr(np, name)] = function(name)
