"""`ufunx.from_dlpack` on every kind of tensor: the memory is the producer's own, and goes back to it once."""

import ctypes
import gc
import itertools
import os
import subprocess
import sys
import threading

import exchange_api
import numpy as np
import producers
import pytest
from producers import NATIVE, READ_ONLY, Modern, Old, Oldest, Producer, address, data_of

import ufunx as ux

FORMS = (Modern, Old, Oldest)
# Fewer where every instruction is watched: `make valgrind`.
FEWER = int(os.environ.get("UFUNX_TEST_FEWER", "1"))


@pytest.fixture(autouse=True)
def everything_goes_back():
    yield
    producers.assert_all_given_back()


def filled(shape, dtype):
    """An array of values that differ, where the dtype has so many."""
    size = int(np.prod(shape))
    return (np.arange(size) % (2 if dtype == "bool" else 100)).astype(dtype).reshape(shape)


def layouts(ndim, dtype):
    """Arrays of that many axes in every layout, the first three longer than one."""
    shape = (3, 2, 4)[:ndim] + (1,) * (ndim - 3)
    yield filled(shape, dtype)
    yield np.asfortranarray(filled(shape, dtype))
    if ndim == 0:
        yield filled(5, dtype)[3:][0:1].reshape(())
        return
    double = filled((2 * shape[0], *shape[1:]), dtype)
    yield double[::2]
    yield filled(shape, dtype)[::-1]
    yield double[::-2]
    yield double[shape[0] :]
    yield np.lib.stride_tricks.as_strided(filled(1, dtype), shape, (0,) * ndim)
    yield np.lib.stride_tricks.as_strided(double, shape, (*double.strides[:-1], 0))
    yield filled((*shape[:-1], 0), dtype)


def read_only(array):
    """A view that nobody may write to."""
    view = array.view()
    view.flags.writeable = False
    return view


def assert_is_memory_of(imported, array, writable):
    """An exact array over the same memory."""
    assert type(imported) is np.ndarray
    assert imported.dtype == array.dtype
    assert imported.shape == array.shape
    longer = [i for i, length in enumerate(array.shape) if length > 1 and array.size]
    assert [imported.strides[i] for i in longer] == [array.strides[i] for i in longer]
    assert address(imported) == address(array) or array.size == 0
    assert imported.flags.writeable == writable
    assert imported.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", NATIVE)
def test_every_layout_and_ndim(dtype):
    for ndim in range(0, 33, FEWER):
        for array in layouts(ndim, dtype):
            for each in (array, read_only(array)):
                imported = ux.from_dlpack(Modern(each))
                assert_is_memory_of(imported, array, each.flags.writeable)
                del imported
            assert_is_memory_of(ux.from_dlpack(Oldest(Producer(array, versioned=False))), array, False)


@pytest.mark.parametrize("dtype", NATIVE)
def test_arrays_themselves(dtype):
    for array in itertools.chain(layouts(0, dtype), layouts(3, dtype)):
        assert_is_memory_of(ux.from_dlpack(array), array, True)
        assert_is_memory_of(ux.from_dlpack(read_only(array)), array, False)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_what_numpy_has_no_dtype_for(dtype, form):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.array([[1.5, -2.0, 0.25], [3.0, np.inf if "e4m3" not in dtype else 7, np.nan]])
    array = values.astype(getattr(ml_dtypes, dtype))
    for view in (array, array.T, array[:, ::2], array[::-1], array[1, 2]):
        view = np.asarray(view)
        producer = Producer(view, versioned=form is Modern)
        imported = ux.from_dlpack(form(producer))
        assert type(imported) is ux.Array
        assert str(imported.dtype) == dtype
        assert imported.shape == view.shape
        assert data_of(imported) == address(view)
        there = np.asarray(imported)
        assert there.dtype == view.dtype
        assert there.tobytes() == view.tobytes()


def test_the_most_axes():
    """As many as NumPy's arrays have; of 65 and of -1 there is none."""
    most = filled((1,) * 64, "float32")
    assert_is_memory_of(ux.from_dlpack(Modern(most)), most, True)
    for ndim in (65, 1000, 2**31 - 1, -1, -(2**31)):
        producer = Producer(most, ndim=ndim, shape=(1,) * 65, strides=(1,) * 65)
        with pytest.raises(BufferError):
            ux.from_dlpack(Modern(producer))
        assert producer.made == producer.deleted == 1


@pytest.mark.parametrize("form", FORMS)
def test_null_strides_are_those_of_c_order(form):
    array = filled((3, 1, 4), "float32")
    imported = ux.from_dlpack(form(Producer(array, strides=None, versioned=form is Modern)))
    assert_is_memory_of(imported, array, form is Modern)


