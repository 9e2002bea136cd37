"""In-place mode: NumPy's own ufuncs on the engine, and everything as before when it ends."""

import ctypes
import subprocess
import sys
import threading
import time
from operator import add as plus
from pathlib import Path

import fuzz
import numpy as np
import pytest
from numpy import add as captured_add

import ufunx as ux

captured_reduce = np.add.reduce
A, B = np.arange(1.0, 11.0), np.linspace(2.0, 5.0, 10)
N, M = np.arange(1, 7), np.array([3, 1, 4, 1, 5, 9])
MASK = N > 3
GRID = np.arange(12.0).reshape(3, 4)


class Subclass(np.ndarray):
    pass


class Overriding(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        assert type(ufunc) is np.ufunc
        inputs = [i.view(np.ndarray) if isinstance(i, Overriding) else i for i in inputs]
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)


def inplace(operation, target, value):
    target = target.copy()
    exec(f"target {operation}= value", {"target": target, "value": value})
    return target


def at(ufunc):
    target = A.copy()
    ufunc.at(target, np.array([0, 0, 2]), 1.5)
    return target


ROUTES = {
    "a call": lambda: np.add(A, B),
    "a call with keywords": lambda: np.multiply(A, B, out=np.zeros(10), where=A > 3, casting="same_kind"),
    "a unary call": lambda: np.sqrt(A),
    "unpacked arguments": lambda: np.add(*[A, B], **{"dtype": "f4"}),
    "a captured reference": lambda: captured_add(A, B),
    "a captured method": lambda: captured_reduce(A),
    "a method of the type": lambda: np.ufunc.reduce(np.add, A),
    "the ufunc's __call__": lambda: np.add.__call__(A, B),
    "reduce": lambda: np.add.reduce(GRID, axis=1, keepdims=True),
    "reduce of a mask": lambda: np.add.reduce(A, where=A > 2, initial=1.0),
    "accumulate": lambda: np.add.accumulate(A),
    "reduceat": lambda: np.add.reduceat(A, np.array([0, 3, 5])),
    "outer": lambda: np.multiply.outer(N, M),
    "at": lambda: at(np.add),
    "+": lambda: A + B,
    "-": lambda: A - B,
    "*": lambda: A * 2,
    "/": lambda: A / B,
    "** 2": lambda: A**2,
    "** 0.5": lambda: A**0.5,
    "unary -": lambda: -A,
    "unary +": lambda: +A,
    "abs": lambda: abs(A),
    "<": lambda: A < B,
    "<=": lambda: A <= 3,
    "==": lambda: N == M,
    "!=": lambda: N != M,
    ">": lambda: 3.0 > A,
    ">=": lambda: A >= B,
    "&": lambda: MASK & MASK[::-1],
    "|": lambda: N | M,
    "^": lambda: N ^ M,
    "~": lambda: ~N,
    "<<": lambda: N << 2,
    ">>": lambda: N >> M,
    "reflected +": lambda: 1.5 + A,
    "reflected -": lambda: 1 - N,
    "reflected /, by a NumPy scalar": lambda: np.float64(2) / A,
    "+=": lambda: inplace("+", A, B),
    "-=": lambda: inplace("-", A, 1),
    "*=": lambda: inplace("*", A, B),
    "/=": lambda: inplace("/", A, B),
    "a temporary used again": lambda: (np.ones(50_000) + 1) * 2 + 3,
    "operator.add": lambda: plus(A, B),
    "a.sum": lambda: A.sum(),
    "a.sum along an axis": lambda: GRID.sum(axis=0, keepdims=True),
    "a.prod": lambda: A.prod(),
    "a.max": lambda: A.max(),
    "a.min": lambda: GRID.min(axis=1),
    "a.any": lambda: MASK.any(),
    "a.all": lambda: MASK.all(),
    "a.mean": lambda: A.mean(),
    "a.std": lambda: A.std(),
    "a.var": lambda: GRID.var(axis=0),
    "a.cumsum": lambda: A.cumsum(),
    "a.cumprod": lambda: A.cumprod(),
    "np.sum": lambda: np.sum(A),
    "np.prod": lambda: np.prod(GRID, axis=1),
    "np.max": lambda: np.max(A),
    "np.min": lambda: np.min(GRID, axis=0),
    "np.any": lambda: np.any(MASK),
    "np.all": lambda: np.all(MASK),
    "np.mean": lambda: np.mean(GRID, axis=1),
    "np.std": lambda: np.std(A),
    "np.ptp": lambda: np.ptp(A),
    "np.diff": lambda: np.diff(A),
    "a subclass": lambda: A.view(Subclass) + B,
    "a subclass that calls super": lambda: np.add(A.view(Overriding), B),
    "a subclass that calls super for reduce": lambda: np.add.reduce(A.view(Overriding)),
    "a masked array": lambda: np.ma.array(A, mask=A > 4) + B,
}
# What comes to us and is, or was, NumPy's to do: that gets it by the original way, methods included.
NUMPYS = {
    "a list": lambda: np.add([1.0, 2.0], 3),
    "a list on the left": lambda: [1.0] * 10 - A,
    "integers divided": lambda: N // M,
    "integers divided in place": lambda: inplace("//", N, M),
    "remainders": lambda: N % M,
    "two outputs": lambda: np.divmod(N, M)[1],
    "objects": lambda: np.add(np.array([1, "a"], object), np.array([2, "b"], object)),
    "objects reduced": lambda: np.add.reduce(np.array([1, 2, 3], object)),
    "objects accumulated": lambda: np.add.accumulate(np.array([1, 2, 3], object)),
    "objects in outer": lambda: np.add.outer(np.array([1, 2], object), [1, 2]),
    "dates": lambda: np.array(["2026-01-01"], "M8[D]") + np.timedelta64(1, "D"),
    "complex": lambda: np.add(A, 1j),
    "text": lambda: np.add(np.array(["a"]), np.array(["b"])),
    "at with a tuple of indices": lambda: np.add.at(GRID.copy(), (np.array([0]), np.array([1])), 1),
    "objects multiplied": lambda: np.matmul(GRID.astype(object), GRID.T),
    "long doubles reduced": lambda: np.add.reduce(A.astype(np.longdouble)),
    "a ufunc from Python": lambda: np.frompyfunc(lambda x, y: x, 2, 1).reduce(A),
}
ERRORS = {
    "no argument": lambda: np.add(),
    "one argument": lambda: np.add(A),
    "shapes": lambda: A + N,
    "no loop": lambda: np.add(A, None),
    "an axis": lambda: np.add.reduce(A, axis=3),
    "no array": lambda: np.add.reduce(),
    "a keyword": lambda: np.add(A, B, bogus=1),
    "a keyword of at": lambda: np.add.at(A, 1, 1, bogus=1),
    "nothing to reduce": lambda: np.maximum.reduce([]),
    "not a ufunc": lambda: np.ufunc.reduce(1, A),
    "a read-only operand": lambda: np.add(A, B, out=np.broadcast_to(0.0, 10)),
}


