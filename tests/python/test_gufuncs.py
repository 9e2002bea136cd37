"""Calls over core axes, beside NumPy's: matmul, matvec, vecmat, vecdot."""

import random
import subprocess
import sys
import warnings

import numpy as np
import pytest

import ufunx as ux

# matvec and vecmat are there from NumPy 2.2 on.
NAMES = [name for name in ("matmul", "matvec", "vecmat", "vecdot") if hasattr(np, name)]
DTYPES = "?bBhHiIlLqQefdFD"
EXACT = "?bBhHiIlL"
# NumPy 2.4 writes outside its memory with complex operands of vecmat and an output in strides.
WILD = {"vecmat"}

native = ux.native_calls


def counted(call):
    before = native()
    return call(), native() - before


def values(rng, shape, dtype, small=False):
    """Small whole numbers, whose sums of products are exact in any order."""
    if dtype == "?":
        return rng.random(shape) < 0.2
    if np.dtype(dtype).kind in "iu" and not small:
        return rng.integers(0, 256, (*shape, np.dtype(dtype).itemsize), dtype="u1").view(dtype)[..., 0]
    least = 0 if np.dtype(dtype).kind == "u" else -3
    whole = rng.integers(least, 4, shape).astype(dtype)
    return whole + 1j * rng.integers(-3, 4, shape) if np.dtype(dtype).kind == "c" else whole


def laid(rng, array):
    """The same values, lying otherwise."""
    way = rng.integers(6)
    if way == 0:
        return np.asfortranarray(array)
    if way == 1 and array.ndim:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if way == 2 and array.ndim:
        return array[::-1].copy()[::-1]
    if way == 3:
        return np.frombuffer(b"x" + array.tobytes(), "u1")[1:].view(array.dtype).reshape(array.shape)
    if way == 4 and array.ndim > 1:
        return array.swapaxes(0, 1).copy().swapaxes(0, 1)
    return array


def assert_same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(theirs, np.ndarray):
        assert ours.strides == theirs.strides
    np.testing.assert_array_equal(ours, theirs, strict=isinstance(theirs, np.ndarray))
    assert ours.dtype == theirs.dtype


def cores(name, n, k, m):
    return {
        "matmul": ((n, k), (k, m)),
        "matvec": ((n, k), (k,)),
        "vecmat": ((k,), (k, m)),
        "vecdot": ((k,), (k,)),
    }[name]


def answers(call):
    """What NumPy and we give, and warn of; or the errors."""
    found = []
    for lib in (np, ux):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                result = call(lib)
            except Exception as error:
                result = (type(error), str(error))
        found.append((result, [str(w.message) for w in warned]))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_in_any_layout(name, dtype):
    rng = np.random.default_rng([NAMES.index(name), DTYPES.index(dtype)])
    ours = 0
    for _ in range(60):
        n, k, m = (int(rng.choice([0, 1, 2, 3, 4, 7, 8, 16, 17, 33, 70])) for _ in range(3))
        a_core, b_core = cores(name, n, k, m)
        loops = [(), (), (2,), (3, 1), (0,), (2, 3)][rng.integers(6)]
        a = laid(rng, values(rng, (*loops, *a_core), dtype))
        b = laid(rng, values(rng, (*loops[rng.integers(len(loops) + 1) :], *b_core), dtype))
        theirs = getattr(np, name)(a, b)
        result, natively = counted(lambda name=name, a=a, b=b: getattr(ux, name)(a, b))
        ours += natively
        assert_same(result, theirs)
    assert ours > (50 if dtype in EXACT + "e" else 20)


