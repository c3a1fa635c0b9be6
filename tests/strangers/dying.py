"""Claims of which one ends its process and one says what cannot be sent."""

import dataclasses
import os
import signal
from typing import ClassVar

from ltjax.verify.claim import Claim, Control
from ltjax.verify.tests import Holds


class Fine:
    p: float

    def measure(self, run):
        return None

    def tests(self, data):
        return [Holds("p", self.p == 1.0)]


@dataclasses.dataclass(frozen=True)
class Dies(Fine, Claim):
    """DYING-1: Its process is killed."""

    id = "DYING-1"
    controls = (Control("DYING-1-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def measure(self, run):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclasses.dataclass(frozen=True)
class Lives(Fine, Claim):
    """DYING-2: Another."""

    id = "DYING-2"
    controls = (Control("DYING-2-no", "no", {"p": 2.0}),)
    p: float = 1.0


@dataclasses.dataclass(frozen=True)
class Keeps(Fine, Claim):
    """DYING-3: Its table holds a function."""

    id = "DYING-3"
    controls = (Control("DYING-3-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def tables(self, data):
        return {"what": [{"f": lambda: None}]}


@dataclasses.dataclass(frozen=True)
class DiesBefore(Fine, Claim):
    """DYING-4: Its process is killed while it prepares."""

    id = "DYING-4"
    controls = (Control("DYING-4-no", "no", {"p": 2.0}),)
    alone: ClassVar[bool] = True
    p: float = 1.0

    def prepare(self, run):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclasses.dataclass(frozen=True)
class KeepsBefore(Fine, Claim):
    """DYING-5: It prepares what cannot be sent."""

    id = "DYING-5"
    controls = (Control("DYING-5-no", "no", {"p": 2.0}),)
    alone: ClassVar[bool] = True
    p: float = 1.0

    def prepare(self, run):
        return lambda: None