@pytest.fixture(autouse=True)
def as_before():
    assert not ux.show_config()["in_place"]
    before = pointers()
    yield
    ux.uninstall()
    assert pointers() == before


def counted(call):
    before = ux.native_calls()
    return call(), ux.native_calls() - before


def assert_same(here, there):
    if isinstance(there, tuple):
        for pair in zip(here, there, strict=True):
            assert_same(*pair)
        return
    assert type(here) is type(there)
    assert np.result_type(here) == np.result_type(there)
    np.testing.assert_allclose(here, there, rtol=1e-15)


def field(ufunc):
    """The pointer through which a ufunc is called: its type says where."""
    offset = ctypes.c_ssize_t.from_address(id(type(ufunc)) + 56).value
    return ctypes.c_void_p.from_address(id(ufunc) + offset)


def pointers():
    """Everything that in-place mode changes, as it is now."""
    ufuncs = {name: value for name, value in vars(np).items() if type(value) is np.ufunc}
    calls = {name: field(ufunc).value for name, ufunc in ufuncs.items()}
    # In a method descriptor the pointer to its definition, in which the function comes after the name.
    definitions = {
        name: ctypes.c_void_p.from_address(id(method) + 40).value
        for name, method in vars(np.ufunc).items()
        if type(method) is type(np.ufunc.reduce)
    }
    methods = {name: ctypes.c_void_p.from_address(at + 8).value for name, at in definitions.items()}
    held = {name: value for name, value in vars(np._core._methods).items() if name.startswith("umr")}
    own = {name: dict(getattr(ufunc, "__dict__", {})) for name, ufunc in ufuncs.items()}
    return calls, methods, held, own


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_leads_to_our_kernels(route):
    expected, natively = counted(ROUTES[route])
    assert natively == 0
    with ux.installed():
        result, natively = counted(ROUTES[route])
    assert natively >= 1
    assert_same(result, expected)
    assert counted(ROUTES[route])[1] == 0


