"""For authors of array classes: operators on our ufuncs, and a ufunc call after unwrapping, in one line."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import _native

_UFUNCS = _native.ufuncs()
# Ours are equal to NumPy's of the same name, and have their hashes: either finds ours.
_OURS = {ufunc: ufunc for ufunc in _UFUNCS.values()}


def dispatch(
    ufunc: Any,
    method: str,
    inputs: Iterable[Any],
    kwargs: Mapping[str, Any],
    *,
    unwrap: Callable[[Any], Any] | None = None,
    wrap: Callable[[Any], Any] | None = None,
) -> Any:
    """Run what an `__array_ufunc__` was asked, on our engine.

    The first four arguments are what the override was handed. `ufunc` may be NumPy's object or ours; ours is
    called either way. A ufunc that we do not have, such as SciPy's, is called as it is.

    `unwrap(x)` is called for each input, and for each output, mask (`where`) and start value (`initial`)
    that was passed and is not None. It returns what the ufunc shall work on, and things it does not know as
    they are. An output must unwrap to an array that shares its memory, or what is written is lost.

    `wrap(result)` is called for each result, with two exceptions, as in NumPy: for an output that was
    passed, that very object is returned, and `at` returns None. Without `wrap`, results are returned as the
    ufunc returns them.

    >>> import numpy, ufunx
    >>> class Celsius(ufunx.OperatorsMixin):
    ...     def __init__(self, degrees):
    ...         self.degrees = degrees
    ...     def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
    ...         degrees = lambda x: getattr(x, "degrees", x)
    ...         return ufunx.dispatch(ufunc, method, inputs, kwargs, unwrap=degrees, wrap=Celsius)
    >>> numpy.add.reduce(Celsius(numpy.array([20.0, 25.5]))).degrees
    np.float64(45.5)
    """
    kwargs = dict(kwargs)
    given = kwargs.get("out")
    if given is not None and not isinstance(given, tuple):
        given = (given,)
    if unwrap is not None:
        inputs = [unwrap(x) for x in inputs]
        for name in ("where", "initial"):
            if kwargs.get(name) is not None:
                kwargs[name] = unwrap(kwargs[name])
        if given is not None:
            kwargs["out"] = tuple(None if x is None else unwrap(x) for x in given)
    result = getattr(_OURS.get(ufunc, ufunc), method)(*inputs, **kwargs)
    if wrap is None or method == "at":
        return result
    results = result if isinstance(result, tuple) else (result,)
    outputs = given or (None,) * len(results)
    wrapped = tuple(wrap(r) if o is None else o for r, o in zip(results, outputs, strict=True))
    return wrapped if isinstance(result, tuple) else wrapped[0]


def _opts_out(other: Any) -> bool:
    try:
        return other.__array_ufunc__ is None
    except AttributeError:
        return False


def _named(method: Callable[..., Any], name: str) -> Any:
    method.__name__ = f"__{name}__"
    method.__qualname__ = f"OperatorsMixin.__{name}__"
    return method


def _unary(ufunc_name: str, name: str) -> Any:
    ufunc = _UFUNCS[ufunc_name]
    return _named(lambda self: ufunc(self), name)


def _forward(ufunc_name: str, name: str) -> Any:
    ufunc = _UFUNCS[ufunc_name]
    return _named(lambda self, other: NotImplemented if _opts_out(other) else ufunc(self, other), name)


def _reflected(ufunc_name: str, name: str) -> Any:
    ufunc = _UFUNCS[ufunc_name]
    return _named(lambda self, other: NotImplemented if _opts_out(other) else ufunc(other, self), "r" + name)


def _in_place(ufunc_name: str, name: str) -> Any:
    ufunc = _UFUNCS[ufunc_name]
    return _named(lambda self, other: ufunc(self, other, out=(self,)), "i" + name)


def _three(ufunc_name: str, name: str) -> tuple[Any, Any, Any]:
    return _forward(ufunc_name, name), _reflected(ufunc_name, name), _in_place(ufunc_name, name)


class OperatorsMixin:
    """Python's operators by our ufuncs, for a class with an `__array_ufunc__`.

    The rules are those of `numpy.lib.mixins.NDArrayOperatorsMixin`: an operator calls its ufunc, which asks
    the class's `__array_ufunc__`; it returns NotImplemented where the other operand's `__array_ufunc__` is
    None; the in-place forms do not look, and pass `out=(self,)`. As comparing is element-wise, instances
    have no hash.

    >>> import ufunx
    >>> class Tells(ufunx.OperatorsMixin):
    ...     def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
    ...         return f"{ufunc.__name__} of {len(inputs)}"
    >>> 2 ** Tells(), -Tells()
    ('power of 2', 'negative of 1')
    """

    __slots__ = ()

    __lt__ = _forward("less", "lt")
    __le__ = _forward("less_equal", "le")
    __eq__ = _forward("equal", "eq")
    __ne__ = _forward("not_equal", "ne")
    __gt__ = _forward("greater", "gt")
    __ge__ = _forward("greater_equal", "ge")

    __add__, __radd__, __iadd__ = _three("add", "add")
    __sub__, __rsub__, __isub__ = _three("subtract", "sub")
    __mul__, __rmul__, __imul__ = _three("multiply", "mul")
    __matmul__, __rmatmul__, __imatmul__ = _three("matmul", "matmul")
    __truediv__, __rtruediv__, __itruediv__ = _three("divide", "truediv")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _three("floor_divide", "floordiv")
    __mod__, __rmod__, __imod__ = _three("remainder", "mod")
    # Python has no in-place form of it.
    __divmod__, __rdivmod__ = _forward("divmod", "divmod"), _reflected("divmod", "divmod")
    __pow__, __rpow__, __ipow__ = _three("power", "pow")
    __lshift__, __rlshift__, __ilshift__ = _three("left_shift", "lshift")
    __rshift__, __rrshift__, __irshift__ = _three("right_shift", "rshift")
    __and__, __rand__, __iand__ = _three("bitwise_and", "and")
    __xor__, __rxor__, __ixor__ = _three("bitwise_xor", "xor")
    __or__, __ror__, __ior__ = _three("bitwise_or", "or")

    __neg__ = _unary("negative", "neg")
    __pos__ = _unary("positive", "pos")
    __abs__ = _unary("absolute", "abs")
    __invert__ = _unary("invert", "invert")
