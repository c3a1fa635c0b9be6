"""Claims that say where they were checked, two of them alone."""

import dataclasses
import os
import time

import jax
import numpy as np

from ltjax.machine import devices
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Proportion
from ltjax.verify.tests import AtLeast


class Tells:
    least: float

    def measure(self, run):
        begun = time.time()
        values = run.each(jax.random.uniform, 100, block=10, problem="toy")
        time.sleep(1.0)  # so that another one begins meanwhile
        return values, {"process": os.getpid(), "devices": len(devices.local()), "begun": begun, "ended": time.time()}

    def tests(self, data):
        return [AtLeast("above a tenth", Proportion(int(np.sum(data[0] > 0.1)), 100), self.least)]

    def tables(self, data):
        return {"where": [data[1]]}


@dataclasses.dataclass(frozen=True)
class First(Tells, Claim):
    """BESIDE-1: One."""

    id = "BESIDE-1"
    controls = (Control("BESIDE-1-all", "all", {"least": 0.999}),)
    least: float = 0.5


@dataclasses.dataclass(frozen=True)
class Second(Tells, Claim):
    """BESIDE-2: Two."""

    id = "BESIDE-2"
    controls = (Control("BESIDE-2-all", "all", {"least": 0.999}),)
    alone = True
    least: float = 0.5


@dataclasses.dataclass(frozen=True)
class Third(Tells, Claim):
    """BESIDE-3: Three."""

    id = "BESIDE-3"
    controls = (Control("BESIDE-3-all", "all", {"least": 0.999}),)
    least: float = 0.5


@dataclasses.dataclass(frozen=True)
class Fourth(Tells, Claim):
    """BESIDE-4: Four."""

    id = "BESIDE-4"
    controls = (Control("BESIDE-4-all", "all", {"least": 0.999}),)
    alone = True
    least: float = 0.5
