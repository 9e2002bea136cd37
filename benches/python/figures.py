"""Measures what README.md and the site say of speed and error: `make figures`.

    python benches/python/figures.py [--only programs|functions] [--text]

`docs/figures.json` gets the numbers with the machine and the command that made them: whole programs beside
stock NumPy, from `bench_programs.py`, and each function beside NumPy's, from `python -m ufunx bench`. The
sentence of README.md and docs/index.md is written from it; `--text` does that alone.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ufunx.bench.rows import machine_facts

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures.json"
PAGES = (ROOT / "README.md", ROOT / "docs" / "index.md")
SENTENCE = re.compile(r"(?<=<!-- figures -->\n).*?(?=\n\n)", re.DOTALL)

COMMANDS = {
    "programs": "benches/python/bench_programs.py",
    "functions": "-m ufunx bench kernels --layout contiguous --dtype f4,f8,i4,i8 --time 3m",
}


def measured(what: str) -> Any:
    """The JSON that the command writes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, *COMMANDS[what].split(), "--json", str(file)]
        subprocess.run(command, cwd=ROOT, check=True)
        return json.loads(file.read_text())


def programs() -> dict[str, Any]:
    """How many times as fast as stock each program is, and all of them."""
    found = measured("programs")
    ratios = {name: row["ratio"] for name, row in found["programs"].items() if "ratio" in row}
    programs = {name: {way: round(r, 3) for way, r in row.items()} for name, row in ratios.items()}
    summary = {what: {way: round(r, 3) for way, r in row.items()} for what, row in found["summary"].items()}
    return {"machine": machine(machine_facts()), "summary": summary, "programs": programs}


def functions() -> dict[str, Any]:
    """Of each function and dtype: our time, NumPy's over it, and the largest errors of both."""
    found = measured("functions")
    rows = []
    for row in found["rows"]:
        case, ours, theirs = row["case"], row["sides"]["ufunx"], row["sides"]["numpy"]
        rows.append(
            {
                "ufunc": case["ufunc"],
                "dtype": case["dtype"],
                "size": case["size"],
                "ns": round(ours["best_ns"]),
                "ratio": round(theirs["ratio"], 2),
                "ulp": rounded(ours["max_ulp"]),
                "numpy_ulp": rounded(theirs["max_ulp"]),
            }
        )
    return {"machine": machine(found["machine"]), "rows": rows}


def machine(facts: dict[str, Any]) -> str:
    """What the numbers depend on, in words."""
    cpu = f"{facts['cpu']} with {facts['cpus']} CPUs, kernels for {facts['isa']}"
    return f"{cpu}, NumPy {facts['numpy']}, Python {facts['python']}"


def rounded(ulp: float | None) -> float | None:
    return None if ulp is None else float(f"{ulp:.3g}")


def sentence(figures: Any) -> str:
    """The one that README.md begins with."""
    found = figures["programs"]
    mean, slowest = found["summary"]["geometric mean"], found["summary"]["slowest"]
    return (
        f"**{mean['in place 2t']:.2f} times as fast** as stock NumPy run {len(found['programs'])} ordinary "
        f"NumPy programs, unedited, in place with two threads\n({mean['in place 1t']:.2f} with one): the "
        f"geometric mean of best runs by turns, from {slowest['in place 2t']:.2f} for the slowest of them\n"
        f"upwards, on {found['machine']}.\n`{found['command']}` measures it, "
        "and `python -m ufunx bench script.py` your own program."
    )


def read() -> Any:
    """What was measured."""
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {}


def write_text() -> None:
    text = sentence(read())
    for page in PAGES:
        page.write_text(SENTENCE.sub(lambda _: text, page.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what README.md and the site say.")
    parser.add_argument("--only", choices=COMMANDS)
    parser.add_argument("--text", action="store_true", help="measure nothing, write the sentence anew")
    args = parser.parse_args()
    figures = read()
    for what, measure in {"programs": programs, "functions": functions}.items():
        if not args.text and args.only in (None, what):
            figures[what] = {"command": f"python {COMMANDS[what]}", **measure()}
            FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    write_text()


if __name__ == "__main__":
    main()
