# %% [markdown]
# # 2. Random subset sum, from the counting limit to the Poisson law
#
# Draw $n$ numbers from $[-1,1]$. How near to a given number $z$ can you come by adding
# up some of them? Within $2^{-n}$ or so: this is why scissors (notebook 1) need only
# about log(1/ε) neurons, and it is the engine under every such construction.

# %%
import jax
import matplotlib
import numpy as np
import pandas as pd

import ltjax
from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing

matplotlib.rcParams.update(drawing.STYLE)
ltjax.use_cores()  # before the first computation
key = jax.random.key(0)

# %% [markdown]
# ## The counting limit
#
# Each new number doubles the sums. Take ε = 0.05, and mark all that is within ε of one.

# %%
eps = 0.05
numbers = np.random.default_rng(7).uniform(-1, 1, 10)
z = np.linspace(-1, 1, 2001)

figure, (ax,) = drawing.panels()
sums = np.zeros(1)
for n, number in enumerate(numbers, start=1):
    sums = np.concatenate([sums, sums + number])
    covered = (np.abs(z[:, None] - sums).min(axis=1) <= eps).mean()
    ax.hlines(np.full(len(sums), n), sums - eps, sums + eps, color="#56B4E9", lw=9)
    ax.plot(sums, np.full(len(sums), n), "k|", markersize=7)
    ax.text(1.25, n, f"{covered:.0%}", va="center")  # beside the axes
for end in (-1, 1):
    ax.axvline(end, color="black", linewidth=0.8, linestyle=":")
ax.set(xlim=(-1.2, 1.2), xlabel="sums", ylabel="n: how many numbers")
ax.set_yticks(range(1, 11))
ax.grid(visible=False)
figure

# %% [markdown]
# *Ticks: the $2^n$ sums; blue: what they cover at ε = 0.05; right: which part of
# $[-1,1]$ that is.*
#
# All $2^n$ intervals of length $2\varepsilon$ together must have length 2, so to cover
# $[-1,1]$ takes $n\ge\log_2(1/\varepsilon)$ numbers, here 5, however cleverly they are
# chosen. Random ones overlap and stick out, and need more. How many more?
#
# ## Covering everything: a constant for each bit

# %%
bits = [2, 4, 6, 8, 10, 12]
cover = ltjax.threshold(
    ltjax.SubsetSum(law="uniform", target="cover"),
    eps=[2.0**-b for b in bits],
    n_max=19,
    trials=600,
    key=key,
)
middle = [t.interpolated for t in cover]
slope, start = np.polyfit(bits, middle, 1)

figure, (left, right) = drawing.panels(2)
for i, t in enumerate(cover):
    label = f"ε = {drawing.power_of_two(t.eps)}"
    drawing.frequencies(left, t.ns, np.array(t.hits), t.trials, i, label)
left.set(xlabel="n", ylabel="P([−1, 1] is covered)")
left.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
drawing.brackets(right, bits, cover, 1, "n at probability ½")
line = np.array([1, 13])
right.plot(line, start + slope * line, "k--", label=f"fit: {slope:.2f} a bit")
right.plot(line, line, color="#888888", label="counting limit: 1 a bit")
right.set(xlabel="log₂(1/ε): bits of precision", ylabel="n", ylim=(0, 20))
right.legend(loc="upper left")
for axis in (left.xaxis, right.yaxis):
    drawing.whole_ticks(axis)
figure

# %% [markdown]
# *Left: hit frequency in 600 trials with 99% limits. Right: where it passes one half,
# certified bracket. One more bit of precision costs a constant, little above the
# counting limit's 1 (Lueker 1998 proved that some constant does).*
#
# ## One target: the Poisson law
#
# Now $z=0.5$ alone. The counting limit says $P(\text{hit})\le(2^n-1)\,\varepsilon$.
# What is it really?
#
# Fix the numbers $X$. The sum of a random subset has mean $\mu=\sum X_i/2$, variance
# $s^2=\sum X_i^2/4$, and nearly a normal law $\varphi$. So some
#
# $$\lambda(X)=2^n\cdot\frac{2\varepsilon}{s}\,\varphi\Bigl(\frac{z-\mu}{s}\Bigr)$$
#
# of the $2^n$ sums are expected within ε of $z$. If they fell there independently,
# their number would be Poisson, and at least one of them there with probability
# $1-e^{-\lambda(X)}$. They are far from independent, but for large $n$ one cannot tell
# (Mertens 2000; Borgs, Chayes and Pittel 2001).