@pytest.mark.parametrize("name", NAMES)
def test_random_axes_outputs_and_mixed_dtypes(name):
    rng, draw = np.random.default_rng(5), random.Random(5)
    ours = 0
    for turn in range(800):
        n, k, m = (draw.choice([0, 1, 2, 3, 5]) for _ in range(3))
        a_core, b_core = cores(name, n, k, m)
        a_dtype, b_dtype = draw.choice(DTYPES), draw.choice(DTYPES)
        loops = draw.choice([(), (2,), (3, 2)])
        a, b = values(rng, (*loops, *a_core), a_dtype, True), values(rng, (*loops, *b_core), b_dtype, True)
        kwargs = {}
        keep = name == "vecdot" and draw.random() < 0.4
        if keep or draw.random() < 0.03:
            kwargs["keepdims"] = draw.choice([True, True, False])
        if draw.random() < 0.4:
            entries, operands = [], [a, b]
            for i, (x, core) in enumerate(zip(operands, (a_core, b_core), strict=True)):
                places = draw.sample(range(x.ndim), len(core))
                moved = np.moveaxis(x, range(x.ndim - len(core), x.ndim), places)
                operands[i] = np.ascontiguousarray(moved) if draw.random() < 0.5 else moved
                signed = [p if draw.random() < 0.5 else p - x.ndim for p in places]
                entries.append(signed[0] if len(signed) == 1 and draw.random() < 0.5 else tuple(signed))
            a, b = operands
            out = {"matmul": 2, "matvec": 1, "vecmat": 1, "vecdot": int(kwargs.get("keepdims", False))}[name]
            if out or draw.random() < 0.5:
                entries.append(tuple(draw.sample(range(len(loops) + out), out)))
            if draw.random() < 0.03:
                entries.append((0,))
            kwargs["axes"] = entries
        elif name == "vecdot" and loops and draw.random() < 0.5:
            axis = draw.randrange(-len(loops) - 1, len(loops) + 1)
            a, b = np.moveaxis(a, -1, axis), np.moveaxis(b, -1, axis)
            kwargs["axis"] = axis
        if draw.random() < 0.1:
            kwargs["order"] = draw.choice("CFAK")
        if draw.random() < 0.1:
            kwargs["dtype"] = draw.choice(DTYPES)
        outs = [None, None]
        if draw.random() < 0.4 and name not in WILD:
            try:
                made = np.asarray(getattr(np, name)(a, b, **kwargs))
                dtype = made.dtype if draw.random() < 0.7 else draw.choice(DTYPES)
                outs = [np.full(made.shape, 1, dtype) for _ in range(2)]
            except (TypeError, ValueError):
                pass
        before = native()
        (theirs, their_warnings), (result, our_warnings) = answers(
            lambda lib, name=name, a=a, b=b, kwargs=kwargs, outs=outs: getattr(lib, name)(
                a, b, **kwargs, **({} if outs[0] is None else {"out": outs[lib is ux]})
            )
        )
        ours += native() - before
        about = (turn, name, a.shape, b.shape, a.dtype, b.dtype, kwargs)
        if isinstance(theirs, tuple):
            assert isinstance(result, tuple), (about, theirs)
            assert result == theirs, about
            continue
        assert our_warnings == their_warnings, about
        if outs[0] is not None:
            assert result is outs[1], about
            assert theirs is outs[0]
        assert_same(result, theirs)
    assert ours > 400


