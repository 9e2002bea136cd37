"""What came of a case: each side's times, and what follows from them; as JSON and CSV.

A file of JSON holds {"schema": 1, "machine": {...}, "rows": [{"case": ..., "sides": {name: ...}, ...}]}. A
side that was timed has `samples_ns`, nanoseconds of a call in each round, from which everything else follows;
one that was not has `why`. `ratio` is a side's time over ufunx's, each side's best round counting: above 1,
ufunx is faster.
"""

import csv
import io
import json
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ufunx

from .cases import Case, letter, numpy_dtype
from .worker import AGAIN, Prepared

SCHEMA = 1


@dataclass(frozen=True)
class SideTimes:
    """One side's. `why` says why there are none, `ulp` how far the answer is off at most."""

    samples_ns: tuple[float, ...]
    ulp: float | None
    why: str
    statement: str

    @classmethod
    def of(cls, prepared: Prepared, samples: Sequence[float]) -> "SideTimes":
        verdict = prepared.verdict
        return cls(tuple(samples), verdict.ulp, verdict.why, prepared.statement)

    @property
    def best(self) -> float:
        return min(self.samples_ns, default=math.nan)

    @property
    def median(self) -> float:
        return statistics.median(self.samples_ns) if self.samples_ns else math.nan

    @property
    def spread(self) -> float:
        """The distance of the quartiles over the median."""
        if len(self.samples_ns) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.samples_ns, n=4)
        return (high - low) / self.median


@dataclass(frozen=True)
class Row:
    """A case and its sides, ufunx among them."""

    case: Case
    sides: dict[str, SideTimes]
    of_bandwidth: float | None = None  # the share of what the machine moves in such a working set

    def ratio(self, side: str) -> float:
        """That side's time over ours; NaN if one of the two was not timed."""
        theirs = self.sides[side].best if side in self.sides else math.nan
        return theirs / self.sides["ufunx"].best if "ufunx" in self.sides else math.nan

    @property
    def noise(self) -> float:
        """How far stock is from stock: a ratio that near to 1 says nothing."""
        if AGAIN not in self.sides or "numpy" not in self.sides:
            return math.nan
        once, again = self.sides["numpy"], self.sides[AGAIN]
        apart = [once.best / again.best, once.median / again.median]
        return max(abs(math.log(x)) if x > 0 else math.nan for x in apart)

    def is_slower(self, side: str, limit: float = 1.0) -> bool:
        """Whether the ratio is below, by more than noise."""
        return self.ratio(side) * (1 + (0 if math.isnan(self.noise) else self.noise)) < limit

    def is_faster(self, side: str) -> bool:
        return self.ratio(side) > 1 + (0 if math.isnan(self.noise) else self.noise)

    @property
    def disagrees(self) -> bool:
        """Whether our own answer was wrong."""
        return bool(self.sides["ufunx"].why and self.sides["ufunx"].statement)

    @property
    def bytes(self) -> int:
        """What a call reads and writes, at least: each operand once."""
        case, total = self.case, 0
        inputs, _, outputs = case.loop.partition("->")
        if case.method == "call":
            read = inputs[:1] if case.layout == "scalar" else inputs
            total = sum(itemsize(case, char) for char in read + outputs)
        else:
            total = itemsize(case, case.loop[0]) * {"reduce": 1, "accumulate": 2, "at": 4}[case.method]
        return (total + (case.layout == "masked")) * case.size

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        sides = {}
        for name, side in self.sides.items():
            facts = {"best_ns": side.best, "median_ns": side.median, "spread": side.spread}
            timed = {**facts, "ratio": self.ratio(name), "samples_ns": list(side.samples_ns)}
            sides[name] = {"statement": side.statement, "max_ulp": side.ulp} | (
                {"why": side.why} if side.why or not side.samples_ns else timed
            )
        noise = None if math.isnan(self.noise) else self.noise
        return {
            "case": asdict(self.case),
            "sides": sides,
            "noise": noise,
            "of_bandwidth": self.of_bandwidth,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Row":
        sides = {
            name: SideTimes(
                tuple(side.get("samples_ns", ())), side["max_ulp"], side.get("why", ""), side["statement"]
            )
            for name, side in record["sides"].items()
        }
        return cls(Case(**record["case"]), sides, record["of_bandwidth"])


def itemsize(case: Case, char: str) -> int:
    """Bytes of an element of that letter, which stands for the case's own dtype or one of NumPy's."""
    return numpy_dtype(case.dtype if char == letter(case.dtype) else char).itemsize


def machine_facts() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "ufunx": ufunx.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "isa": ufunx.show_config()["isa_used"],
    }


def cpu_name() -> str:
    """As Linux calls it, or the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def to_json(rows: Sequence[Row], machine: dict[str, Any]) -> str:
    document = {"schema": SCHEMA, "machine": machine, "rows": [row.record() for row in rows]}
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str) -> list[Row]:
    """ValueError if it is not what `to_json` writes."""
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is {document['schema']}, and not {SCHEMA}")
        return [Row.from_record(record) for record in document["rows"]]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"it is no file of `ufunx bench --json` ({error})") from None


def to_csv(rows: Sequence[Row]) -> str:
    """A line for each side of each case."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    facts = ["best_ns", "median_ns", "spread", "ratio", "max_ulp", "why"]
    writer.writerow([*Case.__dataclass_fields__, "side", *facts, "noise", "of_bandwidth"])
    for row in rows:
        record = row.record()
        for name, side in record["sides"].items():
            told = [side.get(fact) for fact in facts]
            writer.writerow([*record["case"].values(), name, *told, record["noise"], record["of_bandwidth"]])
    return text.getvalue()
