"""Ufuncs made of functions: what is traced, what is refused and in which words, and that they are ufuncs."""

import inspect
import math
import pickle
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from program_cases import check_graph, outcome, same

import ufunx as ux
from ufunx import _native

X = np.linspace(-2.0, 3.0, 1001)
Y = np.linspace(0.5, 9.0, 1001)
ELEMENTWISE = {name: f for name, f in ux._UFUNCS.items() if f.signature is None and name in _native.records()}
HERE = __file__


@ux.elementwise
def bump(x, y):
    """A bell, on a plane."""
    return np.exp(-x * x) * y + 1


@ux.elementwise
def polar(x, y):
    return np.hypot(x, y), np.arctan2(y, x)


# What can be traced.


@pytest.mark.parametrize("block", range(20))
def test_random_graphs_give_what_their_calls_give(block):
    failures = [said for seed in range(block * 60, block * 60 + 60) if (said := check_graph(seed))]
    assert not failures, failures[0]


SPELLINGS = {
    "operators": lambda x, y: (x + y) * 2 - y / x + x**2,
    "reflected": lambda x, y: 1 - x + 2 * y + 3 / y + 2**y + 7 // y + 7 % y,
    "comparisons": lambda x, y: (x < y) & (y >= 1) | ~(x == y) ^ (x != 2),
    "integers": lambda x, y: ((x.astype("l") << 2) ^ (y.astype("l") >> 1)) & 0xFF,
    "numpy": lambda x, y: np.log1p(np.abs(x)) + np.maximum(x, 0) + np.minimum(y, x),
    "ours": lambda x, y: ux.log1p(ux.absolute(x)) * ux.hypot(x, y),
    "math": lambda x, y: x * math.pi + math.e - math.tau * y + math.inf,
    "where": lambda x, y: np.where(x > 0, y, 0.0) + ux.where(x > y, x, y),
    "clip": lambda x, y: np.clip(x, -1, 1) + y.clip(1.0, 2) + np.clip(x, None, 1) + x.clip(min=0),
    "unary": lambda x, y: -x + abs(y) + +x,
    "divmod": lambda x, y: divmod(x, y)[0] + divmod(7, y)[1] + np.modf(x)[0],
    "made": lambda x, y: bump(x, y) + polar(x, y)[1],
    "astype": lambda x, y: x.astype("f") * y.astype(np.float32) + x.astype(int),
    "unrolled": lambda x, y: sum(x**k / math.factorial(k) for k in range(1, 8)),
    "conjugate": lambda x, y: x.conj() + y.conjugate(),
    "several": lambda x, y: (x + y, x - y, x),
    "if of a constant": lambda x, y: x if math.pi > 3 else y,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("dtype", ["d", "f", "e"])
def test_spellings(spelling, dtype):
    function, x, y = SPELLINGS[spelling], X.astype(dtype), Y.astype(dtype)
    with ux.installed():
        expected, warned = outcome(lambda: function(x, y))
    got, got_warned = outcome(lambda: ux.elementwise(function)(x, y))
    assert same(expected, got)
    assert warned == got_warned


def test_results_that_are_operands_or_constants():
    got = ux.elementwise(lambda x, y: (x, 1.5, True, y))(X, Y[:1])
    assert [part.dtype.char for part in got] == ["d", "d", "?", "d"]
    assert [part.shape for part in got] == [X.shape] * 4
    assert np.array_equal(got[0], X)
    assert not np.shares_memory(got[0], X)
    assert set(got[1]) == {1.5}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_ufunc_can_stand_in_a_program(name):
    ufunc = ELEMENTWISE[name]
    names = ", ".join(f"x{i}" for i in range(ufunc.nin))
    # Beside another call, so that there is a program.
    made = ux.elementwise(eval(f"lambda {names}: (*as_tuple(f({names})), np.logical_not(x0))", {
        "np": np, "f": ufunc, "as_tuple": lambda x: x if isinstance(x, tuple) else (x,)
    }))  # fmt: skip
    ran = 0
    for loop in ufunc.types:
        chars = loop.partition("->")[0]
        if not set(chars) <= set("?bBhHiIlLefdFD"):
            continue
        args = [np.array([1, 0, 2, 3, 1, 5], char) for char in chars]
        expected, warned = outcome(lambda args=args: ufunc(*args))
        got, got_warned = outcome(lambda args=args: made(*args))
        if type(expected) is type:
            assert got is expected
            continue
        expected = expected if isinstance(expected, tuple) else (expected,)
        assert same((*expected, np.logical_not(args[0])), got), loop
        assert warned == got_warned
        ran += 1
    assert ran or name == "isnat"


def test_python_numbers_are_weak_and_numpys_are_not():
    weak = ux.elementwise(lambda x: x * 2.0 + 1)
    strong = ux.elementwise(lambda x: x * np.float64(2))
    x = X.astype("f")
    assert weak(x).dtype == "f"
    assert strong(x).dtype == "d"
    assert weak(np.arange(3, dtype="B")).dtype == "d"
    assert ux.elementwise(lambda x: x + 1)(np.arange(3, dtype="B")).dtype == "B"
    with pytest.raises(OverflowError, match="out of bounds for uint8"):
        ux.elementwise(lambda x: x + 300)(np.arange(3, dtype="B"))


def test_equal_constants_of_different_kinds_are_told_apart():
    made = ux.elementwise(lambda x: (x * 1, x * 1.0, x * True, x * 0.0, x * -0.0))
    got = made(np.array([1, 2], "b"))
    assert [part.dtype.char for part in got] == ["b", "d", "b", "d", "d"]
    assert np.signbit(got[4]).all()
    assert not np.signbit(got[3]).any()


def test_same_calls_are_made_once():
    nodes, _ = _native.nodes_of(ux.elementwise(lambda x: np.exp(x) + np.exp(x) * np.exp(x)))
    assert [node[1] for node in nodes if node[0] == "call"] == ["exp", "multiply", "add"]


def test_the_function_is_called_once():
    calls = []

    def counted(x):
        calls.append(x)
        return x + 1

    made = ux.elementwise(counted)
    made(X)
    made(Y)
    assert len(calls) == 1


def test_a_warning_names_the_ufunc():
    with pytest.warns(RuntimeWarning, match="^divide by zero encountered in log$"):
        ux.elementwise(lambda x: np.log(x) * 2)(np.zeros(3))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="encountered in log"):
        ux.elementwise(lambda x: np.log(x) * 2)(np.zeros(3))


