"""Runs the Python tests on every CPython from 3.11 to 3.13 it finds, each with the oldest and newest NumPy:
`python tests/matrix.py [part of a name ...] [--quick]`, where a name is, say, `3.13-oldest`.

Environments and wheels are kept in `.matrix/`.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".matrix"
MINORS = (11, 12, 13)
# Of requirements-dev.txt, what the tests need; NumPy is the matrix's.
TOOLS = ("hypothesis", "ml_dtypes", "mypy", "pytest", "rich")
QUIET = ("--quiet", "--disable-pip-version-check")
VERSION = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.implementation.name)"


def run(*command: str | Path) -> bool:
    """Run a command in the project's root and let its output through."""
    print("+", *command, flush=True)
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode == 0


def must(*command: str | Path) -> None:
    """Run a command that prepares."""
    if not run(*command):
        sys.exit(f"cannot go on: {' '.join(map(str, command))}")


def candidates(minor: int) -> Iterator[Path]:
    """Where an interpreter of that version may be: on the PATH, then among pyenv's."""
    if (found := shutil.which(f"python3.{minor}")) is not None:
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from sorted(pyenv.glob(f"3.{minor}.*/bin/python3.{minor}"), reverse=True)


def interpreter(minor: int) -> Path | None:
    """A CPython of that version that runs and can make environments."""
    for path in candidates(minor):
        answer = subprocess.run([path, "-c", VERSION], capture_output=True, text=True, check=False)
        if answer.stdout.split() == ["3", str(minor), "cpython"]:
            return path
    return None


def numpys() -> dict[str, str]:
    """What pip is asked for: the least NumPy that the package takes, and any."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = next(filter(None, (re.fullmatch(r"numpy>=(.*)", need) for need in project["dependencies"])))
    return {"oldest": f"numpy=={oldest[1]}", "newest": "numpy"}


def tools() -> list[str]:
    """The pinned requirements of the tests."""
    lines = (ROOT / "requirements-dev.txt").read_text().split()
    return [line for line in lines if line.startswith(TOOLS)]


def environment(python: Path, name: str, numpy: str) -> Path:
    """The interpreter of an environment with that NumPy, made where it is missing."""
    folder = KEPT / name
    inside = folder / "bin" / "python"
    if not inside.exists():
        must(python, "-m", "venv", folder)
    must(inside, "-m", "pip", "install", *QUIET, "--only-binary=:all:", "--upgrade", numpy, *tools())
    return inside


def build(python: Path, minor: int) -> Path:
    """A wheel for that interpreter."""
    out = KEPT / f"wheel-3.{minor}"
    shutil.rmtree(out, ignore_errors=True)
    os.environ["PYO3_PYTHON"] = str(python)
    must(
        sys.executable,
        "-m",
        "maturin",
        "build",
        "--release",
        "--quiet",
        "--interpreter",
        python,
        "--out",
        out,
    )
    return next(out.glob("*.whl"))


def test(inside: Path, wheel: Path, quick: bool) -> Iterator[tuple[str, bool]]:
    """Run the tests on the wheel: what, and whether it passed."""
    must(inside, "-m", "pip", "install", *QUIET, "--no-deps", "--force-reinstall", wheel)
    yield "tests/python", run(inside, "-m", "pytest", "tests/python", "-q", "-p", "no:cacheprovider")
    if not quick:
        yield "NumPy's tests", run(inside, "tests/numpy/run.py")
        yield "NumPy's tests in place", run(inside, "tests/numpy/run.py", "--in-place")


def numpy_version(inside: Path) -> str:
    """The version of NumPy in an environment."""
    command = [str(inside), "-m", "pip", "list", "--format=json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return next(str(each["version"]) for each in json.loads(listed) if each["name"] == "numpy")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of combinations' names; all if none")
    parser.add_argument("--quick", action="store_true", help="leave NumPy's own tests out")
    options = parser.parse_args()
    lines, failed = [], False
    for minor in MINORS:
        names = {f"3.{minor}-{age}": numpy for age, numpy in numpys().items()}
        names = {
            n: v for n, v in names.items() if not options.names or any(part in n for part in options.names)
        }
        if not names:
            continue
        python = interpreter(minor)
        if python is None:
            lines.append(f"CPython 3.{minor}: not found, skipped")
            continue
        wheel = build(python, minor)
        for name, numpy in names.items():
            inside = environment(python, name, numpy)
            combination = f"CPython 3.{minor}, NumPy {numpy_version(inside)}"
            print(f"== {combination} ({python})", flush=True)
            for what, passed in test(inside, wheel, options.quick):
                failed |= not passed
                lines.append(f"{combination}, {what}: {'passed' if passed else 'FAILED'}")
    print(*lines, sep="\n")
    return int(failed or not lines)


if __name__ == "__main__":
    sys.exit(main())
