"""Growth laws of the threshold n_{1/2}(ε): fit, confidence region, comparison.

Every trial says in which interval (last_miss, first_hit] its least n lies. With the growth law as the
median and a logistic law around it, P(N <= n) = 1/(1 + exp(-(n - m(ε))/s(ε))), ln s linear in
log2(1/ε), that gives a likelihood; nothing is binned and undecided trials simply widen their interval.

One draw decides many ε, so a trial's terms depend on each other. The likelihood is therefore read as a
composite one: standard errors come from the sandwich H^-1 J H^-1 with J summed over *trials* (Godambe
1960; White 1982), which also covers a logistic shape that is not quite the true one.

Two laws are compared in one of two ways. Where neither is a special case of the other: by the test of Vuong
(1989) on the per-trial differences. Where one is (the constant is the logarithmic law with a = 0): by the
test of Wald (1943) of that restriction, with the sandwich covariance. Vuong's statistic has another limit
law there, because the two laws become one when the smaller is true.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.linalg
import scipy.stats
from jaxtyping import Array, Float

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.trials.counts import FirstHits

ITERATIONS = 2000
ROUNDS = 5
"""Further searches at most, each in the units of the last one's end."""
TOLERANCE = 1e-7
"""Of the gradient's largest entry, per trial, each parameter in units that move the medians by the logistic scale: by
one neuron more or fewer in 10⁹ no likelihood changes, wherever it is."""
GAIN = 1e-6
"""Nats a trial that Newton's step may still promise at the maximum."""


@dataclasses.dataclass(frozen=True)
class GrowthLaw:
    """m(bits) = the median as a function of bits = log2(1/ε).

    Attributes:
        name: how reports call it.
        formula: in LaTeX.
        parameters: names of the parameters.
        median: `(parameters, bits) -> m`.
        start: `(bits, observed medians) -> parameters` to start the fit from.
        nested: the laws that are special cases of this one, by name, and the values at which parameters of
            this one are held there. Here `{"constant": {"a": 0.0}}` makes the constant a special case, at
            a = 0. Every special case is to be named: `compare` is wrong for one that is not.

    Raises:
        ArgumentError: where `nested` names a parameter that the law lacks, or none.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    median: Callable[[Array, Array], Array]
    start: Callable[[np.ndarray, np.ndarray], list[float]]
    # Not hashed, since a dict cannot be: equal laws still have equal hashes.
    nested: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for held in self.nested.values():
            for parameter, value in held.items():
                arguments.choice("nested", parameter, self.parameters)
                arguments.real("nested", value)
            if not held:
                raise ArgumentError("nested={} is not allowed: nested names one or more parameters for each law")


def _line(x: np.ndarray, y: np.ndarray) -> list[float]:
    slope, intercept = np.polyfit(x, y, 1)
    return [float(slope), float(intercept)]


def _log_line(x: np.ndarray, y: np.ndarray) -> list[float]:
    slope, intercept = np.polyfit(x, np.log(np.maximum(y, 0.5)), 1)
    return [float(intercept), float(slope / math.log(2.0))]


GROWTH_LAWS: dict[str, GrowthLaw] = {
    law.name: law
    for law in [
        GrowthLaw(
            "logarithmic",
            r"a\log_2(1/\varepsilon)+b",
            ("a", "b"),
            lambda t, x: t[0] * x + t[1],
            _line,
            nested={"constant": {"a": 0.0}},
        ),
        GrowthLaw(
            "power",
            r"a\,\varepsilon^{-\gamma}",
            ("ln a", "gamma"),
            lambda t, x: jnp.exp(t[0] + t[1] * math.log(2.0) * x),
            _log_line,
            nested={"inverse": {"gamma": 1.0}, "constant": {"gamma": 0.0}},
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
            nested={"constant": {"a": 0.0}},
        ),
        GrowthLaw("constant", "b", ("b",), lambda t, x: t[0] + 0.0 * x, lambda x, y: [float(np.mean(y))]),
    ]
}
"""The laws known by name. The four pairs declared nested are all there are on three precisions or more: as functions
of bits, a line, an exponential, a parabola without a linear term, 2^bits and bits·2^bits have only constants in
common, and the exponential 2^bits."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """A growth law fitted to trial outcomes.

    Attributes:
        law: the law.
        estimate: its parameters, by name.
        covariance: sandwich covariance of the parameters, in the order of `law.parameters`, and the square of
            the optimiser's own error.
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
        advantage: nats of log-likelihood a trial, first law minus second, less what Schwarz's criterion charges
            for parameters.
        z: standard normal if the laws are equally good; changes its sign when the laws change places. For nested
            laws its size is that of a normal variable as improbable as Wald's statistic.
        special: which of the two, "first" or "second", is a special case of the other; None where neither is.
    """

    first: str
    second: str
    advantage: float
    z: float
    special: Literal["first", "second"] | None = None

    def beats(self, level: float) -> bool:
        """Whether the first law is the better one, wrong with chance at most `level` (normal limit law).

        Where the second law is a special case of the first, "better" means that the restriction which makes it
        one is rejected. Where the first is a special case of the second the answer is False whatever the
        trials: the larger law contains the smaller, so no number of trials shows that the smaller is the better
        one. Who wants to claim the smaller law should claim how near the larger one's parameter is to it, with
        `Fit.interval`.
        """
        level = arguments.real("level", level, above=0.0, below=1.0)
        return self.special != "first" and self.z > float(scipy.stats.norm.isf(level))


def _scale(theta: Array, bits: Array) -> Array:
    """The logistic law's scale at each ε."""
    return jnp.exp(jnp.clip(theta[-2] + theta[-1] * bits, -10.0, 60.0))


