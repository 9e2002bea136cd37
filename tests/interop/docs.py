"""Writes docs/interop.md from the rows that the tests walk: `make bless`."""

from collections.abc import Iterator
from pathlib import Path

from foreign import FOREIGN, REFUSED, Foreign
from libraries import LIBRARIES, Library, calls

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"

HEAD = """\
# Other libraries

<!-- Written by tests/interop/docs.py; do not edit. -->

What our ufuncs do with the objects of other libraries. The answer is always NumPy's: type, dtype, values,
warnings and errors. Where the library lets them, our kernels compute it. Every line is tested with the
versions that `requirements-dev.txt` and `requirements-interop.txt` pin, and our kernels are counted
(`ufunx.native_calls()`), in the workers of a cluster too.

- *our kernels*: the library's `__array_ufunc__` is handed our ufunc and calls it on the arrays inside; or the
  objects are ndarrays of a subclass that has none.
- *NumPy's ufunc*: the library's code asks whether the ufunc *is* NumPy's. Ours is only equal to it, and
  would get a wrong answer; so the library is handed NumPy's.
- *the library*: it is handed our ufunc, or asked nothing, and runs other code.
- *nobody*: the library raises, with NumPy's ufuncs too.

| objects | calls | run by | because |
|---|---|---|---|
"""
RUN_BY = {
    "ours": "our kernels",
    "twin": "NumPy's ufunc",
    "own": "the library",
    "refused": "nobody",
}


def lines(library: Library) -> Iterator[str]:
    """The table's lines on one library, its name on the first."""
    name = library.name
    entries = [(library.ours, "ours", "")] if library.ours else []
    entries += [(these, who, why) for these, (who, why) in library.otherwise.items()]
    for these, who, why in entries:
        code = ", ".join(f"`{call}`" for call in calls(these))
        yield f"| {name} | {code} | {RUN_BY[who]} | {why} |\n"
        name = ""


FOREIGN_HEAD = """
## Arrays read in place

Our ufuncs and their methods read the memory of these arrays where it lies, whatever its size, and give the
results back as arrays of the library. Dtypes promote as NumPy's do: an array of no dimensions counts like any
other, Python's numbers are weak. NumPy's own ufuncs go on doing with these objects what they did, in in-place
mode too.

Of several operands the result belongs to the one of the highest `__array_priority__`, the leftmost among
equals; an ndarray's is 0, a scalar never wins. *Written*: such an array may be `out=`, and `at` works on it.

| objects | read by | results are | priority | written | also |
|---|---|---|---|---|---|
"""
REFUSED_HEAD = """
What has no memory to read, or memory that does not say it all, is refused; the error names the way out. So
is memory of a GPU (BufferError: `tensor.cpu()`), and a JAX tracer (TypeError: `jax.pure_callback`).

| torch | error |
|---|---|
"""


def foreign_line(row: Foreign) -> str:
    """The table's line on a library's arrays."""
    also = ", ".join(row.mini)
    written = "yes" if row.writable else "no"
    return f"| {row.name} | {row.read_by} | {row.results} | {row.priority} | {written} | {also} |\n"


def page() -> str:
    """The whole page."""
    own = "".join(line for library in LIBRARIES for line in lines(library))
    read = "".join(map(foreign_line, FOREIGN))
    refused = "".join(f"| {row.name} | {row.error.__name__}: `{row.way_out}` |\n" for row in REFUSED)
    return HEAD + own + FOREIGN_HEAD + read + REFUSED_HEAD + refused


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
