"""Strategies for hypothesis: what the library's questions are asked about.

    >>> from hypothesis import given
    >>> from ltjax import testing as lt
    >>> @given(eps=lt.precisions(1e-3, 1e-1), law=lt.laws(atoms=False), mask=lt.masks(5))
    ... def test_it(eps, law, mask): assert 0.001 <= eps <= 0.1 and law != "rademacher" and mask.shape == (5,)
    >>> test_it()

Each shrinks to what is simplest to look at: the first law, few neurons, small whole weights, coarse precisions.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "strategies of ltjax.testing need the extra testing: pip install 'ltjax[testing]'", name=error.name
    ) from None

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import LAWS
from ltjax.problems import registry
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import base as pruning

STEPS = 1000
"""Precisions between the two ends."""
SMOOTH = ("normal", "uniform")
"""Laws of weights that need no number."""


def precisions(low: float, high: float) -> SearchStrategy[float]:
    """ε between `low` and `high`, evenly on a log scale, of four digits; shrinks to `high`, the coarse end."""
    low, high = arguments.real("low", low, above=0.0), arguments.real("high", high, above=0.0)
    if not low <= high:
        raise ArgumentError(f"high={high!r} is not allowed: high is at least low, {low!r}")

    def at(step: int) -> float:
        return min(high, max(low, float(f"{high * (low / high) ** (step / STEPS):.4g}")))

    return st.integers(0, STEPS).map(at)


def laws(atoms: bool | None = None) -> SearchStrategy[str]:
    """Names of weight laws; shrinks to "uniform".

    Args:
        atoms: laws with an atom only, or without one only; by default all.
    """
    known = [name for name, law in LAWS.items() if atoms in (None, law.atom > 0.0)]
    return st.sampled_from(known)


def masks(n: int, *pieces: int) -> SearchStrategy[np.ndarray]:
    """Masks of n parts, or of n × pieces where parts are cut in pieces; shrinks to the one that keeps nothing."""
    shape = tuple(arguments.whole("n", size, 1) for size in (n, *pieces))
    size = math.prod(shape)
    return st.lists(st.booleans(), min_size=size, max_size=size).map(lambda bits: np.array(bits, bool).reshape(shape))


@st.composite
def networks(
    draw: Callable[..., Any],
    max_n: int = 6,
    max_d: int = 3,
    readout: str | None = None,
    largest: float = 4.0,
    bias: bool = False,
) -> Any:
    """Two-layer networks with weights of hypothesis' choice, no random ones: for statements about every network.

    They are `ltjax.networks.TwoLayerNetwork`s of float32; shrinks to one neuron with weights 0, then to small whole
    numbers.

    Args:
        max_n, max_d: the most neurons and input dimensions.
        readout: "linear" or "relu"; by default both.
        largest: the most that a weight may be, either sign.
        bias: whether hidden units have biases.
    """
    import jax.numpy as jnp

    from ltjax.networks import TwoLayerNetwork

    n = draw(st.integers(1, arguments.whole("max_n", max_n, 1)))
    d = draw(st.integers(1, arguments.whole("max_d", max_d, 1)))
    size = n * (d + 1 + bias)
    finite = st.floats(-largest, largest, allow_nan=False, allow_subnormal=False, width=32)
    weights = np.array(draw(st.lists(finite, min_size=size, max_size=size)), np.float32).reshape(n, -1)
    chosen = draw(st.sampled_from(pruning.READOUTS)) if readout is None else readout
    b = jnp.asarray(weights[:, d + 1]) if bias else None
    return TwoLayerNetwork(jnp.asarray(weights[:, :d]), jnp.asarray(weights[:, d]), b, chosen)


@st.composite
def problems(draw: Callable[..., Any], *names: str, max_d: int = 3) -> AbstractProblem:
    """Questions that the library knows; shrinks to `SubsetSum()` with its defaults, or to the first one named.

    Args:
        names: "subset-sum", "neuron-pruning", "weight-pruning"; by default all.
        max_d: the most dimensions.
    """
    known = ["subset-sum", "neuron-pruning", "weight-pruning"]
    name = draw(st.sampled_from([arguments.choice("names", each, known) for each in names or known]))
    kind: Any = registry.problem_class(name)
    d = draw(st.integers(1, arguments.whole("max_d", max_d, 1)))
    # Six choices whatever comes out: hypothesis takes fewer choices for simpler.
    if name == "subset-sum":
        law, target = draw(laws()), draw(st.sampled_from([0.5, 0.0, 1.0, -0.3, "uniform", "cover"]))
        limit, size = draw(st.sampled_from([None, "max_size", "size"])), draw(st.integers(1, 6))
        if target == "cover":
            return kind(law=law, target=target)
        return kind(law=law, target=target, d=d, **({} if d > 1 or limit is None else {limit: size}))
    readout, law, target, bias = (
        draw(st.sampled_from(each)) for each in (pruning.READOUTS, SMOOTH, pruning.TARGETS, (False, True))
    )
    biased = {"bias": True} if bias and d == 1 and name == "neuron-pruning" else {}
    return kind(d=d, readout=readout, law=law, target=target, **biased)


__all__ = ["laws", "masks", "networks", "precisions", "problems"]
