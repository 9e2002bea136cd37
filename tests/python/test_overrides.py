"""`__array_ufunc__`, `__array_wrap__` and the rest of NumPy's protocols, beside NumPy on the same objects."""

import abc
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import ufunx as ux

LOG: list[Any] = []


def recorder(name: str, answer: Any = "done", bases: tuple[type, ...] = (), **attributes: Any) -> type:
    """A class whose override notes what it is handed."""

    def __array_ufunc__(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        LOG.append((type(self).__name__, ufunc.__name__, isinstance(ufunc, np.ufunc), method, inputs, kwargs))
        if isinstance(answer, Exception):
            raise answer
        return answer

    return type(name, bases, {"__array_ufunc__": __array_ufunc__, "__repr__": lambda _: name, **attributes})


Plain = recorder("Plain")
Refusing = recorder("Refusing", NotImplemented)
Also = recorder("Also", NotImplemented)
Child = recorder("Child", NotImplemented, (Refusing,))
Grandchild = recorder("Grandchild", "grandchild", (Child,))
Left = recorder("Left", NotImplemented, (Refusing,))
Diamond = recorder("Diamond", NotImplemented, (Left, Child))
Raising = recorder("Raising", ZeroDivisionError("inside"))
OptOut = type("OptOut", (), {"__array_ufunc__": None})
Virtual = abc.ABCMeta("Virtual", (), {"__array_ufunc__": vars(Refusing)["__array_ufunc__"]})
Virtual.register(Also)
Subclass = recorder("Subclass", NotImplemented, (np.ndarray,))
Property = type("Property", (), {"__array_ufunc__": property(lambda self: 1)})


class OnInstance:
    def __init__(self) -> None:
        self.__array_ufunc__ = lambda *args, **kwargs: "wrong"


class BadLookup(type):
    @property
    def __array_ufunc__(cls) -> Any:
        raise ValueError("no")


class Unlucky(metaclass=BadLookup):
    pass


P, R, A, C, G, L, D, V = (cls() for cls in (Plain, Refusing, Also, Child, Grandchild, Left, Diamond, Virtual))
X = np.arange(6.0).reshape(2, 3)
O1, O2 = np.zeros((2, 3)), np.zeros((2, 3))
S = X.view(Subclass)
MASK = X > 2

CALLS: list[Callable[[Any], Any]] = [
    lambda m: m.exp(P),
    lambda m: m.add(P, 1),
    lambda m: m.add(X, P),
    lambda m: m.add(P, P),
    lambda m: m.add(R, A),
    lambda m: m.add(A, R),
    lambda m: m.add(R, 1),
    lambda m: m.add(1, R, dtype="f8"),
    lambda m: m.add(R, C),
    lambda m: m.add(C, R),
    lambda m: m.add(R, G),
    lambda m: m.add(L, D),
    lambda m: m.add(R, D, out=L),
    lambda m: m.add(R, A, D),
    lambda m: m.add(V, A),
    lambda m: m.add(A, V),
    lambda m: m.add(R, Raising()),
    lambda m: m.add(Raising(), R),
    lambda m: m.add(R, OptOut()),
    lambda m: m.add(OptOut(), P),
    lambda m: m.add(OptOut(), 1),
    lambda m: m.exp(Property()),
    lambda m: m.exp(OnInstance()),
    lambda m: m.exp(Unlucky()),
    lambda m: m.add(X, X, P),
    lambda m: m.add(X, X, out=P),
    lambda m: m.add(X, X, out=(P,)),
    lambda m: m.add(P, X, None),
    lambda m: m.add(P, X, out=None),
    lambda m: m.add(P, X, out=(None,)),
    lambda m: m.add(P, X, ...),
    lambda m: m.add(P, X, out=...),
    lambda m: m.add(P, X, O1, out=O1),
    lambda m: m.add(P, X, out=(O1, O2)),
    lambda m: m.add(X, X, where=P),
    lambda m: m.add(X, X, out=O1, where=P),
    lambda m: m.add(P, X, where=True),
    lambda m: m.add(P, X, where=MASK),
    lambda m: m.add(R, R, where=A, out=C),
    lambda m: m.add(P, X, casting="bogus", order="Z", subok=3),
    lambda m: m.add(P, X, sig="dd->d"),
    lambda m: m.add(P, X, signature="dd->d", casting="safe"),
    lambda m: m.add(P, X, sig="dd->d", signature="dd->d"),
    lambda m: m.add(P, X, sig="dd->d", dtype="d"),
    lambda m: m.add(P, X, bogus=1),
    lambda m: m.add(P, X, axis=1),
    lambda m: m.add(P),
    lambda m: m.add(P, X, O1, O2),
    lambda m: m.maximum(P, X, O1),
    lambda m: m.frexp(P),
    lambda m: m.frexp(X, P),
    lambda m: m.frexp(X, None, P),
    lambda m: m.frexp(P, None, None),
    lambda m: m.frexp(X, out=P),
    lambda m: m.frexp(X, out=(None, P)),
    lambda m: m.frexp(P, out=(None, None)),
    lambda m: m.divmod(P, 1, out=(O1, None)),
    lambda m: m.matmul(P, X),
    lambda m: m.matmul(P, X, axes=[(0, 1), (0, 1), (0, 1)]),
    lambda m: m.matmul(P, X, axis=0, axes=[1]),
    lambda m: m.matmul(P, X, where=True),
    lambda m: m.vecdot(P, X, axis=1, keepdims=True),
    lambda m: m.sin(P),
    lambda m: m.power(2, P, dtype=complex),
    lambda m: m.add(S, X),
    lambda m: m.add(S, P),
    lambda m: m.add.reduce(P),
    lambda m: m.add.reduce(P, 1),
    lambda m: m.add.reduce(P, None, "f4", None, True, 3, MASK),
    lambda m: m.add.reduce(P, None, "f4", O1, True, np._NoValue, MASK),
    lambda m: m.add.reduce(P, 0, None, (O1,)),
    lambda m: m.add.reduce(P, axis=0, out=(O1,)),
    lambda m: m.add.reduce(P, axis=0, out=O1),
    lambda m: m.add.reduce(P, axis=0, out=None),
    lambda m: m.add.reduce(P, axis=0, out=...),
    lambda m: m.add.reduce(P, 0, None, ...),
    lambda m: m.add.reduce(P, initial=np._NoValue),
    lambda m: m.add.reduce(array=P),
    lambda m: m.add.reduce(P, 0, axis=0),
    lambda m: m.add.reduce(),
    lambda m: m.add.reduce(P, bogus=0),
    lambda m: m.add.reduce(X, out=P),
    lambda m: m.add.reduce(X, where=P),
    lambda m: m.add.reduce(R),
    lambda m: m.add.reduce(OptOut()),
    lambda m: m.exp.reduce(P),
    lambda m: m.divmod.reduce(P),
    lambda m: m.matmul.reduce(P),
    lambda m: m.add.accumulate(P),
    lambda m: m.add.accumulate(P, 1, "f4", O1),
    lambda m: m.add.accumulate(X, out=P),
    lambda m: m.add.accumulate(R, axis=1),
    lambda m: m.add.accumulate(P, keepdims=True),
    lambda m: m.add.reduceat(P, [0, 1]),
    lambda m: m.add.reduceat(X, P),
    lambda m: m.add.reduceat(P, [0, 1], 1, None, O1),
    lambda m: m.add.reduceat(P, indices=[0, 1], axis=1),
    lambda m: m.add.reduceat(P),
    lambda m: m.add.outer(P, X),
    lambda m: m.add.outer(X, P, out=O1, dtype="f4"),
    lambda m: m.add.outer(X, P, sig="dd->d"),
    lambda m: m.add.outer(R, A),
    lambda m: m.add.outer(P, X, O1),
    lambda m: m.add.outer(P),
    lambda m: m.exp.outer(P, X),
    lambda m: m.matmul.outer(P, X),
    lambda m: m.add.at(P, [0], 1),
    lambda m: m.add.at(X, P, 1),
    lambda m: m.add.at(X, [0], P),
    lambda m: m.add.at(P, [0]),
    lambda m: m.exp.at(P, [0]),
    lambda m: m.exp.at(P, [0], 1),
    lambda m: m.add.at(R, A, 1),
    lambda m: m.add.at(P, [0], b=1),
]


def outcome(call: Callable[[Any], Any], module: Any) -> Any:
    LOG.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = ("value", call(module))
        except Exception as error:
            result = (type(error), str(error), type(error.__cause__))
    seen = [(w.category, str(w.message)) for w in caught]
    return repr(result), repr(LOG), seen


@pytest.mark.parametrize("i", range(len(CALLS)))
def test_override_is_called_as_numpy_calls_it(i: int) -> None:
    assert outcome(CALLS[i], ux) == outcome(CALLS[i], np)


def test_the_override_is_handed_our_object() -> None:
    seen = []

    class Keeps:
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
            seen.append(ufunc)
            return getattr(ufunc, method)(*(X if x is self else x for x in inputs), **kwargs)

    before = ux.native_calls()
    assert (ux.add(Keeps(), 1) == X + 1).all()
    assert ux.add.reduce(Keeps(), axis=None) == X.sum()
    assert seen[0] is ux.add
    assert seen[1] is ux.add
    assert ux.native_calls() == before + 2


def test_explain_says_that_an_override_answers() -> None:
    assert ux.explain(ux.exp, P)["path"] == "override"
    assert ux.explain(ux.matmul, X, P)["path"] == "override"
    assert ux.explain(ux.exp, OptOut())["path"] == "override"


def test_super_comes_back_to_our_kernel() -> None:
    class Sub(np.ndarray):
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
            plain = [x.view(np.ndarray) if isinstance(x, Sub) else x for x in inputs]
            return super().__array_ufunc__(ufunc, method, *plain, **kwargs)

    before = ux.native_calls()
    assert (ux.exp(X.view(Sub)) == ux.exp(X)).all()
    assert ux.native_calls() == before + 2


def test_references_are_kept_in_order() -> None:
    import sys

    obj, args = Plain(), [np.ones(3), None]
    for call in (
        lambda: ux.add(obj, args[0]),
        lambda: ux.add(args[0], obj, out=args[0]),
        lambda: ux.add.reduce(obj, 0, None, args[0]),
        lambda: ux.add(R, args[0], out=args[0]) if False else None,
    ):
        call()
        LOG.clear()
        before = [sys.getrefcount(o) for o in (obj, args[0], ux.add, Plain)]
        for _ in range(50):
            call()
            LOG.clear()
        assert [sys.getrefcount(o) for o in (obj, args[0], ux.add, Plain)] == before


# Wrapping


class Wrapping(np.ndarray):
    """Notes its calls; passes on what ndarray does."""

    def __array_finalize__(self, obj: Any) -> None:
        LOG.append(("finalize", type(self).__name__, type(obj).__name__))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        told = context and (context[0].__name__, [type(a).__name__ for a in context[1]], context[2])
        LOG.append(("wrap", type(self).__name__, type(array).__name__, array.shape, told, return_scalar))
        return super().__array_wrap__(array, context, return_scalar)


class Higher(Wrapping):
    __array_priority__ = 5.0


class Lower(Wrapping):
    __array_priority__ = -5.0


class Quiet(np.ndarray):
    pass


class OldStyle(np.ndarray):
    def __array_wrap__(self, array: Any, context: Any = None) -> Any:
        LOG.append(("old", type(array).__name__, context is None))
        return ("old", array.tolist())


class Oldest(np.ndarray):
    def __array_wrap__(self, array: Any) -> Any:
        LOG.append(("oldest", type(array).__name__))
        return ("oldest", array.tolist())


class RaisesType(np.ndarray):
    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        raise TypeError("mine")


class RaisesValue(np.ndarray):
    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        raise ValueError("mine")


class NoWrap(np.ndarray):
    __array_wrap__ = None


class BadPriority(Wrapping):
    __array_priority__ = "high"


CLASSES = (Wrapping, Higher, Lower, Quiet, OldStyle, Oldest, RaisesType, RaisesValue, NoWrap, BadPriority)
SHAPES = ((), (3,), (2, 3))


def views(cls: type, shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(1.0, 1 + int(np.prod(shape))).reshape(shape).view(cls)


WRAPS: list[Callable[[Any, Any], Any]] = [
    lambda m, w: m.exp(w),
    lambda m, w: m.add(w, 1),
    lambda m, w: m.add(1.0, w),
    lambda m, w: m.add(np.float64(2), w),
    lambda m, w: m.add(np.ones(w.shape), w),
    lambda m, w: m.add(w, np.ones((2, 3))),
    lambda m, w: m.add(w, views(Higher, (3,))),
    lambda m, w: m.add(views(Lower, ()), w),
    lambda m, w: m.add(views(Quiet, ()), w),
    lambda m, w: m.add(w, w, subok=False),
    lambda m, w: m.exp(w, out=np.zeros(w.shape)),
    lambda m, w: m.exp(np.ones(w.shape), out=w.copy()),
    lambda m, w: m.exp(np.ones(w.shape), w.copy()),
    lambda m, w: m.exp(w, out=views(Higher, w.shape), subok=False),
    lambda m, w: m.exp(w, out=...),
    lambda m, w: m.exp(w, where=np.ones(w.shape, bool), out=views(Wrapping, w.shape)),
    lambda m, w: m.frexp(w),
    lambda m, w: m.frexp(w, out=(None, np.zeros(w.shape, "i4").view(Wrapping))),
    lambda m, w: m.floor_divide(w, 2),
    lambda m, w: m.greater(w, 2),
    lambda m, w: m.add(w, 1, dtype="f8"),  # with a cast, NumPy finalizes a temporary as well
    lambda m, w: m.add.reduce(w),
    lambda m, w: m.add.reduce(w, axis=None),
    lambda m, w: m.add.reduce(w, keepdims=True),
    lambda m, w: m.add.reduce(w, out=...),
    lambda m, w: m.add.reduce(np.ones((2, *w.shape)), out=w.copy()),
    lambda m, w: m.add.reduce(w[None], out=np.zeros(w.shape)),
    lambda m, w: m.add.accumulate(w),
    lambda m, w: m.add.reduceat(w, [0]),
    lambda m, w: m.add.outer(w, [1.0, 2.0]),
    lambda m, w: m.add.outer(np.ones(2), w),
    lambda m, w: m.add.at(w.copy(), [0], 1),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_results_are_wrapped_as_numpy_wraps_them(cls: type, shape: tuple[int, ...]) -> None:
    for i, call in enumerate(WRAPS):
        made = views(cls, shape)
        ours, theirs = (outcome(partial(call, w=made), module) for module in (ux, np))
        assert ours == theirs, i


def test_a_subclass_without_override_runs_natively() -> None:
    before = ux.native_calls()
    assert type(ux.exp(X.view(Quiet))) is Quiet
    assert type(ux.add.reduce(X.view(Quiet))) is Quiet
    assert ux.native_calls() == before + 2
    assert ux.explain(ux.exp, X.view(Quiet))["path"] == "native"


# Which object is handed over


def test_handoff_by_class_and_by_program() -> None:
    seen = []

    class Asks:
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
            seen.append(ufunc)
            return None

    class WantsNumPys(Asks):
        __ufunx_handoff__ = "numpy"

    class WantsOurs(WantsNumPys):
        __ufunx_handoff__ = "self"

    for cls in (Asks, WantsNumPys, WantsOurs):
        ux.exp(cls())
    assert [u is np.exp for u in seen] == [False, True, False]
    Asks.__ufunx_handoff__ = "numpy"  # type: ignore[attr-defined]  # seen although the class is known already
    ux.exp(Asks())
    assert seen[-1] is np.exp
    del Asks.__ufunx_handoff__  # type: ignore[attr-defined]
    ux.exp(Asks())
    assert seen[-1] is ux.exp
    assert ux.config.handoff == "table"
    try:
        ux.config.handoff = "numpy"
        ux.exp(Asks())
        assert seen[-1] is np.exp
        ux.config.handoff = "self"
        ux.exp(WantsNumPys())
        assert seen[-1] is ux.exp
        with pytest.raises(ValueError, match="handoff must be"):
            ux.config.handoff = "bogus"
    finally:
        ux.config.handoff = "table"
