"""Our ufuncs on the arrays of other libraries: their memory, our kernels, results of the library's own."""

import importlib

import foreign
import numpy as np
import pytest
from test_libraries import full

import ufunx as ux

EVERY = [pytest.param(kind, id=kind.name, marks=[full] if kind.heavy else []) for kind in foreign.FOREIGN]
WRITABLE = [each for each in EVERY if each.values[0].writable]
READ_ONLY = [each for each in EVERY if not each.values[0].writable]
MINI = [
    pytest.param(kind, name, id=f"{kind.name} {name}", marks=full)
    for kind in foreign.FOREIGN
    for name in kind.mini
]


def class_of(kind):
    """The class of results."""
    module, name = kind.results.rsplit(".", 1)
    module = importlib.import_module(module)
    if not hasattr(module, name):
        return type(module.asarray([1.0]))  # not public but for its instances
    return getattr(module, name)


def of(kind, array):
    return kind.make(array.ravel() if kind.one_axis else array)


def values(kind, result):
    """What a result holds; scalars as arrays."""
    cls = class_of(kind)
    if cls is np.ndarray:
        assert isinstance(result, np.ndarray | np.generic)
        return np.asarray(result)
    assert isinstance(result, cls)
    return np.asarray(kind.values(result))


def assert_same(kind, result, wanted):
    """Values, dtype and shape of NumPy's answer, in the library's array."""
    if isinstance(wanted, tuple):
        assert len(result) == len(wanted)
        for one, other in zip(result, wanted, strict=True):
            assert_same(kind, one, other)
        return
    got, wanted = values(kind, result), np.asarray(wanted)
    if wanted.dtype.kind in "fc":
        np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(wanted.dtype).eps, atol=0, strict=True)
    else:
        np.testing.assert_array_equal(got, wanted, strict=True)


TABLE = np.array([[1.5, 0.25, 3.0], [4.0, 5.0, 6.0]])
CALLS = {
    "exp": lambda m, x, a: m.exp(x),
    "sin": lambda m, x, a: m.sin(x),
    "add": lambda m, x, a: m.add(x, x),
    "add an array": lambda m, x, a: m.add(x, a),
    "add to an array": lambda m, x, a: m.add(a, x),
    "add a wider array": lambda m, x, a: m.add(x, a.astype("f8")),
    "add a scalar": lambda m, x, a: m.add(x, np.float64(1.5)),
    "weak": lambda m, x, a: m.multiply(2.5, x),
    "greater": lambda m, x, a: m.greater(x, 2),
    "isfinite": lambda m, x, a: m.isfinite(x),
    "divmod": lambda m, x, a: m.divmod(x, 2),
    "frexp": lambda m, x, a: m.frexp(x),
    "dtype": lambda m, x, a: m.sqrt(x, dtype="f8"),
    "reduce": lambda m, x, a: m.add.reduce(x),
    "reduce to one": lambda m, x, a: m.maximum.reduce(x, axis=None),
    "any": lambda m, x, a: m.logical_or.reduce(x, axis=None),
    "accumulate": lambda m, x, a: m.add.accumulate(x),
    "reduceat": lambda m, x, a: m.add.reduceat(x, [0, 1]),
    "outer": lambda m, x, a: m.add.outer(x, a),
    "outer, swapped": lambda m, x, a: m.add.outer(a, x),
}


ARRAY_FIRST = ("add to an array", "outer, swapped")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", EVERY)
def test_calls_and_methods(kind, call, dtype):
    array = TABLE.astype(dtype)
    x = of(kind, array)
    array = array.ravel() if kind.one_axis else array
    kernels = []
    for operand in (x, array):
        before = ux.native_calls()
        result = CALLS[call](ux, operand, array)
        kernels.append(ux.native_calls() - before)
        if operand is x and (kind.priority > 0 or call not in ARRAY_FIRST):
            assert_same(kind, result, CALLS[call](np, array, array))
        else:
            assert isinstance(result, np.ndarray | np.generic | tuple)
    # Ours run wherever they run for arrays.
    assert kernels[0] == kernels[1]


@pytest.mark.parametrize("kind", EVERY)
def test_every_dtype(kind):
    for dtype in kind.dtypes:
        array = np.array([1, 0, 1, 1]).astype(dtype)
        x = kind.make(array)
        assert_same(kind, ux.add(x, x), np.add(array, array))
        assert_same(kind, ux.equal(x, array), np.equal(array, array))
        assert_same(kind, ux.maximum.reduce(x), np.maximum.reduce(array))


@pytest.mark.parametrize("kind", EVERY)
def test_empty_and_zero_dimensional(kind):
    empty = np.zeros((0,), "f4")
    assert_same(kind, ux.exp(kind.make(empty)), empty)
    assert_same(kind, ux.add.reduce(kind.make(empty)), np.float32(0))
    if not kind.one_axis and kind.name != "pyarrow.Tensor":
        assert_same(kind, ux.exp(kind.make(np.array(0.5))), np.exp(0.5))
        assert_same(kind, ux.add(kind.make(np.array(0.5)), np.float32(1)), np.float64(1.5))
        assert_same(kind, ux.exp(kind.make(np.zeros((2, 0, 3)))), np.zeros((2, 0, 3)))


# --- Memory ---


@pytest.mark.parametrize("kind", EVERY)
def test_the_memory_is_the_librarys(kind):
    for dtype in kind.dtypes:
        x = of(kind, np.ones((2, 3), dtype))
        for imported in (ux.asarray(x), ux.from_dlpack(x)):
            assert type(imported) is np.ndarray
            assert imported.dtype == dtype
            assert imported.__array_interface__["data"][0] == kind.address(x)