def test_a_scalar_needs_no_shape():
    array = np.array(2.5)
    assert_is_memory_of(ux.from_dlpack(Modern(Producer(array, shape=None, strides=None))), array, True)


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2), (0, 0), (2**20, 0)])
@pytest.mark.parametrize("strides", ["null", "odd"])
@pytest.mark.parametrize("null", [True, False])
def test_no_elements(shape, strides, null):
    """Their strides say nothing, and their memory need not be."""
    array = np.empty((0,), "float32")
    strides = None if strides == "null" else tuple(7 - 5 * i for i in range(len(shape)))
    fields = {"ndim": len(shape), "shape": shape, "strides": strides}
    if null:
        fields["data"] = None
    imported = ux.from_dlpack(Modern(Producer(array, **fields)))
    assert (imported.shape, imported.size, imported.dtype) == (shape, 0, "float32")
    assert imported.flags.writeable
    assert ux.exp(imported).shape == shape
    assert ux.add.reduce(imported, axis=None) == 0


def test_no_elements_in_many_rows():
    """They are not walked, whatever their strides."""
    code = """if True:
        import numpy as np, ufunx as ux
        rows = np.lib.stride_tricks.as_strided(np.empty(0, "f4"), (1 << 40, 0), (4, 4))
        assert ux.exp(rows).shape == (1 << 40, 0)
        assert ux.add.reduce(rows, axis=None) == 0
        assert ux.add.reduce(rows).shape == (0,)
        assert ux.add.reduce(rows.T, axis=None) == 0
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("byte_offset", [4, 64, 2**40])
def test_byte_offset(byte_offset):
    array = filled(5, "int32")
    if array.ctypes.data < byte_offset:
        pytest.skip("this interpreter's memory begins below that")
    assert_is_memory_of(ux.from_dlpack(Modern(Producer(array, byte_offset=byte_offset))), array, True)


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("shift", [1, 3])
def test_misaligned(dtype, shift):
    """Elements that lie anywhere: read in place, or copied."""
    array = filled(50, dtype)
    memory = np.zeros(array.nbytes + 16, np.uint8)
    memory[shift : shift + array.nbytes] = array.view(np.uint8)
    misaligned = np.ndarray(50, dtype, memory, shift)
    imported = ux.from_dlpack(Modern(misaligned))
    assert imported.tobytes() == array.tobytes()
    if address(imported) == address(misaligned):
        assert not imported.flags.aligned
    np.testing.assert_array_equal(ux.add(imported, imported), array + array, strict=True)
    np.testing.assert_array_equal(ux.add(Modern(misaligned), array), array + array, strict=True)


def test_written_through():
    array = filled(4, "float64")
    ux.from_dlpack(Modern(array))[1] = -7
    assert array[1] == -7
    ux.multiply(array, 2, out=ux.from_dlpack(Modern(array)))
    assert array[1] == -14


@pytest.mark.parametrize("versioned", [True, False])
def test_read_only(versioned):
    """Nothing says of an unversioned tensor that one may write."""
    array = filled(4, "float64")
    imported = ux.from_dlpack(Modern(Producer(array, versioned=versioned, flags=READ_ONLY)))
    with pytest.raises(ValueError, match="read-only"):
        imported[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        imported.flags.writeable = True


# --- What producers are asked for ---


def answer(module, obj, **keywords):
    """What came of an import: the array or the error."""
    try:
        return module.from_dlpack(obj, **keywords)
    except Exception as error:
        return error


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("copy", [None, True, False, "left out"])
@pytest.mark.parametrize("device", [None, "cpu", "left out"])
def test_a_producer_is_asked_as_numpy_asks(form, copy, device):
    array = filled(4, "float32")
    keywords = {"copy": copy, "device": device}
    keywords = {name: value for name, value in keywords.items() if value != "left out"}
    ours, theirs = form(Producer(array, versioned=form is Modern)), form(Producer(array))
    got, wanted = answer(ux, ours, **keywords), answer(np, theirs, **keywords)
    assert type(got) is type(wanted)
    for asked in ours.asked + theirs.asked:
        assert asked.pop("max_version", (1, 0)) >= (1, 0)
        assert asked.pop("stream", None) is None
    assert ours.asked == theirs.asked


class Error(Exception):
    """Of a producer's own."""


@pytest.mark.parametrize("error", [BufferError, RuntimeError, AttributeError, KeyboardInterrupt, Error])
def test_a_producers_error_is_the_answer(error):
    asked = []

    class Raises(Modern):
        def __dlpack__(self, **keywords):
            asked.append(keywords)
            raise error("mine")

    with pytest.raises(error, match=r"^mine$"):
        ux.from_dlpack(Raises(filled(3, "int8")))
    assert len(asked) == 1