@pytest.mark.parametrize("name", NAMES)
def test_what_is_refused_is_refused_in_numpys_words(name):
    f = np.float64
    x, m = np.ones(3), np.ones((3, 3))
    calls = [
        lambda lib: getattr(lib, name)(1.0, x),
        lambda lib: getattr(lib, name)(m, np.ones(4)),
        lambda lib: getattr(lib, name)(np.ones((2, 4)), np.ones((2, 3))),
        lambda lib: getattr(lib, name)(x, f(1)),
        lambda lib: getattr(lib, name)(m, m, where=True),
        lambda lib: getattr(lib, name)(m, m, axis=5),
        lambda lib: getattr(lib, name)(m, m, axes=[(0, 1)]),
        lambda lib: getattr(lib, name)(m, m, axes=[(0, 0), (0, 1), (0, 1)]),
        lambda lib: getattr(lib, name)(m, m, axes=5),
        lambda lib: getattr(lib, name)(m, m, axes=[(0, 1), (0, 1), (0, 7)]),
        lambda lib: getattr(lib, name)(m, m, axes=[0, 0, 0], axis=0),
        lambda lib: getattr(lib, name)(m, m, keepdims=3),
        lambda lib: getattr(lib, name)(m, m, out=np.ones(2)),
        lambda lib: getattr(lib, name)(m, m, out=np.ones((3, 3), int)),
        lambda lib: getattr(lib, name)(m, m, casting="bogus"),
        lambda lib: getattr(lib, name)(m),
        lambda lib: getattr(lib, name)(np.ones((2, 3, 3)), np.ones((4, 3, 3))),
        lambda lib: getattr(lib, name)(np.array([None]), x),
        lambda lib: getattr(lib, name)(np.array(["a"]), np.array(["b"])),
        lambda lib: getattr(lib, name).reduce(m),
        lambda lib: getattr(lib, name).outer(x, x),
        lambda lib: getattr(lib, name).at(x, 0, 1),
    ]
    for i, call in enumerate(calls):
        (theirs, _), (ours, _) = answers(call)
        same = ours == theirs if isinstance(theirs, tuple) else np.array_equal(ours, theirs)
        assert same, (i, ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_numpys(name):
    ours, theirs = getattr(ux, name), getattr(np, name)
    for fact in ("types", "ntypes", "nin", "nout", "nargs", "signature", "identity", "__name__"):
        assert getattr(ours, fact) == getattr(theirs, fact)
    for dtypes in ((np.dtype("i4"), np.dtype("f4"), None), (np.dtype("e"), np.dtype("d"), None)):
        assert ours.resolve_dtypes(dtypes) == theirs.resolve_dtypes(dtypes)
    with pytest.raises(TypeError) as expected:
        theirs.resolve_dtypes((np.dtype("U1"), np.dtype("U1"), None))
    with pytest.raises(TypeError) as raised:
        ours.resolve_dtypes((np.dtype("U1"), np.dtype("U1"), None))
    assert str(raised.value) == str(expected.value)


def test_outputs_may_overlap_inputs():
    for dtype in "lde":
        start = np.arange(16).reshape(4, 4).astype(dtype) % 5
        for out in (lambda x: x, lambda x: x.T, lambda x: x[::-1]):
            both = []
            for lib in (np, ux):
                x = start.copy()
                lib.matmul(x, x, out=out(x))
                both.append(x)
            np.testing.assert_array_equal(*both)
        x = start.copy()
        x @= x
        np.testing.assert_array_equal(x, start @ start)


def test_where_a_matrix_library_wins_numpys_is_called():
    small, large = np.ones((4, 4), "D"), np.ones((200, 200))
    plan = ux.explain(ux.matmul, small, small)
    assert (plan["path"], plan["loop"], plan["operands"]) == ("native", "DD->D", ("in place",) * 3)
    assert ux.explain(ux.matmul, small.real.copy(), small.real.copy())["loop"] == "dd->d"
    for floats in (large, large.astype("D")):
        assert "matrix library" in ux.explain(ux.matmul, floats, floats)["reason"]
    assert ux.explain(ux.matmul, large[::-1], large)["path"] == "native"
    assert ux.explain(ux.matmul, large.astype(int), large.astype(int))["path"] == "native"
    assert ux.explain(ux.matmul, large.astype("e"), large.astype("e"))["path"] == "native"
    assert ux.explain(ux.matmul, [[1, 2], [3, 4]], [1, 2])["loop"] == "ll->l"
    assert ux.explain(ux.matmul, np.ones((5, 3, 3), "i4"), np.ones((3, 3), "D"))["operands"][0] == "as a copy"
    np.testing.assert_array_equal(ux.matmul(large, large), large @ large)
    assert ux.matmul([[1, 2], [3, 4]], [1, 2]).tolist() == [5, 11]


def test_floats_are_near_numpys():
    rng = np.random.default_rng(3)
    for dtype, eps in (("f", 1e-5), ("d", 1e-14), ("F", 1e-5), ("D", 1e-14), ("e", 2e-3)):
        for n, k, m in ((3, 3, 3), (20, 20, 20), (1, 40, 1), (7, 19, 5)):
            a, b = rng.random((n, k)).astype(dtype), rng.random((k, m)).astype(dtype)
            np.testing.assert_allclose(ux.matmul(a, b), np.matmul(a, b), rtol=eps)


def test_warnings_are_numpys():
    huge = np.full((3, 3), 1e200)
    infinite = np.array([[np.inf, 1.0, 1.0]] * 3)
    for dtype in "fde":
        with np.errstate(over="ignore"):
            a, b = huge.astype(dtype), infinite.astype(dtype)
        # Not b times b: NumPy's matrix library multiplies zeros of its own by infinity, and says so.
        for x, y in ((b, np.zeros((3, 3), dtype)), (a, np.zeros((3, 3), dtype)), (np.ones((3, 3), dtype), b)):
            (theirs, expected), (ours, warned) = answers(lambda lib, x=x, y=y: lib.matmul(x, y))
            np.testing.assert_array_equal(ours, theirs)
            assert warned == expected
    with pytest.warns(RuntimeWarning, match="overflow encountered in matmul"):
        ux.matmul(huge, huge)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        ux.matmul(huge, huge)
    half = np.full((2, 2), 60000, "e")
    with pytest.warns(RuntimeWarning, match="overflow encountered in matmul"):
        assert np.isinf(ux.matmul(half, half)).all()


class Sub(np.ndarray):
    def __array_wrap__(self, array, context=None, return_scalar=False):
        if context is not None:
            self.seen = context[0], return_scalar
        return super().__array_wrap__(array, context, return_scalar)


class Taker:
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return ufunc, method, len(inputs), kwargs


def test_subclasses_and_overrides():
    x = np.arange(9).reshape(3, 3).view(Sub)
    for plain in (np.ones((3, 3), int), x):
        result, natively = counted(lambda plain=plain: ux.matmul(x, plain))
        assert natively == 1
        assert type(result) is Sub
        np.testing.assert_array_equal(result, np.asarray(x) @ np.asarray(plain))
    assert x.seen == (np.matmul, False)
    ux.vecdot(x[0], x[1])
    matrix = np.array([[1, 2], [3, 4]]).view(np.matrix)
    assert type(ux.matmul(matrix, matrix)) is type(np.matmul(matrix, matrix))
    masked = np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])
    assert type(ux.matmul(masked, masked)) is type(np.matmul(masked, masked))
    assert ux.vecdot(Taker(), x, axis=1) == (np.vecdot, "__call__", 2, {"axis": 1})


