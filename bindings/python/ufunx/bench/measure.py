"""The workers taking turns, case by case, until the time is spent.

Each side is warmed up, and timed in bursts of calls in rounds whose order changes, so that what slows the
machine for a while slows all. Sides that would disturb each other live in processes of their own, and wait
while another is timed.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing.connection import Connection
from time import perf_counter

from .accuracy import Verdict
from .cases import Case
from .rows import Row, SideTimes
from .sides import SIDES
from .worker import AGAIN, Prepared, serve

ROUNDS = 15  # of a case, as many as its time allows and at least FEWEST
FEWEST = 3
# A burst is that long at least, so that the clock does not show, and at most, so that rounds are not few.
SHORTEST_BURST, LONGEST_BURST = 2e5, 2e7


class Worker:
    """A process with some sides. If it dies of a case, its sides miss that one, and a new one is started."""

    def __init__(self, sides: tuple[str, ...], threads: int) -> None:
        self.sides, self.threads = sides, threads
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there, self.sides, self.threads), daemon=True)
        self._process.start()
        self.alive = True
        there.close()

    def prepare(self, case: Case) -> dict[str, Prepared]:
        if not self.alive:
            self.end()
            self._start()
        answer = self._ask(case)
        if isinstance(answer, dict):
            return answer
        return {name: Prepared(Verdict(why="its process died")) for name in self.sides}

    def time(self, turns: Sequence[tuple[str, int]]) -> list[tuple[str, float]]:
        answer = self._ask(list(turns))
        return answer if isinstance(answer, list) else []

    def end(self) -> None:
        self._here.close()
        self._process.terminate()
        self._process.join()

    def _ask(self, request: object) -> object:
        connection: Connection[object, object] = self._here
        if self.alive:
            with suppress(EOFError, OSError):
                connection.send(request)
                return connection.recv()
        self.alive = False
        return None


def measure(
    cases: Sequence[Case], others: Sequence[str], seconds: float, done: Callable[[Row], None]
) -> None:
    """Time every case, handing each row over when it is there."""
    end = perf_counter() + seconds
    left = len(cases)
    for threads, group in groupby(cases, key=lambda case: case.threads):
        workers = [Worker(sides, threads) for sides in homes(others)]
        try:
            for case in group:
                share = max(0.0, end - perf_counter()) / left
                done(time_case(case, workers, share))
                left -= 1
        finally:
            for worker in workers:
                worker.end()


def homes(others: Sequence[str]) -> list[tuple[str, ...]]:
    """Which sides live together. NumPy is always there: it says what is right, and how much is noise."""
    together = tuple(name for name in ("ufunx", "numpy", *others) if SIDES[name].at_home)
    return [(*dict.fromkeys(together), AGAIN), *((name,) for name in others if not SIDES[name].at_home)]


def time_case(case: Case, workers: Sequence[Worker], seconds: float) -> Row:
    """One case, in about that many seconds."""
    start = perf_counter()
    prepared: dict[str, Prepared] = {}
    for worker in workers:
        prepared.update(worker.prepare(case))
    timed = {name: here for name, here in prepared.items() if not here.verdict.why}
    samples: dict[str, list[float]] = {name: [] for name in timed}
    if "ufunx" in timed:
        burst = seconds * 1e9 / ROUNDS / max(1, len(timed))
        burst = min(max(burst, SHORTEST_BURST), LONGEST_BURST)
        number = {name: max(1, round(burst / here.ns)) for name, here in timed.items()}
        turns = rounds([(w, [n for n in w.sides if n in timed]) for w in workers])
        for turn, (worker, names) in enumerate(turns):
            if turn >= FEWEST * len(workers) and perf_counter() - start > seconds:
                break
            for name, ns in worker.time([(name, number[name]) for name in names]):
                samples[name].append(ns)
    return Row(case, {name: SideTimes.of(prepared[name], samples.get(name, [])) for name in prepared})


def rounds(sides: Sequence[tuple[Worker, list[str]]]) -> Iterator[tuple[Worker, list[str]]]:
    """Who is timed when: each worker once a round, and the sides in it in another order each time."""
    for turn in range(ROUNDS):
        for worker, names in sides:
            if names:
                first = turn % len(names)
                yield worker, names[first:] + names[:first]
