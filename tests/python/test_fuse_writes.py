"""What fused functions write, under which error state, in which memory order and into which memory."""

import faulthandler
import functools
import operator
import os
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from program_cases import check_fused as check
from program_cases import same

import ufunx as ux
from ufunx import _blocks, _recording

N = 20_000
X = np.linspace(-2.0, 3.0, N)
Y = np.linspace(0.5, 9.0, N)


# Writes.


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: (a := x * 2, x.__setitem__(slice(None), 7), a + 1)[2],
        lambda x, y: (a := x * 2, v := x[::2], v.__iadd__(1), a + 1)[3],
        lambda x, y: (a := x + y, np.add(x, 1, out=x), a)[2],
        lambda x, y: (a := x + y, np.multiply(y, y, out=x[::-1]), a)[2],
        lambda x, y: (a := x + y, x.fill(3), np.copyto(y, x), a * x)[3],
        lambda x, y: (a := x + y, np.add.at(x, [0, 0], 5), a)[2],
        lambda x, y: (a := x + y, np.cumsum(x, out=x), a)[2],
        lambda x, y: (a := x + y, np.put(x, [1, 2], 9), np.place(y, y > 2, 0), a + y)[3],
        lambda x, y: (a := x + y, x.sort(), x.partition(3), a + x)[3],
        lambda x, y: (a := x + y, np.asarray(x).fill(2), a + x)[2],
        lambda x, y: (a := x + y, b := np.asarray(x), b.fill(2), c := a + x, b.fill(3), c + x)[5],
        lambda x, y: (a := x + y, memoryview(np.asarray(x)).__setitem__(0, 5.0), a + x)[2],
        lambda x, y: (a := x + y, x.flat.__setitem__(3, 5.0), a + x)[2],
        lambda x, y: (a := x + y, setattr(x, "flat", 1.0), a + x)[2],
        lambda x, y: (p := np.ones(N), a := x * p, p.fill(5), a)[3],
        lambda x, y: (p := np.ones(N), a := x * y * p, p.fill(5), b := a + p, p.fill(7), b)[5],
        lambda x, y: (a := x * 2, b := a + 1, a.__iadd__(5), a * b)[3],
        lambda x, y: (a := x * 2, b := a, a.__imul__(5), b + 1)[3],
        lambda x, y: (a := x * 2, c := a.copy(), a.__setitem__(0, 5), a + c)[3],
        lambda x, y: (x.__setitem__(slice(1, None), x[:-1] * 2), x + y)[1],
        lambda x, y: (x[1:].__iadd__(x[:-1] * y[1:]), x + 0)[1],
        lambda x, y: (a := x * 2, f := a.astype("f"), a.__iadd__(1), f + a)[3],
        lambda x, y: (a := x * 2, a.__setitem__(x > 1, y[x > 1] * 3), a + x)[2],
        lambda x, y: (np.subtract(x * 2, y * 3, out=y), x.__isub__(y), x)[2],
        lambda x, y: (a := np.empty(N), np.add(x * 2, y, a), a.__iadd__(1), a + x)[3],
        lambda x, y: (a := x * 2, np.lib.stride_tricks.sliding_window_view(a, 3)[0].sum(), a + 1)[2],
    ],
)
def test_writes(function):
    check(function, X, Y)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (t := (x * 2,), np.sum(*t), x.fill(0), t[0])[3],
        lambda x: (p := functools.partial(np.sum, x * 5), p(), x.fill(0), p())[3],
        lambda x: (t := (x.copy(), x * 2), operator.iadd(*t), x.fill(0), t[1])[3],
    ],
)
def test_what_was_folded_but_is_held_is_there(function):
    check(function, X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, z: (first := z, z := operator.iadd(z, x), y := z * 2, first.fill(0), y)[4],
        lambda x, z: (r := np.add(x, 1, out=z), y := r * 2, z.fill(0), y)[3],
        lambda x, z: (r := np.cumsum(x, out=z), y := r * 2, z.fill(0), y)[3],
        lambda x, z: (r := x.reshape(1, -1).sum(0, out=z), y := r * 2, z.fill(0), y)[3],
        lambda x, z: (r := np.broadcast_arrays(x, z)[1], y := r * 2, z.fill(0), y)[3],
        lambda x, z: (r := np.atleast_1d(x, z)[1], y := r * 2, z.fill(0), y)[3],
        lambda x, z: (r := np.atleast_2d(x, z)[1], y := r * 2, z.fill(0), y)[3],
        lambda x, z: np.add(x, 1, out=z) is z,
        lambda x, z: np.cumsum(x, out=z) is z,
        lambda x, z: np.add(x * 2, 1, out=z) is z,
    ],
)
def test_arrays_that_were_not_lazy_stay_what_they_are(function):
    check(lambda x: function(x, np.ones(N)), X)