def test_in_place_mode_runs_operators():
    ints, halves = np.arange(9).reshape(3, 3), np.ones((40, 40), "e")
    expected = ints @ ints
    with ux.installed():
        for call in (lambda: ints @ ints, lambda: np.matmul(ints, ints), lambda: halves @ halves):
            result, natively = counted(call)
            assert natively == 1
            np.testing.assert_array_equal(result, expected if result.dtype == int else 40)
        assert np.vecdot(ints, ints, axis=0).tolist() == (ints * ints).sum(0).tolist()
        x = ints.copy()
        x @= ints
        np.testing.assert_array_equal(x, expected)
        assert ux.explain(np.matmul, ints, ints)["path"] == "native"


def test_threads_do_not_change_the_bits():
    rng = np.random.default_rng(1)
    for dtype in "ed":
        a = rng.random((300, 300)).astype(dtype)[:, ::-1]
        results = []
        for n in (1, 2, 5):
            with ux.threads(n):
                results.append(ux.matmul(a, a).tobytes())
        assert len({*results}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_narrow_floats_that_numpy_lacks(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(2)
    for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fn):
        a_core, b_core = cores(name, 4, 9, 5)
        a = rng.integers(-2, 3, (2, *a_core)).astype(dtype)
        b = rng.integers(-2, 3, (2, *b_core)).astype(dtype)
        result, natively = counted(lambda a=a, b=b: getattr(ux, name)(a, b))
        assert natively == 1
        assert result.dtype == dtype
        wide = getattr(np, name)(a.astype("f4"), b.astype("f4")).astype(dtype)
        np.testing.assert_array_equal(result.astype("f4"), wide.astype("f4"))


def test_arrays_of_no_librarys_bfloat16():
    a = ux.asarray([[1.0, 2.0], [3.0, 4.0]], dtype="bfloat16")
    result = ux.matmul(a, a)
    assert type(result) is ux.Array
    assert np.asarray(result, dtype="f4").tolist() == [[7, 10], [15, 22]]
    assert np.asarray(a @ a, dtype="f4").tolist() == [[7, 10], [15, 22]]


def test_big_products_release_the_gil_and_fail_without_memory():
    program = """
import numpy as np, ufunx as ux
from ufunx import _native
a = np.ones((50, 60), "i4"); b = np.ones((60, 50), "i8")
_native.fail_memory_at(1)
try:
    ux.matmul(a, b)
except MemoryError as error:
    assert "Unable to allocate" in str(error), error
else:
    raise SystemExit("it did not ask for memory")
assert ux.matmul(a, b)[0, 0] == 60
"""
    subprocess.run([sys.executable, "-c", program], check=True)
