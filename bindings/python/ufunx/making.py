"""`ufunx.elementwise`: a ufunc of a plain function."""

from collections.abc import Callable
from inspect import CO_VARARGS, CO_VARKEYWORDS, Parameter, Signature, signature
from types import FunctionType
from typing import Any, overload

import numpy as np

from . import _native
from ._callback import Callback
from ._tracing import trace as graph_of


@overload
def elementwise(
    function: Callable[..., Any],
    /,
    *,
    identity: Any = ...,
    reorderable: bool = ...,
    fold: Any = ...,
    trace: bool = ...,
    types: str | tuple[str, ...] | list[str] | None = ...,
) -> np.ufunc: ...
@overload
def elementwise(
    *,
    identity: Any = ...,
    reorderable: bool = ...,
    fold: Any = ...,
    trace: bool = ...,
    types: str | tuple[str, ...] | list[str] | None = ...,
) -> Callable[[Callable[..., Any]], np.ufunc]: ...
def elementwise(
    function: Any = None,
    /,
    *,
    identity: Any = None,
    reorderable: bool = False,
    fold: Any = None,
    trace: bool = True,
    types: Any = None,
) -> Any:
    """Make a ufunc of a function of numbers, without a compiler.

    The function is called once, at once, with values that note what is done to them: operators, NumPy's or
    our ufuncs, other made ufuncs, `where`, `clip`, `astype`. The ufunc then runs all of it block by block,
    with the bits that the same calls one by one give. It is a ufunc like every other: broadcasting, `out`,
    `where`, `dtype`, methods, overrides, other libraries' arrays; and it pickles as data. What cannot be
    traced is an error here, with its line and what to write instead. docs/elementwise.md has more.

    `identity` and `reorderable` say what cannot be seen: what `reduce` begins with, and whether it may reduce
    several axes at once. With `fold`, a ufunc such as `numpy.add`, the result reduces what it computes by
    that, and takes `axis` and `keepdims`. With `trace=False`, the function is called for each element, and
    `types`, such as `"dd->d"`, says with what and for what.

    >>> import numpy, ufunx
    >>> @ufunx.elementwise
    ... def bump(x, y):
    ...     return numpy.exp(-x * x) * y + 1
    >>> bump(numpy.zeros(3), 2.0)
    array([3., 3., 3.])
    >>> bump.nin, bump.outer([0.0], [1, 2]).shape
    (2, (1, 2))
    """
    if function is None:
        return lambda function: elementwise(
            function, identity=identity, reorderable=reorderable, fold=fold, trace=trace, types=types
        )
    if not callable(function):
        raise TypeError(f"elementwise makes a ufunc of a function, not of {function!r}")
    if not trace:
        if types is None:
            raise TypeError('trace=False needs types=, such as "dd->d": a loop, or several')
        if reorderable or fold is not None:
            raise TypeError("reorderable= and fold= are for traced functions")
        return Callback(function, [types] if isinstance(types, str) else list(types), identity)
    if types is not None:
        raise TypeError("types= is for trace=False: a traced function has the loops of what it calls")
    return traced(function, identity, reorderable, fold)


def traced(function: Any, identity: Any, reorderable: bool, fold: Any) -> Any:
    name = getattr(function, "__name__", type(function).__name__)
    parameters = parameters_of(function, name)
    nodes, outputs = graph_of(function, name, parameters)
    made = _native.define(
        name,
        function.__doc__,
        getattr(function, "__module__", None),
        parameters,
        nodes,
        outputs,
        identity=identity,
        reorderable=reorderable,
        fold=None if fold is None else name_of_fold(fold),
    )
    made.__signature__ = signature_of(parameters, len(outputs))
    return made


def name_of_fold(fold: Any) -> str:
    name = getattr(fold, "__name__", None)
    if not isinstance(fold, np.ufunc) or name not in _native.records():
        raise TypeError(f"fold= is a ufunc, such as numpy.add, not {fold!r}")
    return str(name)


def parameters_of(function: Any, name: str) -> tuple[str, ...]:
    """The names of a function's parameters, each of which is an operand."""
    if type(function) is FunctionType and is_plain(function):
        code = function.__code__  # at a tenth of what a signature costs
        return operands(code.co_varnames[: code.co_argcount], name)
    if isinstance(function, np.ufunc):
        return operands(tuple(f"x{i + 1}" for i in range(function.nin)), name)
    found = signature(function).parameters.values()
    for parameter in found:
        if parameter.kind not in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
            raise TypeError(
                f"{name} has the parameter {parameter}, and a ufunc has a fixed number of operands; "
                "give it a parameter for each"
            )
        if parameter.default is not Parameter.empty:
            raise TypeError(
                f"{name} has a default for {parameter.name}, and a ufunc has none; "
                "make it an operand without one, or a constant in the function"
            )
    return operands(tuple(parameter.name for parameter in found), name)


def is_plain(function: FunctionType) -> bool:
    """Whether a function has parameters of the usual kind only, without defaults."""
    code = function.__code__
    odd = code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) or code.co_kwonlyargcount or function.__defaults__
    return not odd and not hasattr(function, "__wrapped__")


def operands(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    if not names:
        raise TypeError(f"{name} has no parameters, and a ufunc has at least one operand")
    return names


def signature_of(parameters: tuple[str, ...], outputs: int) -> Signature:
    """How the ufunc is called: as NumPy's are, by the function's own names."""
    out = None if outputs == 1 else (None,) * outputs
    keywords = {
        "where": True,
        "casting": "same_kind",
        "order": "K",
        "dtype": None,
        "subok": True,
        "signature": None,
    }
    return Signature(
        [Parameter(name, Parameter.POSITIONAL_ONLY) for name in parameters]
        + [Parameter("out", Parameter.POSITIONAL_OR_KEYWORD, default=out)]
        + [Parameter(name, Parameter.KEYWORD_ONLY, default=value) for name, value in keywords.items()]
    )
