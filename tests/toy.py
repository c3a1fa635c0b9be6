"""A problem from outside the package, for the tests of sweeps: quick to compile, ill-behaved on request."""

import dataclasses
import os
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np

from ltjax import sweeps
from ltjax.problems.base import AbstractProcedure, Decision, status_of

NAME = f"{__name__}:Toy"


@dataclasses.dataclass(frozen=True)
class Toy(AbstractProcedure):
    """The error is an exponential variable over n; some of it is left in doubt.

    Args:
        rate: of the variable.
        doubt: the share of it.
        slow: seconds that judging takes.
        what: "works", "raises" or "kills" its process.
    """

    rate: float = 1.0
    doubt: float = 0.01
    slow: float = 0.0
    what: str = "works"
    name: str = dataclasses.field(init=False, default="toy", repr=False)

    @property
    def max_n(self) -> int:
        return 1000

    @property
    def uses_float64(self) -> bool:
        return False

    def block(self, n: int) -> int:
        return 8

    def first_guess(self, eps: float) -> int:
        return 1

    def searched_as(self) -> "Toy":
        return Toy()

    def draw(self, key, n):
        return jax.random.exponential(key) / self.rate

    def search(self, instances, ns, eps):
        return instances[:, None] / jnp.asarray(ns, jnp.float32)

    def judge(self, instances, found, ns, eps):
        time.sleep(self.slow)
        if self.what == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "raises":
            raise RuntimeError("the solver is broken")
        error = np.asarray(found, np.float64)
        return Decision(status_of((1.0 - self.doubt) * error, error, eps), error, error, {}, {})


def toy(**options):
    """A spec of toys."""
    return sweeps.parse_spec({"problem": NAME, "n": [1, 2, 5], "eps": [1.0, 0.1], "trials": 700, **options})
