r"""PAT-9: Outgoing vectors cost a logarithm, incoming ones an exponential: the order of two layers of a convolution.

**Hypotheses.** Whole units of two layers of a convolution are kept or cut, law normal, to make one filter with
$D=k^2c$ entries, $\|w\|=1$, inputs not negative. *Outgoing*: $1\times1$ and $\sigma$ first, then unit $i$ has a filter
of its own, $Z_i\in\mathbf R^D$. *Incoming*: the filters first, $\sigma$, then $1\times1$.

**Statement.** Outgoing units add $z_i^+Z_i$ each: a subset sum of vectors with a common factor, so about
$D\log_2(1/\varepsilon)$ units suffice, in the sup norm of the filter; neither $D^3$ nor $1/\varepsilon$. Swap the two
layers and it is whole rows in dimension $D$: $n_{1/2}\ge C\,\varepsilon^{-(D-1)}$.

**Source.** Da Cunha, d'Amore, Natale (2023), *Polynomially over-parameterized convolutional neural networks contain
structured strong winning lottery tickets*, for outgoing vectors, which they call normally scaled; NP-9 for rows.

**Checked.** *Outgoing.* Exactly, by all sums of at most 13 units that pass nonnegative inputs, $D=1,2,3$: the number
at which a subset first is within $\varepsilon$ follows a straight line in $\log_2(1/\varepsilon)$ better than
$1/\varepsilon$, and its slope grows as a power of $D$ with exponent between 0.6 and 1.9. *Incoming.* Between
$10^{-3}$ and $10^{-5}$ the closed form grows with exponent $D-1$. Both reductions, as convolutions of images, to
rounding.
"""

import dataclasses
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from ltjax.bounds import nearest_normal as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.search.sums.nearest import subset_sums
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Normal
from ltjax.verify.run import Run
from ltjax.verify.tests import FitsBetter, Holds, InRange, Test

UNITS, TRIALS = 13, 1_200
EPS = {
    1: tuple(2.0**-bits for bits in (2.0, 4.5, 7.0)),
    2: tuple(2.0**-bits for bits in (1.5, 3.0, 4.5)),
    3: tuple(2.0**-bits for bits in (1.25, 2.125, 3.0)),
}
"""By D."""
LAWS = ("logarithmic", "inverse")
SIDE, FILTER, IMAGES = 5, 2, 16
COARSE, FINE = 1e-3, 1e-5
ROUNDING = 1e-12


def least_errors(vectors: Float[Array, "n d"], target: Float[Array, " d"]) -> Float[Array, " n"]:
    """The sup norm of what the best subset of the first k vectors leaves of the target, k = 1 to n."""
    # In the order of the subsets' bit strings: those of the first k vectors are the first 2^k.
    left = jnp.max(jnp.abs(target - subset_sums(vectors)), axis=1)
    return jnp.stack([jnp.min(left[: 1 << k]) for k in range(1, len(vectors) + 1)])


def outgoing(key: Any, d: int) -> Any:
    """Least errors of one draw, for a filter of equal entries."""
    key_z, key_filters = jax.random.split(key)
    z, filters = jnp.abs(jax.random.normal(key_z, (UNITS,))), jax.random.normal(key_filters, (UNITS, d))
    return least_errors(z[:, None] * filters, jnp.full(d, 1.0 / math.sqrt(d)))


def convolved(images: Any, filters: Any) -> Any:
    """Images (images, channels, side, side) under filters (outputs, channels, k, k), without padding."""
    return jax.lax.conv_general_dilated(images, filters, (1, 1), "VALID", precision="highest")


def layers(key: Any) -> Any:
    """How far two layers of convolutions are from a filter of sums, and from rows on each patch."""
    keys = jax.random.split(key, 3)
    images = jnp.abs(jax.random.normal(keys[0], (IMAGES, 1, SIDE, SIDE)))
    z, filters = jax.random.normal(keys[1], (UNITS,)), jax.random.normal(keys[2], (UNITS, 1, FILTER, FILTER))
    kept = jnp.arange(UNITS) % 3 != 0
    hidden = jnp.maximum(convolved(images, z[:, None, None, None]), 0.0)
    two = convolved(hidden, jnp.where(kept, 1.0, 0.0)[None, :, None, None] * jnp.swapaxes(filters, 0, 1))
    total = jnp.sum(jnp.where(kept, jnp.maximum(z, 0.0), 0.0)[:, None, None, None] * filters, axis=0)
    one = convolved(images, total[None])
    swapped = convolved(jnp.maximum(convolved(images, filters), 0.0), jnp.where(kept, z, 0.0)[None, :, None, None])
    places = range(SIDE - FILTER + 1)
    patches = jnp.stack([images[:, 0, i : i + FILTER, j : j + FILTER] for i in places for j in places], axis=1)
    patches, rows = patches.reshape(IMAGES, -1, FILTER**2), filters.reshape(UNITS, -1)
    by_rows = jnp.maximum(patches @ rows.T, 0.0) @ jnp.where(kept, z, 0.0)
    return jnp.stack([jnp.max(jnp.abs(two - one)), jnp.max(jnp.abs(swapped.reshape(IMAGES, -1) - by_rows))])


