"""Ufuncs that call a Python function for each element, for `ufunx.elementwise(..., trace=False)`.

NumPy's `frompyfunc` does the calls: its ufunc works on objects, with all methods. What is added are the
dtypes: operands are cast to those of a loop, so that the function gets Python numbers of the right kind, and
what it returns is cast to the loop's results.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

KEYWORDS: Final = {"where": True, "order": "K", "subok": True}
NOT_GIVEN: Final = np._NoValue


class Callback:
    """A ufunc to all who ask; `types` are its loops, the first that fits is taken."""

    def __init__(self, function: Callable[..., Any], types: list[str], identity: Any) -> None:
        self.__name__: str = getattr(function, "__name__", type(function).__name__)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        loops = [tuple(loop.split("->")) for loop in types]
        shapes = {tuple(map(len, loop)) for loop in loops}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2 or 0 in next(iter(shapes)):
            raise ValueError(
                f"types must be one or more like 'dd->d', all with as many operands and results: {types}"
            )
        ((self.nin, self.nout),) = shapes
        self.nargs, self.ntypes, self.signature = self.nin + self.nout, len(types), None
        self.types, self.identity = list(types), identity
        # By loop, the dtypes of the operands and those of the results.
        self._loops = [([np.dtype(c) for c in taken], [np.dtype(c) for c in given]) for taken, given in loops]
        self._calls: Any = np.frompyfunc(function, self.nin, self.nout, identity=identity)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ufunc

    def __repr__(self) -> str:
        return f"<ufunc {self.__name__!r}>"

    def __reduce__(self) -> Any:
        return self.__qualname__  # found under that name in its module, as functions are

    def __call__(
        self,
        *args: Any,
        out: Any = None,
        where: Any = True,
        casting: Any = "same_kind",
        order: Any = "K",
        dtype: Any = None,
        subok: Any = True,
        signature: Any = None,
    ) -> Any:
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(
                f"{self.__name__}() takes from {self.nin} to {self.nargs} positional arguments but "
                f"{len(args)} were given"
            )
        inputs, outs = args[: self.nin], args[self.nin :]
        if outs and out is not None:
            raise TypeError("cannot specify 'out' as both a positional and keyword argument")
        given: tuple[Any, ...] = (
            outs + (None,) * (self.nout - len(outs)) if outs else as_tuple(out, self.nout)
        )
        options = {"where": where, "order": order, "subok": subok}
        passed = {name: value for name, value in options.items() if value is not KEYWORDS[name]}
        chosen = {
            "dtype": dtype,
            "signature": signature,
            "casting": casting if casting != "same_kind" else None,
        }
        passed |= {name: value for name, value in chosen.items() if value is not None}
        if any(x is not None for x in given):
            passed["out"] = given
        answer = overridden(self, "__call__", inputs, given, passed)
        if answer is not NotImplemented:
            return answer
        taken, made = self._loop(inputs, dtype, signature)
        operands = [cast(x, to, casting, self.__name__) for x, to in zip(inputs, taken, strict=True)]
        for x, of in zip(given, made, strict=True):
            if x is not None and not np.can_cast(of, x.dtype, casting):
                raise TypeError(no_cast(self.__name__, "output", of, x.dtype, casting))
        results = self._calls(*operands, out=given, casting="unsafe", **options)
        results = results if self.nout > 1 else (results,)
        done = tuple(
            typed(defined(result, where), of) if x is None else result
            for result, of, x in zip(results, made, given, strict=True)
        )
        return done if self.nout > 1 else done[0]

    def reduce(
        self,
        array: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NOT_GIVEN,
        where: Any = True,
    ) -> Any:
        options = {"axis": axis, "keepdims": keepdims, "where": where}
        if initial is not NOT_GIVEN:
            options["initial"] = initial
        return self._fold("reduce", array, (), dtype, out, options)

    def accumulate(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        return self._fold("accumulate", array, (), dtype, out, {"axis": axis})

    def reduceat(self, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        return self._fold("reduceat", array, (indices,), dtype, out, {"axis": axis})

    def outer(self, a: Any, b: Any, /, **kwargs: Any) -> Any:
        if self.nin != 2:
            raise ValueError("outer product only supported for binary functions")
        answer = overridden(self, "outer", (a, b), as_tuple(kwargs.get("out"), self.nout), kwargs)
        if answer is not NotImplemented:
            return answer
        a, b = np.asanyarray(a), np.asanyarray(b)
        return self(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)

    def at(self, a: Any, indices: Any, b: Any = NOT_GIVEN, /) -> None:
        operands = (a,) if b is NOT_GIVEN else (a, b)
        if len(operands) != self.nin:
            raise ValueError(
                "second operand needed for ufunc"
                if self.nin == 2
                else "Only unary and binary ufuncs supported at this time"
            )
        answer = overridden(self, "at", (a, indices, *operands[1:]), (), {})
        if answer is not NotImplemented:
            return
        taken, made = self._loop(operands, None, None)
        if not np.can_cast(made[0], a.dtype, "same_kind"):
            raise TypeError(no_cast(self.__name__, "output", made[0], a.dtype, "same_kind"))
        objects = cast(a, taken[0], "same_kind", self.__name__).astype(object)
        self._calls.at(
            objects,
            indices,
            *[cast(x, to, "same_kind", self.__name__) for x, to in zip(operands[1:], taken[1:], strict=True)],
        )
        a[...] = objects.astype(made[0])

    def resolve_dtypes(
        self, dtypes: Any, *, signature: Any = None, casting: Any = None, reduction: Any = False
    ) -> Any:
        taken, made = self._loop_of(list(dtypes[: self.nin]), signature, "safe")
        return (*taken, *made)

    def _loop(self, inputs: Any, dtype: Any, signature: Any) -> tuple[list[Any], list[Any]]:
        """The dtypes of the first loop that the operands fit, or that was asked for."""
        if dtype is not None:
            signature = (None,) * self.nin + (dtype,) * self.nout
        kinds = [type(x) if type(x) in (int, float, complex) else np.asanyarray(x).dtype for x in inputs]
        return self._loop_of(kinds, signature, "unsafe" if signature is not None else "safe")

    def _loop_of(self, kinds: list[Any], signature: Any, casting: Any) -> tuple[list[Any], list[Any]]:
        wanted: Any = signature
        if isinstance(signature, str):
            wanted = [np.dtype(c) for c in signature.replace("->", "")]
        for casts in ("safe", casting):
            for taken, made in self._loops:
                if wanted is not None and not all(
                    w is None or np.dtype(w) == x for w, x in zip(wanted, taken + made, strict=True)
                ):
                    continue
                if all(fits(kind, x, casts) for kind, x in zip(kinds, taken, strict=True)):
                    return taken, made
        raise TypeError(
            f"ufunc {self.__name__!r} not supported for the input types, and the inputs could not be safely "
            "coerced to any supported types according to the casting rule ''safe''"
        )

    def _fold(self, method: str, array: Any, more: Any, dtype: Any, out: Any, options: Any) -> Any:
        (given,) = as_tuple(out, 1)
        passed = (
            options
            | ({"dtype": dtype} if dtype is not None else {})
            | ({"out": (given,)} if given is not None else {})
        )
        answer = overridden(self, method, (array, *more), (given,), passed)
        if answer is not NotImplemented:
            return answer
        if self.nin != 2 or self.nout != 1:
            raise ValueError(f"{method} only supported for binary functions")
        array = np.asanyarray(array)
        taken, made = self._loop((array, array), dtype, None)
        objects = array.astype(taken[0]).astype(object)
        result = typed(getattr(self._calls, method)(objects, *more, **options), made[0])
        if given is None:
            return result
        given[...] = result
        return given


def fits(kind: Any, dtype: Any, casting: Any) -> bool:
    """Whether an operand, or a Python number by its class, may be of that dtype."""
    if isinstance(kind, type):
        return dtype.kind in {int: "iufc", float: "fc", complex: "c"}[kind] or dtype.kind == "O"
    return np.can_cast(kind, dtype, casting)


def cast(x: Any, dtype: Any, casting: Any, name: str) -> Any:
    """An operand of that dtype, as objects: Python's numbers."""
    if type(x) in (int, float, complex):
        x = dtype.type(x)  # or an OverflowError
    array = np.asanyarray(x)
    if not np.can_cast(array.dtype, dtype, casting):
        raise TypeError(no_cast(name, "input", array.dtype, dtype, casting))
    return array.astype(dtype, copy=False)


