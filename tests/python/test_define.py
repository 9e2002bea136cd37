"""Programs beside the same ufuncs called one after the other: values, dtypes and warnings, bit for bit."""

import copy
import gc
import pickle
import random
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ufunx as ux
from ufunx import _native

DTYPES = "?bBhHiIlLefdFD"
Node = tuple[Any, ...]


def define(nodes: list[Node], outputs: tuple[int, ...], nin: int, **keywords: Any) -> Any:
    """A ufunc of these nodes."""
    names = tuple("abcdefgh"[:nin])
    return _native.define("made", None, None, names, nodes, outputs, **keywords)


def unfused(nodes: list[Node], outputs: tuple[int, ...], args: list[Any]) -> list[Any]:
    """What it is to be: one ufunc after the other."""
    used = set(outputs)
    for i in reversed(range(len(nodes))):
        kind, *rest = nodes[i]
        if i in used:
            used.update(
                {"call": lambda r: r[1], "where": list, "cast": lambda r: r[1:]}.get(kind, lambda _: ())(rest)
            )
    values: list[Any] = []
    for i, (kind, *rest) in enumerate(nodes):
        if i not in used:
            value = None
        elif kind == "input":
            value = args[rest[0]]
        elif kind in ("weak", "strong"):
            value = rest[0]
        elif kind == "call":
            name, ids, which = rest
            ufunc = getattr(ux, name)
            value = ufunc(*(values[i] for i in ids))
            value = value if ufunc.nout == 1 else value[which]
        elif kind == "where":
            value = np.where(*(values[i] for i in rest))
        else:
            value = np.asarray(values[rest[1]]).astype(rest[0])
        values.append(value)
    return [values[i] for i in outputs]


def outcome(f: Callable[[], Any]) -> tuple[Any, set[str]]:
    """What a call gives, or its error, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = f()
        except (TypeError, ValueError, OverflowError) as error:
            result = error
    return result, {str(w.message) for w in caught}


def same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "fc":
        floats = a.real.dtype
        pairs = [(a.real, b.real), (a.imag, b.imag)] if a.dtype.kind == "c" else [(a, b)]
        bits = {2: "u2", 4: "u4", 8: "u8"}[floats.itemsize]
        return all(
            np.array_equal(np.isnan(x), np.isnan(y))
            and np.array_equal(
                np.ascontiguousarray(x).view(bits)[~np.isnan(x)],
                np.ascontiguousarray(y).view(bits)[~np.isnan(y)],
            )
            for x, y in ((np.atleast_1d(x), np.atleast_1d(y)) for x, y in pairs)
        )
    return np.array_equal(a, b)


def compare(nodes: list[Node], outputs: tuple[int, ...], args: list[Any], about: str) -> bool:
    """Whether a program gives what its ufuncs give, not an error; fails where it does not."""
    made = define(nodes, outputs, len(args))
    expected, expected_warnings = outcome(lambda: unfused(nodes, outputs, args))
    found, found_warnings = outcome(lambda: made(*args))
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), f"{about}: {expected!r} is {found!r}\n{made.__doc__}"
        return False
    assert not isinstance(found, Exception), f"{about}: {found!r}\n{made.__doc__}"
    found = found if isinstance(found, tuple) else (found,)
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        # What depends on no array, or on some of the arguments only, is broadcast.
        assert same(a, np.broadcast_to(b, shape)), f"{about}, output {k}: {b!r} is {a!r}\n{made.__doc__}"
    assert found_warnings == expected_warnings, (
        f"{about}: {expected_warnings} are {found_warnings}\n{made.__doc__}"
    )
    return True


def values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        info = np.iinfo(dtype)
        small = rng.integers(0 if kind == "u" else -9, 10, shape)
        any_ = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        return np.where(rng.random(shape) < 0.8, small, any_).astype(dtype)
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 3, shape)
    edges = np.array([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 1e30, 1e-30])
    x = np.where(rng.random(shape) < 0.1, rng.choice(edges, shape), x)
    with np.errstate(all="ignore"):
        return (x + 1j * rng.standard_normal(shape)).astype(dtype) if kind == "c" else x.astype(dtype)


def laid_out(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """The same array, somehow in memory."""
    match rng.integers(5):
        case 0:
            return np.asfortranarray(x)
        case 1 if x.ndim:
            spaced = np.zeros((*x.shape[:-1], x.shape[-1] * 2), x.dtype)[..., ::2]
            spaced[...] = x
            return spaced
        case 2 if x.ndim:
            return np.ascontiguousarray(x[..., ::-1])[..., ::-1]
        case _:
            return x


def stands(name: str, ufunc: Any) -> bool:
    """Whether it can: not what computes over axes or on dates, or is NumPy's alone."""
    if ufunc.signature is not None or ufunc.nin > 3 or name in ("isnat", "frompyfunc"):
        return False
    kinds = [k for k in "dl?" if any(k in t for t in ufunc.types)]
    return any(_native.explain(ufunc, *[np.ones(1, k)] * ufunc.nin)["path"] == "native" for k in kinds)


