"""Calls, beside NumPy's."""

import array
import threading
from time import perf_counter, sleep

import numpy as np
import pytest

import ufunx as ux

NUMPY_NAMES = sorted(name for name in dir(np) if type(getattr(np, name)) is np.ufunc)
GUFUNCS = {"matmul", "matvec", "vecdot", "vecmat"}
REAL = "?bBhHiIlLqQefd"


def assert_same(ours, theirs):
    """Type, dtype, layout and values; floats to a few units in the last place, as functions differ there."""
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.strides == theirs.strides
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(theirs.dtype).eps, strict=True)
    else:
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize("name", [name for name in NUMPY_NAMES if name not in GUFUNCS])
@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_ufunc_on_every_real_dtype(name, dtype):
    ours, theirs = getattr(ux, name), getattr(np, name)
    rng = np.random.default_rng(7)
    inputs = [rng.integers(0, 100, 3000).astype(dtype) for _ in range(theirs.nin)]
    try:
        expected = theirs(*inputs)
    except TypeError:
        with pytest.raises(TypeError):
            ours(*inputs)
        return
    results = ours(*inputs)
    if theirs.nout == 1:
        results, expected = (results,), (expected,)
    for pair in zip(results, expected, strict=True):
        assert_same(*pair)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5,), (4, 1)),
        ((3, 1, 2), (7, 1)),
        ((), (3,)),
        ((0,), (1,)),
        ((), ()),
    ],
)
def test_broadcasting(a, b):
    a, b = np.arange(np.prod(a, dtype=int)).reshape(a), np.full(b, 2.5)
    assert_same(ux.add(a, b), np.add(a, b))


def test_inputs_are_read_where_they_lie():
    whole = np.arange(60.0).reshape(3, 4, 5)
    unaligned = np.frombuffer(b"x" + whole.tobytes(), "u1")[1:].view("f8").reshape(whole.shape)
    whole.flags.writeable = False
    for view in (whole[::2, ::-1, 1::3], whole.T, np.asfortranarray(whole), whole.swapaxes(0, 1), unaligned):
        assert_same(ux.multiply(view, view), np.multiply(view, view))


def test_python_numbers_are_weak_and_numpys_are_not():
    x = np.array([1, 2, 3], np.float32)
    for number in (1, 1.5, True, np.float64(1.5), np.int8(2), np.array(2.5)):
        assert_same(ux.add(x, number), np.add(x, number))
    assert_same(ux.add(1, 2), np.add(1, 2))
    assert_same(ux.add(True, 2.5), np.add(True, 2.5))


def test_an_output_that_is_given():
    a, b = np.arange(5), np.arange(5) * 10
    out = np.empty(5)
    assert ux.add(a, b, out=out) is out
    np.testing.assert_array_equal(out, a + b)
    assert ux.add(a, b, out=(out,)) is out
    assert ux.add(a, b, out=(None,)).dtype == np.int64
    scalar = np.empty(())
    assert ux.add(1, 2, out=scalar) is scalar


def test_outputs_that_overlap_inputs():
    for target, source in (
        (slice(None), slice(None)),
        (slice(1, None), slice(None, -1)),
        (slice(0, 9), slice(9, 0, -1)),
    ):
        ours, theirs = np.arange(10.0), np.arange(10.0)
        ux.add(ours[target], ours[source], out=ours[target])
        np.add(theirs[target], theirs[source], out=theirs[target])
        np.testing.assert_array_equal(ours, theirs)


def calls_that_fail():
    x = np.ones(3)
    frozen = np.ones(3)
    frozen.flags.writeable = False
    yield "shapes", lambda lib: lib.add(x, np.ones(4))
    yield "count", lambda lib: lib.add(x)
    yield "out count", lambda lib: lib.add(x, x, out=(x, x))
    yield "out shape", lambda lib: lib.add(x, x, out=np.ones(4))
    yield "out cast", lambda lib: lib.add(x, x, out=np.ones(3, int))
    yield "out class", lambda lib: lib.add(x, x, out=[1.0, 2.0, 3.0])
    yield "read-only", lambda lib: lib.add(x, x, out=frozen)
    yield "no loop", lambda lib: lib.bitwise_and(x, x)
    yield "bool", lambda lib: lib.subtract(x > 0, x > 0)
    yield "range", lambda lib: lib.add(np.ones(3, "u1"), 300)


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in calls_that_fail()])
def test_errors_are_of_numpys_class(call):
    errors = []
    for lib in (ux, np):
        with pytest.raises((TypeError, ValueError, OverflowError)) as caught:
            call(lib)
        errors.append(caught.value)
    ours, theirs = errors
    assert isinstance(theirs, type(ours))
    assert str(ours)


@pytest.mark.parametrize(
    "x",
    [
        np.array([4, 9], object),
        np.longdouble(2.0),
        [np.longdouble(4.0)],
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_numpys_goes_to_numpy(x):
    if isinstance(x, np.ndarray) and x.dtype == object:
        ours, theirs = ux.add(x, x), np.add(x, x)
        assert ux.explain(ux.add, x, x)["path"] == "numpy"
    else:
        ours, theirs = ux.sqrt(x), np.sqrt(x)
        assert ux.explain(ux.sqrt, x)["path"] == "numpy"
    assert type(ours) is type(theirs)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize(
    "x",
    [
        np.ma.masked_array(np.ones(2, ">f8"), mask=[False, True]),
        np.ones((2, 3), ">f8")[:, ::2],
        [1.0, 4],
        (True, 2.5),
        [[1, 2], (3, True)],
        [np.float64(2), np.int64(3), np.float32(1)],
        [np.float64(2), np.int64(3), 1],
        [],
        [[], []],
        range(9, 1, -3),
        [1j, 2],
        2**63,
        array.array("d", [1, 2]),
    ],
    ids=str,
)
def test_what_numpy_makes_an_array_of_is_ours(x):
    for name in ("add", "multiply", "not_equal"):
        ours, theirs = getattr(ux, name)(x, np.ones((), "u8")), getattr(np, name)(x, np.ones((), "u8"))
        assert (type(ours), ours.dtype) == (type(theirs), theirs.dtype)
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    assert ux.explain(ux.add, x, np.ones((), "u8"))["path"] == "native"


def test_other_threads_run_during_a_call():
    x = np.ones(30_000_000)
    out = np.zeros_like(x)
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        while not ticks:
            sleep(0.001)
        start = perf_counter()
        ux.sqrt(x, out=out)
        end = perf_counter()
    finally:
        done.set()
        ticker.join()
    quarter = (end - start) / 4
    assert any(start + quarter < t < end - quarter for t in ticks)


def test_show_config():
    config = ux.show_config()
    assert config["ufuncs"] > 0
    assert config["loops"] > config["ufuncs"]
    assert config["threads"] == ux.num_threads()
    levels = ["scalar", "v3", "v4"]
    assert config["isa_found"] == levels[: len(config["isa_found"])]
    assert config["isa_used"] in config["isa_found"]
