"""The heat equation on a plate of 200 by 200 points, 100 explicit steps."""

import numpy as np

TOLERANCE = 1e-12


def make(scale=1.0):
    rng = np.random.default_rng(7)
    side = max(12, int(200 * scale**0.5))
    plate = rng.uniform(0, 100, (side, side))
    plate[0], plate[-1], plate[:, 0], plate[:, -1] = 100, 0, 50, 50
    return plate, 0.2, 100


def run(plate, factor, steps):
    u = plate.copy()
    change = 0.0
    for _ in range(steps):
        before = u.copy()
        u[1:-1, 1:-1] += factor * (
            before[2:, 1:-1]
            + before[:-2, 1:-1]
            + before[1:-1, 2:]
            + before[1:-1, :-2]
            - 4 * before[1:-1, 1:-1]
        )
        change = np.abs(u - before).max()
    flow = np.hypot(np.diff(u, axis=0)[:, :-1], np.diff(u, axis=1)[:-1])
    return u, change, u.mean(), flow.sum()
