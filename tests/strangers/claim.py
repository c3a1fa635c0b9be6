"""MINE-1: One number comes within 1/4 of 1/2 with probability 1/4."""

import dataclasses

from ltjax import SubsetSum
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, hit_rate
from ltjax.verify.tests import Equivalent


@dataclasses.dataclass(frozen=True)
class OneNumber(Claim):
    id = "MINE-1"
    controls = (Control("MINE-1-half", "with probability one half", {"p": 0.5}),)
    p: float = 0.25

    def measure(self, run):
        return run.count(SubsetSum(target=0.5), (1,), (0.25,), 20_000)

    def tests(self, data):
        return [Equivalent("P(hit)", hit_rate(data, 1, 0.25), Exact(self.p), 0.05)]
