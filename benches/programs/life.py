"""Conway's game of life on a torus of 300 by 300 cells, 50 generations."""

import numpy as np

TOLERANCE = 0


def make(scale=1.0):
    rng = np.random.default_rng(8)
    side = max(12, int(300 * scale**0.5))
    return rng.integers(0, 2, (side, side), dtype=np.uint8), 50


def run(board, generations):
    living = []
    for _ in range(generations):
        padded = np.pad(board, 1, mode="wrap")
        neighbours = (
            padded[:-2, :-2]
            + padded[:-2, 1:-1]
            + padded[:-2, 2:]
            + padded[1:-1, :-2]
            + padded[1:-1, 2:]
            + padded[2:, :-2]
            + padded[2:, 1:-1]
            + padded[2:, 2:]
        )
        born = neighbours == 3
        stays = (neighbours == 2) & (board == 1)
        board = (born | stays).astype(np.uint8)
        living.append(board.sum())
    return board, np.array(living)
