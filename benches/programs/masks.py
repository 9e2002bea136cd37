"""A table of 100,000 trades cleaned and split up by masks."""

import numpy as np

TOLERANCE = 1e-11


def make(scale=1.0):
    rng = np.random.default_rng(15)
    n = max(100, int(100_000 * scale))
    price = rng.lognormal(3, 1, n)
    amount = rng.integers(-50, 51, n)
    cost = rng.uniform(-1, 30, n)
    kind = rng.integers(0, 5, n, dtype=np.int8)
    return price, amount, cost, kind


def run(price, amount, cost, kind):
    valid = (amount != 0) & (cost > 0) & (price < np.percentile(price, 99))
    value = price * amount
    bought, sold = value[valid & (amount > 0)], value[valid & (amount < 0)]

    ratio = np.divide(value, cost, out=np.zeros_like(value), where=cost > 0)
    logs = np.log(price, out=np.full_like(price, -1.0), where=valid)
    fee = np.where(np.abs(value) > 1000, 0.001 * np.abs(value), 1.0)
    fee = np.where(kind == 3, 0.0, fee)
    fee[~valid] = 0.0
    net = np.where(amount > 0, value + fee, value - fee)
    capped = np.minimum(np.maximum(net, -5000.0), 5000.0)

    either = np.logical_or(kind == 1, kind == 4)
    odd = np.logical_xor(either, amount % 2 == 1)
    by_kind = np.array([net[kind == k].sum() for k in range(5)])
    largest = np.max(net, where=valid, initial=0.0)
    mean = np.mean(net, where=valid & ~odd)
    net[net < 0] *= 0.5
    return (
        bought.sum(),
        sold.mean(),
        ratio,
        logs,
        capped,
        by_kind,
        largest,
        mean,
        net,
        odd.sum(),
        np.any(fee > 10),
        np.all(price > 0),
    )
