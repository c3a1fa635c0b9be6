r"""KK-1: Differencing finds more than a power of n, and far less than exists.

**Hypotheses.** $X_1,\dots,X_n$ independent, uniform on $[0,1]$, to be divided into two sides.

**Statement.** Karmarkar and Karp's differencing puts the two largest numbers on opposite sides, again and again. The
difference that is left has a median of $e^{-\Theta(\ln^2n)}$; the least difference of all divisions has one of
$\Theta(\sqrt n\,2^{-n})$.

**Source.** Karmarkar, Karp (1982), *The differencing method of set partitioning*; Yakir (1996), *The differencing
algorithm LDM for partitioning: a proof of a conjecture of Karmarkar and Karp*; Boettcher, Mertens (2008), *Analysis of
the Karmarkar-Karp differencing algorithm*, who argue for the constant $c=1/(2\ln2)=0.72$ of $e^{-c\ln^2n}$, approached
slowly.

**Checked.** Whole numbers below $2^{52}$ over $2^{52}$, so that no difference rounds; $n=16,64,256$. The decay
steepens: in a log-log plot the slope of the median from $n=64$ to $256$ is below that from $16$ to $64$ by more than
0.5, as that of no power of $n$ is; the slope from 16 to 256 is $-2c\ln64$ with $c$ between 0.55 and 0.85. And at $n=16$
the median is more than 8 times that of the least difference (of all divisions, by meeting in the middle).
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.search.sums.differencing import differencing
from ltjax.search.sums.nearest import nearest
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Difference, LogSlope, Median, Ratio, Scaled
from ltjax.verify.run import Run
from ltjax.verify.tests import InRange, Test

NS = (16, 64, 256)
TRIALS = 5000
BITS = 52


def numbers(key: jax.Array, n: int) -> jax.Array:
    """Uniform numbers of [0, 1), multiples of 2^-52: their differences are exact."""
    return jnp.floor(jax.random.uniform(key, (n,)) * 2.0**BITS) * 2.0**-BITS


def left(n: int) -> Any:
    """What differencing leaves of n numbers; 2^-53 where it leaves nothing."""
    return lambda key: jnp.maximum(differencing(numbers(key, n))[0], 2.0 ** -(BITS + 1))


def least(key: jax.Array) -> jax.Array:
    """The least difference of two sides of the fewest numbers."""
    whole = (numbers(key, NS[0]) * 2.0**BITS).astype(jnp.int64)[:, None]
    total = jnp.sum(whole, axis=0)
    # |Σx - 2Σ_S x|: both over two would round where the total is odd.
    off = nearest(2 * whole, total, (NS[0],)).error[0, 0]
    return jnp.maximum(off.astype(float) * 2.0**-BITS, 2.0 ** -(BITS + 1))


@dataclasses.dataclass(frozen=True)
class DifferencingFinds(Claim):
    id = "KK-1"
    controls = (
        Control("KK-1-power", "what differencing leaves is a power of $n$", {"steeper": (-0.3, 0.3)}),
        Control("KK-1-half", "the constant $c$ is half as large", {"constant": (0.275, 0.425)}),
        Control("KK-1-least", "differencing finds the least difference", {"beside_least": (0.5, 2.0)}),
    )
    caption = "Median of what differencing leaves (dots), exp(−c·ln²n) with c = 1/(2·ln 2), and what exists: √n·2⁻ⁿ."

    steeper: tuple[float, float] = (-math.inf, -0.5)
    """By how much the slope from n = 64 to 256 exceeds that from 16 to 64."""
    constant: tuple[float, float] = (0.55, 0.85)
    """c."""
    beside_least: tuple[float, float] = (8.0, math.inf)
    """At n = 16, median over median."""

    def measure(self, run: Run) -> dict[str, Any]:
        how = {"problem": "numbers in two sides", "float64": True}
        found = {n: Median(run.each(left(n), TRIALS, block=64, n=n, **how)) for n in NS}
        return {"left": found, "least": Median(run.each(least, TRIALS, block=64, n=NS[0], **how))}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        few, some, many = (data["left"][n] for n in NS)
        late, early = (LogSlope(last, first, 4.0) for last, first in ((many, some), (some, few)))
        whole = Scaled(LogSlope(few, many, 16.0), 1.0 / (2.0 * math.log(64.0)))
        return [
            InRange("slope from 64 to 256 less that from 16 to 64", Difference(late, early), self.steeper),
            InRange("the constant c", whole, self.constant),
            InRange("n = 16: median over that of the least", Ratio(few, data["least"]), self.beside_least),
        ]

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {
                "n": n,
                "median, 99% limits": list(found.limits(0.01)),
                "c": -math.log(found.estimate) / math.log(n) ** 2,
            }
            for n, found in data["left"].items()
        ]
        return {"What differencing leaves of n numbers": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels(1)
        found = {n: one.estimate for n, one in data["left"].items()}
        ax.plot(list(found), list(found.values()), **drawing.style(0, linestyle=""), label="differencing, median")
        grid = np.geomspace(8, 512, 60)
        ax.plot(
            grid,
            np.exp(-(np.log(grid) ** 2) / (2.0 * math.log(2.0))),
            "-",
            color="#888888",
            label="exp(−c·ln²n)",
        )
        exists = grid[grid < 48]
        ax.plot(exists, np.sqrt(exists) * 2.0**-exists, "--", color="#000000", linewidth=0.8, label="√n·2⁻ⁿ: exists")
        ax.plot(NS[0], data["least"].estimate, **drawing.style(1, linestyle=""), label="least, median")
        ax.set(xscale="log", yscale="log", xlabel="n", ylabel="difference of the sides")
        ax.legend(fontsize=7.5)
        return figure
