"""Fused functions give what the functions give in in-place mode: bits, dtypes, shapes, types, and writes."""

import copy
import math
import pickle
import subprocess
import sys
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from program_cases import check_fused as check
from program_cases import check_script, same
from test_programs import bench

import ufunx as ux
from ufunx import _blocks, _programs, _recording
from ufunx._lazy import Lazy
from ufunx._references import temporaries

N = 20_000
X = np.linspace(-2.0, 3.0, N)
Y = np.linspace(0.5, 9.0, N)


@pytest.mark.parametrize("block", range(20))
def test_random_functions(block):
    failures = [said for seed in range(block * 40, block * 40 + 40) if (said := check_script(seed))]
    assert not failures, failures[0]


@pytest.mark.parametrize("name", bench.names())
def test_programs(name):
    try:
        here = bench.Program(name, 0.05)
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))
    function = here._run[False]
    plain, lazy = copy.deepcopy(here.data), copy.deepcopy(here.data)
    with ux.installed():
        expected, got = function(*plain), ux.fuse(function)(*lazy)
    assert same(expected, got)
    assert same(plain, lazy)


# What becomes a program.


def test_a_chain_is_one_program():
    explanation = check(lambda x, y: np.exp(-x * x) * y + 1, X, Y)
    assert (explanation["calls"], explanation["fused"]) == (5, 5)
    (program,) = explanation["programs"]
    assert program == {
        "calls": ["negative", "multiply", "exp", "multiply", "add"],
        "shape": (N,),
        "why": "returned",
    }
    assert explanation["alone"] == {}


def test_most_of_black_scholes_is_fused():
    here = bench.Program("black_scholes", 0.1)
    explanation = ux.fuse(here._run[False]).explain(*here.data)
    assert explanation["fused"] >= 0.9 * explanation["calls"]
    assert str(explanation).startswith("run: ")


def test_a_value_in_between_is_made_only_if_somebody_has_it():
    made = []
    with pytest.MonkeyPatch.context() as patch:
        give = _recording.Recorder.give
        patch.setattr(
            _recording.Recorder,
            "give",
            lambda self, nodes, r: made.append(len(nodes)) or give(self, nodes, r),
        )

        def dropped(x, y):
            difference = x - y
            difference = difference * difference
            return difference + 1

        def held(x, y):
            difference = x - y
            square = difference * difference
            return square.cumsum(), difference, square

        def folded(x, y):
            difference = x - y
            square = (difference - 1) * (difference + 1) - 1
            return (np.exp(square) + 1).max(), square  # which is held, as difference is

        def written(x, y):
            y += (x - 1) * 2
            return y

        for function, outputs in ((dropped, [1]), (held, [2]), (folded, [2]), (written, [1])):
            made.clear()
            ux.fuse(function)(X, Y.copy())
            assert made == outputs


def test_several_results_share_a_program():
    explanation = check(lambda x, y: (x + y, [x - y], {"a": (x + y) * 2}), X, Y)
    assert len(explanation["programs"]) == 1


def test_calls_on_other_shapes_run_by_themselves():
    def function(table):
        row = np.sqrt(np.abs(table[0])) + 1
        return (table - row) / row * 2

    big = np.random.default_rng(1).normal(size=(16, 20_000))
    explanation = check(function, big)
    assert [program["shape"] for program in explanation["programs"]] == [(20_000,), (16, 20_000)]


def test_constants_that_change_become_operands():
    function = ux.fuse(lambda x, by: np.exp(x * by) + by)
    before = len(_programs.PROGRAMS)
    for by in (0.1, 0.2, 0.3, 0.4):
        assert same(function(X, by), ux.exp(X * by) + by)
    assert len(_programs.PROGRAMS) == before + 1
    (program,) = [p for p in _programs.PROGRAMS.values() if [c[1] for c in p.constants] == [0.1, 0.1]]
    assert program.state[0] == (0, 1)


def test_constants_that_change_in_several_threads(monkeypatch):
    def function(x, numbers):
        for number in numbers:
            x = x * number + number
        return x

    def runs(seed):
        rng = np.random.default_rng(seed)
        x = np.full(N, float(seed))
        for _ in range(10):
            numbers = rng.integers(1, 3, size=6).astype(float).tolist()
            assert same(fused(x, numbers), function(x, numbers))

    def slow(*args):
        time.sleep(0.005)  # in which others come
        return define(*args)

    fused, define = ux.fuse(function), _programs.Program.define
    monkeypatch.setattr(_programs.Program, "define", slow)
    with ThreadPoolExecutor(5) as threads:
        for _ in range(5):
            _programs.PROGRAMS.clear()
            list(threads.map(runs, range(5)))


