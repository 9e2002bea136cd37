"""What an elementwise call is, and what it makes of operands of which kinds.

An `op` is a ufunc's name, `where`, `cast/d` (to a dtype, by its character) or `divmod/1` (one result of
several). A kind is a dtype's character, or the class of a Python number, which takes the dtype of what it
stands beside.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np

import ufunx

Shape = tuple[int, ...]

CHARS: Final = "?bBhHiIlLefdFD"
DTYPES: Final = {char: np.dtype(char) for char in CHARS}
WEAK: Final = (float, int, complex)

# For `clip`, which only the function of that name calls, and the error state.
UMATH: Final[Any] = import_module("numpy._core.umath")
UFUNCS: Final[dict[str, Any]] = {
    ufunc.__name__: ufunc for ufunc in ufunx._UFUNCS.values() if ufunc.signature is None
}
FUNCTIONS: Final[dict[str, Any]] = ufunx._FUNCTIONS
# By ufunc; ours are equal to NumPy's of the same name.
NAMES: Final = {ufunc: name for name, ufunc in UFUNCS.items()} | {UMATH.clip: "clip"}
# How many results, where there is more than one.
RESULTS: Final = {name: ufunc.nout for name, ufunc in UFUNCS.items() if ufunc.nout > 1}


@cache
def performer(op: str) -> Callable[..., Any]:
    """The call that an `op` stands for, on arrays."""
    name, _, detail = op.partition("/")
    if name == "where":
        return FUNCTIONS["where"]  # type: ignore[no-any-return]
    if name == "cast":
        return lambda x, out=None: cast(x, DTYPES[detail], out)
    if name == "clip":
        return FUNCTIONS["clip"]  # type: ignore[no-any-return]
    if detail:
        return lambda *operands: UFUNCS[name](*operands)[int(detail)]
    return UFUNCS[name]  # type: ignore[no-any-return]


def cast(x: Any, dtype: Any, out: Any) -> Any:
    if out is None:
        return x.astype(dtype)
    np.copyto(out, x.astype(dtype), casting="same_kind")
    return out


# What a call on values of such kinds makes: a dtype's character, or None where it cannot be recorded. A kind
# is a dtype's character, or the class of a Python number. Filled by `kind_of`.
KINDS: Final[dict[tuple[Any, ...], str | None]] = {}


def kind_of(op: str, kinds: tuple[Any, ...]) -> str | None:
    """The kind of a result. It is found by trying, as the ufunc itself knows best."""
    key = (op, *kinds)
    try:
        return KINDS[key]
    except KeyError:
        if len(KINDS) > 100_000:
            KINDS.clear()
        found = KINDS[key] = tried(op, kinds)
        return found


def tried(op: str, kinds: tuple[Any, ...]) -> str | None:
    if None in kinds or (op == "where" and kinds[0] != "?"):
        return None
    if op.startswith("cast/") and kinds[0] in "FD" and op[-1] not in "FD":
        return None  # which warns of what it throws away, wherever it is
    operands = [kind(1) if kind in WEAK else np.ones(1, kind) for kind in kinds]
    try:
        with np.errstate(all="ignore"):
            result = performer(op)(*operands)
    except TypeError:
        return None
    char: str = result.dtype.char
    if op == "power" and char in "bBhHiIlL" and kinds[1] is not int:
        return None  # which fails for what is in the exponents
    return char if char in DTYPES else None


def bounds(kind: str) -> tuple[Any, Any]:
    """Within which a Python number becomes one of the kind without an error or a warning."""
    if kind in "?FD":
        return -(2.0**53), 2.0**53
    if kind in "efd":
        largest = float(np.finfo(kind).max)
        return -largest, largest
    limits = np.iinfo(kind)
    return int(limits.min), int(limits.max)


BOUNDS: Final = {char: bounds(char) for char in CHARS}


def fits(value: Any, kind: str) -> bool:
    """Whether a Python number can stand beside an array of that kind, whatever the call."""
    low, high = BOUNDS[kind]
    if type(value) is int:
        return bool(low <= value <= high and (kind not in "efd" or -(2**53) <= value <= 2**53))
    if type(value) is float:
        return kind not in "ef" or bool(low <= value <= high) or value - value != 0
    return kind in "dD"


def constant(x: Any) -> tuple[Any, ...]:
    """What tells a number from others: its class if it is weak, else the dtype's character, and the value.

    Signs of zeros, which are equal, are seen in the text.
    """
    kind = type(x) if type(x) in (*WEAK, bool) else x.dtype.char
    signed = isinstance(x, complex | np.complexfloating) or (not x and kind is not int)
    return (kind, x, str(x)) if signed else (kind, x)


@cache
def short_cut(kind: Any, number: type, exponent: Any) -> str:
    """The ufunc of one operand that NumPy's `**` calls for an exponent, which it knows by value, or `power`.

    It is asked. Where it calls something else, or on something else, that has no name.
    """
    asked: list[str] = []

    class Asks(np.ndarray):
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
            as_it_is = inputs[0] is base and not kwargs and NAMES.get(ufunc) == ufunc.__name__
            asked.append(ufunc.__name__ if as_it_is else "")

    base = np.ones(1, kind or "O").view(Asks)
    _ = base ** number(exponent)
    return asked[0] if len(asked) == 1 else ""


@cache
def broadcast(of: tuple[Shape, ...]) -> Shape | None:
    try:
        return np.broadcast_shapes(*of)
    except ValueError:
        return None
