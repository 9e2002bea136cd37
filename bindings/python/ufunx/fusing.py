"""`ufunx.fuse`: a function of NumPy code whose chains of elementwise calls run as programs."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import update_wrapper
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from . import _operators as _operators  # which gives lazy arrays their operators,
from . import _reductions as _reductions  # and this one reductions
from ._kinds import DTYPES
from ._lazy import Lazy
from ._recording import SMALL, Log, Recorder, call_from, leaf

P = ParamSpec("P")
R = TypeVar("R")


def fuse(function: Callable[P, R], /) -> "Fused[P, R]":
    """Make a function of NumPy code run its chains of elementwise calls as programs.

    The result is called as the function is, and gives what it gives. Arrays among the arguments are handed to
    the function as lazy arrays, which note the elementwise calls made on them. What was noted runs when
    something needs a value, block by block, so that values in between need no memory. docs/fuse.md says what
    is exact and what is not.

    >>> import numpy, ufunx
    >>> @ufunx.fuse
    ... def distance(x, y):
    ...     return numpy.sqrt(x * x + y * y)
    >>> x = numpy.linspace(0.0, 3.0, 20_000)
    >>> distance(x, 4 / 3 * x)[-1]
    np.float64(5.0)
    >>> print(distance.explain(x, x))
    distance: 4 of 4 elementwise calls in 1 program
      1  multiply, multiply, add, sqrt on (20000,): returned
    """
    return Fused(function)


class Fused(Generic[P, R]):
    """A function that runs on lazy arrays."""

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)
        self._function: Any = function
        self._call = call_from(function)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._run(None, args, kwargs)  # type: ignore[no-any-return]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<fused {self._function!r}>"

    def __reduce__(self) -> Any:
        function = self._function
        found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
        for name in getattr(function, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        # A decorated function is found under its name; what is not is made anew of its function.
        return function.__qualname__ if found is self else (fuse, (function,))

    def explain(self, /, *args: P.args, **kwargs: P.kwargs) -> "FuseExplanation":
        """Run the function, and say what became programs and what did not, in a dict that prints as text."""
        log = Log()
        self._run(log, args, kwargs)
        return FuseExplanation(getattr(self._function, "__name__", repr(self._function)), log)

    def _run(self, log: Log | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        recorder = None
        lazies: dict[int, Lazy] = {}
        for x in (*args, *kwargs.values()):
            if is_worth(x) and id(x) not in lazies:
                recorder = recorder or Recorder(log, self._call)
                lazies[id(x)] = Lazy(leaf(recorder, x))
        if recorder is None:
            return self._function(*args, **kwargs)
        args = tuple([lazies.get(id(x), x) for x in args])
        kwargs = {name: lazies.get(id(x), x) for name, x in kwargs.items()}
        del lazies, x
        try:
            result = self._function(*args, **kwargs)
            del args, kwargs
            return finished(result, recorder)
        except BaseException:
            # Lazy arrays that got out have the values of now: what is written from here on is not seen.
            with suppress(Exception):
                recorder.run_all("an exception")
            raise
        finally:
            recorder.over = recorder.at_once = True
            recorder.nodes = []  # which are there after an error only


def is_worth(x: Any) -> bool:
    """Whether an argument is handed on as a lazy array."""
    if type(x) is not np.ndarray or x.size < SMALL:
        return False
    dtype = x.dtype
    return dtype.char in DTYPES and dtype.isnative and x.ndim > 0


def finished(result: Any, recorder: Recorder) -> Any:
    """The result with arrays for lazy ones. Lazy arrays that stay alive elsewhere are made as well."""
    if type(result) is Lazy:  # as is usual
        result = result._array("returned")
        if recorder.nodes:
            recorder.run_all("still referred to at the end")
        return result
    found: dict[int, Lazy] = {}
    collect(result, found, set())
    if found:
        nodes = list(dict.fromkeys(lazy._node for lazy in found.values()))
        while waiting := [node for node in nodes if node.value is None]:
            recorder.run([node for node in waiting if node.shape == waiting[0].shape], "returned")
        result = replaced(result, {})
    if recorder.nodes:
        recorder.run_all("still referred to at the end")
    return result


def collect(x: Any, found: dict[int, Lazy], seen: set[int]) -> None:
    """Note the lazy arrays in tuples, lists and dicts."""
    kind = type(x)
    if kind is Lazy:
        found[id(x)] = x
    elif (kind is dict or kind is list or isinstance(x, tuple)) and id(x) not in seen:
        seen.add(id(x))
        for item in x.values() if kind is dict else x:
            collect(item, found, seen)


def replaced(x: Any, seen: dict[int, Any]) -> Any:
    """With arrays for lazy ones; lists and dicts stay the objects they are."""
    kind = type(x)
    if kind is Lazy:
        return x._node.value
    if id(x) in seen:
        return seen[id(x)]
    if kind is dict or kind is list:
        seen[id(x)] = x
        for key, item in list(x.items()) if kind is dict else enumerate(x):
            x[key] = replaced(item, seen)
    elif isinstance(x, tuple):
        items = [replaced(item, seen) for item in x]
        if any(a is not b for a, b in zip(items, x, strict=True)):
            return x._make(items) if hasattr(x, "_make") else tuple(items)
    return x


class FuseExplanation(dict[str, Any]):
    """What one run of a fused function came to; as text, for people.

    `calls` elementwise calls were made, `fused` of them in programs; `programs` has these, and `alone` how
    often what else was called, and why.
    """

    def __init__(self, function: str, log: Log) -> None:
        fused = sum(len(program["calls"]) for program in log.programs)
        super().__init__(
            calls=fused + log.elementwise_alone(), fused=fused, programs=log.programs, alone=dict(log.alone)
        )
        self._function: Any = function

    def __str__(self) -> str:
        programs = self["programs"]
        head = (
            f"{self._function}: {self['fused']} of {self['calls']} elementwise calls in {len(programs)} "
            f"program{'s' if len(programs) != 1 else ''}"
        )
        lines: dict[str, Any] = {}
        for program in programs:
            line = f"{', '.join(program['calls'])} on {program['shape']}: {program['why']}"
            lines[line] = lines.get(line, 0) + 1
        facts = [f"  {count}  {line}" for line, count in lines.items()]
        facts += [f"  {count}  {what}, alone" for what, count in self["alone"].items()]
        return "\n".join([head, *facts])
