"""Each numbered sentence of `docs/threads.md`, by its number."""

import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ufunx

PAGE = Path(__file__).parents[2] / "docs" / "threads.md"
LARGE = 1_000_000


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", program]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=env)


def in_threads(n: int, work: Any) -> list[Any]:
    """What so many threads return, all of which must end without an error."""
    results: list[Any] = [None] * n

    def one(i: int) -> None:
        results[i] = work()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def sentence_1() -> None:
    source = PAGE.parents[1] / "bindings" / "src" / "lib.rs"
    assert "#[pymodule(gil_used = true)]" in source.read_text()
    if hasattr(sys, "_is_gil_enabled"):
        assert sys._is_gil_enabled()


def sentence_2() -> None:
    """While one thread computes in one call, another counts."""
    x, y = np.ones(5_000_000), np.zeros(5_000_000)
    counted, done = 0, threading.Event()

    def compute() -> None:
        for _ in range(20):
            ufunx.exp(x, out=y)
        done.set()

    thread = threading.Thread(target=compute)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is made to give the GIL away
    try:
        thread.start()
        while not done.is_set():
            counted += 1
            done.wait(0.0001)
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert counted > 5


def sentence_3() -> None:
    x = np.linspace(0, 1, LARGE)
    expected = ufunx.exp(x)
    assert all(np.array_equal(result, expected) for result in in_threads(4, lambda: ufunx.exp(x)))


def sentence_4() -> None:
    before = ufunx.num_threads()
    try:
        ufunx.set_num_threads(3)
        assert in_threads(2, ufunx.num_threads) == [3, 3]
    finally:
        ufunx.set_num_threads(before)


def sentence_5() -> None:
    x = np.random.default_rng(0).standard_normal(LARGE)
    results = []
    for n in (1, 2, 3, 8):
        with ufunx.threads(n), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = ufunx.log(x), ufunx.add.reduce(x), ufunx.add.accumulate(x)
        results.append(([part.tobytes() for part in result], [str(w.message) for w in caught]))
    assert all(result == results[0] for result in results)
    assert results[0][1] == ["invalid value encountered in log"]


def sentence_6() -> None:
    before = ufunx.num_threads()
    with ufunx.threads(before + 5):
        assert in_threads(2, ufunx.num_threads) == [before, before]


def sentence_7() -> None:
    before = ufunx.num_threads()

    async def inside(n: int, begin: float, end: float) -> int:
        await asyncio.sleep(begin)
        with ufunx.threads(n):
            await asyncio.sleep(end)
            return ufunx.num_threads()

    async def both() -> list[int]:
        return list(await asyncio.gather(inside(5, 0, 0.03), inside(7, 0.01, 0.05)))

    assert asyncio.run(both()) == [5, 7]
    assert ufunx.num_threads() == before


def sentence_8() -> None:
    program = """
import os, resource, numpy, ufunx
ufunx.set_num_threads(4)
x = numpy.ones(2_000_000)
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 3_000_000,) * 2)
for _ in range(3): ufunx.sqrt(x, out=x)
print(x[-1])
"""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("there is no /proc")
    done = run(program)
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr


def sentence_9() -> None:
    done = run("import ufunx", UFUNX_NUM_THREADS="many")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ValueError: ")
    assert "UFUNX_NUM_THREADS" in last


def sentence_10() -> None:
    x, stop = np.linspace(0, 1, 100), threading.Event()
    expected = x + x

    def compute() -> bool:
        right = True
        while not stop.is_set():
            right &= np.array_equal(np.add(x, x), expected)
        return right

    def switch() -> None:
        for _ in range(300):
            ufunx.install()
            ufunx.uninstall()
        stop.set()

    switching = threading.Thread(target=switch)
    switching.start()
    assert all(in_threads(2, compute))
    switching.join()


def sentence_11() -> None:
    def is_on() -> bool:
        return bool(ufunx.show_config()["in_place"])

    with ufunx.installed():
        ufunx.uninstall()
        assert in_threads(1, is_on) == [True]
        with ufunx.installed():
            pass
        assert is_on()
    assert not is_on()
    with ufunx.installed():
        ufunx.install()
    assert is_on()
    ufunx.uninstall()
    assert not is_on()


def sentence_12() -> None:
    x = np.ones(LARGE)
    x[-1] = -1

    def work() -> str:
        with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
            ufunx.sqrt(x)
        with np.errstate(invalid="ignore"):
            ufunx.sqrt(x)
        return "done"

    assert in_threads(3, work) == ["done"] * 3


def sentence_13() -> None:
    came: list[Any] = []

    def called(kind: str, flag: int) -> None:
        came.append((kind, threading.get_ident(), ufunx.add(1.0, 2.0)))

    with np.errstate(all="call", call=called):
        ufunx.divide(np.ones(LARGE), 0.0)
    assert came == [("divide by zero", threading.get_ident(), 3.0)]


def sentence_14() -> None:
    done = run("""
import os, threading, numpy, ufunx
ufunx.set_num_threads(2)
x, stop = numpy.ones(300_000), threading.Event()
def compute():
    while not stop.is_set(): ufunx.exp(x)
thread = threading.Thread(target=compute)
thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0: os._exit(0 if ufunx.exp(x)[-1] == ufunx.exp(1.0) else 1)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
thread.join()
""")
    assert done.returncode == 0, done.stderr


def add_one(x: Any) -> Any:
    return ufunx.add(x, 1)


def sentence_15() -> None:
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(ufunx.negative, [1, 2, 3]) == [-1, -2, -3]
            assert pool.map(add_one, [np.ones(3)])[0].tolist() == [2, 2, 2]


def sentence_16() -> None:
    done = run("""
import os, signal, threading, time, numpy, ufunx
x, y = numpy.ones(2_000_000), numpy.zeros(2_000_000)
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    while True:
        y[:] = 0
        ufunx.add(x, x, out=y)
except KeyboardInterrupt:
    ufunx.add(x, x, out=y)
    print(y.min())
""")
    assert (done.returncode, done.stdout) == (0, "2.0\n"), done.stderr


def sentence_17() -> None:
    for call in ("add(x, x)", "exp(large)", "add(objects, 1)", "mean(large.astype('complex64'))"):
        done = run(f"""
import threading, time, numpy, ufunx
x, large, objects = numpy.ones(3), numpy.ones(300_000), numpy.array([1] * 1000, object)
def compute():
    while True: ufunx.{call}
threading.Thread(target=compute, daemon=True).start()
time.sleep(0.1)
""")
        assert (done.returncode, done.stderr) == (0, ""), call


def sentence_18() -> None:
    done = run("""
import numpy, ufunx
class Late:
    def __init__(self): self.add, self.ones, self.print = ufunx.add, numpy.ones(3), print
    def __del__(self): self.print(self.add(self.ones, 1).tolist())
late = Late()
""")
    assert (done.returncode, done.stdout) == (0, "[2.0, 2.0, 2.0]\n"), done.stderr


SENTENCES = {
    int(n): test for name, test in list(globals().items()) if (n := name.removeprefix("sentence_")) != name
}


@pytest.mark.parametrize("number", sorted(SENTENCES))
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_sentence(number: int) -> None:
    SENTENCES[number]()


def test_every_number_has_a_test() -> None:
    numbers = [int(n) for n in re.findall(r"\[(\d+)\](?!\()", PAGE.read_text())]
    assert sorted(numbers) == sorted(SENTENCES)