ELEMENTWISE = sorted(name for name, ufunc in _native.ufuncs().items() if stands(name, ufunc))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_ufunc_can_stand_in_a_program(name: str) -> None:
    ufunc, rng = getattr(ux, name), np.random.default_rng(0)
    ran = 0
    for dtype in DTYPES:
        args = [values(rng, dtype, (700,)) for _ in range(ufunc.nin)]
        inputs: list[Node] = [("input", i) for i in range(ufunc.nin)]
        calls = [("call", name, tuple(range(ufunc.nin)), k) for k in range(ufunc.nout)]
        outputs = tuple(range(ufunc.nin, ufunc.nin + ufunc.nout))
        ran += compare([*inputs, *calls], outputs, args, f"{name} of {dtype}")
    assert ran


# Frequent in programs, so frequent here.
COMMON = "add subtract multiply divide exp log sqrt negative absolute maximum less greater square".split()


@pytest.mark.parametrize("seed", range(400))
def test_random_programs(seed: int) -> None:
    pick, rng = random.Random(seed), np.random.default_rng(seed)
    nin = pick.randint(1, 4)
    shape = pick.choice([(), (7,), (129,), (3000,), (40, 50), (3, 1, 17)])
    floats = pick.random() < 0.5
    args = []
    for _ in range(nin):
        partial = tuple(n if pick.random() < 0.8 else 1 for n in shape)
        dtype = pick.choice("fd" if floats else DTYPES)
        args.append(laid_out(rng, values(rng, dtype, partial if pick.random() < 0.8 else shape)))
    if nin > 1 and pick.random() < 0.2:
        args[-1] = pick.choice([2, 0.5, -3, np.float32(1.5), 1 + 2j, True])
    nodes: list[Node] = [("input", i) for i in range(nin)]
    nodes += [("weak", pick.choice([2, 0.5, -1, 300, 3.0, False])), ("strong", np.float32(0.25))]
    for _ in range(pick.randint(1, 12)):
        any_ = lambda: pick.randrange(len(nodes))  # noqa: E731
        kind = pick.random()
        if kind < 0.08:
            nodes.append(("where", any_(), any_(), any_()))
        elif kind < 0.14:
            nodes.append(("cast", pick.choice("fdilB"), any_()))
        else:
            name = pick.choice(COMMON if pick.random() < 0.7 else ELEMENTWISE)
            ufunc = getattr(ux, name)
            nodes.append(("call", name, tuple(any_() for _ in range(ufunc.nin)), pick.randrange(ufunc.nout)))
    outputs = tuple(pick.randrange(nin, len(nodes)) for _ in range(pick.randint(1, 3)))
    compare(nodes, outputs, args, f"seed {seed}")


def gauss() -> tuple[list[Node], tuple[int, ...]]:
    nodes: list[Node] = [
        ("input", 0),
        ("input", 1),
        ("call", "negative", (0,), 0),
        ("call", "multiply", (2, 0), 0),
    ]
    nodes += [
        ("call", "exp", (3,), 0),
        ("call", "multiply", (4, 1), 0),
        ("weak", 1),
        ("call", "add", (5, 6), 0),
    ]
    return nodes, (7,)