# What is refused. The line is that of the lambda in this file.

CAPTURED = np.ones(3)


def endless(x):
    while True:
        x = x + 1


def repeated(x):
    while True:
        y = x + 1  # noqa: F841, it does not matter


REFUSED = {
    "if": (lambda x: 1 if x > 0 else 2, r"branches on x > 0, .*use numpy.where\(x > 0, ..., ...\)"),
    "and": (lambda x: (x > 0) and (x < 1), "branches on x > 0.*use &"),
    "chain": (lambda x: 0 < x < 1, r"branches on .*use &"),
    "max": (lambda x: max(x, 0), r"use numpy.maximum\(a, b\)"),
    "math": (lambda x: math.exp(x * 2), r"calls math.exp on x \* 2; use numpy.exp"),
    "float": (lambda x: float(x) + 1, "makes a Python number of x.*use astype"),
    "captured": (lambda x: x + CAPTURED, r"an array that is not an argument.*\(3,\); pass it as an argument"),
    "captured first": (lambda x: CAPTURED * x, "pass it as an argument"),
    "array": (lambda x: np.array([x, 1]), "makes an array"),
    "sum": (lambda x: np.sum(x), "calls numpy.sum, .*call it outside"),
    "method": (lambda x: x.sum(), "calls sum of x, which is not elementwise"),
    "reduce": (lambda x: np.add.reduce(x), "calls numpy.add.reduce, which is not elementwise"),
    "matmul": (lambda x: np.matmul(x, x), "calls numpy.matmul, which works along axes"),
    "at": (lambda x: x @ x, "multiplies matrices"),
    "shape": (lambda x: x.shape[0], "looks at x.shape, unknown while <lambda> is traced"),
    "index": (lambda x: x[0], "takes x for a sequence"),
    "iteration": (lambda x: [y for y in x], "takes x for a sequence"),  # noqa: C416
    "len": (lambda x: len(x), "takes x for a sequence"),
    "round": (lambda x: np.round(x), "use numpy.rint"),
    "masked": (lambda x: np.add(x, x, where=x > 0), "passes where= to numpy.add; use numpy.where"),
    "dtype": (lambda x: np.add(x, x, dtype="f"), "use astype"),
    "out": (lambda x: np.add(x, x, out=CAPTURED), "passes out= to numpy.add"),
    "text": (lambda x: x + "a", "uses 'a' in a calculation"),
    "endless": (endless, "makes more than 4096 values; does a loop in it not end"),
    "repeated": (repeated, "again and again; does a loop in it not end"),
    "objects": (lambda x: x.astype(object), "of dtype object; use a dtype of numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_where_and_what_to_write(case):
    function, words = REFUSED[case]
    with pytest.raises(TypeError, match=words) as caught:
        ux.elementwise(function)
    lines, first = inspect.getsourcelines(function)
    assert HERE in str(caught.value)
    line = int(str(caught.value).rpartition("line ")[2].rstrip(")"))
    assert first <= line < first + len(lines)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: None, "returned None; does it lack a return"),
        (lambda x: "a", "returned 'a', which was not made of its operands"),
        (lambda: 1, "has no parameters"),
        (lambda *x: x[0], r"has the parameter \*x"),
        (lambda x, y=1: x, "has a default for y"),
        (lambda x, *, y: x, "has the parameter y"),
        (3, "makes a ufunc of a function, not of 3"),
        ("exp", "not of 'exp'"),
    ],
)
def test_functions_that_cannot_be_ufuncs(function, words):
    with pytest.raises(TypeError, match=words):
        ux.elementwise(function)


