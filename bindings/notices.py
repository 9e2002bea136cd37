"""Writes THIRD_PARTY.txt, the licences of the crates that the extension module is linked with, which ask that
their notices go along: `python bindings/notices.py`, or with `--check` says whether it is fresh.

Of a crate under several licences, the MIT one's text is given. Crates that run in the compiler alone are in
no library, and not here.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "THIRD_PARTY.txt"
HEAD = """\
The extension module of ufunx contains the Rust standard library (MIT OR Apache-2.0, https://www.rust-lang.org)
and the crates below. Written by bindings/notices.py.
"""
RULE = "\n" + "=" * 100 + "\n"


def linked() -> list[dict[str, Any]]:
    """What cargo says of the crates, ours left out."""
    tree = "cargo tree --locked -p ufunx-python -e normal,no-proc-macro --target x86_64-unknown-linux-gnu"
    lines = run(f"{tree} --prefix none --format {{p}}").splitlines()
    named = {tuple(line.split()[:2]) for line in lines}
    packages = json.loads(run("cargo metadata --locked --format-version 1"))["packages"]
    found = [each for each in packages if (each["name"], f"v{each['version']}") in named and each["source"]]
    return sorted(found, key=lambda each: each["name"])


def run(command: str) -> str:
    return subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=True).stdout


def notice(package: dict[str, Any]) -> str:
    """The text of the crate's licence, and of what else it wants to be told."""
    folder = Path(package["manifest_path"]).parent
    texts = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE"))
    )
    chosen = [path for path in texts if "MIT" in path.name.upper()] or texts
    if not chosen:
        authors = ", ".join(package["authors"]) or package["repository"]
        return f"(The crate has no text; by {authors}.)"
    return "\n".join(path.read_text().strip() for path in chosen)


def text() -> str:
    """The file's text: crates with the same notice stand together."""
    by_notice: dict[str, list[str]] = {}
    for package in linked():
        title = f"{package['name']} {package['version']} ({package['license']})"
        by_notice.setdefault(notice(package), []).append(title)
    parts = ["\n".join(titles) + "\n\n" + words + "\n" for words, titles in by_notice.items()]
    return RULE.join([HEAD, *parts])


if __name__ == "__main__":
    if "--check" not in sys.argv:
        FILE.write_text(text())
    elif FILE.read_text() != text():
        sys.exit("THIRD_PARTY.txt is not of these crates: python bindings/notices.py")
