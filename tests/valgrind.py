"""Runs the engine's Rust tests and the Python tests of foreign arrays under valgrind.

`python tests/valgrind.py`, or with `rust [test ...]` or `python [pytest's arguments ...]` one of them. Any
read, write or free of memory that is not there to be read, written or freed is a failure, whoever does it,
and so is a block that nobody can free any more whose allocation has our code on its stack.

valgrind's CPU raises no IEEE flags, so a Rust test that fails is only told of: it tries all its cases before
it does. Each test of the engine may take SECONDS, then it is cut off.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
TESTS = [f"tests/python/test_{name}.py" for name in ("hostile", "from_dlpack", "foreign_lifetimes")]
WRONG = {"InvalidRead", "InvalidWrite", "InvalidFree", "MismatchedFree", "InvalidJump", "Overlap"}
OURS = ("ufunx/_native", "/deps/rust-")
# What a CPU without flags and the memory of valgrind itself make meaningless.
BLIND = ("flags::", "memory::", "golden::edge_values", "out_of_memory::there_are_no_other")
SECONDS = float(os.environ.get("VALGRIND_SECONDS", "300"))
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
    return not once and any(
        ours in frame.findtext("obj", "") for frame in error.iter("frame") for ours in OURS
    )


def failures(report: Path) -> Iterator[str]:
    """What valgrind found that must not be."""
    for error in ElementTree.parse(report).getroot().iterfind("error"):
        kind = error.findtext("kind", "")
        if (kind in WRONG and not by_libc(error)) or (kind == "Leak_DefinitelyLost" and is_ours(error)):
            text = error.findtext("what") or error.findtext("xwhat/text") or kind
            yield "\n    ".join([f"{kind}: {text}", *frames(error)[:20]])


def watched(valgrind: str, command: list[str], **options: Any) -> tuple[list[str], int | None]:
    """What valgrind found in a program, and its exit status; none if it was cut off."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        run = [valgrind, *FLAGS, f"--xml-file={report}", *command]
        try:
            status = subprocess.run(run, cwd=ROOT, check=False, **options).returncode
        except subprocess.TimeoutExpired:
            # Cut off within a list: what was found till then is whole.
            text = report.read_text()
            end = text.rfind("</error>") + len("</error>")
            report.write_text(text[: max(end, text.find("<valgrindoutput>") + 16)] + "</valgrindoutput>")
            return list(failures(report)), None
        return list(failures(report)), status


def python(valgrind: str, arguments: list[str]) -> bool:
    """The tests of foreign arrays; whether all is well."""
    pytest = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler", *(arguments or TESTS)]
    command = [sys.executable, "-c", RUN, *pytest]
    found, status = watched(valgrind, command, env=os.environ | ENVIRONMENT)
    print(*found, sep="\n")
    print(f"valgrind over Python: {len(found)} errors; pytest: exit status {status}")
    return not found and status == 0


def rust(valgrind: str, tests: list[str]) -> bool:
    """The engine's tests, each in a process of its own; whether all is well."""
    build = ["cargo", "test", "--release", "-p", "ufunx-tests", "--test", "rust", "--no-run"]
    built = subprocess.run(
        [*build, "--message-format=json"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    program = next(message["executable"] for message in messages if message.get("executable"))
    listed = subprocess.run(
        [program, "--list", "--format=terse"], check=True, stdout=subprocess.PIPE, text=True
    )
    names = [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]
    chosen = [name for name in names if not name.startswith(BLIND) and (not tests or name in tests)]
    errors, ends = 0, {"passed": 0, "failed": 0, "cut off": 0}
    for name in chosen:
        command = [program, "--exact", name, "--test-threads=1"]
        found, status = watched(
            valgrind,
            command,
            env=os.environ | ENVIRONMENT | {"UFUNX_TEST_NO_FLAGS": "1", "UFUNX_TEST_CASES": "500"},
            timeout=SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = "cut off" if status is None else "passed" if status == 0 else "failed"
        ends[end] += 1
        errors += len(found)
        print(f"{name}: {len(found)} errors, {end}", *found, sep="\n", flush=True)
    counts = ", ".join(f"{count} {end}" for end, count in ends.items())
    print(f"valgrind over Rust: {errors} errors in {len(chosen)} tests, of which {counts}")
    return not errors and bool(chosen)


def main() -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("valgrind is not installed; Debian has it as the package valgrind", file=sys.stderr)
        return 1
    match sys.argv[1:]:
        case ["rust", *tests]:
            return int(not rust(valgrind, tests))
        case ["python", *arguments]:
            return int(not python(valgrind, arguments))
        case _:
            return int(not all([rust(valgrind, []), python(valgrind, [])]))


if __name__ == "__main__":
    sys.exit(main())
