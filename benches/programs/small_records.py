"""Records of 3 to 100 numbers, some of them Python lists, checked, clipped and normalised one by one."""

import numpy as np

TOLERANCE = 1e-12


def make(scale=1.0):
    rng = np.random.default_rng(24)
    n = max(10, int(400 * scale))
    records = []
    for _ in range(n):
        size = int(rng.integers(3, 101))
        records.append(
            {
                "values": rng.normal(10, 5, size),
                "offset": [float(v) for v in rng.uniform(-1, 1, 5)],
                "limits": [int(v) for v in rng.integers(0, 50, 5)],
                "position": rng.normal(0, 1, 3).astype(np.float32),
            }
        )
    return (records,)


def run(records):
    totals, units, sums, flags = [], [], [], []
    for record in records:
        values = np.clip(record["values"], 0.0, 20.0)
        values -= values.mean()
        deviation = values.std()
        if deviation > 0:
            values /= deviation
        totals.append(np.abs(values).sum())
        flags.append(np.any(values > 2.0) or not np.all(np.isfinite(values)))

        # what came as JSON is lists
        shifted = np.add(record["offset"], [1, 2, 3, 4, 5])
        limited = np.minimum(np.multiply(record["limits"], 2), 60)
        sums.append(np.sum(np.sqrt(np.maximum(shifted, 0.0)) * limited))
        sums.append(np.mean(record["offset"]) + np.max(record["limits"]))

        position = record["position"]
        units.append(position / np.sqrt((position * position).sum()))
    chances = np.exp(np.subtract(totals, np.max(totals)))
    return np.array(totals), np.array(units), np.array(sums), np.array(flags), chances / chances.sum()
