"""Growth laws of the threshold n_{1/2}(ε): fit, confidence region, comparison.

Every trial says in which interval (last_miss, first_hit] its least n lies. With the growth law as the
median and a logistic law around it, P(N <= n) = 1/(1 + exp(-(n - m(ε))/s(ε))), ln s linear in
log2(1/ε), that gives a likelihood; nothing is binned and undecided trials simply widen their interval.

One draw decides many ε, so a trial's terms depend on each other. The likelihood is therefore read as a
composite one: standard errors come from the sandwich H^-1 J H^-1 with J summed over *trials* (Godambe
1960; White 1982), which also covers a logistic shape that is not quite the true one, and laws are
compared by the test of Vuong (1989) on the per-trial differences.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.stats
from jaxtyping import Array, Float

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.trials.counts import FirstHits

ITERATIONS = 2000
TOLERANCE = 1e-7
"""Of the gradient's largest entry, per trial."""


@dataclasses.dataclass(frozen=True)
class GrowthLaw:
    """m(bits) = the median as a function of bits = log2(1/ε).

    Attributes:
        name: how reports call it.
        formula: in LaTeX.
        parameters: names of the parameters.
        median: `(parameters, bits) -> m`.
        start: `(bits, observed medians) -> parameters` to start the fit from.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    median: Callable[[Array, Array], Array]
    start: Callable[[np.ndarray, np.ndarray], list[float]]


def _line(x: np.ndarray, y: np.ndarray) -> list[float]:
    slope, intercept = np.polyfit(x, y, 1)
    return [float(slope), float(intercept)]


def _log_line(x: np.ndarray, y: np.ndarray) -> list[float]:
    slope, intercept = np.polyfit(x, np.log(np.maximum(y, 0.5)), 1)
    return [float(intercept), float(slope / math.log(2.0))]


GROWTH_LAWS: dict[str, GrowthLaw] = {
    law.name: law
    for law in [
        GrowthLaw("logarithmic", r"a\log_2(1/\varepsilon)+b", ("a", "b"), lambda t, x: t[0] * x + t[1], _line),
        GrowthLaw(
            "power",
            r"a\,\varepsilon^{-\gamma}",
            ("ln a", "gamma"),
            lambda t, x: jnp.exp(t[0] + t[1] * math.log(2.0) * x),
            _log_line,
        ),
        GrowthLaw(
            "inverse",
            r"a/\varepsilon",
            ("ln a",),
            lambda t, x: jnp.exp(t[0] + math.log(2.0) * x),
            lambda x, y: [float(np.mean(np.log(np.maximum(y, 0.5)) - math.log(2.0) * x))],
        ),
        GrowthLaw(
            "log-inverse",
            r"a\log_2(1/\varepsilon)/\varepsilon",
            ("ln a",),
            lambda t, x: jnp.exp(t[0] + math.log(2.0) * x) * x,
            lambda x, y: [float(np.mean(np.log(np.maximum(y, 0.5) / x) - math.log(2.0) * x))],
        ),
        GrowthLaw(
            "log-squared",
            r"a\log_2^2(1/\varepsilon)+b",
            ("a", "b"),
            lambda t, x: t[0] * x**2 + t[1],
            lambda x, y: _line(x**2, y),
        ),
        GrowthLaw("constant", "b", ("b",), lambda t, x: t[0] + 0.0 * x, lambda x, y: [float(np.mean(y))]),
    ]
}


@dataclasses.dataclass(frozen=True)
class Fit:
    """A growth law fitted to trial outcomes.

    Attributes:
        law: the law.
        estimate: its parameters, by name.
        covariance: sandwich covariance of the parameters, in the order of `law.parameters`.
        log_likelihood: of each trial, in nats, summed over its ε.
        eps: the range measured: the law is supported or contradicted there and nowhere else.
    """

    law: GrowthLaw
    estimate: dict[str, float]
    covariance: Float[np.ndarray, "k k"]
    log_likelihood: Float[np.ndarray, " trials"]
    eps: tuple[float, ...]

    def median(self, eps: float | np.ndarray) -> np.ndarray:
        """The fitted n_{1/2} at ε."""
        bits = -np.log2(np.asarray(eps, float))
        return np.asarray(self.law.median(jnp.asarray(list(self.estimate.values())), jnp.asarray(bits)))

    def interval(self, parameter: str, level: float) -> tuple[float, float]:
        """Two-sided limits of one parameter, wrong with chance `level` for many trials (normal limit law)."""
        i = self.law.parameters.index(parameter)
        half = float(scipy.stats.norm.isf(level / 2.0)) * math.sqrt(self.covariance[i, i])
        return self.estimate[parameter] - half, self.estimate[parameter] + half

    def region(self, level: float) -> float:
        """The confidence region's size: {t : (t - estimate)' covariance^-1 (t - estimate) <= this}."""
        return float(scipy.stats.chi2.isf(level, len(self.law.parameters)))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """By how much one law beats another on the same trials.

    Attributes:
        advantage: nats of log-likelihood a trial, first law minus second.
        z: Vuong's statistic, standard normal if the laws are equally far from the truth.
    """

    first: str
    second: str
    advantage: float
    z: float

    def beats(self, level: float) -> bool:
        """Whether the first law is the better one, wrong with chance at most `level` (normal limit law)."""
        return self.z > float(scipy.stats.norm.isf(level))


def _terms(theta: Array, median: Array, bits: Array, low: Array, high: Array, top: float) -> Array:
    """ln P(low < N <= high) of each trial, summed over ε; `top` stands for "no n of the run"."""
    log_scale = theta[-2] + theta[-1] * bits
    scale = jnp.exp(jnp.clip(log_scale, -10.0, 60.0))
    # ln(F(high) - F(low)) for the logistic F, without cancellation:
    # F(h) - F(l) = F(h)·(1 - F(l))·(1 - exp(-(h - l)/s)).
    upper, lower = (high - median) / scale, (low - median) / scale
    open_above, open_below = high >= top, low <= 0
    above = jnp.where(open_above, 0.0, jax.nn.log_sigmoid(jnp.where(open_above, 0.0, upper)))
    below = jnp.where(open_below, 0.0, jax.nn.log_sigmoid(jnp.where(open_below, 0.0, -lower)))
    both = ~(open_above | open_below)
    width = jnp.where(both, (high - low) / scale, 1.0)
    between = jnp.where(both, jnp.log(-jnp.expm1(-width)), 0.0)
    return jnp.sum(above + below + between, axis=1)


def fit(outcomes: FirstHits, law: str | GrowthLaw) -> Fit:
    """Fit a growth law by maximum likelihood with L-BFGS.

    Args:
        outcomes: trials decided at two or more ε, for every n from 1 on.
        law: a name of `GROWTH_LAWS`, or a law.

    Raises:
        ArgumentError: for an unknown law, or fewer ε than the law has parameters.
        RuntimeError: if the optimiser does not converge.
    """
    law = GROWTH_LAWS[arguments.choice("law", law, GROWTH_LAWS)] if isinstance(law, str) else law
    if len(outcomes.eps) < max(2, len(law.parameters)):
        raise ArgumentError(f"eps={list(outcomes.eps)} is too short: the {law.name} law needs more precisions")
    middle = (outcomes.last_miss + outcomes.first_hit) / 2.0
    bits = -np.log2(np.asarray(outcomes.eps))
    medians, top = np.median(middle, axis=0), max(outcomes.ns) + 1
    # Trials with the same outcome share one row. Rows without weight and precisions at which nothing is
    # known (0 < N <= top) add nothing; padding to few shapes saves compilations.
    pairs, where, weight = np.unique(
        np.stack([outcomes.last_miss, outcomes.first_hit], axis=2),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    more = ((0, max(2048, 1 << (len(pairs) - 1).bit_length()) - len(pairs)), (0, -len(bits) % 8))
    low, high = (np.pad(pairs[..., i].astype(float), more, constant_values=i * top) for i in (0, 1))
    share = np.pad(weight / weight.sum(), more[0])
    with jax.enable_x64(True):
        # The known laws share one compilation: all in one program, one chosen when it runs.
        laws = tuple(GROWTH_LAWS.values()) if law in GROWTH_LAWS.values() else (law,)
        start = np.pad(law.start(bits, medians), (0, max(len(x.parameters) for x in laws) - len(law.parameters)))
        start = np.append(start, [math.log(max(float(np.std(middle - medians)), 0.3) / 1.8), 0.0])
        wide = np.pad(bits, more[1], mode="edge")
        theta, gradient, covariance, terms = _maximise(
            start, laws.index(law), wide, low, high, float(top), share, laws=laws
        )
        if not bool(jnp.all(jnp.isfinite(theta))) or float(gradient) > 1e3 * TOLERANCE:
            raise RuntimeError(f"the fit of the {law.name} law did not converge: gradient {float(gradient):.2g}")
        size = len(law.parameters)
        return Fit(
            law,
            dict(zip(law.parameters, (float(t) for t in theta[:size]), strict=True)),
            np.asarray(covariance)[:size, :size] / weight.sum(),
            np.asarray(terms)[where.reshape(-1)],
            outcomes.eps,
        )


@partial(jax.jit, static_argnames=("laws",))
def _maximise(
    start: Array,
    which: int,
    bits: Array,
    low: Array,
    high: Array,
    top: float,
    share: Array,
    *,
    laws: tuple[GrowthLaw, ...],
) -> tuple[Array, Array, Array, Array]:
    """L-BFGS (optax): the estimate, the gradient left, the sandwich covariance a trial, each row's terms.

    `start` holds the law's parameters, padded to the longest of `laws`, and the two of the scale. A padded
    parameter changes nothing: its gradient is 0 and the pseudo-inverse leaves it out.
    """

    def terms(theta: Array) -> Array:
        median = jax.lax.switch(which, [law.median for law in laws], theta[:-2], bits)
        return _terms(theta, median, bits, low, high, top)

    def loss(theta: Array) -> Array:
        return -jnp.sum(share * terms(theta))

    optimiser = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry: Any) -> Any:
        theta, state, _, i = carry
        value, grad = value_and_grad(theta, state=state)
        updates, state = optimiser.update(grad, state, theta, value=value, grad=grad, value_fn=loss)
        return optax.apply_updates(theta, updates), state, jnp.max(jnp.abs(jnp.asarray(grad))), i + 1

    carry = (start, optimiser.init(start), jnp.asarray(jnp.inf), jnp.asarray(0))
    theta, *_ = jax.lax.while_loop(lambda c: (c[2] > TOLERANCE) & (c[3] < ITERATIONS), step, carry)
    scores = jax.jacfwd(terms)(theta)
    inner = (scores * share[:, None]).T @ scores
    inverse = jnp.linalg.pinv(jax.hessian(loss)(theta))
    return theta, jnp.max(jnp.abs(jax.grad(loss)(theta))), inverse @ inner @ inverse, terms(theta)


def compare(first: Fit, second: Fit) -> Comparison:
    """Vuong's test between two laws fitted to the same trials."""
    difference = first.log_likelihood - second.log_likelihood
    # The law with more parameters pays for them as in Schwarz's criterion.
    trials = len(difference)
    price = (len(first.estimate) - len(second.estimate)) * math.log(trials) / 2.0
    advantage = float(difference.sum() - price) / trials
    spread = float(difference.std(ddof=1)) / math.sqrt(trials)
    z = advantage / spread if spread > 0 else math.copysign(math.inf, advantage) if advantage else 0.0
    return Comparison(first.law.name, second.law.name, advantage, z)
