"""Prices and Greeks of 100,000 European options, by the formula of Black and Scholes."""

import numpy as np

TOLERANCE = 1e-12


def make(scale=1.0):
    rng = np.random.default_rng(1)
    n = max(3, int(100_000 * scale))
    spot = rng.uniform(20.0, 200.0, n)
    strike = spot * rng.uniform(0.7, 1.3, n)
    years = rng.uniform(0.05, 3.0, n)
    volatility = rng.uniform(0.1, 0.6, n)
    return spot, strike, years, volatility, 0.03


def normal_cdf(x):
    # Abramowitz and Stegun 26.2.17
    t = 1.0 / (1.0 + 0.2316419 * np.abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = poly * normal_pdf(x)
    return np.where(x >= 0, 1.0 - tail, tail)


def normal_pdf(x):
    return np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)


def run(spot, strike, years, volatility, rate):
    root = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / root
    d2 = d1 - root
    discount = strike * np.exp(-rate * years)
    call = spot * normal_cdf(d1) - discount * normal_cdf(d2)
    put = discount * normal_cdf(-d2) - spot * normal_cdf(-d1)
    gamma = normal_pdf(d1) / (spot * root)
    vega = spot * normal_pdf(d1) * np.sqrt(years)
    return call, put, gamma, vega, np.max(np.abs(call - put - spot + discount))
