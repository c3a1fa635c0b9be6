"""Claims of which the second is interrupted, as by Ctrl-C."""

import dataclasses

from ltjax.verify.claim import Claim, Control
from ltjax.verify.tests import Holds


@dataclasses.dataclass(frozen=True)
class First(Claim):
    """MINE-5: Finished."""

    id = "MINE-5"
    controls = (Control("MINE-5-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def measure(self, run):
        return None

    def tests(self, data):
        return [Holds("p", self.p == 1.0)]


@dataclasses.dataclass(frozen=True)
class Second(Claim):
    """MINE-6: Interrupted."""

    id = "MINE-6"
    controls = (Control("MINE-6-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def measure(self, run):
        raise KeyboardInterrupt

    def tests(self, data):
        return [Holds("p", self.p == 1.0)]
