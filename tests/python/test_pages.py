"""The pages say what is so: each example of README.md and docs/ runs, and figures are those measured.

A page's Python examples run in order, in one namespace. `<!-- needs torch -->` above one says what must be
installed for it, `<!-- not run: why -->` that it cannot be. A Rust example is, to the letter, in a file that
`make test` or `make check` compiles.
"""

import doctest
import importlib.util
import io
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import ufunx as ux

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- (?P<kind>needs|not run:) (?P<words>[^\n]*?) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMPILED = [
    path
    for folder in ("engine/examples", "engine/src", "tests/downstream/src", "tests/extension/src")
    for path in (ROOT / folder).rglob("*.rs")
]


@dataclass
class Example:
    code: str
    line: int
    needs: list[str]


def examples(page, language):
    """The page's examples of a language that are to run."""
    text = page.read_text()
    # Of a list's item, the block is indented.
    text = re.sub(r"^ +(?=```|<!-- (?:needs|not run))", "", text, flags=re.MULTILINE)
    return [
        Example(
            textwrap.dedent(found["code"]),
            text.count("\n", 0, found.start("code")),
            re.split(r", *", found["words"]) if found["kind"] == "needs" else [],
        )
        for found in BLOCK.finditer(text)
        if found["language"] == language and found["kind"] != "not run:"
    ]


WITH_PYTHON = [page for page in PAGES if examples(page, "python")]
WITH_RUST = [page for page in PAGES if examples(page, "rust")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_the_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__", "numpy": np, "np": np, "ufunx": ux}
    before, left_out = ux.num_threads(), []
    try:
        for example in examples(page, "python"):
            missing = [name for name in example.needs if importlib.util.find_spec(name) is None]
            if missing:
                left_out += missing
                continue
            run(example, page, namespace)
    finally:
        ux.uninstall()
        ux.set_num_threads(before)
    if left_out:
        pytest.skip(f"the others run; not installed: {', '.join(sorted(set(left_out)))}")


def run(example, page, namespace):
    """Where it is a session, with what it answers."""
    if not example.code.startswith(">>> "):
        code = "\n" * example.line + example.code  # so that a traceback has the page's line
        exec(compile(code, page, "exec"), namespace)
        return
    name = f"{page.name}, line {example.line}"
    test = doctest.DocTestParser().get_doctest(example.code, namespace, name, str(page), example.line)
    report = io.StringIO()
    results = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(
        test, out=report.write, clear_globs=False
    )
    namespace.update(test.globs)
    assert results.failed == 0, report.getvalue()


@pytest.mark.parametrize("page", WITH_RUST, ids=lambda page: page.stem)
def test_the_rust_examples_are_compiled(page):
    sources = [squeezed(path.read_text()) for path in COMPILED]
    for example in examples(page, "rust"):
        assert any(squeezed(example.code) in source for source in sources), example.code


def squeezed(code):
    """Without the space that differs where code stands deeper, and without comments."""
    return " ".join(re.sub(r"^\s*///?.*$|//.*$", "", code, flags=re.MULTILINE).split())


def test_every_page_is_part_of_the_site():
    listed = (ROOT / "site" / "mkdocs.yml").read_text()
    for page in PAGES[1:]:
        assert re.search(rf"[ :]{re.escape(page.name)}\n", listed), page.name


def test_what_is_said_of_speed_was_measured():
    spec = importlib.util.spec_from_file_location("figures", ROOT / "benches" / "python" / "figures.py")
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    text = figures.sentence(figures.read())
    for page in figures.PAGES:
        assert f"<!-- figures -->\n{text}\n" in page.read_text(), "make figures writes it"
