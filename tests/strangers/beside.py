"""Claims that say where they were checked, every second one alone. No class is found by its name."""

import dataclasses
import os
import time
from typing import ClassVar

import jax
import numpy as np

from ltjax.machine import devices
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Proportion
from ltjax.verify.tests import AtLeast


class Tells:
    id: ClassVar[str]
    least: float

    def prepare(self, run):
        if self.id == "BESIDE-4" and os.environ.get("BESIDE_FAILS"):
            raise ZeroDivisionError("not prepared")
        return {"process": os.getpid(), "values": run.each(jax.random.normal, 10, block=10, problem="toy before")}

    def measure(self, run):
        begun = time.time()
        values = run.each(jax.random.uniform, 100, block=10, problem="toy")
        time.sleep(1.0)  # so that another one begins meanwhile
        where = {"process": os.getpid(), "devices": len(devices.local()), "begun": begun, "ended": time.time()}
        values = values + 1e-9 * run.prepared["values"].sum()
        return values, where | {"prepared": run.prepared["process"], "sum": float(values.sum())}

    def tests(self, data):
        return [AtLeast("above a tenth", Proportion(int(np.sum(data[0] > 0.1)), 100), self.least)]

    def tables(self, data):
        return {"where": [data[1]]}


def made(number):
    id = f"BESIDE-{number}"
    controls = (Control(f"{id}-all", "all", {"least": 0.999}),)
    constant = {"__annotations__": {"least": float}, "least": 0.5}
    named = {"__module__": __name__, "__doc__": f"{id}: Number {number}.", "id": id}
    kind = type("Beside", (Tells, Claim), {**constant, **named, "controls": controls, "alone": number % 2 == 0})
    return dataclasses.dataclass(frozen=True)(kind)


First, Second, Third, Fourth = map(made, (1, 2, 3, 4))
