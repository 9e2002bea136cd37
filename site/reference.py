"""The reference, from the registry: a page for each ufunc with what its docstring says, its loops, and a plot
of how fast it is beside NumPy's and how far off, from docs/figures.json; and one for all that is no ufunc.
"""

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import ufunx
from ufunx import _native

ROOT = Path(__file__).resolve().parent.parent
FIGURES = json.loads((ROOT / "docs" / "figures.json").read_text())["functions"]


@cache
def pages() -> list[tuple[str, str, str]]:
    """Each page's path, title and text."""
    named = sorted(name for name in _native.records() if name in ufunx._UFUNCS)
    each = [(f"reference/{name}.md", name, page(name)) for name in named]
    others = ("reference/package.md", "The package", package())
    return [("reference/index.md", "Reference", index(named)), others, *each]


def index(named: list[str]) -> str:
    head = [
        "# Reference\n",
        "Every ufunc of the registry, and how fast and how exact it is on float64.\n",
        f"Measured on {FIGURES['machine']}, by `{FIGURES['command']}`, 10,000 elements at a time.\n",
        "| function | does | NumPy's time over ours | largest error found, ULP |\n|---|---|---|---|",
    ]
    return "\n".join([*head, *map(line, named)]) + "\n"


def line(name: str) -> str:
    """The function's line of the index."""
    row = measured(name).get("f8")
    ratio = f"{row['ratio']:.2f}" if row else ""
    error = f"{row['ulp']:g}" if row and row["ulp"] is not None else ""
    return f"| [{name}]({name}.md) | {summary(name)} | {ratio} | {error} |"


def page(name: str) -> str:
    ufunc, record = ufunx._UFUNCS[name], _native.records()[name]
    signature, _, rest = inspect.cleandoc(ufunc.__doc__).partition("\n\n")
    parts = [f"# {name}\n", f"```text\n{called(signature)}\n```\n", *docstring(rest)]
    aliases = [other for other, same in ufunx._UFUNCS.items() if same is ufunc and other != name]
    facts = {
        "also called": ", ".join(f"`{other}`" for other in aliases),
        "core signature": f"`{ufunc.signature}`" if ufunc.signature else "",
        "identity": f"`{ufunc.identity}`" if ufunc.identity is not None else "",
        "bound on the error, floats": f"{record['ulp']:g} ULP" if record["ulp"] else "",
        "the same, complex numbers": f"{record['complex_ulp']:g} ULP" if record["complex_ulp"] else "",
        "in Rust": f'`ufunx::{name}`, `ufunx::ufunc("{name}")`',
    }
    parts.append("## Facts\n\n| | |\n|---|---|")
    parts += [f"| {what} | {fact} |" for what, fact in facts.items() if fact]
    parts.append("\n## Native loops\n\n| operands | results |\n|---|---|")
    parts += [loop(types) for types in record["types"]]
    if rows := measured(name):
        parts.append(f"\n## Speed and error\n\n{plot(rows)}\n")
        parts.append(
            f"10,000 contiguous elements, one thread, on {FIGURES['machine']}. "
            "How it is measured: [Measuring](../measure.md#how-it-is-measured); "
            "errors on more samples, at every instruction set: [Accuracy](../accuracy.md)."
        )
    return "\n".join(parts) + "\n"


def called(signature: str) -> str:
    """How it is called, in lines that a page can show."""
    return textwrap.fill(f"ufunx.{' '.join(signature.split())}", 76, subsequent_indent="    ")


def package() -> str:
    """The page of what is no ufunc."""
    ours = {name: getattr(ufunx, name) for name in ufunx._OURS if name != "__version__"}  # type: ignore[attr-defined]
    parts = ["# The package\n", "What `ufunx` has beside ufuncs and NumPy's own names.\n"]
    for title, named in {"Its own": ours, "Functions made of ufuncs": ufunx._FUNCTIONS}.items():
        parts.append(f"## {title}\n")
        for name, one in named.items():
            parts.append(f"### {name}\n\n```text\n{called(name + parameters(one))}\n```\n")
            parts += docstring(inspect.getdoc(one) or "", "####")
    return "\n".join(parts)


