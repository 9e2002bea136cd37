"""`ufunx.Array`s over memory that a test knows, made by the C exchange API of the class."""

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int32, c_uint32, c_void_p
from typing import Any

import numpy as np
from producers import CODES, NATIVE, VERSIONED_NAME, Tensor, Versioned, data_of, pythonapi

import ufunx as ux

# What NumPy has no dtype for, and what it holds such elements in.
MINIS = {name: f"u{CODES[name][1] // 8}" for name in CODES if name not in NATIVE}

SetError = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_char_p)
ManagedPointer = POINTER(Versioned)


class Table(ctypes.Structure):
    """A `DLPackExchangeAPI`. `PYFUNCTYPE` holds the GIL and raises the exception that a function has set."""

    _fields_ = (
        ("version", c_uint32 * 2),
        ("previous", c_void_p),
        (
            "allocate",
            ctypes.CFUNCTYPE(c_int, POINTER(Tensor), POINTER(ManagedPointer), c_void_p, SetError),
        ),
        ("from_object", ctypes.PYFUNCTYPE(c_int, ctypes.py_object, POINTER(ManagedPointer))),
        ("to_object", ctypes.PYFUNCTYPE(c_int, ManagedPointer, POINTER(ctypes.py_object))),
        ("borrow", ctypes.PYFUNCTYPE(c_int, ctypes.py_object, POINTER(Tensor))),
        ("current_stream", ctypes.PYFUNCTYPE(c_int, c_int32, c_int32, POINTER(c_void_p))),
    )


_CAPSULE: Any = ux.Array.__dlpack_c_exchange_api__
TABLE = Table.from_address(pythonapi.PyCapsule_GetPointer(id(_CAPSULE), b"dlpack_exchange_api"))
pythonapi.PyCapsule_SetName.argtypes = (c_void_p, c_char_p)
pythonapi.Py_DecRef.argtypes = (ctypes.py_object,)
_USED = b"used_dltensor_versioned"  # a capsule keeps a pointer to its name


def managed_in(capsule: Any) -> Any:
    """The tensor of a capsule, which stays the capsule's."""
    managed = Versioned.from_address(pythonapi.PyCapsule_GetPointer(id(capsule), VERSIONED_NAME))
    managed.capsule = capsule  # keeps the tensor
    return managed


def taken_from(capsule: Any) -> Any:
    """The same, the caller's from now on."""
    managed = managed_in(capsule)
    pythonapi.PyCapsule_SetName(id(capsule), _USED)
    return managed


def given_to_us(managed: Any) -> Any:
    """The `Array` that the exchange API makes of a tensor, which it takes over."""
    made = ctypes.py_object()
    TABLE.to_object(managed, made)
    array = made.value
    pythonapi.Py_DecRef(made)
    return array


def array_over(memory: Any, dtype: str | None = None) -> Any:
    """An `Array` on the memory of an ndarray, of the dtype of that name if NumPy does not know it."""
    managed = taken_from(memory.__dlpack__(max_version=(1, 0)))
    if dtype is not None:
        managed.tensor.dtype.code, managed.tensor.dtype.bits = CODES[dtype]
    return given_to_us(managed)


def address(array: Any) -> int:
    """Where an `Array`'s first element lies."""
    return data_of(array)


def memory_of(array: Any) -> Any:
    """The elements of an `Array` of bfloat16 or float8 as unsigned integers over the same memory."""
    managed = taken_from(array.__dlpack__(max_version=(1, 0)))
    managed.tensor.dtype.code = 1
    return np.asarray(given_to_us(managed))


def bits(values: Any, dtype: str) -> Any:
    """Numbers as elements of that dtype, bfloat16 or float8."""
    return memory_of(array_over(np.asarray(values, "f4")).astype(dtype))


def filled(dtype: str, shape: Any) -> Any:
    """An ndarray of such a shape with values that its dtype holds; for bfloat16 and float8 their bits."""
    size = int(np.prod(shape))
    if dtype in MINIS:
        return bits(np.arange(size) % 13 - 4, dtype).reshape(shape)
    return (np.arange(size) % 100).astype(dtype).reshape(shape)
