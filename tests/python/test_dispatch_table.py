"""The cases of tests/data/dispatch.txt with real classes: what it says of NumPy is so, and ufunx agrees."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ufunx as ux

TABLE = (Path(__file__).parents[1] / "data" / "dispatch.txt").read_text()
ASKED: list[Any] = []


def rows(section: str) -> list[list[str]]:
    text = re.split(r"\n\[", TABLE.split(f"\n[{section}]\n")[1])[0]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


class Inside(Exception):
    """Raised by an override."""


class Meta(type):
    """Classes that adopt others as subclasses."""

    virtual: tuple[str, ...] = ()

    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance) or type(instance).__name__ in vars(cls).get("virtual", ())


def overrides(answer: str) -> dict[str, Any]:
    if answer in ("absent", "default"):
        return {}
    if answer == "none":
        return {"__array_ufunc__": None}

    def respond(self: Any) -> Any:
        ASKED.append(self)
        if answer == "raises":
            raise Inside
        return type(self).__name__ if answer == "value" else NotImplemented

    def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if answer != "reenters":
            return respond(self)
        ASKED.append(self)
        return ufunc(*(np.ones(()) if type(x) is type(self) else x for x in inputs), **kwargs)

    def array_function(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return respond(self)

    return {"__array_ufunc__": array_ufunc, "__array_function__": array_function}


CLASSES: dict[str, type] = {}
for _name, _bases, _virtual, _answer in rows("classes"):
    if _name == "Array":
        CLASSES[_name] = np.ndarray
    elif _name == "Number":
        CLASSES[_name] = int
    else:
        _made = tuple(CLASSES[b.strip()] for b in _bases.split(",") if b)
        _body = {"virtual": tuple(_virtual.split(", ")), **overrides(_answer)}
        _body["__add__"] = _body["__radd__"] = lambda self, other: 1
        CLASSES[_name] = Meta(_name, _made, _body)


@cache
def instance(word: str) -> Any:
    """The object of that name, always the same one."""
    cls = CLASSES[word.split(".")[0]]
    if cls is int:
        return 1
    return np.ones(()).view(cls) if issubclass(cls, np.ndarray) else cls()


def objects(text: str) -> list[Any]:
    found = []
    for word in filter(None, text.split(", ")):
        name, _, times = word.partition("*")
        found += [instance(name)] * int(times or 1)
    return found


def outcome(call: Callable[[], Any], native: str) -> tuple[list[int], str]:
    ASKED.clear()
    try:
        result = call()
    except Inside:
        result = "raises"
    except TypeError as error:
        refused = ("all returned NotImplemented", "no implementation found")
        result = "all refused" if any(text in str(error) for text in refused) else str(error)
    return [id(o) for o in ASKED], result if isinstance(result, str) else native


@pytest.mark.parametrize("row", rows("ufunc"), ids=" | ".join)
def test_who_takes_a_ufunc_call_over(row: list[str]) -> None:
    inputs, outputs, masks = (objects(cell) for cell in row[:3])
    expected = [id(o) for o in objects(row[3])], row[4]

    def call(ufunc: Any, out: list[Any]) -> tuple[list[int], str]:
        kwargs: dict[str, Any] = {"out": tuple(out)} if out else {}
        if masks:
            kwargs["where"] = masks[0] if type(masks[0]) is not np.ndarray else np.array(True)
        return outcome(lambda: ufunc(*inputs, **kwargs), "native")

    made = np.frompyfunc(lambda *_: 1, len(inputs), max(1, len(outputs)))
    plain = [np.empty((), object) if type(o) is np.ndarray else o for o in outputs]
    assert call(made, plain) == expected
    if len(inputs) == 2 and len(outputs) <= 1:
        assert call(np.add, outputs) == expected
        assert call(ux.add, outputs) == expected


@pytest.mark.parametrize("row", rows("function"), ids=" | ".join)
def test_who_takes_a_function_over(row: list[str]) -> None:
    relevant = objects(row[0])
    made = np._core.overrides.array_function_dispatch(lambda *args: args)(lambda *args: 1)
    collected = np._core.overrides._get_implementing_args(relevant)
    assert [id(o) for o in collected] == [id(o) for o in objects(row[1])]
    expected = [id(o) for o in objects(row[2])], row[3]
    assert outcome(lambda: made(*relevant), "implementation") == expected


@pytest.mark.parametrize("row", rows("like"), ids=" | ".join)
@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_whom_an_array_is_made_like(make: Any, row: list[str]) -> None:
    expected = [id(o) for o in objects(row[1])], row[2]
    assert outcome(lambda: make(1, like=instance(row[0])), "implementation") == expected


def wrapping(word: str, place: int) -> Any:
    if word == "Array":
        return np.ones(2)
    if word == "Scalar":
        return 1.0
    if word == "Nothing":
        return [1.0, 1.0]
    wrap = (lambda self, array, context, scalar: str(place)) if word[0] == "W" else None
    body = {"__array_wrap__": wrap, "__array_priority__": float(word[2:-1])}
    return np.ones(2).view(type(word, (np.ndarray,), body))


@pytest.mark.parametrize("row", rows("wrap"), ids=" | ".join)
def test_whose_wrap_is_called(row: list[str]) -> None:
    inputs = [wrapping(word, i) for i, word in enumerate(row[0].split(", "))]
    ufuncs = [np.frompyfunc(lambda *_: 1, len(inputs), 1)]
    ufuncs += {1: [np.exp, ux.exp], 2: [np.add, ux.add]}.get(len(inputs), [])
    for ufunc in ufuncs:
        assert outcome(lambda ufunc=ufunc: ufunc(*inputs), "-")[1] == row[1]


class Handed:
    """Takes every call over and says what it was handed."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        keywords = ", ".join(f"{name}={text(value)}" for name, value in kwargs.items())
        return ", ".join(map(text, inputs)), keywords


NAMES = {name: object() for name in ("X", "Y", "O", "Q", "f", "s", "m", "i")}
NAMES |= {"P": Handed(), "novalue": np._NoValue}


def text(value: Any) -> str:
    if type(value) is tuple:
        return f"({', '.join(map(text, value))}{',' * (len(value) == 1)})"
    named = [name for name, known in NAMES.items() if known is value]
    return named[0] if named else "..." if value is ... else repr(value)


@pytest.mark.parametrize("row", rows("arguments"), ids=" | ".join)
def test_what_overrides_are_handed(row: list[str]) -> None:
    if "..." in row[0] and np.lib.NumpyVersion(np.__version__) < "2.3.0":
        pytest.skip("out=... is new in NumPy 2.3")
    for module in (np, ux):
        if row[1] == "refused":
            with pytest.raises((TypeError, ValueError, RuntimeError)):
                eval(f"module.{row[0]}", {"module": module, **NAMES})
        else:
            assert eval(f"module.{row[0]}", {"module": module, **NAMES}) == (row[1], row[2])
