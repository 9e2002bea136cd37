"""A chirp in noise: filtered, its envelope and frequency from the analytic signal, its spectrogram."""

import numpy as np

TOLERANCE = 1e-10


def make(scale=1.0):
    rng = np.random.default_rng(5)
    n = max(4096, int(65536 * scale))
    t = np.arange(n) / 8000.0
    clean = (1 + 0.5 * np.sin(2 * np.pi * 3 * t)) * np.cos(2 * np.pi * (200 * t + 40 * t**2))
    return clean + rng.normal(0, 0.05, n), 8000.0


def moving_average(x, width):
    total = np.cumsum(np.concatenate([np.zeros(1), x]))
    return (total[width:] - total[:-width]) / width


def run(signal, rate):
    n = len(signal)
    smooth = moving_average(signal - signal.mean(), 5)

    spectrum = np.fft.fft(signal)
    step = np.zeros(n)
    step[0] = step[n // 2] = 1
    step[1 : n // 2] = 2
    analytic = np.fft.ifft(spectrum * step)
    envelope = np.abs(analytic)
    phase = np.unwrap(np.angle(analytic))
    frequency = np.diff(phase) * rate / (2 * np.pi)

    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 511)
    starts = np.arange(0, n - 512, 256)
    frames = signal[starts[:, None] + np.arange(512)] * window
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    decibel = 10 * np.log10(np.maximum(power, 1e-12))
    centroid = (power * np.arange(257)).sum(axis=1) / power.sum(axis=1)

    # a damped filter, mixed down to the base band
    mixed = signal * np.exp(-2j * np.pi * 200 * np.arange(n) / rate)
    base = mixed.real**2 + mixed.imag**2
    return smooth, envelope, np.median(frequency), decibel, centroid, np.sqrt(base.mean())
