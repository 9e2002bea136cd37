"""The number of threads is a context variable; bad settings in the environment; no thread to be had."""

import asyncio
import os
import subprocess
import sys
import threading
from contextvars import copy_context

import numpy as np
import pytest

import ufunx as ux


def run(program, **variables):
    """A program in a process of its own: its exit status, output and errors."""
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_threads_are_a_setting():
    before = ux.num_threads()
    with ux.threads(3):
        assert ux.num_threads() == 3
        inner = []
        thread = threading.Thread(target=lambda: inner.append(ux.num_threads()))
        thread.start()
        thread.join()
        # A new thread has a context of its own, or, where Python is built or told so, a copy of this one.
        assert inner == [3 if getattr(sys.flags, "thread_inherit_context", 0) else before]
        with ux.threads(2):
            assert ux.num_threads() == 2
        assert ux.num_threads() == 3
    assert ux.num_threads() == before
    with pytest.raises(ValueError, match="at least 1"):
        ux.set_num_threads(0)
    with pytest.raises(ValueError, match="at least 1"), ux.threads(0):
        pass
    assert ux.num_threads() == before


def test_threads_are_a_contexts_as_errstate_is():
    """Tasks whose blocks overlap in time see their own numbers, and none of them stays."""
    outside = ux.num_threads()
    seen = {}

    async def task(n, before, within):
        await asyncio.sleep(before)
        with ux.threads(n), np.errstate(all="ignore" if n == 1 else "raise"):
            await asyncio.sleep(within)
            seen[n] = (ux.num_threads(), np.geterr()["divide"])
        seen[-n] = ux.num_threads()

    async def other():
        await asyncio.sleep(0.02)
        seen["other"] = ux.num_threads()

    async def main():
        await asyncio.gather(task(1, 0, 0.05), task(7, 0.01, 0.1), other())

    asyncio.run(main())
    assert seen == {1: (1, "ignore"), 7: (7, "raise"), -1: outside, -7: outside, "other": outside}
    assert ux.num_threads() == outside


def test_calls_use_the_contexts_number():
    x = np.ones(200_000)
    with ux.threads(5):
        inside = copy_context()
        assert ux.explain(ux.exp, x)["threads"] == 5
    with ux.threads(1):
        assert ux.explain(ux.exp, x)["threads"] == 1
        assert inside.run(lambda: ux.explain(ux.exp, x)["threads"]) == 5
        assert ux.explain(ux.exp, x[:100])["threads"] == 1


STARTED = """
import os, numpy, ufunx
def threads():
    return len(os.listdir("/proc/self/task"))
x = numpy.ones(200_000)
with ufunx.threads(1):
    before = threads()
    ufunx.exp(x), ufunx.add.reduce(x), ufunx.add.accumulate(x)
    ufunx.add.at(x.copy(), numpy.zeros(200_000, "i8"), numpy.ones(200_000, "f4"))
    assert threads() == before, "one thread is to start none"
with ufunx.threads(3):
    ufunx.exp(x)
    assert threads() == before + 3
for n in (2, 3, 2, 1, 3):
    with ufunx.threads(n):
        ufunx.exp(x), ufunx.add.reduce(x)
    assert threads() == before + 3, "the pool is one"
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted by Linux's /proc")
def test_only_the_threads_asked_for_are_started():
    assert run(STARTED) == (0, "", "")


@pytest.mark.parametrize("value", ["abc", "0", "-1", "2.5"])
def test_a_wrong_number_of_threads_is_an_error_of_the_import(value):
    status, _, errors = run("import ufunx", UFUNX_NUM_THREADS=value)
    assert status == 1
    wanted = f"ValueError: UFUNX_NUM_THREADS is '{value}', it must be a whole number from 1 up"
    assert errors.splitlines()[-1] == wanted


def test_a_wrong_level_is_an_error_of_the_import():
    program = "try:\n    import ufunx\nexcept ValueError as error:\n    print(error)"
    assert run(program, UFUNX_MAX_ISA="foo") == (
        0,
        "UFUNX_MAX_ISA is 'foo', it must be one of scalar, v3, v4\n",
        "",
    )
    assert run("import ufunx", UFUNX_MAX_ISA="", UFUNX_NUM_THREADS="") == (0, "", "")


NO_THREADS = """
import os, resource, sys, threading, numpy, ufunx
x = numpy.ones(2_000_000)
if sys.argv[-1:] == ["memory"]:
    used = int(open("/proc/self/statm").read().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (used + 3_000_000,) * 2)
else:
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if os.geteuid() == 0:
        os.setuid(65534)  # root is not limited
try:
    threading.Thread(target=int).start()
except RuntimeError:
    pass
else:
    raise SystemExit("a thread could be started")
with ufunx.threads(4):
    for _ in range(2):
        ufunx.sqrt(x, out=x)
        assert ufunx.add.reduce(x) == 2e6
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them")
@pytest.mark.parametrize("what", ["processes", "memory"])
def test_no_thread_to_be_had_means_one(what):
    program = f"import sys; sys.argv.append({what!r})\n{NO_THREADS}"
    assert run(program) == (0, "", "")
