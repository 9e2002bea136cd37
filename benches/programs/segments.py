"""Sales grouped by customer: sums, extremes and running totals of sorted segments."""

import numpy as np

TOLERANCE = 1e-10


def make(scale=1.0):
    rng = np.random.default_rng(18)
    n = max(100, int(400_000 * scale))
    customer = np.sort(rng.integers(0, max(10, n // 10), n))
    return customer, rng.lognormal(2, 1, n), rng.integers(1, 20, n)


def run(customer, price, count):
    changes = np.flatnonzero(customer[1:] != customer[:-1]) + 1
    starts = np.concatenate([[0], changes])
    lengths = np.diff(np.append(starts, len(customer)))

    value = price * count
    total = np.add.reduceat(value, starts)
    items = np.add.reduceat(count, starts)
    largest = np.maximum.reduceat(price, starts)
    smallest = np.minimum.reduceat(price, starts)
    mean = total / lengths
    centred = value - np.repeat(mean, lengths)
    variance = np.add.reduceat(centred**2, starts) / lengths

    # totals that start anew with each customer
    running = np.cumsum(value)
    before = np.repeat(running[starts] - value[starts], lengths)
    within = running - before
    share = value / np.repeat(total, lengths)
    order = np.cumsum(np.ones(len(value), dtype=np.int64)) - np.repeat(starts, lengths)
    returning = (share < 0.5) & (order > 1)
    return total, items, largest - smallest, np.sqrt(variance), within, share, returning.sum()
