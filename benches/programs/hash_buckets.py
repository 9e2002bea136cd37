"""A million keys hashed in 64 and 32 bits, spread over buckets by remainders."""

import numpy as np

TOLERANCE = 0


def make(scale=1.0):
    rng = np.random.default_rng(10)
    n = max(100, int(1_000_000 * scale))
    return rng.integers(0, 2**63, n, dtype=np.uint64), rng.integers(-(10**12), 10**12, n)


def splitmix(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def murmur(h):
    h = h ^ (h >> 16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> 13
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> 16
    return h


def run(keys, numbers):
    wide = splitmix(keys)
    narrow = murmur((wide & np.uint64(0xFFFFFFFF)).astype(np.uint32))
    rotated = (narrow << 13) | (narrow >> 19)
    bucket = wide % np.uint64(1009)
    shard = narrow & 63
    check = np.bitwise_xor.reduce(rotated)
    counts = np.bincount(bucket.astype(np.int64), minlength=1009)

    # a linear congruential step in signed arithmetic, digits and parity
    stepped = (numbers * 25214903917 + 11) % 281474976710656
    digits = numbers // 1000 % 10
    residues = numbers % 97
    parity = np.bitwise_count(numbers) & 1
    return wide, narrow, shard, check, counts, stepped, digits, residues.sum(), parity.sum()