def test_only_a_type_error_is_tried_again():
    """Once, bare; and not where the caller asked for what only the new keywords can say."""
    asked = []

    class Raises(Modern):
        def __dlpack__(self, **keywords):
            asked.append(set(keywords))
            raise TypeError("mine")

    obj, full = Raises(filled(3, "int8")), {"max_version", "dl_device", "copy"}
    for keywords, times in (({}, 2), ({"copy": True}, 1), ({"copy": False}, 1), ({"device": "cpu"}, 1)):
        asked.clear()
        with pytest.raises(TypeError, match=r"^mine$"):
            ux.from_dlpack(obj, **keywords)
        assert asked == [full, set()][:times]


@pytest.mark.parametrize(
    "call",
    [
        lambda module: module.from_dlpack(),
        lambda module: module.from_dlpack(np.ones(2), None),
        lambda module: module.from_dlpack(x=np.ones(2)),
        lambda module: module.from_dlpack(np.ones(2), bogus=1),
        lambda module: module.from_dlpack(np.ones(2).__dlpack__()),
        lambda module: module.from_dlpack(3),
        lambda module: module.from_dlpack([1.0]),
        lambda module: module.from_dlpack(None),
        lambda module: module.from_dlpack(np.ones(2), device="gpu"),
        lambda module: module.from_dlpack(np.ones(2), device=1),
        lambda module: module.from_dlpack(np.ones(2), device=(1, 0)),
        lambda module: module.from_dlpack(np.ones(2), copy=np.ones(3)),
        lambda module: module.from_dlpack(np.array(["a"])),
        lambda module: module.from_dlpack(np.ones(2, object)),
        lambda module: module.from_dlpack(np.ones(2, ">f8")),
        lambda module: module.from_dlpack(np.ones(2, "g")),
        lambda module: module.from_dlpack(np.zeros(3, "i4,i1")["f0"]),
    ],
)
def test_errors_are_numpys(call):
    with pytest.raises(Exception) as theirs:
        call(np)
    with pytest.raises(theirs.type):
        call(ux)


def test_an_object_with_one_method_only():
    """NumPy asks for no device; it is the tensor that says."""

    class OneMethod:
        def __dlpack__(self, **keywords):
            return producer.capsule()

    producer = Producer(filled(3, "int16"))
    assert_is_memory_of(ux.from_dlpack(OneMethod()), producer.array, True)


# --- What is refused ---


@pytest.mark.parametrize("kind", [3, 11, 13])
@pytest.mark.parametrize("form", FORMS)
def test_memory_of_a_device_that_the_cpu_reads(form, kind):
    array = filled((2, 3), "float32")
    imported = ux.from_dlpack(form(Producer(array, device=(kind, 1), versioned=form is Modern)))
    assert_is_memory_of(imported, array, form is Modern)


DEVICES = {2: "cuda", 4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 12: "ext_dev", 14: "oneapi", 99: "99"}


@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize("form", FORMS)
def test_another_device_is_named(form, kind):
    producer = Producer(filled(3, "float32"), device=(kind, 1), versioned=form is Modern)
    with pytest.raises(BufferError, match=DEVICES[kind]):
        ux.from_dlpack(form(producer))
    assert producer.made == producer.deleted


