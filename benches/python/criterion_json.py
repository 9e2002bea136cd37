"""What `cargo bench` measured, in the JSON of `python -m ufunx bench`:

    cargo bench -p ufunx-benches
    python benches/python/criterion_json.py [--criterion target/criterion] [--json FILE]

Criterion keeps each bench's samples in a folder of its own. Those of `loops` become rows with one side,
`ufunx`, those of `beside_ndarray` rows with `ndarray` too; what is neither (`call_overhead`) is left out. The
rows are printed as lines, too.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ufunx.bench.cases import Case, loop_of
from ufunx.bench.rows import Row, SideTimes, machine_facts, to_json

TARGET = Path(__file__).resolve().parents[2] / "target" / "criterion"
# What benches/src/lib.rs calls a layout: the side's method, the layout in the JSON, and the statement.
LAYOUTS = {
    "contig": ("call", "out", "f.call_into(&[x0, x1], &mut [y])"),
    "strided": ("call", "strided", "f.call_into(&[x0, x1], &mut [y])"),
    "scalar": ("call", "scalar", "f.call_into(&[x0, x1], &mut [y])"),
    "inplace": ("call", "inplace", "f.call_into(&[x0, x1], &mut [x0])"),
    "axis_contig": ("reduce", "contiguous", "f.reduce(x0)"),
    "axis_contig2d": ("reduce", "rows", "f.reduce(x0, axis 1)"),
    "axis_slow": ("reduce", "columns", "f.reduce(x0, axis 0)"),
}
SIDES = {"ufunx": "f(&x0, &x1)", "ndarray": "&x0 + &x1, x0.mapv(f), x0.sum()"}
DTYPE = re.compile(r"(bool)|([fiuc])(\d+)")


def rows(folder: Path) -> list[Row]:
    """A row for each case that was measured."""
    sides: dict[Case, dict[str, SideTimes]] = {}
    for case, side, times in measured(folder):
        sides.setdefault(case, {})[side] = times
    return [Row(case, sides[case]) for case in sorted(sides, key=str)]


def measured(folder: Path) -> Iterator[tuple[Case, str, SideTimes]]:
    """Each bench's newest samples."""
    for file in folder.rglob("new/benchmark.json"):
        facts = json.loads(file.read_text())
        parts = facts["full_id"].split("/")
        if len(parts) != 4 or not (facts["throughput"] or {}).get("Elements"):
            continue
        name, dtype, _, last = parts
        ufunc, _, method = name.partition(".")
        called = numpys(dtype)
        loop = loop_of(ufunc, called) if called else None
        if loop is None or (last not in LAYOUTS and last not in SIDES):
            continue  # dtypes that NumPy has not, and loops of several, have no name in the JSON
        method, layout, statement = LAYOUTS.get(last, (method or "call", "contiguous", SIDES.get(last, "")))
        samples = json.loads((file.parent / "sample.json").read_text())
        each = tuple(time / n for time, n in zip(samples["times"], samples["iters"], strict=True))
        case = Case(ufunc, method, called, loop, facts["throughput"]["Elements"], layout, 1)
        yield case, last if last in SIDES else "ufunx", SideTimes(each, None, "", statement)


def numpys(dtype: str) -> str:
    """The engine's short name of a dtype as NumPy's: `f64` is `f8`."""
    found = DTYPE.fullmatch(dtype)
    if found is None:
        return ""
    return "?" if found[1] else f"{found[2]}{int(found[3]) // 8}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Criterion's results in the JSON of ufunx bench.")
    parser.add_argument("--criterion", type=Path, default=TARGET, help="where Criterion keeps its results")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it there")
    args = parser.parse_args()
    found = rows(args.criterion)
    if not found:
        sys.exit(f"{args.criterion} has no results: cargo bench -p ufunx-benches")
    for row in found:
        case = row.case
        ratio = f"  ndarray {row.ratio('ndarray'):.2f}x" if "ndarray" in row.sides else ""
        what = f"{case.ufunc} {case.method} {case.dtype} {case.size} {case.layout}"
        print(f"{what:50} {row.sides['ufunx'].best:12.1f} ns{ratio}")
    if args.json is not None:
        args.json.write_text(to_json(found, machine_facts()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