def test_views_without_axes_can_be_written_to():
    check(lambda x: (v := x[0, ...], y := x * 2, v.fill(0), y)[3], X)
    check(lambda x: (v := x.reshape(-1, 2)[3, 1:2].reshape(()), y := x * 2, v.fill(0), y)[3], X)


def test_outputs_of_reductions_by_place():
    def function(x):
        z = x * 5
        w = z + 1
        np.concatenate([x, x]).reshape(2, -1).max(0, z)
        return w, z

    check(function, X)


@pytest.mark.parametrize(
    "inner",
    [
        lambda own, outer: np.add(outer, 1, out=outer),
        lambda own, outer: np.add(own * 2, own, out=outer),
        lambda own, outer: np.cumsum(own * 2, out=outer),
        lambda own, outer: outer.__setitem__(slice(None), own * 2),
        lambda own, outer: outer.__iadd__(own * 2),
        lambda own, outer: (view := np.atleast_1d(own, outer)[1], view.fill(3)),
    ],
)
def test_writes_to_arrays_of_a_function_around(inner):
    def function(x, inner):
        z = x * 3
        w = z + 1
        inner(np.ones(N), z)
        return w, z + 1

    expected, got = function(X.copy(), inner), ux.fuse(function)(X.copy(), ux.fuse(inner))
    assert same(expected, got)


def test_what_got_out_before_an_error_has_the_values_of_then():
    def function(x):
        kept.append(x * 2)
        raise ValueError

    for maker in (lambda function: function, ux.fuse):
        kept, x = [], X.copy()
        with pytest.raises(ValueError):
            maker(function)(x)
        x.fill(0)
        assert same(np.asarray(kept[0]), X * 2)


def test_in_place_keeps_the_order_of_what_is_not_made_yet():
    def function(x, y):
        z = x * 2
        z += y
        return z.strides

    table = np.ones((100, 200))
    for x in (table, np.asfortranarray(table)):
        for y in (table, np.asfortranarray(table)):
            assert ux.fuse(function)(x, y) == function(x, y)


def test_in_place_operators():
    def function(x, y, n):
        a = x * 2
        before = a
        a += y
        a -= 1
        a *= x + y
        a /= 3
        a **= 2
        n ^= n >> 3
        h = n * 3
        h <<= 2
        h |= 1
        h %= 97
        x += a
        x[3:7] -= a[:4] * 2
        return before is a, a, x, h

    check(function, X, Y, np.arange(N))


def test_in_place_errors_are_numpys():
    def function(n, x):
        n = n * 2
        with pytest.raises(TypeError) as caught:
            n += x
        return str(caught.value), n

    check(function, np.arange(N), X)


# State.


def test_the_error_state_is_that_of_the_recording():
    def function(x):
        with np.errstate(divide="ignore"):
            a = np.log(x * 0)
        b = np.sqrt(x)
        with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="log"):
            np.log(x * 0)
        return a + 1, b + 1

    with ux.installed(), pytest.warns(RuntimeWarning) as caught:
        a, _ = ux.fuse(function)(X)
    assert [str(w.message) for w in caught] == ["invalid value encountered in sqrt"]
    assert np.isinf(a).all()