@pytest.mark.parametrize("route", NUMPYS)
def test_what_is_numpys_runs_on_numpy(route):
    expected = NUMPYS[route]()
    with ux.installed():
        result = NUMPYS[route]()
    assert type(result) is type(expected)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("route", ERRORS)
def test_errors_are_numpys(route):
    with pytest.raises(Exception) as expected:
        ERRORS[route]()
    with ux.installed(), pytest.raises(Exception) as raised:
        ERRORS[route]()
    assert raised.type is expected.type
    assert str(raised.value) == str(expected.value)


@pytest.mark.parametrize("ufunc", [np.add, np.power, np.matmul])
def test_explain_says_what_comes_of_numpys_ufuncs(ufunc):
    inputs = [GRID, GRID.T][: ufunc.nin] if ufunc is np.matmul else [A, B][: ufunc.nin]
    with ux.installed():
        natively = counted(lambda: ufunc(*inputs))[1]
    assert natively == (ux.explain(ufunc, *inputs)["path"] == "native")


def test_pandas():
    pandas = pytest.importorskip("pandas")
    series, frame = pandas.Series(A), pandas.DataFrame({"a": A, "b": B})
    calls = [lambda: np.exp(series), lambda: np.sqrt(frame), lambda: np.add(series, A), lambda: series.abs()]
    for call in calls:
        expected = call()
        with ux.installed():
            result, natively = counted(call)
        assert natively >= 1
        assert type(result) is type(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-15)


class InPlace:
    """NumPy, or something in it, whose calls are in in-place mode."""

    def __init__(self, what=np):
        self.what = what

    def __getattr__(self, name):
        return InPlace(getattr(self.what, name))

    def __call__(self, *args, **kwargs):
        with ux.installed():
            return self.what(*args, **kwargs)


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="older NumPy crashes in some, see test_fuzz.py"
)
def test_random_calls_in_place_agree_with_numpy():
    # How a method is named in this error depends on whether it was bound first, as it is here.
    found = [
        f"# seed {case.seed}: {text}"
        for case, text in fuzz.differences(1, 3000, InPlace())
        if "at() takes no keyword arguments" not in text
    ]
    assert found == []


def test_our_objects_run_and_hand_over_as_ever():
    with ux.installed():
        assert counted(lambda: ux.add(A, B))[1] == 1
        assert ux.add(np.array([1], object), 1)[0] == 2
        assert ux.add.reduce(np.array([1, 2], object)) == 3
        assert ux.matmul(GRID, GRID.T).shape == (3, 3)


def test_an_override_is_handed_numpys_object():
    class Plain:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return ufunc, method

    with ux.installed():
        assert np.add(A, Plain()) == (np.add, "__call__")
        assert np.add(A, Plain())[0] is np.add
        assert np.add.reduce(Plain())[0] is np.add
        assert np.add.outer(A, Plain())[0] is np.add


def test_a_wrap_is_handed_numpys_object():
    seen = []

    class Wrapping(np.ndarray):
        def __array_wrap__(self, array, context=None, return_scalar=False):
            seen.append(context and context[0])
            return array

    with ux.installed():
        np.add(A.view(Wrapping), B)
    assert seen[0] is np.add


