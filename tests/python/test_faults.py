"""Faults on purpose: everything in Python that a call may call does what it should not, anywhere."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from exchange_api import exchanging
from producers import Modern, Producer

import ufunx

LARGE = 300_000


class Fault(Exception):
    """What a call-out raises here."""


class Setting:
    """One call: an operand that can be resized, and what is done to it when a call-out comes."""

    def __init__(self, act: Callable[["Setting"], None]) -> None:
        self.a = np.ones(LARGE, "f4")
        self.act = act
        self.came = 0

    def out(self) -> None:
        self.came += 1
        if self.came == 1 or self.act is raises:
            self.act(self)


def raises(setting: Setting) -> None:
    raise Fault


def resizes(setting: Setting) -> None:
    setting.a.resize((4,), refcheck=False)
    setting.junk = [np.full(LARGE, 9.0, "f4") for _ in range(2)]  # type: ignore[attr-defined]


def uninstalls(setting: Setting) -> None:
    ufunx.install()
    ufunx.uninstall()


def forks(setting: Setting) -> None:
    pid = os.fork()
    if pid == 0:
        done = ufunx.exp(np.ones(LARGE))[-1] == np.exp(1.0)
        os._exit(0 if done else 1)
    assert os.waitpid(pid, 0)[1] == 0


def enters_again(setting: Setting) -> None:
    for lib in (ufunx, np):
        assert lib.add(np.ones(LARGE), 1)[-1] == 2
        assert lib.add.reduce(np.ones(LARGE)) == LARGE
        assert lib.divide(np.ones(3), 2).tolist() == [0.5] * 3


ACTS = [raises, resizes, uninstalls, forks, enters_again]


# The call-outs: each makes a call in which the setting's `out` is called once at least.


def override(setting: Setting) -> Any:
    class Overrides:
        def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
            setting.out()
            return "answer"

    return ufunx.add(setting.a, Overrides())


def refusing_override(setting: Setting) -> Any:
    class Refuses:
        def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
            setting.out()
            return NotImplemented

    with pytest.raises((TypeError, Fault)) as caught:
        ufunx.add.reduce(Refuses(), out=setting.a)
    raise caught.value


def function_override(setting: Setting) -> Any:
    class Overrides:
        def __array_function__(self, *args: Any) -> Any:
            setting.out()
            return "answer"

    return ufunx.clip(setting.a, Overrides(), 2)


def finalizer(setting: Setting) -> Any:
    class Finalized(np.ndarray):
        def __array_finalize__(self, obj: Any) -> None:
            if armed:
                setting.out()

    armed = False
    x = np.ones(3, "f4").view(Finalized)
    armed = True
    return ufunx.add(x, setting.a[:3])


def wrap(setting: Setting) -> Any:
    class Wraps(np.ndarray):
        def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
            setting.out()
            return array

    return ufunx.add(setting.a, np.ones(LARGE, "f4").view(Wraps))


def wrap_property(setting: Setting) -> Any:
    class Wraps(np.ndarray):
        @property
        def __array_wrap__(self) -> Any:
            setting.out()
            return lambda array, context=None, return_scalar=False: array

    return ufunx.add(setting.a, np.ones(1, "f4").view(Wraps))


def priority(setting: Setting) -> Any:
    class Prior(np.ndarray):
        @property
        def __array_priority__(self) -> float:
            setting.out()
            return 10.0

    return ufunx.add(np.ones(1, "f4").view(Prior), setting.a.view(np.matrix))


def dtype_property(setting: Setting) -> Any:
    class Typed:
        @property
        def dtype(self) -> Any:
            setting.out()
            return np.dtype("f8")

    return [
        ufunx.add(setting.a, 1, dtype=Typed()),
        ufunx.add.reduce(setting.a, dtype=Typed()),
        ufunx.sum(setting.a, dtype=Typed()),
    ][0]


def reading_by_array(setting: Setting) -> Any:
    class Readable:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            setting.out()
            return np.ones(1, "f4")

    return ufunx.add(setting.a, Readable())


def reading_by_interface(setting: Setting) -> Any:
    ones = np.ones(1, "f4")

    class Readable:
        @property
        def __array_interface__(self) -> Any:
            setting.out()
            return ones.__array_interface__

    return ufunx.add(setting.a, Readable())


def reading_by_dlpack(setting: Setting) -> Any:
    class Readable(Modern):
        def __dlpack__(self, **keywords: Any) -> Any:
            setting.out()
            return super().__dlpack__(**keywords)

    return ufunx.add(setting.a, Readable(Producer(np.ones(1, "f4"))))


def flags_of_a_tensor(setting: Setting) -> Any:
    def is_neg(self: Any) -> bool:
        setting.out()
        return False

    tensor = exchanging(is_neg=is_neg)(np.ones(1, "f4"))
    return [ufunx.add(tensor, setting.a), ufunx.add(tensor, setting.a[:1])][0]


def report(setting: Setting) -> Any:
    def called(kind: str, flag: int) -> None:
        setting.out()

    with np.errstate(all="call", call=called):
        ufunx.divide(setting.a, np.float32(0))
        ufunx.divide(setting.a[:3], 0.0)
        ufunx.add.reduce(np.full(LARGE, 1e38, "f4"))
        return ufunx.add(setting.a, np.array(1e300), dtype="f4", casting="unsafe")


def log(setting: Setting) -> Any:
    class Log:
        def write(self, text: str) -> None:
            setting.out()

    with np.errstate(all="log", call=Log()):
        return ufunx.divide(setting.a, np.float32(0))


def index_of_an_axis(setting: Setting) -> Any:
    class Index:
        def __index__(self) -> int:
            setting.out()
            return 0

    return ufunx.add.reduce(setting.a, axis=Index())


def truth_of_a_keyword(setting: Setting) -> Any:
    class Truth:
        def __bool__(self) -> bool:
            setting.out()
            return True

    return ufunx.asarray(Modern(Producer(np.ones(1, "f4"))), dtype="bfloat16", copy=Truth())


def hash_of_a_keyword(setting: Setting) -> Any:
    class Order(str):
        def __eq__(self, other: object) -> bool:
            setting.out()
            return super().__eq__(other)

        __hash__ = str.__hash__

    setting.out()
    return ufunx.add(setting.a, 1, order=Order("C"))


CALL_OUTS = [
    override,
    refusing_override,
    function_override,
    finalizer,
    wrap,
    wrap_property,
    priority,
    dtype_property,
    reading_by_array,
    reading_by_interface,
    reading_by_dlpack,
    flags_of_a_tensor,
    report,
    log,
    index_of_an_axis,
    truth_of_a_keyword,
    hash_of_a_keyword,
]


# Where NumPy takes an error for no answer.
SWALLOWS = [priority]


@pytest.mark.parametrize("in_place", [False, True], ids=["own", "in place"])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("call_out", CALL_OUTS, ids=lambda call_out: call_out.__name__)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_call_out_that_does_what_it_should_not(call_out: Any, act: Any, in_place: bool) -> None:
    setting = Setting(act)
    if in_place:
        ufunx.install()
    raised = None
    try:
        call_out(setting)
    except (Fault, ValueError, TypeError) as error:
        raised = error
    finally:
        ufunx.uninstall()
    if act is raises:
        # Of a `dtype` that raises, older NumPy says that it cannot be read as one.
        other = TypeError if call_out is dtype_property else Fault
        assert isinstance(raised, Fault | other) or call_out in SWALLOWS
    elif act is not resizes:  # after which shapes may not fit
        assert raised is None or isinstance(raised, TypeError), raised
    assert setting.came > 0
    # All is as before.
    assert ufunx.add(np.ones(LARGE), 1)[-1] == 2
    assert not ufunx.show_config()["in_place"]


ENDING = """
import os, sys, threading, numpy, ufunx
which, how = sys.argv[1:]
started = threading.Event()
def stays(*args, **kwargs):
    started.set()
    while True: pass