def _terms(theta: Array, median: Array, bits: Array, low: Array, high: Array, top: Array | float) -> Array:
    """ln P(low < N <= high) of each trial, summed over ε; `top` stands for "no n of the run"."""
    scale = _scale(theta, bits)
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
    top = max(outcomes.ns) + 1
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
        longest = max(len(x.parameters) for x in laws)
        starts = np.stack(
            [
                np.insert(x, len(law.parameters), [0.0] * (longest - len(law.parameters)))
                for x in _starts(law, bits, middle)
            ]
        )
        data = (laws.index(law), np.pad(bits, more[1], mode="edge"), low, high, float(top), share)
        theta, gradient, gain, covariance, error, terms = _maximise(starts, *data, laws=laws)
        for _ in range(ROUNDS):
            if float(gradient) <= TOLERANCE and float(gain) <= GAIN:
                break
            again = np.tile(np.asarray(theta), (len(starts), 1))
            theta, gradient, gain, covariance, error, terms = _maximise(again, *data, laws=laws)
        # Written so that NaN is no convergence.
        if not (np.all(np.isfinite(theta)) and float(gradient) <= 1e3 * TOLERANCE and float(gain) <= GAIN):
            raise RuntimeError(
                f"the fit of the {law.name} law did not converge: gradient {float(gradient):.2g}, a further step gains "
                f"{float(gain):.2g} nats a trial"
            )
        size = len(law.parameters)
        return Fit(
            law,
            dict(zip(law.parameters, (float(t) for t in theta[:size]), strict=True)),
            np.asarray(covariance)[:size, :size] / weight.sum() + np.diag(np.asarray(error)[:size] ** 2),
            np.asarray(terms)[where.reshape(-1)],
            outcomes.eps,
        )


def _starts(law: GrowthLaw, bits: np.ndarray, middle: np.ndarray) -> list[np.ndarray]:
    """Where to start from: the law's parameters and the two of the scale, one spread for all ε or one for each.

    Where medians spread over decades the largest decide a fit of all of them, so that one start uses only the
    precisions at which trials scatter least.
    """
    medians = np.median(middle, axis=0)
    quartiles = np.quantile(middle, (0.25, 0.75), axis=0)
    spread = np.log(np.maximum(quartiles[1] - quartiles[0], 0.3) / (2.0 * math.log(3.0)))
    slope, level = np.polyfit(bits, spread, 1)
    least = np.sort(np.argsort(spread, kind="stable")[: max(2, len(law.parameters))])
    common = math.log(max(float(np.std(middle - medians)), 0.3) / 1.8)
    return [
        np.append(law.start(bits, medians), [common, 0.0]),
        np.append(law.start(bits, medians), [level, slope]),
        np.append(law.start(bits[least], medians[least]), [level, slope]),
    ]


