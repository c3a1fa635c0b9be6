# %% [markdown]
# # 6. Test a bound of your own
#
# Before you prove a bound, try to break it. `ltjax.testing` compares what you claim
# with fresh draws, [hypothesis](https://hypothesis.readthedocs.io) looks for the case
# that breaks it, and all comparisons together share one chance of a false alarm, one in
# a million.

# %%
import math

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import ltjax
from ltjax import testing as lt
from ltjax.figures import style as drawing

matplotlib.rcParams.update(drawing.STYLE)
ltjax.use_cores()  # before the first computation
here = settings(
    max_examples=20,
    deadline=None,  # the first example of each size compiles
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

# %% [markdown]
# ## A claim, and draws
#
# Of $n$ numbers, uniform on $[-1,1]$, choose some whose sum is within ε of $z=0.5$.
# There are $2^n-1$ nonempty subsets, and each comes so near with probability at most ε:
# the last number of the subset would have to fall into an interval of length 2ε. So
#
# $$P(\text{hit})\le(2^n-1)\,\varepsilon .$$
#
# In a file for pytest `bound` is a fixture. In a notebook make one.

# %%
bound = lt.Bound()
problem = ltjax.SubsetSum(law="uniform", target=0.5)
found = bound.at_most(problem, n=4, eps=0.01, claimed=15 * 0.01, trials=2000)
print(found.verdict)
for name, value in found.numbers.items():
    print(f"  {name}: {value}")

# %% [markdown]
# One case says little. Hand the sizes to hypothesis.

# %%


@here
@given(n=st.integers(1, 6), eps=lt.precisions(1e-3, 1e-1))
def test_union_bound(n, eps):
    bound.at_most(problem, n=n, eps=eps, claimed=(2**n - 1) * eps, trials=1000)


test_union_bound()
print(f"{bound.made} comparisons, none refuted; {bound.idle} could not have failed")

# %% [markdown]
# A claim such as "at most 3.1" cannot fail. It is neither drawn nor charged.
#
# ## A bound that is too good
#
# Sums spread beyond $[-1,1]$, so one is tempted to claim half of that. Hypothesis ends
# with the smallest case for which it is false.

# %%


@here
@given(n=st.integers(1, 4), eps=lt.precisions(1e-3, 1e-1))
def test_half_the_union_bound(n, eps):
    bound.at_most(problem, n=n, eps=eps, claimed=(2**n - 1) * eps / 2, trials=2000)


try:
    test_half_the_union_bound()
except lt.Refuted as refuted:
    print(str(refuted).partition("\nFalsifying")[0])

# %%
figure, (ax,) = drawing.panels()
ns, eps, trials = np.array([1, 2, 3, 4, 6, 8]), 0.02, 4000
key = jax.random.key(0)
asked = [ltjax.estimate(problem, n=int(n), eps=eps, trials=trials, key=key) for n in ns]
drawing.frequencies(ax, ns, np.array([e.hits for e in asked]), trials, 1, "drawn")
ax.plot(ns, (2.0**ns - 1) * eps, "k-", label="(2ⁿ − 1)·ε")
ax.plot(ns, (2.0**ns - 1) * eps / 2, "k--", label="half of it")
ax.set(xlabel="n", ylabel="P(hit), ε = 0.02", yscale="log", ylim=(8e-3, 2))
drawing.whole_ticks(ax.xaxis)
ax.legend(loc="lower right")
figure

# %% [markdown]
# *Hit frequencies of 4000 trials, 99% limits. The bound is attained at n = 1. From
# n = 6 on half of it would do at this ε, which is no proof.*
#
# ## An event of your own
#
# What is claimed need not be a question of the library. Any function of a key that
# returns one bool will do; it gets by name all that it depends on. The nearest of $n$
# random directions in the plane, for example (notebook 3):

# %%


def bends_near(key, n, alpha):
    """Whether one of n random lines lies within alpha of the target's."""
    angle = jax.random.uniform(key, (n,), maxval=math.pi)
    return jnp.min(jnp.minimum(angle, math.pi - angle)) <= alpha


def near(n, alpha):
    return 1 - (1 - 2 * alpha / math.pi) ** n


@here
@given(n=st.integers(1, 12), alpha=lt.precisions(1e-2, 3e-1))
def test_lines_near_the_targets(n, alpha):
    claimed = near(n, alpha)
    bound.equals(bends_near, n=n, alpha=alpha, claimed=claimed, trials=2000)


test_lines_near_the_targets()
print(f"{bound.made} comparisons so far")

# %% [markdown]
# ## What could have been seen?
#
# "Not refuted" is worth as much as the violation that would have been seen. It is part
# of each finding, and shrinks like one over the root of the trials.

# %%
eyes, n, alpha = lt.Bound(), 6, 0.1
many = [250, 1000, 4000, 16_000, 64_000]
given_ = {"n": n, "alpha": alpha, "claimed": near(n, alpha)}
seen = [eyes.equals(bends_near, trials=t, **given_) for t in many]

figure, (left, right) = drawing.panels(2)
visible = [each.detectable for each in seen]
left.plot(many, visible, **drawing.style(1), label="least visible")
root = [visible[0] * (many[0] / t) ** 0.5 for t in many]
left.plot(many, root, color="#888888", label="like 1/√trials")
left.set(xscale="log", yscale="log", xlabel="trials", ylabel="violation")
left.legend()
k = np.arange(1, 301)
right.plot(k, np.cumsum(1 / (k * (k + 1))), **drawing.style(2, marker=""))
right.axhline(1, color="k", linewidth=0.8, linestyle=":")
right.set(xlabel="comparisons", ylabel="share of the budget spent", ylim=(0, 1.05))
figure

# %% [markdown]
# *Left: the least violation that is seen with probability 0.95. Right: the k-th
# comparison may err with a chance of one part in k(k+1) of the budget. However many
# there are, and whatever the next one depends on, together they never reach it.*
#
# ## Certified
#
# Not refuted is not supported. Ask for more where you want more:

# %%
enough = bound.at_least(problem, n=12, eps=0.01, claimed=0.9, trials=2000)
print(f"P(hit) >= 0.9 at n = 12, ε = 0.01: {enough.verdict}")
assert enough.verdict == "supported"  # the exact lower limit reaches 0.9

# %% [markdown]
# In a file the same test is four lines, and pytest prints what you saw above:
#
# ```python
# @given(n=st.integers(1, 6), eps=lt.precisions(1e-3, 1e-1))
# def test_union_bound(bound, n, eps):
#     claimed = (2**n - 1) * eps
#     bound.at_most(ltjax.SubsetSum(), n=n, eps=eps, claimed=claimed, trials=1000)
# ```
#
# "Write a property test" in the documentation has the rest: `never`, `grows_like`, and
# strategies for networks whose weights hypothesis chooses.
