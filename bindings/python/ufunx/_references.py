"""Whether a value is used where it is made, by the number of references to it."""

import sys
from functools import cache
from typing import Any

import numpy as np

from ._blocks import untraced
from ._programs import Node
from ._recording import Recorder


def is_temporary(references: int, lazy: Any, way: str) -> bool:
    """Whether nobody but the expression that calls a method of it has the lazy array, and none its value.

    `references` is counted in the method itself, before anything else refers to the lazy array there.
    """
    return references <= temporaries()[way] and sys.getrefcount(lazy._node) <= temporaries()["node"]


@cache
@untraced()
def temporaries() -> dict[str, int]:
    """How many references a value has that is used where it is made. CPython's versions differ.

    Where one that a variable holds has as few, no number is small enough, and all are taken for held.
    """

    class Counts:
        def sum(self, *args: Any, **kwargs: Any) -> int:
            return sys.getrefcount(self)

        def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> int:
            return sys.getrefcount(self)

        def __iadd__(self, other: Any) -> Any:
            self.count = sys.getrefcount(other)
            return self

    x: Any = Counts()
    adds: Any = [Counts(), Counts()]
    adds[0] += Counts()
    adds[1] += x
    found = {
        "method": (Counts().sum(), x.sum()),
        "function": (np.sum(Counts()), np.sum(x)),  # type: ignore[call-overload]
        "in place": (adds[0].count, adds[1].count),
    }
    least = {way: temporary if temporary < kept else 0 for way, (temporary, kept) in found.items()}
    lazy: Any = Counts()
    lazy._node = Node(Recorder(), "", (), (), None, 0)
    lazy._node.recorder.nodes.append(lazy._node)
    return least | {"node": sys.getrefcount(lazy._node)}