@partial(jax.jit, static_argnames=("laws",))
def _maximise(
    starts: Array,
    which: Array | int,
    bits: Array,
    low: Array,
    high: Array,
    top: Array | float,
    share: Array,
    *,
    laws: tuple[GrowthLaw, ...],
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """L-BFGS (optax): the estimate, the gradient left, what Newton's step would gain, the sandwich covariance a trial,
    the optimiser's own error, each row's terms.

    A start holds the law's parameters, padded to the longest of `laws`, and the two of the scale; the likeliest of
    `starts` is taken. A padded parameter changes nothing: its gradient is 0 and the pseudo-inverse leaves it out.
    """

    def median(theta: Array) -> Array:
        return jax.lax.switch(which, [law.median for law in laws], theta[:-2], bits)

    def terms(theta: Array) -> Array:
        return _terms(theta, median(theta), bits, low, high, top)

    losses = jnp.stack([-jnp.sum(share * terms(start)) for start in starts])
    start = starts[jnp.nanargmin(losses)]
    rises = jax.jacfwd(lambda t: median(t) / jax.lax.stop_gradient(_scale(t, bits)))(start)
    sizes = jnp.sqrt(jnp.mean(rises**2, axis=0)).at[-2:].set(jnp.stack([1.0, jnp.mean(jnp.abs(bits))]))
    units = jnp.where((sizes > 0.0) & jnp.isfinite(sizes), 1.0 / sizes, 1.0)

    def scaled(z: Array) -> Array:
        return terms(start + units * z)

    def loss(z: Array) -> Array:
        return -jnp.sum(share * scaled(z))

    optimiser = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry: Any) -> Any:
        z, state, _, i = carry
        value, grad = value_and_grad(z, state=state)
        with jax.numpy_dtype_promotion("standard"):  # Optax lets its counts of steps meet numbers of other kinds
            updates, state = optimiser.update(grad, state, z, value=value, grad=grad, value_fn=loss)
        return optax.apply_updates(z, updates), state, jnp.max(jnp.abs(jnp.asarray(grad))), i + 1

    origin = jnp.zeros_like(start)
    carry = (origin, optimiser.init(origin), jnp.asarray(jnp.inf), jnp.asarray(0))
    z, *_ = jax.lax.while_loop(lambda c: (c[2] > TOLERANCE) & (c[3] < ITERATIONS), step, carry)
    scores = jax.jacfwd(scaled)(z)
    inner = (scores * share[:, None]).T @ scores
    inverse = jnp.linalg.pinv(jax.hessian(loss)(z))
    left = jax.grad(loss)(z)
    gradient, gain = jnp.max(jnp.abs(left)), 0.5 * jnp.abs(left @ inverse @ left)
    # Entries of the gradient up to the tolerance move the maximum by so much. It matters where every trial has
    # the same outcome at all ε: a slope then has no scatter at all, and its rounding would look significant.
    error = jnp.maximum(gradient, TOLERANCE) * jnp.sum(jnp.abs(inverse), axis=1)
    covariance = units[:, None] * (inverse @ inner @ inverse) * units
    return start + units * z, gradient, gain, covariance, units * error, scaled(z)


def compare(first: Fit, second: Fit) -> Comparison:
    """Test two laws fitted to the same trials: Wald's test where one is a special case of the other, else Vuong's.

    Which laws are special cases is declared by the larger one, `GrowthLaw.nested`. Between nested laws
    `Comparison.beats` can be true of the larger law only, and a rejected restriction says that the larger law
    describes the trials better, not that it is the true one.

    Args:
        first, second: fits of the same outcomes.

    Raises:
        ArgumentError: for fits of different outcomes, or with so few ε that one law, not a special case of the
            other, passes through any medians: it then holds the other one, or is the same as it.
    """
    difference = _difference(first, second)
    trials = len(difference)
    # The law with more parameters pays for them as in Schwarz's criterion.
    price = (len(first.estimate) - len(second.estimate)) * math.log(trials) / 2.0
    advantage = float(difference.sum() - price) / trials
    names = first.law.name, second.law.name
    if second.law.name in first.law.nested:
        return Comparison(*names, advantage, _wald(first, first.law.nested[second.law.name]), "second")
    if first.law.name in second.law.nested:
        return Comparison(*names, advantage, -_wald(second, second.law.nested[first.law.name]), "first")
    free = max(len(first.estimate), len(second.estimate))
    if names[0] != names[1] and free >= len(first.eps):
        raise ArgumentError(
            f"eps={list(first.eps)} is too short: to compare the laws {names[0]} and {names[1]} takes"
            f" {free + 1} precisions or more"
        )
    spread = float(difference.std(ddof=1)) / math.sqrt(trials)
    z = advantage / spread if spread > 0 else math.copysign(math.inf, advantage) if advantage else 0.0
    return Comparison(*names, advantage, z)


def _difference(first: Fit, second: Fit) -> Float[np.ndarray, " trials"]:
    """What each trial's log-likelihood gains, in nats, from the second law to the first."""
    if first.eps != second.eps or len(first.log_likelihood) != len(second.log_likelihood):
        raise ArgumentError(
            f"second={second.law.name!r} is not allowed: it was fitted to other outcomes than {first.law.name!r}"
        )
    return first.log_likelihood - second.log_likelihood


def _wald(fit: Fit, held: Mapping[str, float]) -> float:
    """Wald's test that the parameters have the values `held`, as a standard normal number; large: they have not.

    The statistic d'V^-1 d, d = estimate - held, V the covariance, has the chi-square law with as many degrees of
    freedom as there are parameters held. Without a covariance (trials without any scatter) nothing is rejected.
    """
    index = [fit.law.parameters.index(parameter) for parameter in held]
    distance = np.array([fit.estimate[parameter] - value for parameter, value in held.items()])
    covariance = fit.covariance[np.ix_(index, index)]
    try:
        statistic = float(distance @ scipy.linalg.cho_solve(scipy.linalg.cho_factor(covariance), distance))
    except np.linalg.LinAlgError:
        return 0.0
    chance = float(scipy.stats.chi2.sf(statistic, len(index)))
    # Below the smallest double the two laws' tails agree to a part in a hundred.
    return float(scipy.stats.norm.isf(chance)) if chance > 0.0 else math.sqrt(statistic)
