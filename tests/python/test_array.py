"""`ufunx.Array` as a container: attributes, text, elements and parts, dtypes, numbers, copies."""

import copy
import operator
import pickle
import sys
import weakref

import numpy as np
import pytest
from array_helpers import MINIS, address, array_over, bits, filled, memory_of
from producers import NATIVE

import ufunx as ux


def of(values, dtype):
    """An `Array` of new memory."""
    return array_over(np.array(values, "f4")).astype(dtype)


def test_it_is_not_called():
    with pytest.raises(TypeError, match=r"ufunx\.asarray.*ufunx\.from_dlpack"):
        ux.Array([1, 2])
    with pytest.raises(TypeError):
        type("Sub", (ux.Array,), {})


@pytest.mark.parametrize("dtype", [*NATIVE, *MINIS])
def test_attributes(dtype):
    memory = filled(dtype, (2, 3))
    array = array_over(memory, dtype if dtype in MINIS else None)
    names = ("shape", "strides", "ndim", "size", "itemsize", "nbytes")
    assert [getattr(array, name) for name in names] == [getattr(memory, name) for name in names]
    assert (array.dtype, len(array), array.readonly) == (dtype, 2, False)
    assert array.T.shape == (3, 2)
    assert array.T.strides == memory.T.strides
    assert address(array.T) == address(array)
    for name in names:
        with pytest.raises(AttributeError):
            setattr(array, name, 1)
    assert ux.Array.__array_priority__ == 50.0
    assert weakref.ref(array)() is array
    with pytest.raises(TypeError, match="unhashable"):
        hash(array)


# Text.


def test_text_of_native_dtypes_is_numpys():
    for memory in (np.arange(3), np.ones((2, 2), "f4"), np.array(1.5), np.zeros((0, 2))):
        array = array_over(memory)
        assert repr(array) == "A" + repr(memory)[1:]
        assert str(array) == str(memory)


def test_text_of_bfloat16():
    assert repr(of([1, 2.5, -3], "bfloat16")) == "Array([1, 2.5, -3], dtype=bfloat16)"
    assert repr(of([[1, 2], [3, 4]], "float8_e5m2")) == "Array([[1, 2],\n       [3, 4]], dtype=float8_e5m2)"
    assert repr(of(2.5, "float8_e4m3fn")) == "Array(2.5, dtype=float8_e4m3fn)"
    assert repr(of([], "bfloat16")) == "Array([], dtype=bfloat16)"
    assert repr(of(np.zeros((0, 2)), "bfloat16")) == "Array([], shape=(0, 2), dtype=bfloat16)"
    assert str(of([[1, 2.5]], "bfloat16")) == "[[1 2.5]]"
    assert str(of(2.5, "bfloat16")) == "2.5"
    many = repr(of(np.arange(2000) % 10, "bfloat16"))
    assert many == "Array([0, 1, 2, ..., 7, 8, 9], shape=(2000,), dtype=bfloat16)"
    with np.printoptions(threshold=5, edgeitems=1, linewidth=35):
        assert repr(of(range(6), "bfloat16")) == "Array([0, ..., 5],\n      shape=(6,), dtype=bfloat16)"
    assert f"{of(0.1, 'bfloat16'):.3f}" == "0.100"
    assert f"{of([1], 'bfloat16')}" == "[1]"
    with pytest.raises(TypeError):
        f"{of([1], 'bfloat16'):.3f}"


@pytest.mark.parametrize("dtype", MINIS)
def test_elements_are_printed_shortest(dtype):
    """Read again they are the same, and with a digit less another."""
    memory = np.arange(256, dtype=MINIS[dtype]) * (1 if dtype != "bfloat16" else 257)
    array = array_over(memory, dtype)
    for element, value in zip(array, array.tolist(), strict=True):
        text = str(element)
        if not np.isfinite(value):
            assert text == repr(value)
            continue
        assert bits(float(text), dtype) == bits(value, dtype)
        digits = len(text.partition("e")[0].replace(".", "").lstrip("-0").rstrip("0"))
        if digits > 1:
            shorter = np.array(float(f"{value:.{digits - 2}e}"))
            with np.errstate(over="ignore"):
                assert array_over(shorter).astype(dtype).item() != value


# Elements and parts.