def test_the_error_state_without_numpys_variable():
    state = _recording.ErrorState()
    before = state.get()
    with np.errstate(divide="ignore"):
        inside = state.get()
        assert inside is not before
        token = state.set(before)
        assert np.geterr()["divide"] == "warn"
        state.reset(token)
        assert state.get() is inside
    assert state.get() is before


def test_errors_come_where_they_are_made():
    def function(x, n):
        errors = []
        for call in (
            lambda: (x > 0) - (x < 1),
            lambda: x + np.ones(3),
            lambda: x + "a",
            lambda: n ** (n - 3),
            lambda: n.astype("B") + 300,
            lambda: np.add(x, x, out=np.zeros(2)),
            lambda: bool(x),
            lambda: x & x,
            lambda: x[N],
            lambda: x.nothing,
            lambda: np.exp(x, 1, 2, 3),
        ):
            try:
                call()
            except Exception as error:
                errors.append((type(error).__name__, str(error)))
        return errors

    check(function, X, np.arange(N))


def test_a_warning_comes_once_and_by_its_name():
    def function(x):
        logs = np.log(np.maximum(x, -1e-9))
        return logs.sum(), logs + 1, logs * 2

    with pytest.warns(RuntimeWarning) as caught:
        ux.fuse(function)(X)
    assert [str(w.message) for w in caught] == ["invalid value encountered in log"]


def test_warnings_come_from_the_functions_line():
    def function(x):
        return np.log(x * 0) + 1, np.add.accumulate(x / 0)

    with pytest.warns(RuntimeWarning) as caught:
        ux.fuse(function)(X)
    assert {(w.filename, w.lineno) for w in caught} == {(__file__, function.__code__.co_firstlineno)}
    assert len(caught) == 3


def test_threads_inside_and_around():
    def function(x, y):
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(lambda k: np.exp(x * k) + y, range(8)))
        return parts, (x + y).sum()

    fused = ux.fuse(function)
    with ux.installed():
        expected = function(X, Y)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: fused(X, Y), range(16)))
    assert all(same(expected, result) for result in results)


# Layouts.


@pytest.mark.parametrize("way", ["C", "F", "transposed", "strided", "reversed", "mixed", "broadcast", "3d"])
def test_layouts(way):
    a = np.random.default_rng(1).normal(size=(192, 288))
    b = a + 1
    a, b = {
        "C": (a, b),
        "F": (np.asfortranarray(a), np.asfortranarray(b)),
        "transposed": (a.T, b.T),
        "strided": (a[::2, ::1], b[1::2, ::1]),
        "reversed": (a[::-1], b[:, ::-1]),
        "mixed": (np.asfortranarray(a), b),
        "broadcast": (np.asfortranarray(a), b[0]),
        "3d": (a.reshape(8, 24, 288).transpose(2, 0, 1), b.reshape(8, 24, 288).transpose(2, 0, 1)),
    }[way]

    def function(a, b):
        made = np.sqrt(np.abs(a * b)) + b
        return (
            made,
            made.flags.c_contiguous,
            made.flags.f_contiguous,
            made.sum(),
            made.sum(axis=0),
            made.mean(),
        )

    check(function, a, b)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1), (1,)])
@pytest.mark.parametrize("dtype", ["d", "f", "l", "B"])
def test_folds_of_strided_tables_are_those_of_their_copies(axis, dtype):
    def function(table):
        inner = table[1:-1, 1:-1]
        return [
            (inner * 2).sum(axis),
            (inner * inner).sum(axis=axis, keepdims=True),
            np.mean(inner + 1, axis=axis),
            (inner - 1).max(axis=axis),
            np.min(inner * 3, axis, keepdims=True),
            (inner > 1).any(axis=axis),
            np.all(inner < 30, axis=axis),
        ]

    explanation = check(function, (np.random.default_rng(2).normal(size=(190, 190)) * 9 + 30).astype(dtype))
    assert sum("reduce" in program["calls"][-1] for program in explanation["programs"]) >= 6