def parameters(one: Any) -> str:
    """What a function takes; classes are not made by their users."""
    return re.sub(r" -> .*", "", str(inspect.signature(one))) if inspect.isroutine(one) else ""


def docstring(text: str, heading: str = "##") -> Iterator[str]:
    """A docstring in Markdown; of NumPy's form, with its sections."""
    for section in re.split(r"\n\n(?=[A-Z]\w+\n-+\n)", text):
        title, rule, body = section.partition("\n---")
        if not rule:
            yield from paragraphs(section)
            continue
        body = body.lstrip("-").lstrip("\n")
        yield f"{heading} {title}\n"
        if title in ("Parameters", "Returns"):
            yield "\n".join(map(parameter, body.splitlines())) + "\n"
        else:
            yield from paragraphs(body)


def paragraphs(text: str) -> Iterator[str]:
    """Prose and examples."""
    for part in text.split("\n\n"):
        yield f"```pycon\n{part}\n```\n" if part.startswith(">>> ") else f"{prose(part)}\n"


def parameter(line: str) -> str:
    """A parameter's name and type as an item, and what is said of it below."""
    return f"  {prose(line.strip())}" if line.startswith(" ") else f"- `{line}`"


def prose(text: str) -> str:
    """Text that Markdown shows as it is, but for what stands between backticks."""
    parts = text.split("`")
    parts[::2] = (re.sub(r"([*<_|])", r"\\\1", part) for part in parts[::2])
    return "`".join(parts)


def summary(name: str) -> str:
    paragraph = inspect.cleandoc(ufunx._UFUNCS[name].__doc__).split("\n\n")[1]
    return prose(" ".join(paragraph.split()).partition(". ")[0].removesuffix("."))


def loop(types: str) -> str:
    inputs, outputs = types.split("->")
    return f"| {', '.join(map(dtype_name, inputs))} | {', '.join(map(dtype_name, outputs))} |"


def dtype_name(char: str) -> str:
    """Of a character: NumPy's, or of those that NumPy lacks the registry's own."""
    own = {"4": "float8_e4m3fn", "3": "float8_e5m2", "E": "bfloat16", "M": "datetime64", "m": "timedelta64"}
    return own.get(char) or np.dtype(char).name


@cache
def all_measured() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in FIGURES["rows"]:
        found.setdefault(row["ufunc"], {})[row["dtype"]] = row
    return found


def measured(name: str) -> dict[str, Any]:
    """The rows of a function by dtype."""
    return all_measured().get(name, {})


def plot(rows: dict[str, Any]) -> str:
    """Bars of speed beside NumPy's, and of both errors, in colours that follow the page's."""
    names = {dtype: np.dtype(dtype).name for dtype in rows}
    speed = [(names[d], row["ratio"], f"{row['ratio']:.2f} times as fast") for d, row in rows.items()]
    errors = [
        (f"{names[d]}, {whose}", row[key], f"{row[key]:g} ULP")
        for d, row in rows.items()
        for whose, key in (("ours", "ulp"), ("NumPy's", "numpy_ulp"))
        if row[key]
    ]
    drawn = [bars("Speed beside NumPy's", speed, 1.0)]
    if errors:
        drawn.append(bars("Largest error found", errors, 0.5))
    return "\n\n".join(drawn)


def bars(title: str, lines: list[tuple[str, float, str]], mark: float) -> str:
    """An SVG of horizontal bars, with a line where `mark` is."""
    left, width, step = 150, 300, 22
    scale = width / max(mark, *(value for _, value, _ in lines))
    at = left + mark * scale
    drawn = "".join(
        f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{escape(label)}</text>'
        f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="14" fill="var(--md-accent-fg-color)"/>'
        f'<text x="{left + value * scale + 6:.1f}" y="{y + 11}">{escape(said)}</text>'
        for y, (label, value, said) in ((24 + i * step, line) for i, line in enumerate(lines))
    )
    height = 28 + len(lines) * step
    return (
        f'<svg viewBox="0 0 600 {height}" width="600" role="img" aria-label="{escape(title)}" '
        f'fill="currentColor" font-size="12">'
        f'<text x="{left}" y="12" font-weight="bold">{escape(title)}</text>{drawn}'
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="18" y2="{height}" stroke="currentColor" '
        f'stroke-dasharray="3 3"/></svg>'
    )
