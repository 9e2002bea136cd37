"""A process that has some of the sides: it checks their answers, and times them when told.

The sides of one worker share the operands. NumPy appears twice at home, as `numpy` and `stock again`: the
difference of the two is what the machine does to a time without anybody's doing.
"""

import os
import signal
import sys
import timeit
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter_ns
from typing import Any

import numpy as np

import ufunx

from .accuracy import Judge, Verdict
from .cases import Case, Operands, evaluate, operands
from .sides import SIDES, Missing, limit_threads

AGAIN = "stock again"


@dataclass
class Bound:
    """A side's statement, ready to be timed."""

    statement: str
    names: dict[str, Any]
    made: Operands
    timer: timeit.Timer

    def time(self, number: int) -> float:
        """Nanoseconds of a call, over that many."""
        if self.made.source is None:
            return self.timer.timeit(number) / number * 1e9
        code, total = compile(self.statement, "<case>", "eval"), 0
        for _ in range(number):
            self.made.refill()
            start = perf_counter_ns()
            eval(code, self.names)
            total += perf_counter_ns() - start
        return total / number


@dataclass(frozen=True)
class Prepared:
    """What became of a side: its verdict, and how long a call takes, about."""

    verdict: Verdict
    ns: float = 0.0
    statement: str = ""


def serve(connection: Connection, sides: tuple[str, ...], threads: int) -> None:
    """Answer requests until the other end is closed: a case is prepared, a list of turns is timed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to end
    limit_threads(threads)
    # What libraries say at their import would fall into the progress bar.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    os.dup2(quiet, sys.stderr.fileno())
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    ufunx.uninstall()  # UFUNX_INSTALL may be set
    ufunx.set_num_threads(threads)
    bound: dict[str, Bound] = {}
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        if isinstance(request, Case):
            bound, answer = prepare(request, sides)
            connection.send(answer)
        else:
            connection.send([(side, bound[side].time(number)) for side, number in request])


def prepare(case: Case, sides: tuple[str, ...]) -> tuple[dict[str, Bound], dict[str, Prepared]]:
    """Each side's statement and what came of it once."""
    bound: dict[str, Bound] = {}
    answer: dict[str, Prepared] = {}
    try:
        made = operands(case)
        judge = Judge(case, made)
    except Exception as error:  # of operands too large for memory, say
        return {}, {name: Prepared(Verdict(why=in_words(error))) for name in sides}
    for name in sides:
        try:
            statement, names = SIDES["numpy" if name == AGAIN else name].write(case, made)
            result = evaluate(statement, names, made)
            verdict = judge.judge(as_numpy(result), name)
        except Missing as missing:
            answer[name] = Prepared(Verdict(why=str(missing)))
            continue
        except Exception as error:
            answer[name] = Prepared(Verdict(why=in_words(error)))
            continue
        if verdict.why:
            answer[name] = Prepared(verdict, statement=statement)
            continue
        del result
        here = Bound(statement, names, made, timeit.Timer(statement, globals=names))
        here.time(1)
        bound[name], answer[name] = here, Prepared(verdict, estimate(here), statement)
    return bound, answer


def in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def estimate(bound: Bound) -> float:
    """Nanoseconds of a call: of as many as take a tenth of a millisecond."""
    number = 1
    while (ns := bound.time(number)) * number < 1e5 and number < 10_000:
        number *= 4
    return ns


def as_numpy(result: Any) -> Any:
    """A library's answer as NumPy's."""
    if isinstance(result, tuple | list):
        return tuple(as_numpy(part) for part in result)
    return result.numpy() if hasattr(result, "numpy") else np.asarray(result)