# %%
fixed = ltjax.threshold(
    ltjax.SubsetSum(law="uniform", target=0.5),
    eps=[1e-2, 1e-3, 1e-4, 1e-5],
    n_max=24,
    trials=20_000,
    key=key,
)
X = np.random.default_rng(0).uniform(-1, 1, (100_000, 24))

figure, (left, right) = drawing.panels(2)
for i, t in enumerate(fixed):
    law = [bounds.poisson_hit_probability(X[:, :n], 0.5, t.eps).mean() for n in t.ns]
    label, hits = f"ε = {t.eps:g}", np.array(t.hits)
    mark = drawing.style(i, linestyle="")
    left.plot(t.ns, hits / t.trials, **mark, label=label)
    left.plot(t.ns, law, color=drawing.COLOURS[i], linewidth=1)
    right.plot(t.ns, hits / t.trials - law, **drawing.style(i), label=label)
left.set(xlabel="n", ylabel="P(hit), z = 0.5")
left.legend(title="lines: Poisson law", loc="upper left")
right.set(xlabel="n", ylabel="measured − predicted")
figure

# %% [markdown]
# *Left: 20,000 trials (marks) on $E[1-e^{-\lambda(X)}]$ (lines); no constant is fitted.
# Right: their difference. Each mark is uncertain by up to 0.009 (99%). At small $n$ the
# law is off by as much as 0.01, and it closes in as $n$ grows. One drawn trial decides
# all $n$ and all ε, so that neighbouring marks move together.*
#
# ## A published table
#
# Burkholz (2022) published the outcome of this experiment: $z$ uniform on $[-1,1]$, 15
# numbers, at most 14 of them in the sum, ε = 0.01. It missed 404 times in 100,000.

# %%
found = ltjax.estimate(
    ltjax.SubsetSum(law="uniform", target="uniform", max_size=14),
    n=15,
    eps=0.01,
    trials=100_000,
    key=key,
)
print(f"here: {found.misses} misses in {found.trials:,}, {found.undecided} undecided")
print(f"P(miss) in [{1 - found.upper:.5f}, {1 - found.lower:.5f}]; published 0.00404")

# %% [markdown]
# ## What undecided means
#
# A draw in float32 is a multiple of $2^{-22}$, not a real number. Twenty of them can be
# off by $5\cdot10^{-6}$ together: nothing at ε = 0.001, and everything at ε = 10⁻⁶,
# where the lattice and not the law would decide. ltjax carries this along, trial by
# trial. A trial whose outcome the lattice could turn is *undecided*: it counts as a hit
# in the interval's upper end, and as a miss in the lower.

# %%
rows, shares = {}, []
for eps in (1e-3, 1e-4, 1e-5, 1e-6):
    for dtype in ("float32", "float64"):
        problem = ltjax.SubsetSum(law="uniform", target=0.5)
        found = ltjax.estimate(
            problem, n=20, eps=eps, trials=20_000, key=key, solver=dtype
        )
        shares.append([found.hits, found.undecided, found.misses])
        interval = f"[{found.lower:.3f}, {found.upper:.3f}]"
        rows[f"ε = {eps:.0e}, {dtype}"] = [*shares[-1], interval]
names = ["hits", "undecided", "misses", "P(hit), 99%"]
pd.DataFrame.from_dict(rows, orient="index", columns=names)

# %%
figure, (ax,) = drawing.panels()
left = np.zeros(len(shares))
looks = [("hit", "#0072B2"), ("undecided", "#dddddd"), ("miss", "#000000")]
parts = np.transpose(shares) / 20_000
for part, (name, colour) in zip(parts, looks, strict=True):
    ax.barh(range(len(shares)), part, left=left, color=colour, label=name, height=0.7)
    left += part
ax.set_yticks(range(len(shares)), list(rows))
ax.invert_yaxis()
ax.grid(visible=False)
ax.set(xlabel="share of 20,000 trials, n = 20")
ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
figure

# %% [markdown]
# *In float32 the interval grows until it says nothing; it never says anything false. By
# default ltjax draws in float64 where float32 might leave one trial in a hundred open:
# for this law below ε ≈ 0.001.*
#
# `ltjax verify SS-1 SS-2 SS-3` turns this notebook into verdicts.
