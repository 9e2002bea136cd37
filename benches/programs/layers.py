"""A small network's forward pass in float32: layer norm, GELU, attention's softmax, a loss."""

import math

import numpy as np

TOLERANCE = 2e-5  # float32


def make(scale=1.0):
    rng = np.random.default_rng(19)
    rows, width = max(8, int(800 * scale)), 256
    x = rng.standard_normal((rows, width), dtype=np.float32)
    gain = rng.uniform(0.5, 1.5, width).astype(np.float32)
    shift = rng.standard_normal(width, dtype=np.float32)
    scores = rng.standard_normal((rows, rows), dtype=np.float32)
    targets = rng.integers(0, width, rows)
    return x, gain, shift, scores, targets


def layer_norm(x, gain, shift):
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * gain + shift


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def run(x, gain, shift, scores, targets):
    normed = layer_norm(x, gain, shift)
    hidden = gelu(normed)
    future = np.triu(np.ones(scores.shape, dtype=bool), 1)
    weights = softmax(np.where(future, -np.inf, scores / math.sqrt(x.shape[1])))
    gate = 1 / (1 + np.exp(-hidden))
    out = layer_norm(x + hidden * gate, gain, shift)
    chances = softmax(out)
    loss = -np.log(chances[np.arange(len(targets)), targets] + 1e-9).mean()
    return hidden, weights, np.maximum(out, 0), loss
