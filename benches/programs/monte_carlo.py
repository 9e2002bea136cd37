"""An American option by simulated paths, its value of waiting a polynomial fitted at each date."""

import numpy as np

TOLERANCE = 1e-8


def make(scale=1.0):
    rng = np.random.default_rng(21)
    paths, dates = max(200, int(20_000 * scale)), 12
    return rng.standard_normal((dates, paths)), 100.0, 105.0, 0.04, 0.3, 1.0


def run(normal, spot, strike, rate, volatility, years):
    dates = len(normal)
    dt = years / dates
    steps = (rate - 0.5 * volatility**2) * dt + volatility * np.sqrt(dt) * normal
    prices = spot * np.exp(np.cumsum(steps, axis=0))

    payoff = np.maximum(strike - prices[-1], 0.0)
    for t in range(dates - 2, -1, -1):
        payoff = payoff * np.exp(-rate * dt)
        gain = strike - prices[t]
        worth = gain > 0
        x = prices[t][worth] / strike
        curve = np.polynomial.polynomial.polyfit(x, payoff[worth], 3)
        waiting = np.polynomial.polynomial.polyval(x, curve)
        payoff[worth] = np.where(gain[worth] > waiting, gain[worth], payoff[worth])
    payoff *= np.exp(-rate * dt)

    final = prices[-1]
    european = np.exp(-rate * years) * np.maximum(strike - final, 0.0)
    average = prices.mean(axis=0)
    asian = np.exp(-rate * years) * np.maximum(average - strike, 0.0)
    error = payoff.std(ddof=1) / np.sqrt(payoff.size)
    tail = np.polyval([0.001, -0.2, 3.0, -10.0], np.sort(final)[: final.size // 20])
    return payoff.mean(), error, european.mean(), asian.mean(), tail
