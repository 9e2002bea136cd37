"""Runs NumPy's own tests on ufunx: `python tests/numpy/run.py [part of a name ...] [--in-place | --stock]`.

NumPy's modules and tests find ufunx's objects under the ufuncs' names; with `--in-place` NumPy's own objects
run on the engine, with `--stock` on NumPy. A test that fails must be in expected_failures.txt, and one that
is there must fail; a line may say for which of the modes and for which versions of NumPy it holds.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

HERE = Path(__file__).resolve().parent
# Long ones first, as two run at a time.
FILES = """
    _core/tests/test_numeric.py _core/tests/test_umath.py ma/tests/test_core.py _core/tests/test_scalarmath.py
    lib/tests/test_nanfunctions.py _core/tests/test_ufunc.py _core/tests/test_mem_overlap.py
    _core/tests/test_umath_accuracy.py _core/tests/test_umath_complex.py _core/tests/test_nep50_promotions.py
    _core/tests/test_overrides.py _core/tests/test_dlpack.py _core/tests/test_half.py
    _core/tests/test_custom_dtypes.py _core/tests/test_errstate.py lib/tests/test_mixins.py
    lib/tests/test_ufunclike.py
""".split()
# About arrays more than ufuncs.
FILES_IN_PLACE = ["_core/tests/test_multiarray.py"]
# Nothing but BLAS on gigabytes, which takes as long as all the others.
LEFT_OUT = ["_core/tests/test_multiarray.py::TestDot::test_huge_vectordot"]
AT_A_TIME = 2

# The plugin that makes the mode; NumPy alone has none.
MODES = {"alias": "alias_plugin", "in place": "in_place_plugin", "stock": None}


@dataclass
class Result:
    """What became of one file's tests."""

    file: str
    seconds: float = 0.0
    output: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)

    def ids(self, outcome: str) -> list[str]:
        return [test for test, what in self.outcomes.items() if what == outcome]


def run_file(file: str, mode: str) -> Result:
    """Run a file's tests in a process of their own, away from this project's configuration."""
    result, start = Result(file), perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        (ini := Path(folder) / "pytest.ini").touch()
        outcomes = Path(folder) / "outcomes"
        numpy = Path(np.__file__).parent
        plugins = [f"-p{name}" for name in ("no:cacheprovider", "outcomes_plugin", MODES[mode]) if name]
        flags = ["-m", "pytest", "-q", "--tb=short", *plugins]
        paths = ["-c", ini, "--rootdir", numpy.parent, "--outcomes", outcomes, numpy / file]
        paths += [f"--deselect=numpy/{test}" for test in LEFT_OUT]
        command = [sys.executable, *flags, *map(str, paths)]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        result.output = run.stdout + run.stderr
        lines = outcomes.read_text().splitlines() if outcomes.exists() else []
    for line in lines:
        outcome, _, test = line.partition("\t")
        if result.outcomes.get(test) != "failed":
            result.outcomes[test] = outcome
    for test in result.ids("started"):  # begun and never ended: the process died in it
        result.outcomes[test] = "failed"
    if run.returncode not in (0, 1):
        result.outcomes[f"numpy/{file}::(exit status {run.returncode})"] = "failed"
    result.seconds = perf_counter() - start
    return result


def holds_here(reason: str, mode: str) -> bool:
    """Whether a line's reason is about this mode and the installed NumPy."""
    only = re.match(r"(?:(alias|in place): )?(?:(since|until) NumPy (\d+)\.(\d+): )?", reason)
    assert only is not None
    here, there = tuple(map(int, np.__version__.split(".")[:2])), (int(only[3] or 0), int(only[4] or 0))
    in_version = {None: True, "since": here >= there, "until": here <= there}[only[2]]
    return in_version and only[1] in (None, mode)


def read_expected(mode: str) -> dict[str, str]:
    """Tests that cannot pass in this mode on the installed NumPy, with why."""
    lines = (HERE / "expected_failures.txt").read_text().splitlines()
    pairs = (line.split("  ", 1) for line in lines if line and not line.startswith("#"))
    return {test: reason for test, reason in pairs if holds_here(reason, mode)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of files' names; all files if none")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--in-place", action="store_true", help="NumPy's own ufuncs, in in-place mode")
    either.add_argument("--stock", action="store_true", help="NumPy's own ufuncs, on NumPy")
    parser.add_argument("--output", action="store_true", help="print pytest's output of files with surprises")
    options = parser.parse_args()
    mode = "in place" if options.in_place else "stock" if options.stock else "alias"
    files = FILES if mode == "alias" else FILES_IN_PLACE + FILES
    files = [file for file in files if not options.names or any(name in file for name in options.names)]
    expected = {} if mode == "stock" else read_expected(mode)
    passed = failed = surprises = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for result in pool.map(lambda file: run_file(file, mode), files):
            failures = set(result.ids("failed"))
            listed = {test for test in expected if test.startswith(f"numpy/{result.file}::")}
            good, skipped = len(result.ids("passed")), len(result.ids("skipped"))
            passed, failed = passed + good, failed + len(failures)
            text = f"{good:5} passed, {len(failures)} failed ({len(failures & listed)} expected)"
            print(f"{result.file:40} {text}, {skipped} skipped, {result.seconds:.0f} s", flush=True)
            for test in sorted(failures ^ listed):
                print("  fails:" if test in failures else "  listed but passes:", test)
            surprises += len(failures ^ listed)
            if options.output and failures != listed:
                print(result.output)
    print(f"of {passed + failed} of NumPy's tests {failed} fail, {surprises} unexpectedly")
    print(f"{passed} passed, {surprises} failed")
    return int(surprises > 0)


if __name__ == "__main__":
    sys.exit(main())
