"""`ufunx.profile()`: what it counts, and that it leaves everything as it was."""

import json
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import ufunx as ux

A = np.arange(10.0)
O = np.array([1, 2], object)  # noqa: E741, an array of objects
KINDS = (np.ufunc, type(ux.add))

CALLS = {
    "a name": (lambda: np.sqrt(A), "sqrt"),
    "an operator": (lambda: A + A, "add"),
    "an operator in place": (lambda: exec("a *= 2", {"a": A.copy()}), "multiply"),
    "a comparison": (lambda: A < 1, "less"),
    "a method of arrays": (lambda: A.sum(), "add.reduce"),
    "a function of NumPy's": (lambda: np.max(A), "maximum.reduce"),
    "reduce": (lambda: np.multiply.reduce(A, axis=0), "multiply.reduce"),
    "accumulate": (lambda: A.cumsum(), "add.accumulate"),
    "reduceat": (lambda: np.add.reduceat(A, [0, 3]), "add.reduceat"),
    "outer": (lambda: np.subtract.outer(A, A), "subtract.outer"),
    "at": (lambda: np.add.at(A.copy(), [1, 1], 2.0), "add.at"),
    "keywords": (lambda: np.add(A, A, where=A > 100, out=A.copy()), "add"),
    "ours by name": (lambda: ux.exp(A), "exp"),
    "ours, a method": (lambda: ux.add.reduce(A), "add.reduce"),
}


def state():
    """Everything that hooks change."""
    version_tag = 1 << 19  # the interpreter's own
    kinds = [(kind.__flags__ & ~version_tag, dict(kind.__dict__)) for kind in KINDS]
    return kinds, {name: id(value) for name, value in vars(np._core._methods).items()}


@pytest.fixture(autouse=True)
def as_before():
    before = state()
    yield
    assert state() == before


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("in_place", [False, True])
def test_every_way_to_a_ufunc_is_seen(what, in_place):
    call, name = CALLS[what]
    expected = call()
    if in_place:
        with ux.installed(), ux.profile() as profile:
            result = call()
    else:
        with ux.profile() as profile:
            result = call()
    np.testing.assert_allclose(np.asarray(result, float), np.asarray(expected, float), rtol=1e-15)
    row = {row.name: row for row in profile.rows}[name]
    assert row.count == 1
    assert row.native == (in_place or what.startswith("ours"))
    assert 0 < row.ns <= profile.wall_ns


def test_it_says_why_not_and_what_would_be():
    with ux.profile() as profile:
        for _ in range(3):
            np.sqrt(A)
        O + O
        ux.sqrt(A)
    rows = {row.name: row for row in profile.rows}
    (stock, three), (ours, one) = rows["sqrt"].how.most_common()
    assert (three, one) == (3, 1)
    assert stock == f"would be native: {ours}"
    assert ours == f"d->d {ux.explain(ux.sqrt, A)['isa']}"
    assert list(rows["add"].how) == ["an operand's dtype has no native loops"]


def test_errors_and_warnings_pass_through():
    with ux.profile() as profile:
        with pytest.raises(ValueError, match="could not be broadcast"):
            A + A[:3]
        with pytest.raises(TypeError, match="unsupported operand"):
            A + object()
        with pytest.raises(TypeError):
            np.add()
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            np.divide(1.0, np.zeros(3))
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            np.divide(1.0, np.zeros(3))
    assert {row.name: row.count for row in profile.rows} == {"add": 3, "divide": 2}


def test_a_ufunc_inside_another_is_counted_once():
    class Slow:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return np.exp(many)

    many = np.ones(300_000)
    with ux.profile() as profile:
        np.sqrt(Slow())
    assert sorted(row.name for row in profile.rows) == ["exp", "sqrt"]
    assert sum(row.ns for row in profile.rows) <= profile.wall_ns


def test_threads_are_all_seen():
    def work():
        for _ in range(50):
            np.add(A, A)

    with ux.profile() as profile:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [(row.name, row.count) for row in profile.rows] == [("add", 200)]


def test_ufuncs_stay_what_they_are():
    bound = np.add.reduce
    with ux.profile():
        assert type(np.add) is np.ufunc
        assert np.add is np._core.umath.add
        assert np.add == ux.add
        assert bound(A) == 45
        assert np.add.types[0] == "??->?"


def test_in_place_mode_can_be_switched_inside():
    code = """if True:
        import numpy, ufunx
        a = numpy.ones(3)
        with ufunx.profile() as profile:
            a + a
            ufunx.install()
            a + a
            ufunx.uninstall()
            a + a
        print([(row.name, row.count, row.native) for row in profile.rows])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[('add', 3, 1)]\n"


def test_one_at_a_time():
    with ux.profile() as profile:
        with pytest.raises(RuntimeError, match="a profile runs already"):
            ux.profile().__enter__()
        A + A
    assert [row.count for row in profile.rows] == [1]


def test_an_error_in_the_block_ends_it():
    with pytest.raises(TypeError), ux.profile() as profile:
        A + object()
    assert profile.wall_ns > 0


def test_it_prints_as_a_table():
    with ux.profile() as profile, warnings.catch_warnings():
        A + A
        np.add.reduce(A)
    lines = str(profile).splitlines()
    assert lines[0].startswith("2 calls of ufuncs, 0 of them native: ")
    assert lines[1].split() == ["ufunc", "calls", "native", "total", "each", "how"]
    assert {line.split()[0] for line in lines[2:]} == {"add", "add.reduce"}
    assert "2 calls" not in str(ux.profile())


def test_the_record_is_plain():
    with ux.profile() as profile:
        A + A
    record = json.loads(json.dumps(profile.record()))
    (row,) = record["ufuncs"]
    assert row.keys() == {"ufunc", "count", "native", "total_ns", "how"}
    assert record["wall_ns"] >= row["total_ns"]