def test_install_twice_and_uninstall_once():
    ux.install()
    ux.install()
    assert ux.show_config()["in_place"]
    assert counted(ROUTES["+"])[1] == 1
    ux.uninstall()
    assert counted(ROUTES["+"])[1] == 0
    ux.uninstall()


def test_blocks_nest_and_leave_an_install_alone():
    with ux.installed():
        with ux.installed():
            pass
        assert counted(ROUTES["+"])[1] == 1
    assert counted(ROUTES["+"])[1] == 0
    ux.install()
    with ux.installed():
        pass
    assert counted(ROUTES["+"])[1] == 1
    with ux.installed():
        ux.uninstall()
        assert counted(ROUTES["+"])[1] == 1
    assert counted(ROUTES["+"])[1] == 0


def test_a_block_of_another_thread_is_not_cut_short():
    entered, leave, counts = threading.Event(), threading.Event(), []

    def hold():
        with ux.installed():
            entered.set()
            leave.wait(60)
            counts.append(counted(ROUTES["+"])[1])

    thread = threading.Thread(target=hold)
    with ux.installed():
        thread.start()
        assert entered.wait(60)
    leave.set()
    thread.join()
    assert counts == [1]
    assert counted(ROUTES["+"])[1] == 0


def test_an_exception_ends_a_block():
    with pytest.raises(ZeroDivisionError), ux.installed():
        raise ZeroDivisionError
    assert counted(ROUTES["+"])[1] == 0


def test_switched_within_a_call():
    """By an override, and by a handler of floating-point errors, in the midst of a call that came to us."""

    class Switching:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            ux.uninstall()
            return getattr(ufunc, method)(A, B)

    ux.install()
    result, natively = counted(lambda: np.add(A, Switching()))
    assert natively == 0
    np.testing.assert_array_equal(result, A + B)
    ux.install()
    with np.errstate(divide="call", call=lambda *_: ux.uninstall()):
        assert np.divide(A, 0.0)[0] == np.inf
    assert not ux.show_config()["in_place"]


@pytest.mark.skipif(not hasattr(np.add, "__dict__"), reason="this NumPy lets nothing be set on a ufunc")
def test_attributes_of_others_stay():
    ux.install()
    np.add.reduce = len
    try:
        assert np.add.reduce([1, 2]) == 2
        ux.uninstall()
        assert np.add.reduce([1, 2]) == 2
    finally:
        del np.add.reduce


def test_another_librarys_code_is_neither_called_over_nor_taken_away():
    other = ctypes.cast(ctypes.pythonapi.PyObject_Call, ctypes.c_void_p).value
    stock = field(np.cbrt).value
    try:
        field(np.cbrt).value = other
        with pytest.raises(ux.InPlaceError, match="another library has put its own code behind"):
            ux.install()
        assert counted(ROUTES["+"])[1] == 0
        field(np.cbrt).value = stock
        ux.install()
        ours = field(np.cbrt).value
        field(np.cbrt).value = other
        ux.uninstall()
        assert field(np.cbrt).value == other
        # What that library keeps of ours, to call it in turn, is NumPy's code now.
        field(np.cbrt).value = ours
        assert counted(lambda: np.cbrt(A))[1] == 0
    finally:
        field(np.cbrt).value = stock


def run(*arguments, code=0):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_untested_numpy_is_refused_unless_forced():
    text = run(
        "-c",
        """if True:
        import numpy
        numpy.__version__ = "2.99.1"
        import ufunx
        for way in (ufunx.install, ufunx.installed().__enter__):
            try:
                way()
            except ufunx.InPlaceError as error:
                print(error)
        print(ufunx.show_config()["in_place"])
        ufunx.install(force=True)
        numpy.ones(3) + 1
        print(ufunx.native_calls())
        """,
    )
    refusal = "in-place mode was tested with NumPy 2.1 to 2.5, and this is NumPy 2.99.1; "
    refusal += "force=True switches it on all the same"
    assert text.splitlines() == [refusal, refusal, "False", "1"]