def test_an_error_of_the_functions_own_passes():
    with pytest.raises(ZeroDivisionError):
        ux.elementwise(lambda x: x + 1 / 0)


def test_a_value_of_an_outer_trace_is_refused():
    def outer(x):
        return ux.elementwise(lambda y: y + x)(x)

    with pytest.raises(TypeError, match="uses x, a value of outer, traced around it; pass it as an argument"):
        ux.elementwise(outer)


# They are ufuncs.


def test_attributes():
    assert isinstance(bump, np.ufunc)
    assert (bump.__name__, bump.nin, bump.nout, bump.nargs, bump.signature) == ("bump", 2, 1, 3, None)
    assert (polar.nin, polar.nout, polar.nargs) == (2, 2, 4)
    assert repr(bump) == "<ufunc 'bump'>"
    assert bump.__doc__ == "A bell, on a plane."
    assert str(inspect.signature(bump)).startswith("(x, y, /, out=None, *, where=True")
    assert bump.__module__ == __name__
    assert bump.identity is None
    assert ux.elementwise(identity=0, reorderable=True)(lambda x, y: x + y).identity == 0


def test_calls_as_a_ufunc_is_called():
    expected = np.exp(-X * X) * Y + 1
    close = lambda a: np.allclose(a, expected)  # noqa: E731
    assert close(bump(X, Y))
    out = np.empty_like(X)
    assert bump(X, Y, out=out) is out
    assert close(out)
    assert bump(X, Y, out) is out
    half = np.full_like(X, 7)
    bump(X, Y, out=half, where=X > 0)
    assert np.array_equal(half, np.where(X > 0, bump(X, Y), 7))
    assert bump(X.astype("f"), 2.0).dtype == "f"
    assert bump(X, Y, dtype="f").dtype == "f"
    assert type(bump(1.0, 2.0)) is np.float64
    assert np.allclose(bump.outer(X[:3], Y[:4]), bump(X[:3, None], Y[:4]))
    assert bump([0, 0], [1, 2]).tolist() == [2, 3]