class Overrides:
    __array_ufunc__ = stays
    __array_function__ = stays
class Finalized(numpy.ndarray):
    def __array_finalize__(self, obj):
        if go: stays()
class Readable:
    def __array__(self, dtype=None, copy=None): stays()
class Tensor:
    def __dlpack__(self, **keywords): stays()
    def __dlpack_device__(self): return 1, 0
go = False
ones, large = numpy.ones(3), numpy.ones(300_000)
view = ones.view(Finalized)
complex_ones, objects = large.astype(complex), numpy.array([1] * 1000, object)
def report():
    with numpy.errstate(all="call", call=stays): ufunx.divide(ones, 0.0)
def for_ever(call):
    started.set()
    while True: call()
def begin():
    global go
    go = True
    if how == "in place": ufunx.install()
    lib = numpy if how == "in place" else ufunx
    {
        "override": lambda: lib.add(Overrides(), 1),
        "method": lambda: lib.add.reduce(Overrides()),
        "function": lambda: ufunx.sum(Overrides()),
        "finalizer": lambda: lib.add(view, 1),
        "report": report,
        "array": lambda: ufunx.add(Readable(), 1),
        "dlpack": lambda: ufunx.asarray(Tensor()),
        "native": lambda: for_ever(lambda: lib.exp(large)),
        "small": lambda: for_ever(lambda: lib.add(ones, ones)),
        "twin": lambda: for_ever(lambda: lib.add(objects, objects)),
        "mean": lambda: for_ever(lambda: ufunx.mean(complex_ones)),
        "warnings": lambda: for_ever(lambda: lib.divide(ones, 0.0)),
    }[which]()
