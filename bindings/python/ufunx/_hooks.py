"""Python code around every call of a ufunc, whoever calls it: for `ufunx.profile` and `UFUNX_VERBOSE`.

A ufunc is called through a field of its object, past its class's `__call__`: so runs `a + b`. While hooks are
in place, the class is one of those that are called by `__call__`, as classes written in Python are, and its
dict has the hook under that name and under the methods' names. No ufunc is replaced and none changes: calls
end up in the field as before, be there NumPy's code or ours. Methods that NumPy's modules bound at their
import (`ndarray.sum` uses one) are replaced in the modules.

CPython lets nobody change such a class, so its fields are written where they lie, after checking that they
lie there.
"""

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import MethodType
from typing import Any

import numpy as np

import ufunx

METHODS = ("reduce", "accumulate", "reduceat", "outer", "at")
# A hook gets what would have been called, the name of the method, or `__call__`, the ufunc and the arguments.
Hook = Callable[[Callable[..., Any], str, Any, tuple[Any, ...], dict[str, Any]], Any]

# Of `PyTypeObject`, in a build of CPython with a GIL and 64 bits.
BASICSIZE, CALL, FLAGS = 32, 128, 168
HAVE_VECTORCALL = 1 << 11


@contextmanager
def around_ufuncs(hook: Hook) -> Iterator[None]:
    """Let `hook` run every call of a ufunc, NumPy's or ours, inside the `with` block, in every thread.

    Blocks may lie in each other, and must not overlap otherwise.
    """
    kinds = {np.ufunc, *map(type, ufunx._UFUNCS.values())}
    for kind in kinds:
        check(kind)
    let_in_place_mode_look()
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(hooked(kind, hook))
        stack.enter_context(bound_methods_hooked(hook))
        yield


def hooked(kind: type, hook: Hook) -> Any:
    """The class with hooks, as a context."""

    def make(name: str) -> Callable[..., Any]:
        original = kind.__dict__[name]

        def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return hook(original, name, self, args, kwargs)

        call.__name__ = name
        return call

    @contextmanager
    def context() -> Iterator[None]:
        (attributes,) = gc.get_referents(kind.__dict__)
        before = {name: attributes[name] for name in ("__call__", *METHODS)}
        call, flags = field(kind, CALL), field(kind, FLAGS)
        called_by, had = call.value, flags.value & HAVE_VECTORCALL
        try:
            attributes.update({name: make(name) for name in before})
            call.value = field(_Called, CALL).value
            flags.value &= ~HAVE_VECTORCALL
            modified(kind)
            yield
        finally:
            attributes.update(before)
            call.value = called_by
            flags.value |= had
            modified(kind)

    return context()


@contextmanager
def bound_methods_hooked(hook: Hook) -> Iterator[None]:
    """Methods of ufuncs that are attributes of NumPy's modules."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "numpy"]
    found = [
        (module, name, value)
        for module in modules
        for name, value in list(vars(module).items())
        if isinstance(getattr(value, "__self__", None), np.ufunc) and hasattr(value, "__name__")
    ]

    def make(bound: Any) -> MethodType:
        def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return hook(lambda _, *args, **kwargs: bound(*args, **kwargs), bound.__name__, self, args, kwargs)

        return MethodType(call, bound.__self__)

    try:
        for module, name, value in found:
            setattr(module, name, make(value))
        yield
    finally:
        for module, name, value in found:
            setattr(module, name, value)


class _Called:
    """Whose field for calls leads to `__call__`."""

    def __call__(self) -> None: ...


def let_in_place_mode_look() -> None:
    """In-place mode looks at NumPy's ufuncs when it is first switched on: before they are changed."""
    with suppress(ufunx.InPlaceError), ufunx.installed():  # where it refuses, it does so later too
        pass


def field(kind: type, offset: int) -> ctypes.c_size_t:
    return ctypes.c_size_t.from_address(id(kind) + offset)


def modified(kind: type) -> None:
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def check(kind: type) -> None:
    """RuntimeError if the class does not lie in memory as it must for this."""
    known = getattr(sys, "_is_gil_enabled", bool)() or sys.version_info < (3, 13)
    by_vectorcall = ctypes.cast(ctypes.pythonapi.PyVectorcall_Call, ctypes.c_void_p).value
    callers = (by_vectorcall, field(_Called, CALL).value)  # the second where hooks are in place already
    if not known or ctypes.sizeof(ctypes.c_void_p) != 8 or hasattr(sys, "gettotalrefcount"):
        raise RuntimeError("ufunx.profile needs a 64-bit CPython with a GIL, and no debug build")
    facts = (field(kind, BASICSIZE).value, field(kind, FLAGS).value)
    if facts != (kind.__basicsize__, kind.__flags__) or field(kind, CALL).value not in callers:
        raise RuntimeError("the ufuncs of this Python and NumPy do not lie in memory as ufunx.profile knows")
