"""The operators of lazy arrays. The usual cases are written out: arrays of one shape, and a Python number."""

import operator
from collections.abc import Callable
from sys import getrefcount
from typing import Any, Final

import numpy as np

from ._kinds import KINDS, UFUNCS, short_cut
from ._lazy import FLOATS, Lazy, called, noted, recorded, unwrapped, wrapped, written
from ._references import is_temporary

REAL: Final = (float, int)
PLAIN: Final = (Lazy, float, int, np.ndarray, complex, bool)


def binary(name: str, function: Callable[..., Any]) -> Any:
    def method(self: Lazy, other: Any) -> Any:
        a, number = self._node, type(other)
        if not a.odd:
            made = None
            if number is Lazy:
                b = other._node
                kind = KINDS.get((name, a.kind, b.kind))
                if kind and not b.odd and a.shape == b.shape and a.recorder is b.recorder:
                    made = noted(name, (a, b), a, kind)
            elif a.kind in FLOATS and number in REAL and -1e15 < other < 1e15 and (other or number is int):
                kind = KINDS.get((name, a.kind, number))
                if kind:
                    made = noted(name, (a, (number, other)), a, kind)
            if made is not None:
                return made
        if number in PLAIN or isinstance(other, np.generic):
            return recorded(a.recorder, name, (self, other), None)
        return called(a.recorder, function, (self, other), {}, name, False)

    return method


def reflected(name: str, function: Callable[..., Any]) -> Any:
    def method(self: Lazy, other: Any) -> Any:
        a, number = self._node, type(other)
        if (
            not a.odd
            and a.kind in FLOATS
            and number in REAL
            and -1e15 < other < 1e15
            and (other or number is int)
        ):
            kind = KINDS.get((name, number, a.kind))
            made = noted(name, ((number, other), a), a, kind) if kind else None
            if made is not None:
                return made
        if number in PLAIN or isinstance(other, np.generic):
            return recorded(a.recorder, name, (other, self), None)
        return called(a.recorder, function, (other, self), {}, name, False)

    return method


def in_place(name: str, function: Callable[..., Any]) -> Any:
    def method(self: Lazy, other: Any) -> Any:
        references = getrefcount(other)
        node = self._node
        if node.value is None and name in UFUNCS and (type(other) in PLAIN or isinstance(other, np.generic)):
            # Nothing else has its memory yet, so it becomes what it would have been made.
            result = (
                recorded(node.recorder, name, (self, other), None) if name != "power" else power(self, other)
            )
            if type(result) is Lazy:
                made = result._node
                # Of the same order of axes too, which an array that is written to keeps.
                if (made.kind, made.shape, made.odd) == (node.kind, node.shape, node.odd):
                    self._node = made
                    return self
                del made
            del result  # which nobody wants, so that it is not made
        elif type(other) in PLAIN and name in UFUNCS and name != "power":
            passes = type(other) is Lazy and is_temporary(references, other, "in place")
            return written(
                node.recorder, name, (self, other), self, UFUNCS.get(name), other if passes else None
            )
        array = self._array("written to")
        node = self._node
        node.recorder.before_write(array)
        other = unwrapped(other, node.recorder, name)
        result = node.recorder.call(function, (array, other), {})
        if result is array:
            return self
        return wrapped(result, node.recorder)

    return method


def unary(name: str) -> Any:
    def method(self: Lazy) -> Any:
        a = self._node
        kind = None if a.odd else KINDS.get((name, a.kind))
        made = noted(name, (a,), a, kind) if kind else None
        return recorded(a.recorder, name, (self,), None) if made is None else made

    return method


def made_at_once(function: Callable[..., Any]) -> Any:
    return lambda self, other: called(self._node.recorder, function, (self, other), {}, "matmul", False)


def power(self: Lazy, other: Any, modulo: Any = None) -> Any:
    node = self._node
    if modulo is None and (type(other) in PLAIN or isinstance(other, np.generic)):
        number: Any = type(other)
        name = "power"
        if number is not Lazy and number is not np.ndarray and other in (-1, 0, 0.5, 1, 2):
            name = short_cut(node.kind, number, other)
        if name:
            return recorded(node.recorder, name, (self, other) if name == "power" else (self,), None)
    return called(
        node.recorder, pow, (self, other) if modulo is None else (self, other, modulo), {}, "power", False
    )


OPERATORS: Final = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
    "mod": "remainder", "lshift": "left_shift", "rshift": "right_shift", "and": "bitwise_and",
    "xor": "bitwise_xor", "or": "bitwise_or",
}  # fmt: skip
COMPARISONS: Final = {
    "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal", "gt": "greater", "ge": "greater_equal"
}  # fmt: skip
UNARY: Final = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


def give_operators() -> None:
    for python, name in OPERATORS.items():
        function = getattr(operator, f"__{python}__")
        setattr(Lazy, f"__{python}__", binary(name, function))
        setattr(Lazy, f"__r{python}__", reflected(name, function))
        setattr(Lazy, f"__i{python}__", in_place(name, getattr(operator, f"__i{python}__")))
    for python, name in COMPARISONS.items():
        setattr(Lazy, f"__{python}__", binary(name, getattr(operator, f"__{python}__")))
    for python, name in UNARY.items():
        setattr(Lazy, f"__{python}__", unary(name))
    others = {
        "divmod": binary("divmod", divmod),
        "rdivmod": reflected("divmod", divmod),
        "matmul": made_at_once(operator.matmul),
        "rmatmul": made_at_once(lambda a, b: operator.matmul(b, a)),
        "imatmul": in_place("matmul", operator.imatmul),
        "pow": power,
        "rpow": reflected("power", pow),
        "ipow": in_place("power", operator.ipow),
    }
    for python, method in others.items():
        setattr(Lazy, f"__{python}__", method)


give_operators()
