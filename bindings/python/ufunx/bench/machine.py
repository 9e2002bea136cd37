"""What this machine can do at best, as far as Python can ask it.

bandwidth    bytes read and written each second, by the size of all operands together: the best of copying
             (`numpy.copyto`), adding (`ufunx.add` into an output) and taking a maximum
             (`ufunx.maximum.reduce`)
FMA          multiply-adds each second: `numpy.matmul` of 384 x 384, whose BLAS is written to reach the peak;
             two floating-point operations each
pool         from how many elements `ufunx.explain` says that a call of `exp` is spread over threads, and how
             much longer it takes there than one thread's time shared evenly: handing out the work and waiting

It is measured in a process of its own, as BLAS listens to its number of threads only when it is loaded.
"""

import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from time import perf_counter, sleep
from typing import Any

import numpy as np

import ufunx

KIB = 1024
SIZES = tuple(2**power * KIB for power in range(4, 19, 2))  # 16 KiB to 256 MiB
# In smaller ones it is calls that are timed.
SMALLEST = 256 * KIB


@dataclass(frozen=True)
class Machine:
    """Of one number of threads: bytes a second by bytes of the operands, operations a second by dtype."""

    threads: int
    bandwidth: dict[int, float]
    flops: dict[str, float]
    spread_from: int | None = None  # elements; None: no call is
    one_thread_ns: float | None = None
    spread_ns: float | None = None
    pool_ns: dict[str, float] | None = None

    def bandwidth_at(self, working_set: int) -> float | None:
        """That of the nearest size which was measured; None where calls would be timed, and not memory."""
        sizes = [size for size in self.bandwidth if size >= SMALLEST]
        if working_set < SMALLEST or not sizes:
            return None
        return self.bandwidth[min(sizes, key=lambda size: abs(np.log(size / working_set)))]

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measured(threads: int, seconds: float, largest: int = SIZES[-1], brief: bool = False) -> Machine:
    """The machine with that many threads, in about that time; `brief`: its bandwidth alone."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    process = context.Process(target=probe, args=(there, threads, seconds, largest, brief), daemon=True)
    process.start()
    there.close()
    if before is None:
        del os.environ["OPENBLAS_NUM_THREADS"]
    else:
        os.environ["OPENBLAS_NUM_THREADS"] = before
    try:
        found = here.recv()
    except EOFError:
        found = Machine(threads, {}, {})
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.join()
    assert isinstance(found, Machine)
    return found


def probe(to: "Connection[Any, Any]", threads: int, seconds: float, largest: int, brief: bool) -> None:
    """Measure, and send what was found."""
    ufunx.set_num_threads(threads)
    sizes = [size for size in SIZES if size <= largest]
    share = seconds / (len(sizes) + 3)
    bandwidth = {size: bandwidth_of(size, share) for size in sizes}
    if brief:
        to.send(Machine(threads, bandwidth, {}))
        return
    flops = {dtype: flops_of(dtype, share) for dtype in ("f4", "f8")}
    to.send(Machine(threads, bandwidth, flops, *pool(share)))


def bandwidth_of(size: int, seconds: float) -> float:
    """Bytes a second with operands of that size together."""
    doubles = size // 8
    rng = np.random.default_rng(1)
    third, half = doubles // 3, doubles // 2
    data = rng.random(doubles)
    target = np.zeros(half)
    total, a, b = np.zeros(third), data[:third], data[third : 2 * third]
    calls: list[tuple[int, Callable[[], object]]] = [
        (16 * half, lambda: np.copyto(target, data[:half])),
        (24 * third, lambda: ufunx.add(a, b, out=total)),
        (8 * doubles, lambda: ufunx.maximum.reduce(data)),
    ]
    return max(moved / fastest(call, seconds / 3) for moved, call in calls)


def flops_of(dtype: str, seconds: float) -> float:
    """Floating-point operations a second."""
    n = 384
    a = np.random.default_rng(1).random((n, n)).astype(dtype)
    out = np.empty_like(a)
    return float(2 * n**3 / fastest(lambda: np.matmul(a, a, out=out), seconds))


def pool(seconds: float) -> tuple[int | None, float | None, float | None, dict[str, float] | None]:
    """From where calls are spread, one thread's time there, that of all, and what spreading costs, in ns."""
    n = next((2**k for k in range(8, 26) if threads_of(2**k) > 1), None)
    if n is None:
        return None, None, None, None
    x = np.random.default_rng(1).random(n)
    used, out = threads_of(n), np.empty(n)

    def call() -> object:
        return ufunx.exp(x, out=out)

    with ufunx.threads(1):
        alone = fastest(call, seconds / 3)
    together = fastest(call, seconds / 3)
    asleep = fastest(call, seconds / 3, before=lambda: sleep(0.001))
    cost = {
        "awake": max(0.0, together - alone / used) * 1e9,
        "asleep": max(0.0, asleep - alone / used) * 1e9,
    }
    return n, alone * 1e9, together * 1e9, cost


def threads_of(n: int) -> int:
    return int(ufunx.explain(ufunx.exp, np.empty(n))["threads"])


def fastest(call: Callable[[], object], seconds: float, before: Callable[[], object] | None = None) -> float:
    """Seconds of the fastest call among those that fit, and at least 3."""
    call()
    best, done, end = float("inf"), 0, perf_counter() + seconds
    while done < 3 or perf_counter() < end:
        if before is not None:
            before()
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
        done += 1
    return best