@pytest.mark.parametrize("kind", [complex, np.complex128, np.complex64])
def test_signs_of_zeros_in_complex_constants(kind):
    def function(x, c):
        return x + c, c * x, x * c * 1

    numbers = [complex(1.0, 0.0), complex(1.0, -0.0), complex(0.0, 1.0), complex(-0.0, 1.0), -0j, 0j]
    for dtype in ("D", "F"):
        _programs.PROGRAMS.clear()
        for value in (complex(-0.0, -0.0), complex(-1.0, -0.0), complex(1.0, -0.0)):
            x, fused = np.full(N, value, dtype), ux.fuse(function)
            for number in numbers:
                assert same(fused(x, kind(number)), function(x, kind(number)))


@pytest.mark.parametrize("sets", ["settrace", "setprofile"])
def test_references_are_counted_without_a_tracer(sets):
    counts = "(_blocks.UNUSED, _recording.IN_USES, _recording.UNHELD, _references.temporaries())"
    program = f"""
import sys
def tracer(frame, event, arg):
    kept.append(frame.f_locals)
    return tracer
kept = []
sys.{sets}(tracer)
from ufunx import _blocks, _recording, _references
counts = {counts}
assert sys.get{sets[3:]}() is tracer
sys.{sets}(None)
print(counts)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    plain = (_blocks.UNUSED, _recording.IN_USES, _recording.UNHELD, temporaries())
    assert result.stdout.strip() == repr(plain)


def test_copies_and_bytes():
    for x in (np.ones((100, 200)), np.asfortranarray(np.ones((100, 200)))):
        for function in (
            lambda x: copy.copy(x).strides,
            lambda x: copy.copy(x * 2).strides,
            lambda x: copy.deepcopy(x * 2).strides,
            lambda x: bytes(x),
            lambda x: bytes(x[:90]),
        ):
            assert ux.fuse(function)(x) == function(x)


@pytest.mark.parametrize(
    "by", [2, 2.0, np.float32(2), np.float64(2), True, np.int8(2), 2 + 0j, -0.0, 0.0, math.nan]
)
@pytest.mark.parametrize("dtype", ["d", "f", "e", "l", "B", "?", "F"])
def test_constants_of_every_kind(by, dtype):
    check(lambda x, by: (x * by + x, by / (x + 1)), np.linspace(1, 3, N).astype(dtype), by)


@pytest.mark.parametrize("exponent", [2, 2.0, 0.5, -1, -1.0, 1, 0, 3, 1.5, np.float64(2), True])
@pytest.mark.parametrize("dtype", ["d", "f", "l", "?", "D"])
def test_powers_by_number(exponent, dtype):
    check(lambda x: (x**exponent + 1, 1 - x**exponent), np.linspace(1, 5, N).astype(dtype))


def test_many_operands_and_long_chains():
    arrays = [X * i for i in range(90)]

    def wide(*arrays):
        total = arrays[0]
        for array in arrays[1:]:
            total = total * 0.5 + array
        return total

    def long(x):
        for _ in range(2000):
            x = x * 1.0001 + 0.001
        return x

    check(wide, *arrays)
    check(long, X)


# What needs a value.


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sum(x * 2),
        lambda x: (x * 2 + 1).sum(),
        lambda x: (x * 2 + 1).mean(),
        lambda x: np.mean(np.exp(x) * 2),
        lambda x: np.add.reduce(x * 2),
        lambda x: (x * x).max() - (x * x).min() + np.max(x + 1) - np.amin(x * 3),
        lambda x: ((x > 2).any(), (x > -9).all(), np.any(x * 2), np.all(x + 1), (x * 0 + 1.0001).prod()),
        lambda x: ((x > 2).sum(), (x > 2).mean(), (x * 1e300).prod(), (x * np.nan).max()),
        lambda x: np.linalg.norm(x - 1),
        lambda x: (x * 2)[3] + (x * 2)[::2].sum(),
        lambda x: x * 2 if (x + 1).any() else x,
        lambda x: [float(v) for v in (x * 2)[:3]],
        lambda x: str(x * 2) + repr(x + 1) + f"{x}",
        lambda x: np.concatenate([x * 2, x]),
        lambda x: np.array([(x * 2).sum(), 1]),
        lambda x: len(x * 2) + (x * 2).size + (x * 2).ndim,
        lambda x: (x * 2).tolist()[:3],
        lambda x: np.sort(x * -1)[:5],
        lambda x: np.add.accumulate(x * 2),
        lambda x: np.add.outer((x * 2)[:5], x[:3]),
        lambda x: np.fft.rfft(x * 2),
        lambda x: (x > 0) @ (x * 2),
        lambda x: np.frexp(x * 2),
        lambda x: (np.divmod(x * 2, 3), divmod(x, 2.0)),
        lambda x: np.vectorize(math.floor)(x * 2),
        lambda x: (x * 2).astype("i4") + 1,
        lambda x: (x * 2).astype(object)[:3],
        lambda x: np.isclose(x, x * 1.0),
        lambda x: x.reshape(100, -1) * 2 + x.reshape(100, -1).T.copy().T,
        lambda x: (x + 1j).real + abs(x + 1j),
        lambda x: pickle.loads(pickle.dumps(x * 2)),
        lambda x: copy.deepcopy(x * 2) + copy.copy(x),
        lambda x: 0.5 in (x * 0 + 0.5),
        lambda x: np.where(x > 0)[0],
        lambda x: np.percentile(x * 2, 30),
        lambda x: max(x[:2].tolist()),
        lambda x: next(iter(x * 2)),
        lambda x: x.T.flags.c_contiguous,
        lambda x: (x.dtype, x.shape, x.strides, x.nbytes, x.itemsize),
        lambda x: isinstance(x * 2, np.ndarray),
        lambda x: np.asarray(x * 2) + 1,
        lambda x: (x == None).sum(),  # noqa: E711
        lambda x: x + list(range(N)),
        lambda x: np.float64(2) * x + np.arange(N),
        lambda x: np.matmul(x.reshape(100, 200), x.reshape(200, 100) + 1),
        lambda x: np.add(x, 1, dtype="f") + np.add(x, 1, where=x > 0, out=np.zeros(N)),
        lambda x: x * 2 + np.ma.masked_array(np.ones(N), np.zeros(N, bool)),
    ],
)  # fmt: skip
def test_what_needs_values(function):
    check(function, X)


@pytest.mark.parametrize(
    ("library", "function"),
    [
        ("pandas", lambda m, x: (m.Series(x * 2).rolling(5).mean() + x).to_numpy()),
        ("pandas", lambda m, x: m.DataFrame({"a": x * 2, "b": x > 1}).groupby("b").sum()["a"].to_numpy()),
        ("scipy.special", lambda m, x: m.erf(x * 2) + 1),
        ("scipy.signal", lambda m, x: m.lfilter([1, 2], [1, 0.5], x * 2)),
        ("scipy.interpolate", lambda m, x: m.CubicSpline(x * 2, x + 1)(x * 2)),
        ("scipy.sparse", lambda m, x: m.diags(x * 2) @ x),
        ("xarray", lambda m, x: m.where(m.DataArray(x) > 1, x * 2, 0).values),
    ],
)
def test_other_libraries(library, function):
    module = pytest.importorskip(library)
    check(lambda x: function(module, x), X, warns=False)


def test_scalars_arrays_of_none_and_other_arguments_pass_as_they_are():
    class Own(np.ndarray):
        pass

    seen = []
    function = ux.fuse(lambda *args, **kwargs: seen.extend([*map(type, args), *map(type, kwargs.values())]))
    function(X, X.view(Own), [X], 1.5, "a", np.array(1.0), X.astype(object), X[:10], key=X)
    assert seen == [Lazy, Own, list, float, str, np.ndarray, np.ndarray, np.ndarray, Lazy]


def test_small_arrays_alone_are_not_wrapped():
    seen = []
    ux.fuse(lambda x: seen.append(type(x)))(np.ones(10))
    assert seen == [np.ndarray]


ATTRIBUTES = set(dir(np.ndarray)) - {"__class__", "__hash__", "__init_subclass__"}


@pytest.mark.parametrize("name", sorted(name for name in ATTRIBUTES if hasattr(X.reshape(2, -1), name)))
def test_every_attribute_answers(name):
    def function(x):
        value = getattr(x * 1.5, name)
        return value if isinstance(value, np.ndarray | int | float | tuple) else callable(value)

    check(function, X.reshape(100, 200), warns=False)


def test_methods_of_arrays():
    def function(x):
        made = x * 1.5
        made.sort()
        made.resize((2, made.size // 2), refcheck=False)
        made[0] += 1
        made.fill(made[0, 0])
        made.itemset if hasattr(made, "itemset") else None
        other = x - 1
        other.shape = (2, -1)
        return made, other, other.ravel().argmax(), other.real, other.flat[3], made.partition(3)

    check(function, X)


Pair = namedtuple("Pair", "a b")


def test_results_keep_their_containers():
    same_list = []

    def function(x):
        same_list.append(x * 2)
        return Pair(x + 1, [x - 1]), {"a": {"b": x * 3}}, same_list, None, "text"

    result = ux.fuse(function)(X)
    assert type(result[0]) is Pair
    assert result[2] is same_list
    assert [type(part) for part in (result[0].a, result[0].b[0], result[1]["a"]["b"], same_list[0])] == [
        np.ndarray
    ] * 4
    assert result[3:] == (None, "text")


def test_an_argument_that_is_returned_is_itself():
    assert ux.fuse(lambda x: x)(X) is X
    a, b = ux.fuse(lambda x, y: (x, x is y))(X, X)
    assert a is X
    assert b


def test_equal_results_have_memory_of_their_own():
    a, b = ux.fuse(lambda x: (x + 1, x + 1))(X)
    assert not np.shares_memory(a, b)


def test_lazy_arrays_that_escape_are_arrays():
    kept = []
    out = ux.fuse(lambda x: kept.append(x * 2 + 1))(X)
    assert out is None
    assert type(kept[0] + 1) is np.ndarray
    assert np.array_equal(kept[0], X * 2 + 1)

    changed = X.copy()
    ux.fuse(lambda x: kept.append(x * 2))(changed)
    changed[:] = 0
    assert np.array_equal(kept[1], X * 2)


def test_generators_and_nested_fused_functions():
    inner = ux.fuse(lambda x, y: x * y)
    explanation = check(lambda x, y: inner(x, y) + inner(y, x), X, Y)
    assert len(explanation["programs"]) == 1
    made = list(ux.fuse(lambda x: (x * k for k in range(3)))(X))
    assert [type(part) for part in made] == [np.ndarray] * 3


# The object.


def test_it_looks_like_the_function():
    @ux.fuse
    def named(x):
        """Doc."""
        return x + 1

    assert (named.__name__, named.__doc__) == ("named", "Doc.")
    assert repr(named).startswith("<fused <function")

    class Has:
        factor = 3.0

        @ux.fuse
        def method(self, x, *, more=0):
            return x * self.factor + more

    assert np.array_equal(Has().method(X, more=1), X * 3 + 1)


@ux.fuse
def decorated(x):
    return x * 2 + 1


def undecorated(x):
    return x * 2 + 1


def test_fused_functions_pickle_by_their_names():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert copy.deepcopy(decorated) is decorated
    again = pickle.loads(pickle.dumps(ux.fuse(undecorated)))
    assert same(again(X), decorated(X))


def test_nothing_is_kept_after_an_error():
    def function(x):
        made = x * 2
        raise LookupError(made.shape)

    operand = X.copy()
    before = sys.getrefcount(operand)
    with pytest.raises(LookupError, match="20000"):
        ux.fuse(function)(operand)
    assert sys.getrefcount(operand) == before


def test_explain_says_what_broke_a_chain():
    def function(x):
        a = np.exp(x) * 2
        print_me = a.cumsum() + 1
        return print_me * 2

    explanation = ux.fuse(function).explain(X)
    assert [program["why"] for program in explanation["programs"]] == ["given to cumsum", "returned"]
    assert explanation["alone"] == {"cumsum: not elementwise": 1}
    text = str(explanation).splitlines()
    assert text[0] == "function: 4 of 4 elementwise calls in 2 programs"
    assert "exp, multiply on (20000,): given to cumsum" in text[1]


def test_references_are_told_apart_on_this_interpreter():
    assert _recording.IN_USES >= 2
    assert set(temporaries()) == {"method", "function", "in place", "node"}


def test_programs_hold_no_arrays():
    big = np.ones(N) * 3
    function = ux.fuse(lambda x: np.exp(x) * 2 + x)
    function(big)
    assert sys.getrefcount(big) == 2


def test_an_axis_that_another_operand_gives_lies_where_numpy_puts_it():
    def f(a, b, x):
        r = a + b
        return r, r + x

    columns = np.asfortranarray(np.arange(20000.0).reshape(100, 200))
    deep = np.asfortranarray(np.ones((3, 100, 200)))
    with ux.installed():
        expected = f(columns, np.ones((3, 1, 1)), deep)
        got = ux.fuse(f)(columns, np.ones((3, 1, 1)), deep)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.strides == theirs.strides
        assert np.array_equal(ours, theirs)
