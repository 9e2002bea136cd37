"""A run beside an older one: which ratios to NumPy changed, and whether by more than chance.

Compared is how many times faster than NumPy a case is, as both runs measured NumPy beside us: a machine that
is slower today is slower for both. A change counts if the rounds of the two runs are told apart by the rank
test of Mann and Whitney, at one chance in a hundred over all rows, and if it is larger than the noise of
either run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .rows import Row

CHANCE = 0.01


@dataclass(frozen=True)
class Change:
    """A case in both runs: `factor` is the new ratio over the old."""

    row: Row
    old: float
    new: float
    chance: float
    counts: bool

    @property
    def factor(self) -> float:
        return self.new / self.old


def changes(new: Sequence[Row], old: Sequence[Row]) -> list[Change]:
    """Those cases that both runs timed."""
    before = {row.case.key: row for row in old}
    pairs = [(row, before[row.case.key]) for row in new if row.case.key in before]
    pairs = [(a, b) for a, b in pairs if not math.isnan(a.ratio("numpy") / b.ratio("numpy"))]
    return [change(a, b, CHANCE / len(pairs)) for a, b in pairs]


def change(new: Row, old: Row, chance: float) -> Change:
    probability = rank_test(per_round(new), per_round(old))
    then, now = old.ratio("numpy"), new.ratio("numpy")
    noise = max((x for x in (new.noise, old.noise) if not math.isnan(x)), default=0.0)
    counts = probability < chance and abs(math.log(now / then)) > noise
    return Change(new, then, now, probability, counts)


def per_round(row: Row) -> list[float]:
    """NumPy's time over ours in each round."""
    pairs = zip(row.sides["numpy"].samples_ns, row.sides["ufunx"].samples_ns, strict=False)
    return [theirs / ours for theirs, ours in pairs]


def rank_test(a: Sequence[float], b: Sequence[float]) -> float:
    """How likely two samples of one distribution are that far apart, by Mann and Whitney with the normal
    approximation.

    Written out, as SciPy is much to install for it.
    """
    n, m = len(a), len(b)
    if not n or not m:
        return 1.0
    above = sum((x > y) + 0.5 * (x == y) for x in a for y in b)
    z = (abs(above - n * m / 2) - 0.5) / math.sqrt(n * m * (n + m + 1) / 12)
    return min(1.0, math.erfc(z / math.sqrt(2)))