KEYS = [
    0,
    -1,
    np.int64(1),
    slice(1, None),
    slice(None, None, -2),
    ...,
    None,
    (),
    (0, 1),
    (0, ..., 1),
    (..., 0, 0, 0),
    (slice(None), 1),
    (None, 0, ...),
    [0, 2],
    [[0, 1], [2, 0]],
    ([0, 1], [1, 0]),
    ([0, 1], slice(None), [1, 0]),
    np.array([True, False, True]),
    np.arange(24).reshape(3, 2, 4) % 3 == 0,
    True,
]
WRONG_KEYS = [3, (0, 0, 0, 0), "a", 1.0, [0, 5], (..., ...), np.array([True, False]), None.__class__]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_indices_mean_what_they_mean_to_numpy(dtype):
    memory = filled(dtype, (3, 2, 4))
    array = array_over(memory, dtype if dtype in MINIS else None)
    see = memory_of if dtype in MINIS else np.asarray
    for key in KEYS:
        expected = memory[key]
        part = array[key]
        assert isinstance(part, ux.Array)
        assert part.shape == np.shape(expected)
        np.testing.assert_array_equal(see(part), expected)
        if isinstance(expected, np.ndarray):
            assert np.shares_memory(see(part), memory) == np.shares_memory(expected, memory)
    for key in WRONG_KEYS:
        try:
            memory[key]
        except Exception as error:
            expected = error
        with pytest.raises(type(expected)):
            array[key]
        with pytest.raises(type(expected)):
            array[key] = 1


def test_arrays_are_indices():
    array = of([5, 6, 7], "bfloat16")
    assert array[array_over(np.array([2, 0]))].tolist() == [7, 5]
    assert array[array > 5].tolist() == [6, 7]
    with pytest.raises(IndexError):
        array[array]


@pytest.mark.parametrize("dtype", ["float32", *MINIS])
def test_assignment(dtype):
    for key in KEYS:
        for value in (1, 2.5, np.float32(3), True):
            memory = np.zeros((3, 2, 4), "f4")
            array = of(memory, dtype)
            array[key] = value
            memory[key] = value
            assert array.tolist() == memory.tolist()
    array = of(np.zeros((2, 3)), dtype)
    array[0] = of([1, 2, 3], dtype)
    array[1] = np.array([4, 5, 6])
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]
    array[:, 1:] = of([[8], [16]], "float8_e5m2")
    assert array.tolist() == [[1, 8, 8], [4, 16, 16]]
    array[0] = [3, 2, 1]
    array[1, 2] = "2"
    assert array.tolist() == [[3, 2, 1], [4, 16, 2]]
    array[:] = array[:, ::-1]  # overlaps
    assert array.tolist() == [[1, 2, 3], [2, 16, 4]]
    with pytest.raises(ValueError, match="broadcast"):
        array[0] = [1, 2]
    with pytest.raises((TypeError, ValueError)):
        array[0] = "one"
    assert array.tolist() == [[1, 2, 3], [2, 16, 4]]


def test_assignment_from_ml_dtypes_and_to_what_is_read_only():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = of([0, 0], "bfloat16")
    array[:] = np.array([1.5, 2.5], ml_dtypes.bfloat16)
    assert array.tolist() == [1.5, 2.5]
    memory = filled("bfloat16", 2)
    memory.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        array_over(memory, "bfloat16")[0] = 1


def test_assignment_reports_what_casts_raise():
    array = of([0, 0], "bfloat16")
    with pytest.warns(RuntimeWarning, match="overflow encountered in cast"):
        array[0] = 1e300
    assert array.tolist() == [float("inf"), 0]


def test_iteration_and_membership():
    array = of([[1, 2], [3, 4]], "bfloat16")
    assert [row.tolist() for row in array] == [[1, 2], [3, 4]]
    assert all(isinstance(row, ux.Array) for row in array)
    assert 3 in array
    assert 5 not in array
    assert None not in array
    with pytest.raises(TypeError, match="iteration over a 0-d array"):
        iter(array[0, 0])
    with pytest.raises(TypeError, match="unsized"):
        len(array[0, 0])


# Dtypes and numbers.


@pytest.mark.parametrize("source", [*NATIVE, *MINIS])
@pytest.mark.parametrize("target", [*NATIVE, *MINIS])
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_casts_are_those_of_numpy_and_ml_dtypes(source, target):
    ml_dtypes = pytest.importorskip("ml_dtypes")

    def known(name):
        return np.dtype(getattr(ml_dtypes, name)) if name in MINIS else np.dtype(name)

    values = np.array([[0, 1, 3], [5, 13, 100]]).astype(known(source))
    array = array_over(values.view(MINIS[source]), source) if source in MINIS else array_over(values)
    for laid_out, expected in ((array, values), (array.T, values.T), (array[:, ::2], values[:, ::2])):
        cast = laid_out.astype(target)
        assert (cast.dtype, cast.shape) == (target, expected.shape)
        expected = expected.astype(known(target))
        assert np.asarray(cast).tobytes("A") == expected.tobytes("A")
        assert cast.strides == expected.strides
    assert array.astype(source, copy=False) is array
    assert array.astype(source) is not array