def no_cast(name: str, which: str, dtype: Any, to: Any, casting: Any) -> str:
    return f"Cannot cast ufunc {name!r} {which} from {dtype!r} to {to!r} with casting rule {casting!r}"


def defined(result: Any, where: Any) -> Any:
    """What was made, with zeros where nothing was: there it is None, which is of no dtype."""
    if where is True:
        return result
    if not isinstance(result, np.ndarray):
        return result if where else 0
    np.copyto(result, 0, where=np.logical_not(where))
    return result


def typed(result: Any, dtype: Any) -> Any:
    """What was made, of a dtype: an array, or a scalar."""
    if isinstance(result, np.ndarray):
        return result.astype(dtype)
    return np.asarray(result, object).astype(dtype)[()]


def as_tuple(out: Any, n: int) -> tuple[Any, ...]:
    if out is None:
        return (None,) * n
    if not isinstance(out, tuple):
        if n > 1:
            raise TypeError("'out' must be a tuple of arrays")
        return (out,)
    if len(out) != n:
        raise ValueError("The 'out' tuple must have exactly one entry per ufunc output")
    return out


def overridden(ufunc: Any, method: str, inputs: Any, outs: Any, kwargs: Any) -> Any:
    """The answer of an operand's `__array_ufunc__`, NotImplemented where none has one: subclasses before
    their bases."""
    asked: list[Any] = []
    for x in (*inputs, *outs):
        override = getattr(type(x), "__array_ufunc__", np.ndarray.__array_ufunc__)
        if override is np.ndarray.__array_ufunc__ or any(type(x) is type(y) for y in asked):
            continue
        if override is None:
            raise TypeError(f"operand {type(x).__name__!r} does not support ufuncs (__array_ufunc__=None)")
        place = next((i for i, y in enumerate(asked) if issubclass(type(x), type(y))), len(asked))
        asked.insert(place, x)
    for x in asked:
        answer = x.__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if answer is not NotImplemented:
            return answer
    if asked:
        kinds = ", ".join(repr(type(x).__name__) for x in (*inputs, *outs) if x is not None)
        raise TypeError(
            "operand type(s) all returned NotImplemented from "
            f"__array_ufunc__({ufunc!r}, {method!r}, ...): {kinds}"
        )
    return NotImplemented