def test_it_is_a_ufunc() -> None:
    nodes, outputs = gauss()
    f = _native.define("gauss", "Bell.", "here", ("x", "y"), nodes, outputs)
    assert isinstance(f, np.ufunc)
    assert (f.nin, f.nout, f.nargs, f.__name__, f.__doc__, f.__module__) == (
        2,
        1,
        3,
        "gauss",
        "Bell.",
        "here",
    )
    assert "dd->d" in f.types
    assert repr(f) == "<ufunc 'gauss'>"
    x, y = np.linspace(-2, 2, 1000), np.linspace(1, 2, 1000)
    (want,) = unfused(nodes, outputs, [x, y])
    out = np.zeros(1000)
    assert f(x, y, out=out) is out
    assert same(out, want)
    masked = f(x, y, out=np.zeros(1000), where=x > 0)
    assert same(masked, np.where(x > 0, want, 0))
    assert same(f(x, y, dtype="f4"), unfused(nodes, outputs, [x.astype("f4"), y.astype("f4")])[0])
    assert same(f.outer(x, y[:5]), unfused(nodes, outputs, [x[:, None], y[:5]])[0])
    assert same(f(x, y, out=x.copy()), want)
    total = x[0]
    for one in x[1:20]:
        total = unfused(nodes, outputs, [total, one])[0]
    assert same(f.reduce(x[:20]), total)
    assert same(f.accumulate(x[:20])[-1], total)
    assert _native.explain(f, x, y)["path"] == "native"
    assert "exp(" in _native.explain(f, x, y)["program"]
    with pytest.raises(ValueError, match="could not be broadcast"):
        f(x, y[:3])
    with pytest.raises(TypeError, match="positional argument"):
        f(x)


def test_warnings_name_the_ufunc_whatever_the_thread() -> None:
    nodes: list[Node] = [("input", 0), ("input", 1), ("call", "divide", (0, 1), 0), ("call", "log", (2,), 0)]
    f = define(nodes, (3,), 2)
    a, b = np.tile([1.0, 0.0, -1.0], 300_000), np.tile([0.0, 0.0, 1.0], 300_000)
    for threads in (1, 2):
        with ux.threads(threads):
            _, found = outcome(lambda: f(a, b))
        assert found == {
            "divide by zero encountered in divide",
            "invalid value encountered in divide",
            "invalid value encountered in log",
        }
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="in divide"):
        f(a, b)
    with np.errstate(all="ignore"):
        assert outcome(lambda: f(a, b))[1] == set()


def test_definitions_are_one_object_and_pickle_as_data() -> None:
    nodes, outputs = gauss()
    f = define(nodes, outputs, 2)
    assert define(nodes, outputs, 2) is f
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is f
    assert _native.from_definition(f.definition) is f
    assert hash(f) == hash(f)
    assert _native.nodes_of(f)[0][:4] == nodes[:4]
    made, roots = _native.nodes_of(f)
    assert define(made, tuple(roots), 2) is f
    with pytest.raises(AttributeError, match="definition"):
        ux.add.definition


def test_malformed_definitions_are_value_errors() -> None:
    good, pick = define(*gauss(), 2).definition, random.Random(0)
    for _ in range(3000):
        bad = bytearray(good)
        for _ in range(pick.randint(1, 3)):
            match pick.randrange(3):
                case 0:
                    bad[pick.randrange(len(bad))] = pick.randrange(256)
                case 1:
                    del bad[pick.randrange(len(bad))]
                case _:
                    bad.insert(pick.randrange(len(bad)), pick.randrange(256))
        try:
            f = _native.from_definition(bytes(bad))
        except ValueError:
            continue
        assert _native.from_definition(f.definition) is f
    for bad_nodes in (
        [("input", 3)],
        [("call", "nothing", (0,), 0)],
        [("call", "matmul", (0, 0), 0)],
        [("what",)],
    ):
        with pytest.raises(ValueError, match=r"\w"):
            define([("input", 0), *bad_nodes], (1,), 1)


def test_what_nobody_holds_is_dropped() -> None:
    x = np.ones(3)

    def one(i: int) -> "weakref.ref[Any]":
        f = define([("input", 0), ("weak", float(i)), ("call", "add", (0, 1), 0)], (2,), 1)
        f(x)
        return weakref.ref(f)

    held = [one(i) for i in range(100)]
    gc.collect()
    assert all(ref() is None for ref in held)


