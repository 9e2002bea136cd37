"""How `ufunx.Array` shares its memory: DLPack, its exchange API, buffers, interfaces, `__array__`."""

import ctypes
import gc
import sys
import threading

import numpy as np
import pytest
from array_helpers import (
    MINIS,
    TABLE,
    ManagedPointer,
    SetError,
    address,
    array_over,
    filled,
    given_to_us,
    managed_in,
    memory_of,
    taken_from,
)
from producers import CODES, NATIVE, Device, Tensor, Versioned, call_deleter

import ufunx as ux

LAYOUTS = {
    "C": lambda a: a,
    "F": lambda a: a.T,
    "strided": lambda a: a[::2, ..., ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "empty": lambda a: a[:0],
}


def layout(dtype, name):
    memory = filled(dtype, (4, 3, 2))
    return memory if name == "C" else LAYOUTS[name](memory)


# A broadcast array is read-only.
@pytest.mark.parametrize(
    ("layout_name", "writable"),
    [
        (name, writable)
        for name in LAYOUTS
        for writable in (True, False)
        if name != "broadcast" or not writable
    ],
)
@pytest.mark.parametrize("dtype", [*NATIVE, *MINIS])
def test_round_trips_keep_memory_and_layout(dtype, writable, layout_name):
    memory = layout(dtype, layout_name)
    memory.flags.writeable = writable
    array = array_over(memory, dtype if dtype in MINIS else None)
    assert (array.dtype, array.shape, array.readonly) == (dtype, memory.shape, not writable)
    if memory.size:
        assert array.strides == memory.strides
        assert address(array) == memory.ctypes.data
    assert address(array[:1]) == address(array)
    again = memory_of(array) if dtype in MINIS else np.from_dlpack(array)
    # What NumPy imports is read-only before 2.2.5.
    importer_writes = dtype in MINIS or np.lib.NumpyVersion(np.__version__) >= "2.2.5"
    assert again.flags.writeable == (writable and importer_writes)
    np.testing.assert_array_equal(again, memory)
    if memory.size:
        assert (again.ctypes.data, again.strides) == (memory.ctypes.data, memory.strides)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("ndim", range(33))
def test_any_number_of_axes(ndim, dtype):
    memory = filled(dtype, ((2,) * min(ndim, 3) + (1,) * 32)[:ndim])
    array = array_over(memory, dtype if dtype in MINIS else None)
    assert (array.ndim, array.shape, array.size) == (ndim, memory.shape, memory.size)
    tensor = managed_in(array.__dlpack__(max_version=(1, 0))).tensor
    assert tensor.ndim == ndim
    assert tensor.shape[:ndim] == list(memory.shape)
    assert tensor.strides[:ndim] == [stride // memory.itemsize for stride in memory.strides]
    assert bool(tensor.shape) == bool(tensor.strides) == (ndim > 0)
    assert array.T.shape == memory.shape[::-1]
    assert array.reshape(-1).shape == (memory.size,)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="older NumPy answers otherwise")
def test_dlpack_is_asked_as_numpys():
    """The same request gets the same kind of answer from `numpy.ndarray` and from us."""
    memory = np.arange(6.0).reshape(2, 3)
    array = array_over(memory)
    requests = [
        {},
        {"stream": None, "max_version": None, "dl_device": None, "copy": None},
        *(
            {"max_version": version}
            for version in [(0, 8), (1, 0), (1, 3), (2, 0), 1, (1,), [1, 0], ("a", 0)]
        ),
        *({"stream": stream} for stream in [1, -1, "x"]),
        *({"dl_device": device} for device in [(1, 0), (2, 0), (1, 1), 1, (1,), (1, 0, 0), ("a", 0), [1, 0]]),
        *({"copy": copy, "max_version": (1, 0)} for copy in [True, False, 1, 0, "x"]),
        {"stream": 1, "max_version": 1},
        {"unknown": 1},
    ]

    def answer(producer, request):
        try:
            return str(producer.__dlpack__(**request)).split()[2]
        except (RuntimeError, BufferError) as error:
            return type(error), str(error)
        except Exception as error:
            return type(error)

    for request in requests:
        assert answer(array, request) == answer(memory, request), request
    for device in ((2, 0), (1, 1)):  # a ValueError in NumPy 2.1
        with pytest.raises(BufferError, match="unsupported device requested"):
            array.__dlpack__(dl_device=device, stream=1)
    with pytest.raises(TypeError):
        array.__dlpack__(None)
    assert array.__dlpack_device__() == memory.__dlpack_device__() == (1, 0)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_flags_of_tensors(dtype):
    array = array_over(filled(dtype, (2, 3)), dtype if dtype in MINIS else None)
    tensor = managed_in(array.__dlpack__(max_version=(1, 0)))
    assert (tensor.flags, tensor.tensor.data) == (0, address(array))
    copy = managed_in(array.T.__dlpack__(max_version=(1, 0), copy=True))
    assert copy.flags == 2
    assert copy.tensor.data != address(array)
    assert copy.tensor.strides[:2] == [1, 3]  # as the array lies
    memory = filled(dtype, 3)
    memory.flags.writeable = False
    read_only = array_over(memory, dtype if dtype in MINIS else None)
    assert managed_in(read_only.__dlpack__(max_version=(1, 0))).flags == 1
    assert managed_in(read_only.__dlpack__(max_version=(1, 0), copy=True)).flags == 2
    with pytest.raises(BufferError, match="read-only"):
        read_only.__dlpack__()
    assert "dltensor_versioned" not in str(read_only.__dlpack__(copy=True))


def test_strides_between_elements_cannot_be_shared():
    packed = np.zeros(4, [("a", "f4"), ("b", "u1")])["a"]
    array = array_over(np.zeros(4, "f4"))
    array_over(packed[:1])  # a single element has no next one
    with pytest.raises(BufferError, match="multiple"):
        array_over(packed)
    assert array.strides == (4,)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("version", [None, (1, 0)])
def test_the_deleter_runs_once_whoever_holds_the_tensor(dtype, version):
    """Counted by the references to the array that owns the memory."""
    owner = filled(dtype, 4)
    before = sys.getrefcount(owner)
    array = array_over(owner, dtype if dtype in MINIS else None)
    assert sys.getrefcount(owner) > before
    held = [array.__dlpack__(max_version=version) for _ in range(3)]
    held += [array[1:], array.T, array.reshape(2, 2)]
    if dtype == "float64":
        held += [np.from_dlpack(array), np.asarray(array), memoryview(array), np.array(array, copy=None)]
    del array
    assert sys.getrefcount(owner) > before
    del held
    gc.collect()
    assert sys.getrefcount(owner) == before


def test_a_consumer_may_delete_on_another_thread():
    owner = filled("bfloat16", 4)
    before = sys.getrefcount(owner)
    tensor = taken_from(array_over(owner, "bfloat16").__dlpack__(max_version=(1, 0)))
    assert sys.getrefcount(owner) > before
    thread = threading.Thread(target=call_deleter, args=(ctypes.addressof(tensor), Versioned))
    thread.start()
    thread.join()
    gc.collect()
    assert sys.getrefcount(owner) == before


@pytest.mark.parametrize("dtype", NATIVE)
def test_buffers_and_interfaces_of_native_dtypes(dtype):
    memory = filled(dtype, (3, 2))[::2]
    array = array_over(memory)
    view, expected = memoryview(array), memoryview(memory)
    assert (view.format, view.shape, view.strides) == (expected.format, expected.shape, expected.strides)
    assert not view.readonly
    assert view.obj is array
    interface = array.__array_interface__
    assert interface == memory.__array_interface__
    for read in (np.asarray, np.array):
        read_array = read(array, copy=None)
        assert (type(read_array), read_array.dtype) == (np.ndarray, memory.dtype)
        assert read_array.ctypes.data == memory.ctypes.data
        np.testing.assert_array_equal(read_array, memory)
    memory.flags.writeable = False
    locked = array_over(memory)
    assert memoryview(locked).readonly
    assert not np.asarray(locked).flags.writeable
    assert locked.__array_interface__["data"] == (memory.ctypes.data, True)


@pytest.mark.parametrize("dtype", MINIS)
def test_protocols_that_have_no_word_for_it_refuse(dtype):
    array = array_over(filled(dtype, 4), dtype)
    with pytest.raises(BufferError, match=f"no format for {dtype}; __dlpack__"):
        memoryview(array)
    with pytest.raises(AttributeError, match=dtype):
        array.__array_interface__
    with pytest.raises((BufferError, RuntimeError)):
        np.from_dlpack(array)


@pytest.mark.parametrize("dtype", MINIS)
def test_ndarrays_of_minis_are_those_of_ml_dtypes(dtype):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    memory = filled(dtype, (2, 3))
    array = array_over(memory, dtype)
    seen = np.asarray(array)
    assert (seen.dtype, seen.ctypes.data) == (np.dtype(getattr(ml_dtypes, dtype)), memory.ctypes.data)
    np.testing.assert_array_equal(seen.view(memory.dtype), memory)
    assert np.array(array).ctypes.data != memory.ctypes.data
    assert np.asarray(array, copy=False).ctypes.data == memory.ctypes.data
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(array, dtype="f4", copy=False)
    for target in ("f2", "f4", "f8", "i4", "c8", "?"):
        cast = np.asarray(array, dtype=target)
        assert cast.dtype == target
        np.testing.assert_array_equal(cast, seen.astype(target))


def test_without_ml_dtypes_a_dtype_of_numpys_must_be_asked_for(monkeypatch):
    array = array_over(filled("bfloat16", 4), "bfloat16")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(TypeError, match=r"ml_dtypes.*dtype='float32'"):
        np.asarray(array)
    np.testing.assert_array_equal(np.asarray(array, dtype="f4"), [-4, -3, -2, -1])


def test_torch_takes_it_and_is_taken():
    torch = pytest.importorskip("torch")
    array = array_over(filled("bfloat16", (2, 3)), "bfloat16")
    tensor = torch.from_dlpack(array)
    assert (tensor.dtype, tensor.data_ptr(), tuple(tensor.shape)) == (torch.bfloat16, address(array), (2, 3))
    assert tensor.tolist() == array.tolist()
    tensor[0, 0] = 7
    assert array[0, 0].item() == 7


# The C exchange API.


def test_the_table_says_its_version():
    assert tuple(TABLE.version) == (1, 3)
    assert not TABLE.previous


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_lent_tensors(dtype):
    memory = filled(dtype, (3, 2)).T
    array = array_over(memory, dtype if dtype in MINIS else None)
    tensor = Tensor()
    assert TABLE.borrow(array, tensor) == 0
    assert (tensor.data, tensor.ndim, tensor.byte_offset) == (memory.ctypes.data, 2, 0)
    assert (tensor.shape[:2], tensor.strides[:2]) == ([2, 3], [1, 2])
    assert (tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes) == (*CODES[dtype], 1)
    memory.flags.writeable = False
    with pytest.raises(BufferError, match="read-only"):
        TABLE.borrow(array_over(memory, dtype if dtype in MINIS else None), tensor)
    scalar = array[0, 0]
    assert TABLE.borrow(scalar, tensor) == 0
    assert (tensor.ndim, bool(tensor.shape), bool(tensor.strides)) == (0, False, False)


def test_managed_tensors_of_the_table():
    owner = filled("bfloat16", 4)
    before = sys.getrefcount(owner)
    array = array_over(owner, "bfloat16")
    out = ManagedPointer()
    assert TABLE.from_object(array, out) == 0
    assert (out.contents.tensor.data, out.contents.flags) == (owner.ctypes.data, 0)
    del array
    assert sys.getrefcount(owner) > before
    call_deleter(ctypes.addressof(out.contents), Versioned)
    assert sys.getrefcount(owner) == before


@pytest.mark.parametrize("function", ["from_object", "borrow"])
def test_other_objects_are_refused(function):
    out = Tensor() if function == "borrow" else ManagedPointer()
    for other in (np.ones(3), 1.0, None, ux.Array):
        with pytest.raises(TypeError, match=r"not a ufunx\.Array"):
            getattr(TABLE, function)(other, out)


def prototype(shape, code=2, bits=32, device=(1, 0), ndim=None):
    lengths = (ctypes.c_int64 * max(len(shape), 1))(*shape)
    return Tensor(None, Device(*device), len(shape) if ndim is None else ndim, (code, bits, 1), lengths)


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("kind", [(2, 32), (4, 16), (10, 8), (6, 8)])
def test_new_tensors(shape, kind):
    out, errors = ManagedPointer(), []
    on_error = SetError(lambda *error: errors.append(error))
    assert TABLE.allocate(prototype(shape, *kind), out, None, on_error) == 0
    tensor = out.contents.tensor
    assert (tensor.dtype.code, tensor.dtype.bits, tensor.shape[: len(shape)]) == (*kind, list(shape))
    made = given_to_us(out)
    assert made.shape == shape
    assert not made.readonly
    assert errors == []


def test_tensors_that_cannot_be_made():
    wrong = [
        (prototype((3,), device=(2, 0)), "cuda:0"),
        (prototype((3,), bits=33), "float33"),
        (prototype((-1,)), "shape"),
        (prototype((3,), ndim=-1), "shape"),
        (prototype((3,), ndim=1000), "shape"),
        (prototype((1 << 62, 1 << 62)), "too big"),
    ]
    for tensor, text in wrong:
        errors = []
        on_error = SetError(lambda context, kind, message, errors=errors: errors.append((kind, message)))
        assert TABLE.allocate(tensor, ManagedPointer(), None, on_error) == -1
        ((kind, message),) = errors
        assert kind in (b"BufferError", b"ValueError")
        assert text in message.decode()


def test_streams_are_others():
    stream = ctypes.c_void_p(1)
    assert TABLE.current_stream(1, 0, stream) == 0
    assert stream.value is None
    with pytest.raises(BufferError, match="cuda:1"):
        TABLE.current_stream(2, 1, stream)