DTYPES = {
    (0, 4, 1): "int4",
    (0, 128, 1): "int128",
    (1, 1, 1): "uint1",
    (2, 32, 4): "float32x4",
    (2, 80, 1): "float80",
    (2, 128, 1): "float128",
    (2, 8, 1): "float8",
    (3, 64, 1): "opaque",
    (4, 32, 1): "bfloat32",
    (4, 16, 2): "bfloat16x2",
    (5, 32, 1): "complex32",
    (5, 192, 1): "complex192",
    (6, 1, 1): "bool",
    (6, 32, 1): "bool",
    (7, 8, 1): "float8_e3m4",
    (14, 8, 1): "float8_e8m0fnu",
    (17, 4, 1): "float4_e2m1fn",
    (17, 4, 2): "float4_e2m1fn",
    (200, 8, 1): "200",
    (2, 0, 1): "float0",
    (0, 255, 65535): "int255",
    (2, 32, 0): "float32",
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("versioned", [True, False])
def test_another_dtype_is_named(dtype, versioned):
    producer = Producer(filled(3, "float64"), dtype=dtype, versioned=versioned)
    with pytest.raises(BufferError, match=DTYPES[dtype]):
        ux.from_dlpack(Modern(producer))
    assert producer.made == producer.deleted == 1


@pytest.mark.parametrize("version", [(2, 0), (17, 3), (2**32 - 1, 0)])
def test_another_major_version(version):
    """Beyond its deleter nothing of the structure is known."""
    nonsense = {"shape": None, "ndim": 3, "data": 8, "strides": None}
    producer = Producer(filled(3, "float64"), version=version, **nonsense)
    with pytest.raises(BufferError, match=str(version[0])):
        ux.from_dlpack(Modern(producer))
    assert producer.made == producer.deleted == 1


def test_a_later_minor_version():
    array = filled(3, "float64")
    assert_is_memory_of(ux.from_dlpack(Modern(Producer(array, version=(1, 99)))), array, True)


# --- Ownership ---


@pytest.mark.parametrize("form", FORMS)
def test_owned_by_what_was_made_of_it(form):
    producer = Producer(filled((3, 4), "float64"), versioned=form is Modern)
    obj = form(producer)
    imported = ux.from_dlpack(obj)
    view = imported[1:, ::2].T
    again = ux.from_dlpack(view) if form is Modern else np.asarray(view)
    assert (producer.made, producer.deleted) == (1, 0)
    del imported, view
    assert producer.deleted == 0
    assert again.tolist() == producer.array[1:, ::2].T.tolist()
    del again
    assert producer.deleted == 1


@pytest.mark.parametrize("versioned", [True, False])
def test_the_capsule_is_renamed(versioned):
    """Its destructor must let the tensor be; whoever comes second gets an error."""
    producer = Producer(filled(3, "float32"), versioned=versioned)
    capsule = producer.capsule()
    imported = ux.from_dlpack(producers.returning(capsule))
    assert producers.name_of(capsule) == b"used_" + producer.name
    with pytest.raises((BufferError, ValueError)):
        ux.from_dlpack(producers.returning(capsule))
    del capsule
    assert producer.deleted == 0
    assert imported.tolist() == [0, 1, 2]
    del imported
    assert producer.deleted == 1


@pytest.mark.parametrize("versioned", [True, False])
def test_given_back_on_another_thread(versioned):
    producer = Producer(filled(1000, "float32"), versioned=versioned)
    held = [ux.from_dlpack(Modern(producer))]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert len(producer.deleted_by) == 1
    assert producer.deleted_by[0] != threading.get_ident()


@pytest.mark.parametrize("versioned", [True, False])
def test_given_back_while_an_exception_flies(versioned):
    producer = Producer(filled(3, "float32"), versioned=versioned)

    def fail():
        imported = ux.from_dlpack(Modern(producer))
        raise Error(imported.sum())

    with pytest.raises(Error, match=r"^3\.0$"):
        fail()
    gc.collect()
    assert producer.deleted == 1


def test_given_back_with_a_cycle():
    producer = Producer(filled(3, "float32"))
    cycle = [ux.from_dlpack(Modern(producer))]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert producer.deleted == 1


def test_no_deleter():
    """A null pointer says that there is nothing to do."""
    for versioned in (True, False):
        producer = Producer(filled(3, "float32"), versioned=versioned, deleter=None)
        imported = ux.from_dlpack(Modern(producer))
        assert imported.tolist() == [0, 1, 2]
        del imported
        assert len(producer.kept) == 1


@pytest.mark.parametrize("form", FORMS)
def test_references_come_back(form):
    """The object, the capsule and the producer are held by nobody afterwards, whatever happened."""
    for fields in ({}, {"device": (2, 0)}, {"dtype": (0, 4)}, {"ndim": -1}, {"data": None}):
        producer = Producer(filled(3, "float32"), versioned=form is Modern, **fields)
        obj = form(producer)
        before = sys.getrefcount(obj), sys.getrefcount(producer), sys.getrefcount(producer.array)
        result = answer(ux, obj)
        assert isinstance(result, np.ndarray if not fields else BufferError)
        del result
        obj.asked.clear()
        assert (sys.getrefcount(obj), sys.getrefcount(producer), sys.getrefcount(producer.array)) == before


def test_a_type_with_an_exchange_api():
    obj = exchange_api.exchanging()(filled((2, 3), "float32"))
    assert_is_memory_of(ux.from_dlpack(obj), obj.producer.array, True)


def test_memory_that_is_written_after_the_import():
    """Nothing was copied on the way, neither then nor later."""
    memory = (ctypes.c_double * 4)(1, 2, 3, 4)
    imported = ux.from_dlpack(Modern(np.frombuffer(memory)))
    memory[2] = 30
    assert imported.tolist() == [1, 2, 30, 4]
    imported[0] = 10
    assert list(memory) == [10, 2, 30, 4]
