"""Whether a value is used where it is made, by the number of references to it."""

import sys
from functools import cache
from typing import Any

import numpy as np

from ._programs import Node
from ._recording import Recorder


def is_temporary(lazy: Any, references: int, way: str) -> bool:
    """Whether nobody but the expression that calls a method of it has the lazy array, and none its value."""
    return references <= temporaries()[way] and sys.getrefcount(lazy._node) <= temporaries()["node"]


@cache
def temporaries() -> dict[str, int]:
    """How many references a value has that is used where it is made. CPython's versions differ.

    Where one that a variable holds has as few, no number is small enough, and all are taken for held.
    """

    class Counts:
        def sum(self, *args: Any, **kwargs: Any) -> int:
            return sys.getrefcount(self)

        def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> int:
            return sys.getrefcount(self)

        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> int:
            return sys.getrefcount(self)

    class Keeps:
        def __setitem__(self, key: Any, value: Any) -> None:
            self.count = sys.getrefcount(value)

    x: Any = Counts()
    keeps, keeps_too = Keeps(), Keeps()
    keeps[0] = Counts()
    keeps_too[0] = x
    found = {
        "method": (Counts().sum(), x.sum()),
        "function": (np.sum(Counts()), np.sum(x)),  # type: ignore[call-overload]
        "ufunc": (np.add.reduce(Counts()), np.add.reduce(x)),  # type: ignore[arg-type]
        "item": (keeps.count, keeps_too.count),
    }
    least = {way: temporary if temporary < kept else 0 for way, (temporary, kept) in found.items()}
    lazy: Any = Counts()
    lazy._node = Node(Recorder(), "", (), (), None, 0)
    lazy._node.recorder.nodes.append(lazy._node)
    return least | {"node": sys.getrefcount(lazy._node)}
