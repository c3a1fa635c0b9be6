"""A claim whose measurement raises an error, and one that is sound."""

import dataclasses

from ltjax.verify.claim import Claim, Control
from ltjax.verify.tests import Holds


@dataclasses.dataclass(frozen=True)
class Broken(Claim):
    """MINE-2: Raises an error."""

    id = "MINE-2"
    controls = (Control("MINE-2-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def measure(self, run):
        raise ValueError("boom")

    def tests(self, data):
        return [Holds("p", self.p == 1.0)]


@dataclasses.dataclass(frozen=True)
class NoPicture(Claim):
    """MINE-3: Its figure raises an error."""

    id = "MINE-3"
    controls = (Control("MINE-3-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def measure(self, run):
        return [{"n": 1, "p": self.p}]

    def tests(self, data):
        return [Holds("p", self.p == 1.0)]

    def tables(self, data):
        return {"What was measured": data}

    def figure(self, data):
        raise ValueError("no paper")

    def headline(self, data):
        return "It is *told*."


@dataclasses.dataclass(frozen=True)
class Sound(Claim):
    """MINE-4: Sound."""

    id = "MINE-4"
    controls = (Control("MINE-4-no", "no", {"p": 2.0}),)
    p: float = 1.0

    def measure(self, run):
        return None

    def tests(self, data):
        return [Holds("p", self.p == 1.0)]

    def headline(self, data):
        return "A table.\n\n| a | b |\n|---|---|\n| 1 | $x$ |"
