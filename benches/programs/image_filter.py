"""A picture of 1000 by 1000 pixels blurred and sharpened, by shifted slices, and its edges found."""

import numpy as np

TOLERANCE = 1e-5  # float32

KERNEL = [1, 4, 6, 4, 1]


def make(scale=1.0):
    rng = np.random.default_rng(3)
    side = max(16, int(1000 * scale**0.5))
    return (rng.integers(0, 256, (side, side), dtype=np.uint8),)


def blur(image):
    rows = np.zeros((image.shape[0] - 4, image.shape[1]), np.float32)
    for k, weight in enumerate(KERNEL):
        rows += weight / 16 * image[k : k + rows.shape[0]]
    both = np.zeros((rows.shape[0], rows.shape[1] - 4), np.float32)
    for k, weight in enumerate(KERNEL):
        both += weight / 16 * rows[:, k : k + both.shape[1]]
    return both


def run(pixels):
    image = pixels.astype(np.float32)
    soft = blur(image)
    centre = image[2:-2, 2:-2]
    sharp = np.clip(centre + 1.5 * (centre - soft), 0, 255)

    across = soft[1:-1, 2:] - soft[1:-1, :-2]
    down = soft[2:, 1:-1] - soft[:-2, 1:-1]
    edges = np.sqrt(across**2 + down**2)
    edges /= edges.max()
    return sharp, edges, (edges > 0.2).mean()
