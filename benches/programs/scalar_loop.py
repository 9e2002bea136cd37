"""A particle that falls through air, one NumPy scalar at a time."""

import numpy as np

TOLERANCE = 1e-12


def make(scale=1.0):
    rng = np.random.default_rng(14)
    n = max(20, int(1500 * scale))
    return rng.uniform(100.0, 20_000.0, n), rng.uniform(0.0, 300.0, n)


def drag(height, speed):
    density = 1.225 * np.exp(-height / np.float64(8500.0))
    mach = np.abs(speed) / np.sqrt(np.float64(1.4 * 287.0) * np.maximum(216.65, 288.15 - 0.0065 * height))
    factor = 0.5 + 0.1 * np.log1p(mach) if mach > 0.8 else 0.5
    return density * factor * np.sign(speed) * np.square(speed)


def run(heights, speeds):
    total = np.float64(0.0)
    forces = []
    for height, speed in zip(heights, speeds):
        force = drag(height, speed)
        total += np.exp(-force / 1000.0) * np.sqrt(height)
        angle = np.arctan2(force, height)
        forces.append(force * np.cos(angle) + np.float64(2.0) * np.sin(angle))
        if not np.isfinite(force) or np.isnan(total):
            break
    return total, np.array(forces), np.floor(total), np.min(forces), np.max(forces)