threading.Thread(target=begin, daemon=True).start()
assert started.wait(60)
import time; time.sleep(0.05)
"""

ENDINGS = [
    "override",
    "method",
    "function",
    "finalizer",
    "report",
    "array",
    "dlpack",
    "native",
    "small",
    "twin",
    "mean",
    "warnings",
]


@pytest.mark.parametrize("how", ["own", "in place"])
@pytest.mark.parametrize("which", ENDINGS)
def test_the_interpreter_ends_under_a_call(which: str, how: str) -> None:
    """CPython before 3.14 ends daemon threads by unwinding their stacks, through ours."""
    command = [sys.executable, "-W", "ignore", "-c", ENDING, which, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: ufunx.add(x, y, out=y),
        lambda x, y: ufunx.exp(x, out=y),
        lambda x, y: ufunx.add.reduce(x),
        lambda x, y: ufunx.add.accumulate(x, out=y),
        lambda x, y: ufunx.add.at(y, np.arange(len(y)), x),
        lambda x, y: ufunx.add.reduceat(x, np.arange(0, len(x), 3)),
        lambda x, y: ufunx.mean(x),
        lambda x, y: ufunx.clip(x, 0, 1, out=y),
    ],
    ids=["add", "exp", "reduce", "accumulate", "at", "reduceat", "mean", "clip"],
)
def test_an_interrupt_during_a_long_call(call: Any) -> None:
    """It comes at the end of a call, at the latest; what was computed is right."""
    x, y = np.ones(3_000_000), np.zeros(3_000_000)
    main = threading.main_thread().ident
    assert main is not None
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

    def interrupt() -> None:
        time.sleep(0.005)
        signal.pthread_kill(main, signal.SIGINT)

    interrupted = 0
    for _ in range(3):
        thread = threading.Thread(target=interrupt)
        try:
            thread.start()
            for _ in range(2000):
                call(x, y)
        except KeyboardInterrupt:
            interrupted += 1
        thread.join()
    assert interrupted == 3
    assert ufunx.add.reduce(x) == len(x)


@pytest.mark.parametrize("seconds", [float(os.environ.get("UFUNX_FAULT_SECONDS", "2"))])
def test_in_place_mode_switched_under_computing_threads(seconds: float) -> None:
    stop = threading.Event()
    wrong: list[Any] = []

    def compute() -> None:
        x = np.linspace(0, 1, 1000)
        expected = x + x
        total = float(np.add.reduce(x))
        for i in itertools.count():
            if stop.is_set():
                break
            if not np.array_equal(np.add(x, x), expected) or abs(x.sum() - total) > 1e-9:
                wrong.append(i)
            if (np.add.outer(x[:3], x[:3])).shape != (3, 3):
                wrong.append(i)

    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads:
        thread.start()
    switched = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ufunx.install()
        ufunx.uninstall()
        with ufunx.installed():
            switched += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert switched > 0
    assert not ufunx.show_config()["in_place"]
