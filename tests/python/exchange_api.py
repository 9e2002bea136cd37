"""Types with DLPack's C exchange API, as torch's and tvm's have it, by ctypes alone."""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from producers import (
    CODES,
    NATIVE,
    Modern,
    Producer,
    Tensor,
    Version,
    Versioned,
    call_deleter,
    new_capsule,
    pythonapi,
)

c_void_p, c_int, POINTER = ctypes.c_void_p, ctypes.c_int, ctypes.POINTER


class Header(ctypes.Structure):
    pass


Header._fields_ = (("version", Version), ("previous", POINTER(Header)))

OUT = POINTER(c_void_p)
ALLOCATE = ctypes.CFUNCTYPE(c_int, POINTER(Tensor), OUT, c_void_p, c_void_p)
FROM_OBJECT = ctypes.CFUNCTYPE(c_int, c_void_p, OUT)
TO_OBJECT = ctypes.CFUNCTYPE(c_int, c_void_p, OUT)
BORROW = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(Tensor))
STREAM = ctypes.CFUNCTYPE(c_int, ctypes.c_int32, ctypes.c_int32, OUT)


class Api(ctypes.Structure):
    _fields_ = (
        ("header", Header),
        ("allocate", c_void_p),
        ("from_object", c_void_p),
        ("to_object", c_void_p),
        ("borrow", c_void_p),
        ("current_stream", c_void_p),
    )


# A function of C that fails with what the object's `__bool__` raises: code behind ctypes leaves no exception.
RAISES = ctypes.cast(pythonapi.PyObject_IsTrue, c_void_p)
_FOR_EVER: list[Any] = []  # tables live as long as the process


def object_at(pointer: int) -> Any:
    """The object that C passes."""
    return ctypes.cast(pointer, ctypes.py_object).value


def adopt(managed: int) -> Any:
    """A versioned tensor's memory as an array, with which it is given back."""
    tensor = Versioned.from_address(managed).tensor
    names = {code: name for name, code in CODES.items()}
    name = names[tensor.dtype.code, tensor.dtype.bits]
    if name not in NATIVE:
        import ml_dtypes

        name = getattr(ml_dtypes, name)
    dtype, shape = np.dtype(name), tensor.shape[: tensor.ndim]
    if 0 in shape:
        call_deleter(managed, Versioned)
        return np.empty(shape, dtype)
    strides = [step * dtype.itemsize for step in tensor.strides[: tensor.ndim]]
    assert all(stride >= 0 for stride in strides)
    extent = dtype.itemsize + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    memory = (ctypes.c_char * extent).from_address(tensor.data + tensor.byte_offset)
    weakref.finalize(memory, call_deleter, managed, Versioned)
    return np.ndarray(shape, dtype, memory, 0, strides)


class Exchanging(Modern):
    """The base of types with a table of C functions; `exchanging` makes them."""

    borrowed = taken = wrapped = 0  # how often each function ran, of a type
    refusal: type[BaseException] | None = None

    def __bool__(self) -> bool:
        if self.refusal is not None:
            raise self.refusal("mine")
        return True


def exchanging(
    *,
    version: tuple[int, int] = (1, 3),
    borrow: Callable[..., int] | Any = True,
    from_object: Callable[..., int] | Any = True,
    to_object: Callable[..., int] | Any = True,
    previous: Any = None,
    name: bytes = b"dlpack_exchange_api",
    base: type = Exchanging,
    **attributes: Any,
) -> Any:
    """A new type with a table of functions: each True for one that works, None for a null pointer, code, or
    an address. `previous` is the table of an older version.
    """
    cls: Any = type("Exchanging", (base,), attributes)

    def borrows(pointer: int, tensor: Any) -> int:
        obj = object_at(pointer)
        cls.borrowed += 1
        obj.lent = Tensor()  # holds lengths and strides while the object lives
        obj.producer.fill(obj.lent)
        ctypes.pointer(tensor.contents)[0] = obj.lent
        return 0

    def gives(pointer: int, out: Any) -> int:
        cls.taken += 1
        out[0] = object_at(pointer).producer.managed()
        return 0

    def wraps(managed: int, out: Any) -> int:
        cls.wrapped += 1
        result = cls(adopt(managed))
        pythonapi.Py_IncRef(ctypes.py_object(result))
        out[0] = id(result)
        return 0

    def allocates(prototype: Any, out: Any, context: int, set_error: int) -> int:
        tensor = prototype.contents
        names = {code: name for name, code in CODES.items()}
        dtype = names[tensor.dtype.code, tensor.dtype.bits]
        out[0] = Producer(np.empty(tensor.shape[: tensor.ndim], dtype)).managed()
        return 0

    def stream(kind: int, number: int, out: Any) -> int:
        out[0] = None
        return 0

    def pointer(function: Any, default: Callable[..., int], kind: Any) -> Any:
        if function is None or isinstance(function, c_void_p):
            return function
        _FOR_EVER.append(callback := kind(default if function is True else function))
        return ctypes.cast(callback, c_void_p)

    table = Api(
        Header(Version(*version)),
        pointer(True, allocates, ALLOCATE),
        pointer(from_object, gives, FROM_OBJECT),
        pointer(to_object, wraps, TO_OBJECT),
        pointer(borrow, borrows, BORROW),
        pointer(True, stream, STREAM),
    )
    if previous is not None:
        table.header.previous = ctypes.pointer(previous.header)
    _FOR_EVER.append((table, name))
    cls.table = table
    cls.__dlpack_c_exchange_api__ = new_capsule(ctypes.addressof(table), name)
    return cls
