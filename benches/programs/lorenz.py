"""The Lorenz system, 400 steps of Runge and Kutta on arrays of three numbers."""

import numpy as np

TOLERANCE = 1e-9


def make(scale=1.0):
    rng = np.random.default_rng(13)
    return np.array([1.0, 1.0, 20.0]) + rng.uniform(-1, 1, 3), 0.01, max(20, int(400 * scale))


def slope(state, sigma=10.0, rho=28.0, beta=8.0 / 3.0):
    x, y, z = state
    return np.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


def run(start, dt, steps):
    state = start
    path = np.empty((steps, 3))
    error = 0.0
    for i in range(steps):
        k1 = slope(state)
        k2 = slope(state + 0.5 * dt * k1)
        k3 = slope(state + 0.5 * dt * k2)
        k4 = slope(state + dt * k3)
        step = dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        error = max(error, np.max(np.abs(step - dt * k1)))
        state = state + step
        path[i] = state
    speed = np.sqrt(np.sum(np.diff(path, axis=0) ** 2, axis=1)) / dt
    return path, error, speed.max(), np.linalg.norm(state)
