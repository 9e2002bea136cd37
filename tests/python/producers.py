"""DLPack tensors and the objects that hand them out, as a small C extension has them, by ctypes alone.

A `Producer` tells of an array's memory field by field, and every field can be a lie. What it hands out is
counted until the deleter was called: `assert_all_given_back` after a test finds what was kept, and what was
given back twice.
"""

import ctypes
import gc
import threading
from collections.abc import Callable
from typing import Any

pythonapi = ctypes.pythonapi
c_void_p, c_int, POINTER = ctypes.c_void_p, ctypes.c_int, ctypes.POINTER

# --- The structures of dlpack.h 1.3 ---


class Version(ctypes.Structure):
    _fields_ = (("major", ctypes.c_uint32), ("minor", ctypes.c_uint32))


class Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("id", ctypes.c_int32))


class DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class Tensor(ctypes.Structure):
    _fields_ = (
        ("data", c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", POINTER(ctypes.c_int64)),
        ("strides", POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class Unversioned(ctypes.Structure):
    _fields_ = (("tensor", Tensor), ("manager", c_void_p), ("deleter", c_void_p))


class Versioned(ctypes.Structure):
    _fields_ = (
        ("version", Version),
        ("manager", c_void_p),
        ("deleter", c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    )


Managed = Unversioned | Versioned
READ_ONLY, IS_COPIED = 1, 2
DELETER = ctypes.CFUNCTYPE(None, c_void_p)

# Dtypes by name: DLPack's code and bits.
CODES = {
    **{f"int{bits}": (0, bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (1, bits) for bits in (8, 16, 32, 64)},
    **{f"float{bits}": (2, bits) for bits in (16, 32, 64)},
    **{f"complex{bits}": (5, bits) for bits in (64, 128)},
    "bool": (6, 8),
    "bfloat16": (4, 16),
    "float8_e4m3fn": (10, 8),
    "float8_e5m2": (12, 8),
}
NATIVE = tuple(name for name in CODES if name not in ("bfloat16", "float8_e4m3fn", "float8_e5m2"))


def address(array: Any) -> int:
    """Where an array's first element lies."""
    return array.__array_interface__["data"][0]


# --- What was handed out ---

_OUT: dict[int, tuple["Producer", Managed]] = {}  # by address, until the deleter is called
_STRAY: list[int] = []  # deleted though not out
_LATE: dict[int, tuple["Producer", Managed]] = {}  # out when a test ended, and complained of


@DELETER
def _delete(managed: int) -> None:
    producer, _ = _OUT.pop(managed, (None, None))
    if producer is None:
        if managed not in _LATE:
            _STRAY.append(managed)
        return
    producer.deleted_by.append(threading.get_ident())
    if callable(producer.deleter):
        producer.deleter()


# A tensor may outlive this module, when a test failed and its frames are kept.
pythonapi.Py_IncRef(ctypes.py_object(_delete))


def assert_all_given_back() -> None:
    """Every tensor that was handed out had its deleter called, once."""
    if _OUT:
        gc.collect()
    kept, stray = len(_OUT), len(_STRAY)
    _LATE.update(_OUT)
    _OUT.clear()
    _STRAY.clear()
    assert (kept, stray) == (0, 0), f"{kept} tensors were kept, {stray} deleted twice"


# Of the capsule itself: a pointer and not an object, or it would come back to life.
DESTRUCTOR = ctypes.PYFUNCTYPE(None, c_void_p)
pythonapi.PyCapsule_New.argtypes = (c_void_p, ctypes.c_char_p, c_void_p)
pythonapi.PyCapsule_New.restype = ctypes.py_object
pythonapi.PyCapsule_IsValid.argtypes = (c_void_p, ctypes.c_char_p)
pythonapi.PyCapsule_GetPointer.argtypes = (c_void_p, ctypes.c_char_p)
pythonapi.PyCapsule_GetPointer.restype = c_void_p
pythonapi.PyCapsule_GetName.argtypes = (ctypes.py_object,)
pythonapi.PyCapsule_GetName.restype = ctypes.c_char_p
UNVERSIONED_NAME, VERSIONED_NAME = b"dltensor", b"dltensor_versioned"
_CAPSULES: dict[int, tuple[bytes, type[Managed]]] = {}  # by address, what they were called


@DESTRUCTOR
def _destroy(capsule: int) -> None:
    """A consumer that takes the tensor over renames the capsule; else the tensor goes with it."""
    name, kind = _CAPSULES.pop(capsule)
    if pythonapi.PyCapsule_IsValid(capsule, name):
        call_deleter(pythonapi.PyCapsule_GetPointer(capsule, name), kind)


pythonapi.Py_IncRef(ctypes.py_object(_destroy))


def call_deleter(managed: int, kind: type[Managed]) -> None:
    """As the owner of a tensor does when done with it."""
    if deleter := kind.from_address(managed).deleter:
        DELETER(deleter)(managed)


def tensor_of(capsule: Any) -> Tensor:
    """What a capsule holds that nobody took, good while the capsule lives."""
    for name, kind in ((UNVERSIONED_NAME, Unversioned), (VERSIONED_NAME, Versioned)):
        if pythonapi.PyCapsule_IsValid(id(capsule), name):
            return kind.from_address(pythonapi.PyCapsule_GetPointer(id(capsule), name)).tensor
    raise ValueError(f"a capsule named {name_of(capsule)!r}")


def data_of(obj: Any) -> int:
    """Where the first element lies of anything that exports DLPack."""
    capsule = obj.__dlpack__(max_version=(1, 0))  # keeps the tensor while it is read
    tensor = tensor_of(capsule)
    return (tensor.data or 0) + tensor.byte_offset


def name_of(capsule: Any) -> bytes:
    """What a capsule is called now."""
    return pythonapi.PyCapsule_GetName(capsule)


def new_capsule(pointer: int, name: bytes | None, destructor: Any = None) -> Any:
    """A capsule whose name the caller keeps alive."""
    return pythonapi.PyCapsule_New(pointer, name, ctypes.cast(destructor, c_void_p) if destructor else None)


# --- Producers ---

OF_ARRAY: Any = object()


class Producer:
    """Tensors over an array's memory, each field as the array has it where nothing else is asked for.

    `shape=None` and `strides=None` are null pointers; so is `deleter=None`, which else may be code to run, or
    an address.
    """

    def __init__(
        self,
        array: Any,
        *,
        versioned: bool = True,
        version: tuple[int, int] = (1, 3),
        name: bytes | None = None,
        device: tuple[int, int] = (1, 0),
        dtype: tuple[int, ...] | None = None,
        ndim: int | None = None,
        shape: Any = OF_ARRAY,
        strides: Any = OF_ARRAY,
        byte_offset: int = 0,
        flags: int | None = None,
        data: int | None = OF_ARRAY,
        deleter: Callable[[], object] | int | None = lambda: None,
    ) -> None:
        self.array, self.versioned, self.version, self.device = array, versioned, version, device
        self.name = name or (VERSIONED_NAME if versioned else UNVERSIONED_NAME)
        self.dtype = (*(dtype or CODES[array.dtype.name]), 1)[:3]
        self.ndim = array.ndim if ndim is None else ndim
        self.shape = array.shape if shape is OF_ARRAY else shape
        steps = tuple(stride // array.itemsize for stride in array.strides)
        self.strides = steps if strides is OF_ARRAY else strides
        self.byte_offset = byte_offset
        self.flags = (0 if array.flags.writeable else READ_ONLY) if flags is None else flags
        self.data = address(array) - byte_offset if data is OF_ARRAY else data
        self.deleter = deleter
        self.made = 0
        self.deleted_by: list[int] = []  # the threads
        self.kept: list[Managed] = []  # those that no deleter lets go of

    @property
    def deleted(self) -> int:
        """How many tensors came back."""
        return len(self.deleted_by)

    def fill(self, tensor: Tensor) -> None:
        """Write the fields; lengths and strides live as long as the structure."""
        tensor.data, tensor.device, tensor.ndim = self.data, Device(*self.device), self.ndim
        tensor.dtype, tensor.byte_offset = DataType(*self.dtype), self.byte_offset
        for field in ("shape", "strides"):
            if (values := getattr(self, field)) is not None:
                setattr(tensor, field, (ctypes.c_int64 * len(values))(*values))

    def managed(self) -> int:
        """A new tensor, which the caller owns."""
        structure = (Versioned if self.versioned else Unversioned)()
        if self.versioned:
            structure.version, structure.flags = Version(*self.version), self.flags
        self.fill(structure.tensor)
        where = ctypes.addressof(structure)
        self.made += 1
        if callable(self.deleter):
            structure.deleter = ctypes.cast(_delete, c_void_p)
            _OUT[where] = (self, structure)
        else:
            structure.deleter = self.deleter
            self.kept.append(structure)
        return where

    def capsule(self) -> Any:
        """A new tensor in a capsule."""
        capsule = new_capsule(self.managed(), self.name, _destroy)
        _CAPSULES[id(capsule)] = self.name, Versioned if self.versioned else Unversioned
        return capsule


class Modern:
    """Hands out a producer's tensors and takes every keyword; `asked` has what it was called with."""

    takes = frozenset(("stream", "max_version", "dl_device", "copy"))

    def __init__(self, producer: Any) -> None:
        self.producer = producer if isinstance(producer, Producer) else Producer(producer)
        self.asked: list[dict[str, Any]] = []

    def __dlpack__(self, **keywords: Any) -> Any:
        self.asked.append(keywords)
        if unknown := set(keywords) - self.takes:
            raise TypeError(f"__dlpack__() got an unexpected keyword argument '{sorted(unknown)[0]}'")
        return self.producer.capsule()

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.producer.device


class Old(Modern):
    """As of before 1.0: knows streams only."""

    takes = frozenset(("stream",))


class Oldest(Modern):
    """Takes no keyword at all."""

    takes = frozenset()


def returning(answer: Any, device: Any = (1, 0)) -> Any:
    """An object whose `__dlpack__` returns or raises just that, and whose device is that."""

    class Returning:
        def __dlpack__(self, **keywords: Any) -> Any:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        def __dlpack_device__(self) -> Any:
            if isinstance(device, BaseException):
                raise device
            return device

    return Returning()