def test_imaginary_parts_are_lost_with_a_warning():
    array = array_over(np.array([1 + 2j, 3]))
    with pytest.warns(np.exceptions.ComplexWarning):
        assert array.astype("bfloat16").tolist() == [1, 3]


@pytest.mark.parametrize("name", ["U3", "object", "longdouble", "datetime64[s]"])
def test_dtypes_it_has_no_elements_of(name):
    with pytest.raises(TypeError, match=r"no elements of dtype.*numpy\.asarray"):
        of([1], "bfloat16").astype(name)


def test_dtypes_may_be_spelt_as_numpys():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = of([1, 2.5], "bfloat16")
    for dtype in (float, "d", np.float64, np.dtype("f8")):
        assert array.astype(dtype).dtype == "float64"
    for dtype in ("bfloat16", ml_dtypes.bfloat16, np.dtype(ml_dtypes.bfloat16)):
        assert array.astype("f4").astype(dtype).dtype == "bfloat16"
    with pytest.raises(TypeError, match="not understood"):
        array.astype("bfloat17")


@pytest.mark.parametrize("dtype", ["float32", "int64", *MINIS])
def test_numbers(dtype):
    two = of(2, dtype)
    assert (bool(two), int(two), float(two), complex(two)) == (True, 2, 2.0, 2 + 0j)
    assert not of(0, dtype)
    assert two.item() == 2
    assert isinstance(two.item(), int if dtype == "int64" else float)
    many = of([[1, 2], [3, 4]], dtype)
    assert (many.item(2), many.item(1, 1), many.item(-1), many.item((0, 1))) == (3, 4, 4, 2)
    assert many.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(many)
    for convert in (int, float, complex):
        with pytest.raises(TypeError):
            convert(many)
    with pytest.raises(ValueError):
        many.item()
    with pytest.raises(IndexError):
        many.item(4)
    if dtype == "int64":
        assert operator.index(two) == 2
        assert [10, 20, 30][two] == 30
    else:
        with pytest.raises(TypeError, match="integer"):
            operator.index(two)


# Copies.


@pytest.mark.parametrize("dtype", [*NATIVE, *MINIS])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(dtype, protocol):
    memory = filled(dtype, (2, 3)).T
    array = array_over(memory, dtype if dtype in MINIS else None)
    again = pickle.loads(pickle.dumps(array, protocol))
    assert (type(again), again.dtype, again.shape) == (ux.Array, dtype, (3, 2))
    np.testing.assert_array_equal(memory_of(again) if dtype in MINIS else again, memory)


def test_pickles_that_were_tampered_with():
    make = ux.Array._from_bytes
    for wrong in (("bfloat16", (3,), b"1234"), ("float7", (1,), b"1"), ("int8", (1 << 62, 1 << 62), b"")):
        with pytest.raises(ValueError):
            make(*wrong)
    with pytest.raises((TypeError, OverflowError)):
        make("int8", (-1,), b"")


def test_copies():
    memory = filled("bfloat16", (2, 3))
    array = array_over(memory, "bfloat16")
    for made in (array.copy(), copy.copy(array), copy.deepcopy(array), array.astype("bfloat16")):
        assert made.tolist() == array.tolist()
        assert address(made) != address(array)
        assert not made.readonly
    assert array.T.copy().strides == (4, 2)
    assert copy.copy(array.T).strides == array.T.copy("K").strides == (2, 6)
    with pytest.raises(ValueError):
        array.copy("X")


def test_reshape():
    array = of(np.arange(6), "bfloat16")
    for shape in (((2, 3),), (2, 3), (-1, 3), ([2, 3],)):
        assert array.reshape(*shape).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert array.reshape(2, 3, order="F").tolist() == [[0, 2, 4], [1, 3, 5]]
    assert address(array.reshape(3, 2)) == address(array)
    with pytest.raises(ValueError, match="cannot reshape"):
        array.reshape(4)


def test_nothing_gets_out_that_numpy_would_take_for_bytes():
    """The array inside has a dtype that only we know; whatever a user can get has one of somebody's."""
    array = of([[1, 2], [3, 4]], "bfloat16")
    seen = [array.T, array[0], array[0, 0], array.copy(), np.asarray(array), np.add(array, 1), np.sum(array)]
    assert all(np.asarray(one).dtype.name == "bfloat16" for one in seen)
    fresh = [object() for _ in seen]  # how many see those depends on the interpreter
    assert [sys.getrefcount(one) for one in seen] == [sys.getrefcount(one) for one in fresh]