def test_methods_of_associative_ufuncs():
    longer = ux.elementwise(lambda a, b: np.sqrt(a * a + b * b), identity=0.0, reorderable=True)
    assert longer.reduce([3.0, 4.0]) == 5
    assert np.allclose(longer.reduce(np.ones((2, 8)), axis=(0, 1)), 4)
    assert longer.accumulate([3.0, 4.0, 12.0]).tolist() == [3, 5, 13]
    assert longer.reduce([]) == 0
    assert longer.reduceat([3.0, 4.0, 5.0, 12.0], [0, 2]).tolist() == [5, 13]
    place = np.array([3.0, 5.0])
    longer.at(place, [0, 1], [4.0, 12.0])
    assert place.tolist() == [5, 13]
    in_order = ux.elementwise(lambda a, b: a - b)
    with pytest.raises(ValueError, match="not reorderable"):
        in_order.reduce(np.ones((2, 2)), axis=(0, 1))


def test_overrides_are_handed_it():
    class Asks:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return ufunc, method

    assert bump(Asks(), 1) == (bump, "__call__")
    assert bump.outer(1, Asks())[1] == "outer"


def test_subclasses():
    class Own(np.ndarray):
        pass

    assert type(bump(X.view(Own), 1.0)) is Own


def test_of_ufuncs_and_of_objects_with_calls():
    assert np.allclose(ux.elementwise(np.exp)(X), np.exp(X))

    class Scaled:
        def __init__(self, by):
            self.by = by

        def __call__(self, x):
            return x * self.by

    assert np.array_equal(ux.elementwise(Scaled(3.0))(X), X * 3.0)


def test_the_example_of_lengths_runs_and_is_shown_as_it_is(capsys):
    root = Path(__file__).parents[2]
    example = root / "bindings" / "python" / "examples" / "lengths.py"
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out == "[5.         7.21110255] km\n"
    assert f"```python\n{example.read_text()}```" in (root / "docs" / "elementwise.md").read_text()


# Pickle.


def test_pickles_in_the_process_it_is_the_same_object():
    assert pickle.loads(pickle.dumps(bump)) is bump
    assert len(pickle.dumps(bump)) < 1024


