"""Builds packages as users get them and tries each in an environment of its own: `python tests/packages.py
sdist|wheels`, or `try FILE ...` for files that are there.

sdist       into dist/; then pip alone makes a wheel of it, with nothing at hand but Rust and Python
wheels      into dist/, for each CPython found; linked by zig against the glibc of manylinux_2_28, and checked
            by auditwheel

What is installed must pass `tests/installed.py`. Each compiles the extension module: minutes.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from matrix import MINORS, QUIET, interpreter

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
POLICY = "manylinux_2_28"


def must(*command: str | Path, **environment: str) -> None:
    """Run a command, without what make sets for builds in the checkout."""
    print("+", *command, flush=True)
    own = {name: value for name, value in os.environ.items() if name not in ("PYO3_PYTHON", "VIRTUAL_ENV")}
    own["PATH"] = f"{Path(sys.executable).parent}:{own['PATH']}"  # where maturin looks for zig
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=own | environment, check=False)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")


def found() -> list[Path]:
    """The interpreters that there are; who is not is said."""
    pythons = {minor: interpreter(minor) for minor in MINORS}
    for minor, python in pythons.items():
        if python is None:
            print(f"CPython 3.{minor}: not found, skipped")
    return [python for python in pythons.values() if python is not None]


def sdist() -> None:
    for old in DIST.glob("*.tar.gz"):
        old.unlink()
    must(sys.executable, "-m", "maturin", "sdist", "--out", DIST)
    try_it(next(DIST.glob("*.tar.gz")), Path(sys.executable))


def wheels() -> None:
    for old in DIST.glob("*.whl"):
        old.unlink()
    pythons = found()
    target = f"{platform.machine()}-unknown-linux-gnu"
    build = (sys.executable, "-m", "maturin", "build", "--release", "--zig", "--target", target)
    must(*build, "--compatibility", POLICY, "--out", DIST, "--interpreter", *pythons)
    built = sorted(DIST.glob("*.whl"))
    if len(built) != len(pythons):
        sys.exit(f"{len(pythons)} interpreters, and the wheels {[wheel.name for wheel in built]}")
    for wheel in built:
        check_tag(wheel)
        try_it(wheel, interpreter_of(wheel))


def check_tag(wheel: Path) -> None:
    """That auditwheel finds the wheel to be what its name says."""
    command = [sys.executable, "-m", "auditwheel", "show", "--json", str(wheel)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(f"{wheel.name}: {told['overall_tag']} by auditwheel")
    if told["overall_tag"] != f"{POLICY}_{platform.machine()}" or told["external_libs"]:
        sys.exit(f"{wheel.name} needs {told['versioned_symbols']}, {told['external_libs']}")


def interpreter_of(wheel: Path) -> Path:
    """An interpreter that the wheel is for: its name has a tag like cp312."""
    minor = int(wheel.name.split("-")[2].removeprefix("cp3"))
    python = Path(sys.executable) if sys.version_info[:2] == (3, minor) else interpreter(minor)
    if python is None:
        sys.exit(f"{wheel.name}: no CPython 3.{minor} to try it")
    return python


def try_it(package: Path, python: Path) -> None:
    """Install it where nothing else is, and see whether it works there."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "bin" / "python"
        must(python, "-m", "venv", folder)
        must(inside, "-m", "pip", "install", *QUIET, package)
        must(inside, "-W", "error", ROOT / "tests" / "installed.py")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build packages, and try each in an empty environment.")
    parser.add_argument("what", choices=("sdist", "wheels", "try"))
    parser.add_argument("files", nargs="*", type=Path, help="what to try")
    options = parser.parse_args(arguments)
    if bool(options.files) != (options.what == "try"):
        parser.error("files are for `try`, which needs some")
    match options.what:
        case "sdist":
            sdist()
        case "wheels":
            wheels()
        case _:
            for file in options.files:
                try_it(file, interpreter_of(file) if file.suffix == ".whl" else Path(sys.executable))


if __name__ == "__main__":
    main()
