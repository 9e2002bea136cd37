"""Orders and deliveries: how long they took, by weekday, month and hour."""

import numpy as np

TOLERANCE = 1e-12


def make(scale=1.0):
    rng = np.random.default_rng(11)
    n = max(100, int(60_000 * scale))
    ordered = np.datetime64("2024-01-01T00:00:00") + rng.integers(0, 2 * 365 * 86400, n).astype("m8[s]")
    delivered = ordered + rng.integers(3600, 20 * 86400, n).astype("m8[s]")
    delivered[rng.random(n) < 0.02] = np.datetime64("NaT", "s")
    return ordered, delivered


def run(ordered, delivered):
    known = ~np.isnat(delivered)
    took = delivered[known] - ordered[known]
    hours = took / np.timedelta64(1, "h")
    late = took > np.timedelta64(14, "D")

    days = ordered.astype("M8[D]")
    weekday = (days.astype(np.int64) + 3) % 7
    month = days.astype("M8[M]")
    month_of_year = month.astype(np.int64) % 12
    day_of_month = (days - month.astype("M8[D]")).astype(np.int64) + 1
    seconds = (ordered - days).astype(np.int64)
    hour, minute = seconds // 3600, seconds // 60 % 60

    promised = days + np.timedelta64(7, "D")
    missed = np.where(known, delivered > promised, True)
    slack = np.abs(delivered[known] - promised[known].astype("M8[s]"))
    first, last = np.min(ordered), np.max(delivered[known])
    by_weekday = np.array([hours[weekday[known] == d].mean() for d in range(7)])
    return (
        hours,
        late.sum(),
        np.bincount(month_of_year, minlength=12),
        day_of_month,
        hour,
        minute.sum(),
        missed.mean(),
        slack.max(),
        (last - first) // np.timedelta64(1, "D"),
        by_weekday,
        took.mean(),
    )
