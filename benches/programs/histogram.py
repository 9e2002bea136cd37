"""Histograms in one and two dimensions, and a scatter of weights, by `np.add.at`."""

import numpy as np

TOLERANCE = 1e-10


def make(scale=1.0):
    rng = np.random.default_rng(17)
    n = max(100, int(300_000 * scale))
    return rng.normal(0, 1, n), rng.normal(0, 2, n), rng.uniform(0, 1, n)


def run(x, y, weight):
    edges = np.linspace(-4, 4, 65)
    inside = (np.abs(x) < 4) & (np.abs(y) < 4)
    column = np.floor((x[inside] + 4) * 8).astype(np.int64)
    row = np.floor((y[inside] + 4) * 8).astype(np.int64)

    counts = np.zeros(64, dtype=np.int64)
    np.add.at(counts, column, 1)
    table = np.zeros((64, 64))
    np.add.at(table, (row, column), weight[inside])
    flat = np.zeros(64 * 64)
    np.add.at(flat, row * 64 + column, weight[inside])
    top = np.full(64, -np.inf)
    np.maximum.at(top, column, weight[inside])

    density = counts / counts.sum() / np.diff(edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nansum(density * np.log(density))
    return counts, table, flat.reshape(64, 64), top, density, entropy
