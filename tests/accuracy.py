"""`make accuracy`: how exact every function with an error bound is, and how quick, into docs/accuracy.md.

The engine's tests know the exact answers (tests/src/reference, in some 30 digits), so the work goes to and
fro: `accuracy points` (tests/examples) writes samples of every loop, this script has NumPy compute them,
`accuracy judge` measures both, and then each level is timed in a process of its own, by turns with NumPy.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
POINTS = ROOT / "target" / "accuracy"
PAGE = ROOT / "docs" / "accuracy.md"
LEVELS = ("scalar", "v3", "v4")
ROUNDS = 7


def engine(what: str) -> str:
    """What the engine's half prints."""
    command = "cargo run --quiet --release -p ufunx-tests --example accuracy --".split()
    return printed([*command, what, str(POINTS)], dict(os.environ))


def printed(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints."""
    run = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout


def loops(kind: str) -> list[tuple[str, str, list[np.ndarray[Any, Any]]]]:
    """Each ufunc and the letters of a loop, with the inputs of a kind."""
    found = []
    for first in sorted(POINTS.glob(f"*.{kind}0")):
        name, letters, _ = first.name.split(".")
        files = [first.with_suffix(f".{kind}{i}") for i in range(len(letters))]
        found.append((name, letters, [np.fromfile(f, dtype=c) for f, c in zip(files, letters, strict=True)]))
    return found


def numpys() -> None:
    """NumPy's results of all samples, for the engine to judge."""
    for name, letters, inputs in loops("in"):
        ufunc = getattr(np, name, None)
        if ufunc is not None:
            with np.errstate(all="ignore"):
                ufunc(*inputs).tofile(POINTS / f"{name}.{letters}.numpy")


def best(call: Callable[[], object], repeats: int) -> float:
    """Seconds of one call, of several in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def timed() -> dict[str, tuple[float, float]]:
    """Nanoseconds per element of ours and of NumPy's, by turns, the least of some rounds."""
    import ufunx

    found = {}
    for name, letters, inputs in loops("usual"):
        ours, theirs = getattr(ufunx, name), getattr(np, name, None)
        if theirs is None or not len(inputs[0]):
            continue
        out = theirs(*inputs)
        sides = [lambda u=u, x=inputs, y=out: u(*x, out=y) for u in (ours, theirs)]
        repeats = max(1, int(1e-3 / max(best(sides[1], 1), 1e-7)))
        rounds = [[best(side, repeats) for side in sides] for _ in range(ROUNDS)]
        least = [min(side) * 1e9 / len(inputs[0]) for side in zip(*rounds, strict=True)]
        found[f"{name}.{letters}"] = (least[0], least[1])
    return found


def times() -> dict[str, dict[str, tuple[float, float]]]:
    """The same for each level this processor has."""
    found = {}
    for level in LEVELS:
        environment = os.environ | {"UFUNX_MAX_ISA": level, "UFUNX_NUM_THREADS": "1"}
        of_level = json.loads(printed([sys.executable, __file__, "--timed"], environment))
        if of_level["isa"] == level:
            found[level] = of_level["times"]
    return found


def beyond(judged: str) -> list[str]:
    """Errors of ours beyond what is stated. (Complex powers have as much more as their logarithm counts.)"""
    return [
        f"{row['ufunc']} {row['loop']} at {row['level']}: {row['norm']}, not {row['bound']}, of {row['at']}"
        for row in csv.DictReader(judged.splitlines())
        if row["level"] != "numpy" and float(row["norm"]) > float(row["bound"])
        if not (row["ufunc"] in ("power", "float_power") and row["loop"][0] in "FD")
    ]


def machine() -> str:
    """The processor, as the page names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "a processor that does not say its name"


def number(x: str | float, digits: int = 2) -> str:
    """A figure of the table."""
    return "infinite" if float(x) == float("inf") else f"{float(x):.{digits}f}"


def page(judged: str, times: dict[str, dict[str, tuple[float, float]]]) -> str:
    """The page."""
    rows: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in csv.DictReader(judged.splitlines()):
        rows.setdefault((row["ufunc"], row["loop"]), {})[row["level"]] = row
    parts = {"real": [], "complex": []}  # type: dict[str, list[str]]
    for (name, loop), by in sorted(rows.items()):
        letters = loop.split("->")[0]
        kind = "complex" if letters[0] in "FD" else "real"
        key = f"{name}.{letters}"
        cells = [f"`{name}`", f"`{loop}`", by["scalar"]["bound"]]
        for who in (*LEVELS, "numpy"):
            if who not in by:
                cells.append("")
            elif kind == "real":
                cells.append(number(by[who]["norm"]))
            else:
                cells.append(f"{number(by[who]['part'])}, {number(by[who]['norm'])}")
        last = by.get("v4", by.get("v3", by["scalar"]))
        cells.append(f"`{last['at']}`")
        cells += [number(times[who][key][0]) if key in times.get(who, {}) else "" for who in LEVELS[1:]]
        best = [both[key][1] for both in times.values() if key in both]
        cells.append(number(min(best)) if best else "")
        parts[kind].append(f"| {' | '.join(cells)} |")
    return PROSE.format(
        machine=machine(),
        numpy=np.__version__,
        rounds=ROUNDS,
        head=HEAD,
        real="\n".join(parts["real"]),
        complex="\n".join(parts["complex"]),
    )


HEAD = "| ufunc | loop | bound | scalar | v3 | v4 | NumPy | ours worst at | ns v3 | ns v4 | ns NumPy |"
HEAD += "\n" + "|---" * 11 + "|"
PROSE = """# Accuracy, and speed beside it

Written by `make accuracy` on {machine}, NumPy {numpy}. The largest errors, in units of the last place, on the
samples that the tests use (eight times as many: of every real loop 216,000, of every complex one 48,000, over
the whole domain, near zeros, poles and thresholds), against exact answers in some 30 digits; and the
nanoseconds an element takes, in 10,000 usual ones into a given output with one thread, the least of {rounds}
rounds by turns. *bound* is what is stated in the ufunc's block and tested at every level. *infinite* is an
infinity or NaN where the exact answer is a finite number. Errors are counted where the exact answer is a
finite number but not zero; what is answered at the other places is tested to be right.

bfloat16 and float8 are computed in float32 and rounded once. float16 likewise, so that its error is half a
unit and at most a 32nd more. `logaddexp` and `logaddexp2` near the curve where they are zero are measured in
units of 1.

## Real functions

{head}
{real}

## Complex functions

Two errors: of the part itself, the worse one, and of the same in units of the larger part. The first has no
bound where terms of a part cancel (`power`, `expm1`, `log1p` and `log` near zeros of a part), in NumPy as
here; the second is what the bound is of. That of `power` has as many units more as `|x2 * log(x1)|` counts,
since the logarithm is taken in the format itself.

{head}
{complex}
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timed", action="store_true", help="print this process's times and do no more")
    if parser.parse_args().timed:
        import ufunx

        json.dump({"isa": ufunx.show_config()["isa_used"], "times": timed()}, sys.stdout)
        return
    engine("points")
    numpys()
    judged = engine("judge")
    PAGE.write_text(page(judged, times()))
    if broken := beyond(judged):
        sys.exit("\n".join(["beyond their bounds:", *broken]))


if __name__ == "__main__":
    main()
