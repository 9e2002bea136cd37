"""The libraries whose arrays our ufuncs read in place, a row each: for the tests, and for docs/interop.md.

And what of theirs is refused, with the way out that the error names.
"""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its log, which is no warning of Python's
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # on a machine with a GPU its arrays would be there
if os.environ.get("INTEROP") == "full":
    # FakeTensorMode loads triton, which ends the process where TensorFlow, with its own LLVM, came first.
    importlib.import_module("torch._dynamo")

FLOATS, INTS = ("float32", "float64"), ("int8", "int16", "int32", "int64", "uint8")
NATIVE = ("bool", *INTS, "uint16", "uint32", "uint64", "float16", *FLOATS, "complex64", "complex128")
REAL = tuple(name for name in NATIVE if not name.startswith("complex"))


@dataclass(frozen=True)
class Foreign:
    """A library's arrays. `make` gives one with an ndarray's values, `address` where these lie."""

    name: str
    make: Callable[[Any], Any]
    values: Callable[[Any], Any]
    address: Callable[[Any], int]
    read_by: str
    results: str  # the class of results, as its library names it
    writable: bool
    priority: int = 0
    dtypes: tuple[str, ...] = NATIVE
    mini: tuple[str, ...] = ()  # those that NumPy has not
    one_axis: bool = False
    heavy: bool = False  # only in the full run


def address_by_dlpack(array: Any) -> int:
    """Of what gives no address itself."""
    where: int = np.from_dlpack(array).__array_interface__["data"][0]
    return where


def to_torch(array: Any) -> Any:
    import torch

    if array.dtype.name not in NATIVE:
        bits = torch.from_numpy(array.view(f"u{array.itemsize}").copy())
        return bits.view(getattr(torch, array.dtype.name))
    return torch.from_numpy(array.copy())


def from_torch(tensor: Any) -> Any:
    import ml_dtypes
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if name not in NATIVE:
        bits = tensor.view(torch.uint8 if tensor.itemsize == 1 else torch.uint16)
        return bits.numpy().view(getattr(ml_dtypes, name))
    return tensor.numpy()


def to_jax(array: Any) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.numpy.array(array)


def to_tensorflow(array: Any) -> Any:
    import tensorflow as tf

    return tf.constant(array)


def to_strict(array: Any) -> Any:
    import array_api_strict

    return array_api_strict.asarray(array, copy=True)


def to_arrow(array: Any) -> Any:
    import pyarrow as pa

    return pa.array(array.copy())


def to_arrow_tensor(array: Any) -> Any:
    import pyarrow as pa

    return pa.Tensor.from_numpy(array.copy())


FOREIGN = (
    Foreign(
        "torch.Tensor",
        to_torch,
        from_torch,
        lambda tensor: tensor.data_ptr(),
        "the C exchange API",
        "torch.Tensor",
        True,
        priority=1000,
        mini=("bfloat16", "float8_e4m3fn", "float8_e5m2"),
        heavy=True,
    ),
    Foreign(
        "jax.Array",
        to_jax,
        np.asarray,
        lambda array: array.unsafe_buffer_pointer(),
        "the buffer; bfloat16 and float8 by `__dlpack__`",
        "jax.Array",
        False,
        priority=100,
        mini=("bfloat16", "float8_e4m3fn", "float8_e5m2"),
        heavy=True,
    ),
    Foreign(
        "tensorflow.Tensor",
        to_tensorflow,
        lambda tensor: tensor.numpy(),
        address_by_dlpack,
        "the buffer; bfloat16 by `__dlpack__`",
        "tensorflow.Tensor",
        False,
        priority=100,
        mini=("bfloat16",),
        heavy=True,
    ),
    Foreign(
        "array_api_strict.Array",
        to_strict,
        np.asarray,
        address_by_dlpack,
        "`__dlpack__`",
        "array_api_strict.Array",
        True,
        dtypes=tuple(name for name in NATIVE if name != "float16"),
    ),
    Foreign(
        "pyarrow.Array",
        to_arrow,
        lambda array: array.to_numpy(),
        lambda array: array.buffers()[1].address,
        "`__dlpack__`; with nulls, and bools, as `numpy.asarray` does",
        "numpy.ndarray",
        False,
        dtypes=tuple(name for name in REAL if name != "bool"),
        one_axis=True,
    ),
    Foreign(
        "pyarrow.Tensor",
        to_arrow_tensor,
        lambda tensor: tensor.to_numpy(),
        address_by_dlpack,
        "the buffer",
        "numpy.ndarray",
        True,
        dtypes=tuple(name for name in REAL if name != "bool"),
    ),
)


@dataclass(frozen=True)
class Refused:
    """What has no memory that could be read: made by `make`, and the error with the way out."""

    name: str
    make: Callable[[], Any]
    error: type[Exception]
    way_out: str  # in the error's text


def torch_ones(**keywords: Any) -> Any:
    import torch

    return torch.ones(3, **keywords)


def conjugated() -> Any:
    import torch

    return torch_ones(dtype=torch.complex64).conj()


def fake() -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch_ones()


def quantised() -> Any:
    import torch

    return torch.quantize_per_tensor(torch_ones(), 0.1, 0, torch.quint8)


def parameter() -> Any:
    import torch

    return torch.nn.Parameter(torch_ones())


REFUSED = (
    Refused(
        "a tensor that requires grad",
        lambda: torch_ones(requires_grad=True),
        BufferError,
        "tensor.detach()",
    ),
    Refused("a Parameter that requires grad", parameter, BufferError, "tensor.detach()"),
    Refused("a result of one that does", lambda: parameter() * 2, BufferError, "tensor.detach()"),
    Refused("a conjugated view", conjugated, BufferError, "tensor.resolve_conj()"),
    Refused("a negated view", lambda: conjugated().imag, BufferError, "tensor.resolve_neg()"),
    Refused("a sparse tensor", lambda: torch_ones().to_sparse(), BufferError, "tensor.to_dense()"),
    Refused("an MKL-DNN tensor", lambda: torch_ones().to_mkldnn(), BufferError, "tensor.to_dense()"),
    Refused("a quantised tensor", quantised, BufferError, "tensor.dequantize()"),
    Refused("a meta tensor", lambda: torch_ones(device="meta"), BufferError, "torch.empty_like"),
    Refused("a fake tensor", fake, BufferError, "FakeTensorMode"),
)
