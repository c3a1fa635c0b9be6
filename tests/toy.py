"""A problem from outside the package, for the tests of sweeps: quick to decide, ill-behaved on request."""

import dataclasses
import os
import signal
import time
from typing import ClassVar

import jax
import numpy as np

from ltjax import sweeps
from ltjax.problems.base import AbstractProblem

NAME = f"{__name__}:Toy"


@dataclasses.dataclass(frozen=True)
class Toy(AbstractProblem):
    """The error is an exponential variable over the number of parts kept; some of it is left in doubt.

    Args:
        rate: of the variable.
        doubt: the share of it.
        slow: seconds that looking at a block's masks takes.
        what: "works", "raises" or "kills" its process.
    """

    rate: float = 1.0
    doubt: float = 0.01
    slow: float = 0.0
    what: str = "works"
    name: ClassVar[str] = "toy"

    @property
    def max_n(self):
        return 16

    def draw(self, key, n):
        return jax.random.exponential(key) / self.rate

    def error(self, instance, mask, eps=None):
        error = float(instance) / max(np.count_nonzero(mask), 0.5)
        return (1.0 - self.doubt) * error, error

    def errors(self, instances, masks, wanted, eps):
        time.sleep(self.slow)
        if self.what == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "raises":
            raise RuntimeError("the solver is broken")
        return super().errors(instances, masks, wanted, eps)


def toy(**options):
    """A spec of toys."""
    return sweeps.parse_spec({"problem": NAME, "n": [1, 2, 5], "eps": [1.0, 0.1], "trials": 700, **options})