def test_explain_takes_numpys_ufuncs():
    assert ux.explain(np.add, A, B) == ux.explain(ux.add, A, B)
    with pytest.raises(TypeError, match="explain takes a ufunc of ufunx, or a public one of NumPy"):
        ux.explain(np.frompyfunc(len, 1, 1))


@pytest.fixture
def script(tmp_path):
    (tmp_path / "beside.py").write_text("import numpy\nTOTAL = numpy.ones(3).sum()\n")
    path = tmp_path / "script.py"
    path.write_text(
        "import sys, ufunx, beside\n"
        "print(__name__, sys.argv[1:], beside.TOTAL, ufunx.native_calls())\n"
        "sys.exit(3)\n"
    )
    return path


def test_run_a_script(script):
    text = run("-m", "ufunx", "run", str(script), "-x", "y", code=3)
    assert text == "__main__ ['-x', 'y'] 3.0 1\n"


def test_run_a_module(script, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(script.parent))
    assert run("-m", "ufunx", "run", "-m", "script", "y", code=3) == "__main__ ['y'] 3.0 1\n"


def test_run_says_how():
    assert "usage: python -m ufunx run script.py" in run("-m", "ufunx", "--help")
    assert "usage: python -m ufunx run script.py" in run("-m", "ufunx", "run", code=1)


def test_a_forked_child_stays_in_the_mode():
    text = run(
        "-W",
        "ignore",
        "-c",
        """if True:
        import os, numpy, ufunx
        ufunx.install()
        numpy.exp(numpy.ones(10**6))
        if os.fork() == 0:
            before = ufunx.native_calls()
            total = numpy.exp(numpy.ones(10**6)).sum()
            ufunx.uninstall()
            print(ufunx.native_calls() - before, total > 2e6, flush=True)
            os._exit(0)
        os.wait()
        print(ufunx.show_config()["in_place"])
        """,
    )
    assert text.split() == ["2", "True", "True"]


def resident():
    """Bytes of memory in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_switched_while_threads_compute():
    """Ten thousand times, every result right, nothing kept. Exact functions only, the same on both sides."""
    medium, large = np.arange(2000.0), np.arange(200_000.0)
    calls = [lambda: A + B, lambda: A.sum(), lambda: np.sqrt(medium), lambda: np.maximum(medium, 7.0)]
    calls += [lambda: np.add.reduce(GRID, axis=1), lambda: np.multiply(large, 2.0), lambda: N * M]
    calls += [lambda: np.subtract.outer(N, M), lambda: np.add(np.array([1, 2], object), 1).astype(int)]
    native = len(calls) - 1
    expected = [call().tobytes() for call in calls]
    wrong, done, stop = [], [0] * 4, threading.Event()

    def compute(place):
        while not stop.is_set():
            for call, value in zip(calls, expected, strict=True):
                try:
                    if call().tobytes() != value:
                        wrong.append(value)
                except Exception as error:
                    wrong.append(error)
            done[place] += 1

    def switch(times):
        for i in range(times):
            ux.install()
            if i % 3 == 0:
                time.sleep(0)  # the other threads' turn
            ux.uninstall()
            if i % 3 == 1:
                time.sleep(0)

    held = [np.add, np.add.reduce, np.sqrt, A, GRID, large, np.ufunc, ux.add]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    threads = [threading.Thread(target=compute, args=(place,)) for place in range(4)]
    before = ux.native_calls()
    try:
        for thread in threads:
            thread.start()
        switch(1000)
        ux.release_memory()
        memory = resident()
        switch(9000)
        ux.release_memory()
        grown = resident() - memory
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert wrong == []
    assert min(done) > 0
    natively = (ux.native_calls() - before) / (sum(done) * native)
    assert 0.1 < natively < 0.9
    assert grown < 2**24
    counts = [sys.getrefcount(each) for each in held]
    switch(1000)
    assert [sys.getrefcount(each) for each in held] == counts
