"""`python -m ufunx bench`: how fast ufunx is beside others, on the machine that asks.

    command    what is run and printed, and the exit status
    options    the options, the presets, and what they name
    cases      what is timed: a ufunc, a method, a dtype, a size, a layout, a number of threads; and its data
    sides      the libraries, each with the statement that a user of it would write for a case
    accuracy   whether a side's answer is right, and how many ULP it is off
    worker     a process that has some of the sides and times them
    measure    the workers taking turns, case by case, until the time is spent
    rows       what came of it: times, ratios, noise; as JSON and CSV
    compare    a run beside an older one, and whether a difference means anything
    table      rows for people, on a terminal and in a pipe
    plot       ratio by size and the roofline, as PNG, SVG or HTML
    machine    what the machine can do at best: bandwidth, multiply-adds, waking the pool
    script     `bench script.py`: a program stock and in place
    programs   the programs of benches/programs, each the same way

Nothing of this is imported unless asked for. It needs the extra `ufunx[bench]`: rich, and matplotlib for
plots.
"""

import os
import sys
from collections.abc import Sequence
from importlib import util


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status."""
    if util.find_spec("rich") is None:
        sys.exit("python -m ufunx bench needs rich: pip install 'ufunx[bench]'")
    from .command import main as run

    os.environ.pop("UFUNX_VERBOSE", None)  # it costs time, in the processes that are timed too
    return run(arguments)
