"""Logistic regression by 60 steps of gradient descent, 8,000 rows of 12 columns."""

import numpy as np

TOLERANCE = 1e-10


def make(scale=1.0):
    rng = np.random.default_rng(22)
    rows, columns = max(50, int(8000 * scale)), 12
    x = rng.normal(3, 2, (rows, columns))
    truth = rng.normal(0, 1, columns)
    y = (rng.random(rows) < 1 / (1 + np.exp(-(x - 3) @ truth))).astype(np.float64)
    return x, y, 0.5, 60


def run(x, y, rate, steps):
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    weights, bias = np.zeros(x.shape[1]), 0.0
    losses = []
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(x @ weights + bias)))
        loss = -np.mean(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))
        losses.append(loss + 0.005 * np.sum(weights**2))
        error = p - y
        gradient = x.T @ error / len(y) + 0.01 * weights
        size = np.linalg.norm(gradient)
        if size > 1:
            gradient /= size
        weights -= rate * gradient
        bias -= rate * error.mean()
    accuracy = np.mean((p > 0.5) == (y > 0.5))
    return weights, bias, np.array(losses), accuracy
