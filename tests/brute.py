"""Brute force in plain NumPy, written apart from the kernels: the oracle of the tests."""

import numpy as np


def masks(n):
    """All subsets of n elements, shape (2**n, n)."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)


def least_error(values, target, allowed=lambda size: True):
    """The distance from the target to the nearest sum of an allowed subset; sup norm for vectors."""
    values = np.asarray(values, np.float64)
    subsets = masks(len(values))
    subsets = subsets[[allowed(size) for size in subsets.sum(axis=1)]]
    if not len(subsets):
        return np.inf
    distance = np.abs(subsets.astype(np.float64) @ values - target)
    return distance.min() if values.ndim == 1 else distance.max(axis=1).min()


def covering_radius(values, low=-1.0, high=1.0):
    """The largest distance of a point of [low, high] from the nearest subset sum, by critical points."""
    values = np.asarray(values, np.float64)
    sums = np.unique(masks(len(values)).astype(np.float64) @ values)
    points = np.concatenate([[low, high], (sums[1:] + sums[:-1]) / 2])
    points = points[(points >= low) & (points <= high)]
    return np.abs(points[:, None] - sums).min(axis=1).max()