def test_what_has_no_loops_runs_one_after_the_other() -> None:
    f = define(gauss()[0][:4], (3,), 2)
    objects = np.array([3, 2], object)
    assert f(objects, objects).tolist() == [-9, -4]
    assert f(np.longdouble(3), 1).dtype == np.longdouble
    s = define([("input", 0), ("input", 1), ("call", "subtract", (0, 1), 0)], (2,), 2)
    with pytest.raises(TypeError, match="boolean subtract"):
        s(np.array([True]), np.array([True]))
    with pytest.raises(OverflowError, match="300"):
        s(np.ones(2, "u1"), 300)
    with pytest.raises(TypeError, match="Cannot cast"):
        s(np.ones(2), np.ones(2), out=np.zeros(2, int))


class Overriding:
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufunc, method


def test_overrides_are_handed_the_ufunc() -> None:
    f = define(*gauss(), 2)
    found = f(Overriding(), 1)
    assert found[0] is f
    assert found[1] == "__call__"


def test_warnings_stay_beside_steps_that_clear_the_flags() -> None:
    x = np.full(3, -1.0)
    nodes: list[Node] = [("input", 0), ("call", "sqrt", (0,), 0), ("weak", 0), ("call", "greater", (1, 2), 0)]
    for last in [("call", "sqrt", (3,), 0), ("cast", "e", 1), ("cast", "F", 3)]:
        assert outcome(lambda last=last: define([*nodes, last], (4,), 1)(x))[1] == {
            "invalid value encountered in sqrt"
        }


SHAPES: list[tuple[int, ...]] = [
    (1,),
    (129,),
    (5000,),
    (300_000,),
    (3, 50),
    (40, 1000),
    (2, 3, 500),
    (1000, 7),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", "?bBilefdFD")
def test_folds_are_those_of_the_elements(dtype: str, shape: tuple[int, ...]) -> None:
    nodes: list[Node] = [("input", 0), ("input", 1), ("call", "multiply", (0, 1), 0)]
    elements, fold = define(nodes, (2,), 2), define(nodes, (2,), 2, fold="add")
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        a, b = ((rng.standard_normal(shape) * 10).astype(dtype) for _ in range(2))
    for x, y in [(a, b), (a.T, b.T), (a[..., ::-1], b), (a, b[..., :1]), (a[::2], b[::2])]:
        for axis in [None, *range(len(shape)), tuple(range(len(shape)))]:
            for keepdims in (False, True):
                for threads in (1, 3):
                    with ux.threads(threads), np.errstate(all="ignore"):
                        want = ux.add.reduce(elements(x, y), axis=axis, keepdims=keepdims)
                        found = fold(x, y, axis=axis, keepdims=keepdims)
                    assert type(found) is type(want)
                    assert same(found, want), (axis, keepdims, threads)


def test_what_folds_takes_an_axis_and_says_what_it_does_not_take() -> None:
    nodes: list[Node] = [("input", 0), ("input", 1), ("call", "multiply", (0, 1), 0)]
    total, largest = define(nodes, (2,), 2, fold="add"), define(nodes, (2,), 2, fold="maximum")
    assert total([1, 2], [3, 4.0]) == 11
    assert total(np.ones((2, 3)), 2.0, axis=1).tolist() == [6, 6]
    assert largest(np.array([1, -2]), np.array([3, 4])) == 3
    assert pickle.loads(pickle.dumps(total)) is total
    with pytest.raises(np.exceptions.AxisError):
        total(np.ones(3), np.ones(3), axis=3)
    with pytest.raises(TypeError, match="dtype"):
        total(np.ones(3), np.ones(3), dtype="f4")
    with pytest.raises(ValueError, match="cannot fold"):
        define(nodes, (2,), 2, fold="exp")
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="in multiply"):
        total(np.full(3, 1e200), np.full(3, 1e200))