def test_what_is_needed_again_is_not_folded():
    def function(x):
        squares = x * x
        return squares.sum(), squares

    explanation = check(function, X)
    assert explanation["alone"]["sum: not elementwise"] == 1


# Memory of results.


def test_results_that_nobody_has_are_written_again():
    function = ux.fuse(lambda x: x * 3 + 1)
    result = function(X)
    expected, address = result.copy(), result.ctypes.data
    assert function(Y).ctypes.data != address
    assert np.array_equal(result, expected)
    for keep in (
        lambda a: a[::2],
        lambda a: memoryview(a),
        lambda a: a.T.reshape(2, -1)[1:],
        lambda a: np.frombuffer(a),
        lambda a: {"a": [a]},
        lambda a: iter(a),
    ):
        kept = keep(result)
        address = result.ctypes.data
        del result
        others = [function(Y) for _ in range(3)]
        assert address not in [other.ctypes.data for other in others]
        del kept, others
        result = function(X)
        assert np.array_equal(result, expected)
    first = result.ctypes.data
    del result
    assert first in [part.ctypes.data for part in [function(Y) for _ in range(4)]]


def test_results_that_were_changed_or_are_known_by_weak_references_are_not():
    function, x = ux.fuse(lambda x: x * 5 + 1), X[:-7]  # of a shape that no other test has
    for change in (lambda a: a.setflags(write=False), lambda a: setattr(a, "shape", (1, -1))):
        result = function(x)
        change(result)
        del result
        again = function(x)
        assert again.shape == x.shape
        assert again.flags.writeable
        del again
    result = function(x)
    reference = weakref.ref(result)
    del result
    function(x)
    assert reference() is None


def test_what_was_given_away_is_forgotten_when_it_dies():
    recorders = []

    def function(x):
        recorders.append(x._node.recorder)
        table = np.empty((x.size, 2))
        table[:, 0] = x * 2 + 1
        assert not recorders[0].given
        held = np.asarray(x * 3)
        assert recorders[0].given
        del held
        assert not recorders[0].given
        return table[:, 0] + (x + 1) * 2

    assert same(ux.fuse(function)(X), (X * 2 + 1) + (X + 1) * 2)


def test_no_more_memory_is_kept_than_is_said():
    function = ux.fuse(lambda x: x * 7 + 1)
    for size in range(200_000, 2_200_000, 100_000):
        function(np.ones(size))
    assert _blocks._bytes <= _blocks.MOST
    assert _blocks._bytes == sum(array.nbytes for arrays in _blocks._kept.values() for array in arrays)


def test_kept_memory_that_is_resized_counts_as_what_it_was():
    function = ux.fuse(lambda x: x * 7 + 1)
    result = function(np.ones(30_001))
    result.resize(90_000, refcheck=False)
    assert _blocks._bytes == sum(_blocks.size_of(key) * len(kept) for key, kept in _blocks._kept.items())
    del result
    function(np.ones(30_001))
    assert _blocks._bytes == sum(_blocks.size_of(key) * len(kept) for key, kept in _blocks._kept.items())


def test_who_sees_kept_memory_die_may_want_some():
    function, x, told = ux.fuse(lambda x: x * 7 + 1), X[:-9], []
    result = function(x)
    references = [weakref.ref(result, lambda _: told.append(function(x)[0]))]
    faulthandler.dump_traceback_later(60, exit=True)  # instead of a deadlock
    try:
        del result
        function(x)  # lets go of it
        assert len(told) == 1
        result = function(np.ones(30_003))
        references.append(weakref.ref(result, lambda _: told.append(function(x)[0])))
        del result
        for size in range(1_000_000, 2_000_000, 100_000):
            function(np.ones(size))
        assert len(told) == 2
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_while_another_thread_wants_memory():
    with ThreadPoolExecutor(1) as other:
        other.submit(_blocks._lock.acquire).result()
        try:
            child = os.fork()
            if child == 0:
                os._exit(0 if _blocks._lock.acquire(timeout=10) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            other.submit(_blocks._lock.release).result()
