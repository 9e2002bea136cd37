"""Statistics of a year of hourly readings of 24 sensors, of which some are missing."""

import numpy as np

TOLERANCE = 1e-11


def make(scale=1.0):
    rng = np.random.default_rng(9)
    days = max(10, int(365 * scale))
    readings = 15 + 8 * rng.standard_normal((days * 24, 24)) + 5 * np.sin(np.arange(days * 24) / 24)[:, None]
    readings[rng.random(readings.shape) < 0.05] = np.nan
    return (readings,)


def run(readings):
    mean = np.nanmean(readings, axis=0)
    deviation = np.nanstd(readings, axis=0)
    low, high = np.nanmin(readings, axis=0), np.nanmax(readings, axis=0)
    missing = np.isnan(readings).sum(axis=0)

    scores = (readings - mean) / deviation
    with np.errstate(invalid="ignore"):
        wild = np.abs(scores) > 3
    clean = np.where(wild, np.nan, readings)

    days = clean.reshape(-1, 24, clean.shape[1])
    by_day = np.nanmean(days, axis=1)
    range_of_day = np.nanmax(days, axis=1) - np.nanmin(days, axis=1)
    by_hour = np.nanmean(days, axis=0)
    filled = np.where(np.isnan(clean), mean, clean)
    centred = filled - filled.mean(axis=0)
    skew = (centred**3).mean(axis=0) / filled.std(axis=0) ** 3
    return mean, deviation, low, high, missing, wild.sum(), by_day, range_of_day, by_hour, skew
