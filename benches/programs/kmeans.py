"""Ten rounds of k-means: 8,000 points in three dimensions, eight clusters."""

import numpy as np

TOLERANCE = 1e-11


def make(scale=1.0):
    rng = np.random.default_rng(6)
    n = max(80, int(8000 * scale))
    centres = rng.uniform(-10, 10, (8, 3))
    points = centres[rng.integers(0, 8, n)] + rng.normal(0, 1, (n, 3))
    return points, points[:8].copy()


def run(points, start):
    centres = start.copy()
    for _ in range(10):
        apart = points[:, None, :] - centres[None, :, :]
        distance = (apart**2).sum(axis=2)
        nearest = distance.argmin(axis=1)
        for k in range(len(centres)):
            members = points[nearest == k]
            if len(members):
                centres[k] = members.mean(axis=0)
    inertia = distance.min(axis=1).sum()
    spread = np.sqrt(distance.min(axis=1)).std()
    sizes = np.array([np.sum(nearest == k) for k in range(len(centres))])
    return centres, inertia, spread, sizes
