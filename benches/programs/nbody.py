"""Sixty bodies under gravity, 40 leapfrog steps, every pair of them."""

import numpy as np

TOLERANCE = 1e-10


def make(scale=1.0):
    rng = np.random.default_rng(20)
    n = 60
    position = rng.normal(0, 1, (n, 3))
    velocity = rng.normal(0, 0.1, (n, 3))
    mass = rng.uniform(0.5, 1.5, n) / n
    return position, velocity, mass, 0.005, max(3, int(40 * scale))


def acceleration(position, mass):
    apart = position[None, :, :] - position[:, None, :]
    squared = (apart**2).sum(axis=-1) + 0.01
    return (apart * (mass / squared**1.5)[..., None]).sum(axis=1)


def energy(position, velocity, mass):
    kinetic = 0.5 * (mass * (velocity**2).sum(axis=1)).sum()
    apart = position[None, :, :] - position[:, None, :]
    distance = np.sqrt((apart**2).sum(axis=-1) + 0.01)
    pairs = np.triu(mass[:, None] * mass / distance, 1)
    return kinetic - pairs.sum()


def run(position, velocity, mass, dt, steps):
    position, velocity = position.copy(), velocity.copy()
    pull = acceleration(position, mass)
    energies = []
    for _ in range(steps):
        velocity += 0.5 * dt * pull
        position += dt * velocity
        pull = acceleration(position, mass)
        velocity += 0.5 * dt * pull
        energies.append(energy(position, velocity, mass))
    return position, velocity, np.array(energies), np.ptp(energies)