def test_a_choice_wraps_integers_as_numpy_does() -> None:
    nodes: list[Node] = [("input", 0), ("input", 1), ("weak", -1), ("where", 0, 1, 2)]
    f = define(nodes, (3,), 2)
    c, b = np.array([True, False]), np.array([3, 4], "u1")
    assert f(c, b).tolist() == np.where(c, b, -1).tolist() == [3, 255]
    out = np.zeros(2, "u1")
    f(c, b, out=out, where=np.array([False, True]))
    assert out.tolist() == [0, 255]
    objects = define([*nodes[:2], ("call", "add", (0, 1), 0)], (2,), 2)
    out = np.zeros(2, object)
    objects(b.astype(object), 1, out=out, where=c)
    assert out.tolist() == [4, 0]


def test_what_has_no_loop_copies_what_it_passes_on():
    swap = ux.elementwise(lambda x, y: (y, x))
    for dtype in ("O", "g", "d"):
        p, q = np.array([1, 2], dtype), np.array([3, 4], dtype)
        swap(p, q, out=(p, q))
        assert (p.tolist(), q.tolist()) == ([3, 4], [1, 2])
    same = ux.elementwise(lambda x: x)
    p = np.array([1, 2], object)
    assert same(p) is not p
    assert type(same([1, None])) is np.ndarray


def test_a_call_reports_what_itself_raised():
    ratio = ux.elementwise(lambda a, b: ux.log(a) / b)
    with np.errstate(all="ignore"):
        ratio(np.array([0.0, 1.0]), np.array([0.0, 1.0]), signature="dd->d")
    with pytest.warns(RuntimeWarning) as caught:
        ratio(np.array([-1.0, 1.0]), np.array([1.0, 1.0]))
    assert [str(w.message) for w in caught] == ["invalid value encountered in log"]
    powers = ux.elementwise(lambda a, b, c: ux.log(c) + a**b)
    with pytest.raises(ValueError, match="negative integer powers"):
        powers(np.array([2, 2]), np.array([-1, -1]), np.array([0.0, 1]))
    with pytest.warns(RuntimeWarning) as caught:
        powers(np.array([2, 2]), np.array([1, 1]), np.array([-1.0, 1]))
    assert [str(w.message) for w in caught] == ["invalid value encountered in log"]


def test_a_folding_ufunc_takes_no_output_by_position():
    dot = ux.elementwise(lambda x, y: x * y, fold=ux.add)
    x, out = np.arange(5.0), np.zeros(5)
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        dot(x, x, out)
    assert not out.any()


def test_numbers_beside_narrower_floats_raise_what_they_raise_alone():
    scaled = ux.elementwise(lambda a, b: a * b + 1)
    chosen = ux.elementwise(lambda a, b: np.where(a > 0, a, b))
    a = np.ones(3, "f4")
    with np.errstate(all="raise"):
        assert scaled(a, 1e-50).tolist() == [1, 1, 1]
    with pytest.warns(RuntimeWarning, match="overflow encountered in cast"):
        chosen(a, 1e50)


def test_odd_outputs_and_names_are_refused():
    double = ux.elementwise(lambda x: x * 2)
    with pytest.raises(ValueError, match="exactly one entry per ufunc output"):
        double(np.ones(2), out=())
    with pytest.raises(ValueError, match="null character"):
        _native.define("a\0b", None, None, ("x",), [("input", 0)], (0,))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i4"])
def test_folds_of_long_rows_with_values_that_are_repeated(dtype):
    """One for all, one a row, one a column, several: the bits of folding what was made."""
    random = np.random.default_rng(3)
    draw = lambda *shape: (random.normal(size=shape) * 9).astype(dtype)  # noqa: E731
    product = ux.elementwise(lambda x, y, z: (x - y) * z)
    folded = ux.elementwise(lambda x, y, z: (x - y) * z, fold=ux.add)
    for shape in [(5000,), (3, 5000), (4, 2, 1500), (2, 140_000), (1, 9000), (9000, 1)]:
        x = draw(*shape)
        row = draw(*shape[:-1], 1)
        for y, z in [
            (row, x),
            (row, row),
            (draw(1), row),
            (draw(*[1] * len(shape)), draw(1)),
            (x, draw(shape[-1])),
        ]:
            for axis in (None, -1, 0):
                expected = ux.add.reduce(product(x, y, z), axis=axis)
                got = folded(x, y, z, axis=axis)
                assert type(got) is type(expected)
                assert np.asarray(got).tobytes() == np.asarray(expected).tobytes(), (shape, axis)