def first_hits(errors: Float[np.ndarray, "trials n"], eps: tuple[float, ...]) -> FirstHits:
    """Of exact least errors, which fall with the number of units."""
    first = (errors[:, :, None] > np.asarray(eps)).sum(axis=1).astype(np.int32)
    return FirstHits(tuple(range(1, errors.shape[1] + 1)), eps, first, first + 1)


def power(fits: dict[int, scaling.Fit]) -> Normal:
    """Of D in units a bit, from the least D to the largest, with its standard error by propagation."""
    least, most = (fits[d] for d in (min(EPS), max(EPS)))
    relative = [math.sqrt(fit.covariance[0, 0]) / fit.estimate["a"] for fit in (least, most)]
    scale = math.log(max(EPS) / min(EPS))
    value = math.log(most.estimate["a"] / least.estimate["a"]) / scale
    return Normal(value, math.hypot(*relative) / scale, len(least.log_likelihood))


@dataclasses.dataclass(frozen=True)
class Outgoing(Claim):
    id = "PAT-9"
    controls = (
        Control("PAT-9-inverse", r"outgoing vectors cost about $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-9-cube", "outgoing vectors cost $D^3$ a bit", {"power": (2.5, 3.5)}),
        Control("PAT-9-order", "the order of the layers does not matter: no power", {"less": 3.0}),
    )
    caption = (
        "Units at probability ½: outgoing vectors of D entries, certified brackets; incoming ones at least. Of "
        "outgoing units those count that pass nonnegative inputs."
    )

    law: str = "logarithmic"
    power: tuple[float, float] = (0.6, 1.9)
    """Of D, in outgoing units a bit."""
    less: float = 0.0
    """Incoming vectors: the exponent is D - 1 less this."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {}
        for d, eps in EPS.items():
            what: dict[str, Any] = {"problem": "outgoing vectors, all sums", "d": d, "law": "normal", "n": UNITS}
            errors = run.each(partial(outgoing, d=d), TRIALS, block=8, float64=True, **what)
            found[d] = first_hits(errors, eps)
        what = {"problem": "two layers of a convolution", "d": FILTER**2, "law": "normal", "n": UNITS}
        off = run.each(layers, 8, block=8, float64=True, **what)
        fits = {d: {law: scaling.fit(each, law) for law in LAWS} for d, each in found.items()}
        return {"found": found, "fits": fits, "off": off}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        tests: list[Test] = []
        for d, fits in data["fits"].items():
            name = f"outgoing, D = {d}: what is needed grows {self.law}, not {rival}"
            tests.append(FitsBetter(name, fits[self.law], fits[rival]))
        logarithmic = {d: fits["logarithmic"] for d, fits in data["fits"].items()}
        tests.append(InRange("outgoing: units a bit as a power of D", power(logarithmic), self.power))
        d = FILTER**2
        slope = math.log(bounds.threshold(0.5, FINE, d) / bounds.threshold(0.5, COARSE, d)) / math.log(COARSE / FINE)
        numbers = {"exponent": slope, "claimed": d - 1.0 - self.less}
        held = abs(slope - d + 1.0 + self.less) <= 0.1
        tests.append(Holds(f"incoming, D = {d}: exponent of the lower end", held, False, numbers))
        for i, name in enumerate(("outgoing units are one filter, a sum", "incoming units are rows on each patch")):
            off = data["off"][:, i]
            numbers = {"draws": len(off), "largest difference": float(np.max(off))}
            tests.append(Holds(name, bool(np.all(off <= ROUNDING * UNITS * 10)), False, numbers))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        for i, (d, found) in enumerate(data["found"].items()):
            each = thresholds.brackets(found, 0.5, 0.99, {})
            drawing.brackets(ax, found.eps, each, i, f"outgoing, D = {d}")
        grid, d = np.geomspace(1e-3, 3e-2, 20), FILTER**2
        least = [bounds.threshold(0.5, e, d) for e in grid]
        ax.plot(grid, least, **drawing.style(len(EPS), marker=""), label=f"incoming, D = {d}: at least")
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="units at probability ½")
        ax.legend()
        return figure
