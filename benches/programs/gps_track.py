"""A track of 100,000 points: columns of a table, distances, bearings and rotations."""

import numpy as np

TOLERANCE = 1e-9

EARTH = 6371.0088


def make(scale=1.0):
    rng = np.random.default_rng(16)
    n = max(50, int(100_000 * scale))
    track = np.empty((n, 3))
    track[:, 0] = 47.0 + np.cumsum(rng.normal(0, 1e-3, n))
    track[:, 1] = 8.0 + np.cumsum(rng.normal(0, 1e-3, n))
    track[:, 2] = 500 + 50 * np.sin(np.arange(n) / 300)
    return (track,)


def haversine(lat1, lon1, lat2, lon2):
    a = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH * np.arcsin(np.sqrt(a))


def run(track):
    lat, lon = np.radians(track[:, 0]), np.radians(track[:, 1])
    height = track[:, 2]
    flat = haversine(lat[:-1], lon[:-1], lat[1:], lon[1:])
    climb = np.diff(height)
    length = np.hypot(flat * 1000, climb)
    north, east = lat[1:] - lat[:-1], (lon[1:] - lon[:-1]) * np.cos(lat[:-1])
    bearing = np.degrees(np.arctan2(east, north)) % 360

    # every second point is enough for the profile
    thinned = track[::2]
    middle = (thinned[:-1, 2] + thinned[1:, 2]) / 2
    up = np.maximum(thinned[1:, 2] - thinned[:-1, 2], 0.0).sum()

    # to the plane around the mean, turned by 30 degrees
    x = (track[:, 1] - track[:, 1].mean()) * np.cos(lat.mean())
    y = track[:, 0] - track[:, 0].mean()
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turned = np.empty((len(x), 2))
    turned[:, 0] = c * x - s * y
    turned[:, 1] = s * x + c * y
    box = turned.min(axis=0), turned.max(axis=0)
    radius = np.sqrt((turned**2).sum(axis=1))
    return length, length.sum(), np.median(bearing), middle, up, *box, radius.max()
