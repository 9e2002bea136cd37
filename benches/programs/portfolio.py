"""Returns, risk and drawdown of a portfolio of 120 shares over ten years of days."""

import numpy as np

TOLERANCE = 1e-11


def make(scale=1.0):
    rng = np.random.default_rng(2)
    days, shares = max(40, int(2520 * scale)), 120
    steps = rng.normal(0.0003, 0.015, (days, shares))
    prices = 100.0 * np.exp(np.cumsum(steps, axis=0))
    weights = rng.dirichlet(np.ones(shares))
    return prices, weights


def run(prices, weights):
    simple = prices[1:] / prices[:-1] - 1.0
    logs = np.diff(np.log(prices), axis=0)

    mean = simple.mean(axis=0)
    deviation = simple.std(axis=0, ddof=1)
    sharpe = np.sqrt(252.0) * mean / deviation
    scores = (simple - mean) / deviation
    outliers = (np.abs(scores) > 3.0).sum(axis=0)

    # the whole portfolio, rebalanced every day
    daily = (simple * weights).sum(axis=1)
    value = np.cumprod(1.0 + daily)
    peak = np.maximum.accumulate(value)
    drawdown = value / peak - 1.0

    # every share by itself
    wealth = np.exp(np.cumsum(logs, axis=0))
    peaks = np.maximum.accumulate(wealth, axis=0)
    worst = (wealth / peaks - 1.0).min(axis=0)

    # moving volatility over 21 days, from prefix sums
    total = np.concatenate([[0.0], np.cumsum(daily)])
    squares = np.concatenate([[0.0], np.cumsum(daily**2)])
    average = (total[21:] - total[:-21]) / 21
    variance = (squares[21:] - squares[:-21]) / 21 - average**2
    moving = np.sqrt(252.0 * np.maximum(variance, 0.0))
    return sharpe, outliers, value, drawdown.min(), worst, moving
