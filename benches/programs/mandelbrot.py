"""The Mandelbrot set on 160 by 240 points, 60 iterations, with smooth colours."""

import numpy as np

TOLERANCE = 1e-9


def make(scale=1.0):
    height, width = max(8, int(160 * scale**0.5)), max(12, int(240 * scale**0.5))
    x = np.linspace(-2.0, 0.6, width)
    y = np.linspace(-1.2, 1.2, height)
    return x + 1j * y[:, None], 60


def run(c, iterations):
    z = np.zeros_like(c)
    count = np.zeros(c.shape, dtype=np.int64)
    inside = np.ones(c.shape, dtype=bool)
    for _ in range(iterations):
        z[inside] = z[inside] ** 2 + c[inside]
        inside &= np.abs(z) < 4.0
        count += inside
    size = np.abs(z)
    smooth = np.where(inside, 0.0, count + 1 - np.log2(np.log(np.maximum(size, 2.0))))
    hue = np.angle(z) / (2 * np.pi) % 1.0
    # an orbit near the edge turns a last bit into another angle, so only far ones are compared
    return count, inside.mean(), smooth, np.where(count < 5, hue, 0.0)
