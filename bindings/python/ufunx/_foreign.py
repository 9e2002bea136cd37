"""How arrays are given to the libraries that have no C exchange API of DLPack's."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from . import _native


def has_container(kind: type) -> bool:
    """Whether results for an operand of that class become arrays of its library."""
    return (
        _package(kind) in _GIVERS or hasattr(kind, "__array_wrap__") or hasattr(kind, "__array_namespace__")
    )


def give(winner: Any, array: Any) -> Any:
    """The array, a `ufunx.Array`, as one of the library of `winner`."""
    kind = type(winner)
    giver = _GIVERS.get(_package(kind))
    if giver:
        return giver(array)
    if hasattr(kind, "__array_wrap__"):
        return winner.__array_wrap__(np.asarray(array), None, False)
    return winner.__array_namespace__().from_dlpack(array)


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _to_jax(array: Any) -> Any:
    take, device = _fast_jax()
    # JAX makes 32 bits of 64, unless it is told to keep them.
    if take and (array.itemsize < 8 or _keeps_64_bits()):
        return take(array.__dlpack__(), device, None)
    return import_module("jax").dlpack.from_dlpack(array)


def _keeps_64_bits() -> bool:
    return bool(import_module("jax").config.jax_enable_x64)


@cache
def _fast_jax() -> tuple[Callable[..., Any] | None, Any]:
    """What `jax.dlpack.from_dlpack` comes down to, at a fifth of its cost, and the device it wants.

    None where JAX has it no more under that name.
    """
    device = import_module("jax").local_devices(backend="cpu")[0]
    try:
        take = import_module("jaxlib._jax").dlpack_managed_tensor_to_buffer
        take(np.zeros(1, "f4").__dlpack__(), device, None)
    except (ImportError, AttributeError, TypeError):
        return None, device
    return take, device


def _to_tensorflow(array: Any) -> Any:
    # TensorFlow takes any memory, and aborts later where it is not as it thinks.
    return import_module("tensorflow").experimental.dlpack.from_dlpack(
        _native.aligned_rows(array).__dlpack__()
    )


def _to_torch(array: Any) -> Any:
    return import_module("torch").from_dlpack(array)


def _to_paddle(array: Any) -> Any:
    return import_module("paddle").utils.dlpack.from_dlpack(array.__dlpack__())


_GIVERS: dict[str, Callable[[Any], Any]] = {
    "jax": _to_jax,
    "jaxlib": _to_jax,
    "paddle": _to_paddle,
    "tensorflow": _to_tensorflow,
    "torch": _to_torch,  # before 2.10, which has the exchange API
}