def peak_in_kib():
    """The most memory that was in use since the last call."""
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return peak


@pytest.mark.parametrize("kind", EVERY)
def test_a_large_call_copies_no_operand(kind):
    array = np.ones(1 << 24, "f4")  # 64 MiB
    x, out = kind.make(array), kind.make(array) if kind.writable else array
    small = kind.make(array[:100])
    ux.add.reduce(ux.add(small, small))
    peak_in_kib()
    before = peak_in_kib()
    ux.add.reduce(x)
    ux.add(x, x, out=out)
    ux.exp(x, out=out)
    assert peak_in_kib() - before < 16 << 10


@pytest.mark.parametrize("kind", WRITABLE)
def test_out_is_written_in_place(kind):
    out = of(kind, np.zeros((2, 3)))
    where = kind.address(out)
    assert ux.sqrt(TABLE, out=out) is out
    np.testing.assert_array_equal(kind.values(out), np.sqrt(TABLE))
    assert ux.add(out, of(kind, TABLE), out=(out,)) is out
    np.testing.assert_array_equal(kind.values(out), np.sqrt(TABLE) + TABLE)
    assert kind.address(out) == where
    row = of(kind, np.zeros(3))
    assert ux.add.reduce(out, out=row) is row
    np.testing.assert_array_equal(kind.values(row), (np.sqrt(TABLE) + TABLE).sum(0))
    ux.add.at(row, [0, 0, 2], of(kind, np.ones(3)))
    np.testing.assert_array_equal(kind.values(row), (np.sqrt(TABLE) + TABLE).sum(0) + np.array([2, 0, 1]))
    quotient, remainder = ux.divmod(TABLE, 2, out=(out, None))
    assert quotient is out
    assert type(remainder) is np.ndarray
    ux.exp(TABLE, out=out, where=of(kind, TABLE > 2) if "bool" in kind.dtypes else TABLE > 2)
    np.testing.assert_allclose(kind.values(out), np.where(TABLE > 2, np.exp(TABLE), TABLE // 2), rtol=1e-15)


@pytest.mark.parametrize("kind", READ_ONLY)
def test_what_nobody_may_write_is_no_output(kind):
    array = np.arange(3.0)
    out = kind.make(array)
    for call in (lambda: ux.exp(array, out=out), lambda: ux.add.at(out, 0, 1), lambda: ux.add(out, 1, out)):
        with pytest.raises((ValueError, BufferError), match="read-only"):
            call()
    np.testing.assert_array_equal(kind.values(out), array)


# --- Whose the result is ---


@pytest.mark.parametrize("second", EVERY)
@pytest.mark.parametrize("first", EVERY)
def test_the_winner(first, second):
    """The higher priority, else the leftmost of those that have arrays to give."""
    a, b = np.arange(3.0), np.ones(3)
    with_arrays = [kind for kind in (first, second) if kind.results != "numpy.ndarray"]
    winner = max(with_arrays or [first], key=lambda kind: kind.priority)
    assert_same(winner, ux.add(first.make(a), second.make(b)), a + b)
    assert_same(winner, ux.subtract.outer(first.make(a), second.make(b)), np.subtract.outer(a, b))


@pytest.mark.parametrize("kind", EVERY)
def test_beside_arrays(kind):
    """An ndarray is of priority 0: it comes first where it is leftmost and the other has none higher."""
    a, b = np.arange(3.0), np.ones(3)
    assert_same(kind, ux.add(kind.make(a), b), a + b)
    result = ux.add(b, kind.make(a))
    if kind.priority > 0:
        assert_same(kind, result, a + b)
    else:
        assert type(result) is np.ndarray
    assert ux.add(kind.make(a), b, out=np.zeros(3)).__class__ is np.ndarray


# --- What NumPy has no dtype for ---


@pytest.mark.parametrize(("kind", "name"), MINI)
def test_bfloat16_and_float8(kind, name):
    import ml_dtypes

    array = np.array([[0.5, 1, 1.5], [-2, 0.25, 3]]).astype(getattr(ml_dtypes, name))
    x = kind.make(array)
    weak, strong = float, array.dtype.type
    for call in (
        lambda x, of: ux.exp(x),
        lambda x, of: ux.add(x, x),
        lambda x, of: ux.multiply(x, of(1.5)),
        lambda x, of: ux.maximum(of(0), x),
        lambda x, of: ux.add.reduce(x, axis=1),
        lambda x, of: ux.maximum.reduce(x, axis=None),
        lambda x, of: ux.add.accumulate(x),
        lambda x, of: ux.sin(x),
    ):
        got, wanted = values(kind, call(x, weak)), np.asarray(call(array, strong))
        assert got.dtype == wanted.dtype == array.dtype
        assert got.tobytes() == wanted.tobytes()
    assert_same(kind, ux.less(x, 1), np.less(array, 1))
    assert_same(kind, ux.add(x, np.ones(3, "f4")), np.add(array, np.ones(3, "f4")))


@pytest.mark.parametrize(("kind", "name"), MINI)
def test_bfloat16_and_float8_in_our_array(kind, name):
    import ml_dtypes

    array = np.array([0.5, 1, 1.5]).astype(getattr(ml_dtypes, name))
    x = kind.make(array)
    for imported in (ux.asarray(x), ux.from_dlpack(x)):
        assert type(imported) is ux.Array
        assert imported.dtype == name
        there = np.asarray(imported)
        assert there.tobytes() == array.tobytes()
        if kind.name != "tensorflow.Tensor":
            assert there.__array_interface__["data"][0] == kind.address(x)
    # The winner of our own array and the library's.
    assert values(kind, ux.add(imported, x)).tobytes() == ux.add(array, array).tobytes()
