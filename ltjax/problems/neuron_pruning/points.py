"""Neuron pruning judged at points: exhaustive for few neurons, descent and a certificate for many."""

import abc
import dataclasses
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ltjax.laws import Law
from ltjax.problems.base import AbstractProcedure, Decision, closed
from ltjax.search.masks import at_points as exhaustive


class Instance(NamedTuple):
    """A start network, its target σ(⟨w, x⟩ + c), points of the input domain, and what is true of the draw.

    Attributes:
        u, v, b: the weights; b is 0 without bias.
        w, c: the target.
        points: where masks are compared.
        moved: how far the law's lattice may move each neuron's function.
    """

    u: Float[Array, "n d"]
    v: Float[Array, " n"]
    b: Float[Array, " n"]
    w: Float[Array, " d"]
    c: Float[Array, ""]
    points: Float[Array, "points d"]
    moved: Float[Array, " n"]


class Found(NamedTuple):
    """For each trial and n: the least error that is certain, a candidate, its error at the points; and for
    each ε the largest size that a certificate rules out, with the certificate."""

    least: Float[Array, "trials ns"]
    mask: Bool[Array, "trials ns n"]
    error: Float[Array, "trials ns"]
    ruled_out: Float[Array, "trials eps"]
    certificate: Float[Array, "trials eps d"]


@dataclasses.dataclass(frozen=True)
class AbstractPointPruning(AbstractProcedure):
    """What `space` and `interval` share. Its readout, law and target are those of `NeuronPruning`."""

    readout: Literal["linear", "relu"] = "linear"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    blocks_per_chunk: ClassVar[int] = 1

    @property
    def max_n(self) -> int:
        return 20_000

    @property
    def uses_float64(self) -> bool:
        return True

    def block(self, n: int) -> int:
        return 4 if n > exhaustive.ALL_TERMS else 16

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"dtype": "float64"}

    @abc.abstractmethod
    def rule_out(self, instance: Instance, eps: Array) -> tuple[Array, Array]:
        """The largest number of leading neurons that a certificate says miss at ε, and the certificate, (d,)."""

    @abc.abstractmethod
    def check(self, u: np.ndarray, v: np.ndarray, b: np.ndarray, w: np.ndarray, c: float, eps: float) -> float:
        """A certified upper bound of the error of the whole network given, on the host; any number above ε will
        do if the error is not within ε."""

    @abc.abstractmethod
    def check_ruled_out(self, u: np.ndarray, b: np.ndarray, w: np.ndarray, c: float, q: np.ndarray, eps: float) -> bool:
        """Whether the certificate q proves in float64 that no mask of these neurons is within ε."""

    def search(self, instances: Instance, ns: tuple[int, ...], eps: Float[Array, " eps"]) -> Found:
        return jax.vmap(lambda instance: self._search_one(instance, ns, jnp.asarray(eps, float)))(instances)

    def _search_one(self, instance: Instance, ns: tuple[int, ...], eps: Array) -> Found:
        n = instance.v.shape[0]
        hidden = jnp.maximum(instance.points @ instance.u.T + instance.b, 0.0)
        values = (hidden * instance.v).T
        target = jnp.maximum(instance.points @ instance.w + instance.c, 0.0)
        few = min(n, exhaustive.ALL_TERMS)
        least, masks = exhaustive.least_errors(values[:few], target, readout=self.readout)
        masks = jnp.pad(masks, ((0, 0), (0, n - few)))
        # Sums of n products, each of them rounded: any error at a point is known to within this.
        size = jnp.max(jnp.sum(jnp.abs(values), axis=0)) + 1.0
        guard = 8.0 * (n + 8) * jnp.finfo(values.dtype).eps * size + jnp.cumsum(instance.moved)
        lower = [jnp.maximum(least[size] - guard[size - 1], 0.0) for size in ns if size <= few]
        chosen = [(least[size], masks[size]) for size in ns if size <= few]
        for size in ns[len(lower) :]:
            # The seed does no harm to independence: it moves the search, not what is searched.
            usable = jnp.arange(n) < size
            chosen.append(exhaustive.descend(jax.random.key(size), values, target, usable, readout=self.readout))
            lower.append(jnp.zeros(()))
        wide = eps + jnp.sum(instance.moved)
        ruled_out, certificate = jax.lax.map(lambda e: self.rule_out(instance, e), wide)
        return Found(
            jnp.stack(lower),
            jnp.stack([mask for _, mask in chosen]),
            jnp.stack([error for error, _ in chosen]),
            ruled_out.astype(float),
            certificate,
        )

    def judge(self, instances: Instance, found: Found, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        trials = len(instances.v)
        lower, upper = np.array(found.least), np.full((trials, len(ns)), np.inf)
        masks = np.array(found.mask, bool)
        for t in range(trials):
            u, v, b, w, c = (np.asarray(x[t], np.float64) for x in instances[:5])
            moved = instances.moved[t]
            for i in range(len(ns)):
                # The largest ε that the candidate may still reach; its error at points is a lower bound.
                reach = [e for e in eps if found.error[t, i] <= e]
                if reach:
                    keep = masks[t, i]
                    error = self.check(u[keep], v[keep], b[keep], w, float(c), min(reach))
                    upper[t, i] = error + float(moved[keep].sum())
            for j, e in enumerate(eps):
                size = min(int(found.ruled_out[t, j]), max(ns))
                wide = float(e + moved.sum())
                if size > 0 and self.check_ruled_out(
                    u[:size], b[:size], w, float(c), np.asarray(found.certificate[t, j]), wide
                ):
                    ruled = np.asarray(ns) <= size
                    lower[t, ruled] = np.maximum(lower[t, ruled], np.nextafter(e, np.inf))
        return closed(lower, upper, masks, instances._asdict(), eps)