def test_pickles_into_another_process():
    local = ux.elementwise(lambda x, y: np.where(x > y, x * np.float32(1.5), y))
    data = pickle.dumps((local, polar, X, Y))
    code = (
        "import pickle, sys; f, g, x, y = pickle.loads(sys.stdin.buffer.read());"
        "sys.stdout.buffer.write(pickle.dumps((f(x, y), g(x, y), f.__name__, f)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    one, two, name, back = pickle.loads(ran.stdout)
    assert same(one, local(X, Y))
    assert same(two, polar(X, Y))
    assert (name, back) == ("<lambda>", local)


def test_definitions_that_nobody_holds_are_dropped():
    kept = ux.elementwise(lambda x: x + 0.125)
    for i in range(2000):
        made = ux.elementwise(eval(f"lambda x: x + {i}.5"))
        assert made(1.0) == i + 1.5
    assert kept(1.0) == 1.125


# Python callbacks.


def slow_hypot(a, b):
    """By the theorem."""
    seen.add((type(a), type(b)))
    return math.sqrt(a * a + b * b)


seen = set()


@ux.elementwise(trace=False, types="d->d")
def named(x):
    return math.sqrt(x)


called = ux.elementwise(slow_hypot, trace=False, types=["ll->d", "dd->d"])


def test_callbacks_are_typed():
    seen.clear()
    assert called(np.array([3, 5]), 4 * 3).tolist() == [math.hypot(3, 12), 13]
    assert seen == {(int, int)}
    assert called(np.array([3.0]), np.float32(4)).dtype == "d"
    assert seen == {(int, int), (float, float)}
    assert type(called(3, 4)) is np.float64
    assert (called.nin, called.nout, called.types) == (2, 1, ["ll->d", "dd->d"])
    assert (called.__name__, called.__doc__) == ("slow_hypot", "By the theorem.")
    assert isinstance(called, np.ufunc)
    with pytest.raises(TypeError, match="not supported for the input types"):
        called(1j, 2)


def test_callbacks_have_all_methods_and_keywords():
    x = np.array([3.0, 4.0, 12.0])
    assert called.reduce(x) == 13
    assert called.accumulate(x).tolist() == [3, 5, 13]
    assert called.reduceat(x, [0, 2]).tolist() == [5, 12]
    assert called.outer([3.0], [4.0, 0.0]).tolist() == [[5, 3]]
    place = np.array([3.0, 0.0])
    called.at(place, [0, 1, 1], [4.0, 3.0, 4.0])
    assert place.tolist() == [5, 5]
    out = np.zeros(3, "f")
    assert called(x, 0.0, out=out, where=[True, False, True]) is out
    assert out.tolist() == [3, 0, 12]
    assert called(x, 0.0, dtype="d").dtype == "d"
    with pytest.raises(TypeError, match="Cannot cast ufunc 'slow_hypot' output from"):
        called(x, 0.0, out=np.zeros(3, "l"))


def test_callbacks_pass_errors_on_and_ask_overrides():
    def fails(x):
        raise LookupError(x)

    with pytest.raises(LookupError, match="2"):
        ux.elementwise(fails, trace=False, types="d->d")(2.0)

    class Asks:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return ufunc, method, len(inputs), kwargs

    assert called(1.0, Asks()) == (called, "__call__", 2, {})
    assert called.reduce(Asks(), axis=1)[:2] == (called, "reduce")


def test_callbacks_with_several_results():
    split = ux.elementwise(lambda x: (x // 1, x % 1), trace=False, types="d->ld")
    whole, rest = split(np.array([1.5, 2.25]))
    assert (whole.dtype, whole.tolist(), rest.tolist()) == (np.dtype("l"), [1, 2], [0.5, 0.25])


def test_callbacks_pickle_by_name():
    data = pickle.dumps(named)
    assert pickle.loads(data) is named
    assert b"sqrt" not in data


def test_arguments_of_callbacks_are_looked_at():
    with pytest.raises(TypeError, match="needs types="):
        ux.elementwise(slow_hypot, trace=False)
    with pytest.raises(TypeError, match="types= is for trace=False"):
        ux.elementwise(slow_hypot, types="dd->d")
    with pytest.raises(ValueError, match="like 'dd->d'"):
        ux.elementwise(slow_hypot, trace=False, types="dd")


def test_folds():
    try:
        total = ux.elementwise(lambda a, b: a * b, fold=np.add)
    except NotImplementedError:
        pytest.skip("folds are not built yet")
    for axis in (None, 0, 1):
        a, b = np.random.default_rng(1).normal(size=(2, 300, 70))
        assert same(total(a, b, axis=axis), ux.add.reduce(ux.multiply(a, b), axis=axis))


def test_no_warning_of_its_own_at_definition():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ux.elementwise(lambda x: np.log(x * 0.0) / 0.0)


def test_why_a_call_is_not_native_is_said_in_words():
    doubled = ux.elementwise(lambda x: x * 2)
    text = str(ux.explain(doubled, np.array([1], object)))
    assert "goes to NumPy" in text
    assert "those that all ufuncs in it have loops for" in text


def test_signs_of_zeros_in_complex_constants():
    def function(x):
        return x + 1j, x + complex(-0.0, 1.0), x + complex(1.0, 0.0), x + complex(1.0, -0.0)

    made = ux.elementwise(function)
    for value in (complex(-0.0, -0.0), complex(-0.0, 0.0), complex(0.0, -0.0)):
        x = np.full(9, value)
        assert same(made(x), function(x))


def test_calls_for_each_element_where_not_all_are_made():
    add = ux.elementwise(lambda a, b: a + b, trace=False, types="dd->d")
    x = np.arange(6.0).reshape(2, 3)
    for where in (x > 2, np.array([True, False, True]), False):
        got = add(x, x, where=where)
        assert got.dtype == "d"
        assert same(got, np.where(where, x + x, 0.0))
    assert same(add(1.0, 2.0, where=False), np.float64(0.0))


@pytest.mark.parametrize(
    "fold",
    [
        lambda add, x, dtype: add.reduce(x, out=np.zeros((), dtype)),
        lambda add, x, dtype: add.accumulate(x, out=np.zeros(6, dtype)),
        lambda add, x, dtype: add.reduceat(x, [0, 3], out=np.zeros(2, dtype)),
    ],
)
def test_folds_of_calls_for_each_element_cast_as_numpys_do(fold):
    add, x = ux.elementwise(lambda a, b: a + b, trace=False, types="dd->d"), np.arange(6.0) + 0.5
    for dtype in "fl":  # whatever the kind
        assert same(fold(add, x, dtype), fold(np.add, x, dtype))
