"""Tries an installed ufunx where nothing is but it and NumPy: every doctest, the commands, the files.

    python tests/installed.py

It imports nothing of the checkout; `tests/packages.py` runs it in the environments that it makes.
"""

import doctest
import os
import subprocess
import sys
import tempfile
from importlib.metadata import files, version
from pathlib import Path
from typing import Any

import numpy

import ufunx
from ufunx import _native


def documented() -> dict[str, Any]:
    """Every public object that has an example."""
    ufuncs = {name: ufunx._UFUNCS[name] for name in _native.records() if name in ufunx._UFUNCS}
    ours = {name: getattr(ufunx, name) for name in ufunx._OURS}  # type: ignore[attr-defined]
    everything = {"ufunx": ufunx, **ufuncs, **ufunx._FUNCTIONS, **ours}
    return {name: one for name, one in everything.items() if ">>> " in (getattr(one, "__doc__", "") or "")}


def failed_doctests() -> list[str]:
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    found = documented()
    for name, one in found.items():
        runner.run(parser.get_doctest(one.__doc__, {}, name, None, None))
    results = runner.summarize(verbose=False)
    print(f"{len(found)} objects, {results.attempted} examples, {results.failed} failed")
    return ["doctests"] if results.failed or len(found) < len(ufunx._UFUNCS) // 2 else []


def failed_commands() -> list[str]:
    programs = {
        "python -m ufunx": ["-m", "ufunx"],
        "python -m ufunx --version": ["-m", "ufunx", "--version"],
        "UFUNX_INSTALL=1": [
            "-c",
            "import numpy, sys; assert sys.modules['ufunx'].show_config()['in_place']",
        ],
    }
    environment = {**os.environ, "UFUNX_INSTALL": "1"}
    failed = []
    for what, arguments in programs.items():
        with tempfile.TemporaryDirectory() as elsewhere:
            command = [sys.executable, *arguments]
            done = subprocess.run(command, cwd=elsewhere, env=environment, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            failed.append(what)
    return failed


def missing_files() -> list[str]:
    there = {Path(str(file)).name for file in files("ufunx") or ()}
    wanted = {"LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "THIRD_PARTY.txt", "py.typed", "_ufuncs.pyi"}
    return sorted(wanted - there)


def main() -> int:
    if Path(ufunx.__file__).is_relative_to(Path(__file__).resolve().parent.parent / "bindings"):
        sys.exit("this is the checkout's ufunx, and no installed one")
    print(f"ufunx {version('ufunx')}, NumPy {numpy.__version__}, Python {sys.version.split()[0]}")
    failed = [*failed_doctests(), *failed_commands(), *missing_files()]
    if failed:
        print("failed or missing:", *failed, sep="\n  ")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
