"""Two photographs blended in 8 bits, then made lighter in linear light and put back into sRGB."""

import numpy as np

TOLERANCE = 2e-6  # float32


def make(scale=1.0):
    rng = np.random.default_rng(4)
    side = max(8, int(500 * scale**0.5))
    back = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    front = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    alpha = rng.integers(0, 256, (side, side, 1), dtype=np.uint8)
    return back, front, alpha


def blend(back, front, alpha):
    a = alpha.astype(np.uint16)
    mixed = front.astype(np.uint16) * a + back.astype(np.uint16) * (255 - a) + 127
    return (mixed // 255).astype(np.uint8)


def linear(srgb):
    x = srgb.astype(np.float32) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def srgb(light):
    x = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.rint(np.clip(x, 0, 1) * 255)


def run(back, front, alpha):
    mixed = blend(back, front, alpha)
    inverted = np.where(mixed > 200, 255 - mixed, mixed)
    light = linear(mixed)
    luminance = 0.2126 * light[..., 0] + 0.7152 * light[..., 1] + 0.0722 * light[..., 2]
    exposed = light * (0.18 / luminance.mean())
    mapped = exposed / (1 + exposed)
    # a last bit of the power may round to the next level, so levels are counted, not compared
    levels = srgb(mapped)
    return mixed, inverted, luminance, mapped, bool(levels.min() >= 0 and levels.max() <= 255)
