"""A pattern of one's own: neuron i may keep inputs of i's parity only."""

import dataclasses

import numpy as np

from ltjax.patterns import AbstractPattern


@dataclasses.dataclass(frozen=True)
class Parity(AbstractPattern):
    def allows(self, mask):
        n, d = mask.shape[-2:]
        other = (np.arange(n)[:, None] + np.arange(d)) % 2 == 1
        return ~np.any(mask & other, axis=(-2, -1))
