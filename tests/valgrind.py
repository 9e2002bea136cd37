"""Runs the tests of foreign arrays under valgrind: `python tests/valgrind.py [pytest's arguments ...]`.

Any read, write or free of memory that is not there to be read, written or freed is a failure, whoever does
it, and so is a block that nobody can free any more whose allocation has our extension on its stack.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
TESTS = [f"tests/python/test_{name}.py" for name in ("hostile", "from_dlpack", "foreign_lifetimes")]
WRONG = {"InvalidRead", "InvalidWrite", "InvalidFree", "MismatchedFree", "InvalidJump", "Overlap"}
OURS = "ufunx/_native"
# Every allocation is libc's, so that its bounds are known; no instructions that valgrind lacks; fewer rounds.
ENVIRONMENT = {"PYTHONMALLOC": "malloc", "UFUNX_MAX_ISA": "v3", "UFUNX_TEST_FEWER": "20"}
# An interpreter that is taken down loses what it held for ever: the leaks are looked for while it stands.
RUN = "import gc, os, sys, pytest; status = pytest.main(sys.argv[1:]); gc.collect(); os._exit(status)"
FLAGS = (
    "--xml=yes",
    "--leak-check=full",
    "--show-leak-kinds=definite",
    "--undef-value-errors=no",
    "--num-callers=40",
    "--error-limit=no",
    "--child-silent-after-fork=yes",
)


def frames(error: ElementTree.Element) -> list[str]:
    """Where an error happened: functions and libraries, innermost first."""
    return [
        f"{frame.findtext('fn', '?')} ({frame.findtext('file') or frame.findtext('obj', '?')})"
        for stack in error.iterfind("stack")
        for frame in stack.iterfind("frame")
    ]


def by_libc(error: ElementTree.Element) -> bool:
    """Whether libc's or the loader's own code did it, which reads strings by whole vectors. Where others call
    libc on a wrong pointer, it is valgrind's function in the place of libc's that is there.
    """
    innermost = error.findtext("stack/frame/obj", "")
    return Path(innermost).name.startswith(("libc.", "libc-", "ld-linux"))


def is_ours(error: ElementTree.Element) -> bool:
    """Whether our extension is on the stack of an allocation, and not to make the one of its kind."""
    once = any("OnceCell" in frame.findtext("fn", "") for frame in error.iter("frame"))
    return not once and any(OURS in frame.findtext("obj", "") for frame in error.iter("frame"))


def failures(report: Path) -> Iterator[str]:
    """What valgrind found that must not be."""
    for error in ElementTree.parse(report).getroot().iterfind("error"):
        kind = error.findtext("kind", "")
        if (kind in WRONG and not by_libc(error)) or (kind == "Leak_DefinitelyLost" and is_ours(error)):
            text = error.findtext("what") or error.findtext("xwhat/text") or kind
            yield "\n    ".join([f"{kind}: {text}", *frames(error)[:20]])


def main() -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("valgrind is not installed; Debian has it as the package valgrind", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        pytest = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler", *(sys.argv[1:] or TESTS)]
        command = [valgrind, *FLAGS, f"--xml-file={report}", sys.executable, "-c", RUN, *pytest]
        run = subprocess.run(command, cwd=ROOT, env=os.environ | ENVIRONMENT, check=False)
        found = list(failures(report))
    print(*found, sep="\n")
    print(f"valgrind: {len(found)} errors; pytest: exit status {run.returncode}")
    return int(bool(found) or run.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
