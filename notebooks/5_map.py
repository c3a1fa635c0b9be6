# %% [markdown]
# # 5. The map between rows and scissors
#
# Rows need about 1/ε neurons or more, scissors about log(1/ε) (notebook 1). Hardware
# can use neither of them well: it wants *patterns*, such as two of every four inputs.
# Where do patterns lie, nearer to rows or to scissors?

# %%
import jax
import matplotlib
import numpy as np
import pandas as pd

import ltjax
from ltjax.bounds import nearest_normal as bounds
from ltjax.figures import style as drawing
from ltjax.patterns import get_pattern

matplotlib.rcParams.update(drawing.STYLE)
ltjax.use_cores()  # before the first computation
key = jax.random.key(0)

# %% [markdown]
# ## Masks
#
# A pattern says which masks are allowed. Here is one mask of each, for four neurons (a
# row each) with four inputs (a column each), drawn from all that the pattern allows.

# %%
names = ["rows", "block:1x2", "block:2x1", "2:4", "budget:2", "weights"]
figure, axes = drawing.panels(3, rows=2)
for ax, name in zip(axes, names, strict=True):
    masks = get_pattern(name).masks(4, 4)
    some = masks[masks.sum(axis=(1, 2)) >= 6]
    mask = some[np.random.default_rng(1).integers(len(some))]
    ax.imshow(mask, cmap="Greys", vmin=-0.1, vmax=1.3)
    ax.set_title(f"{name}: {len(masks):,} masks", fontsize=9.5)
    ax.set_xticks(np.arange(5) - 0.5, [])
    ax.set_yticks(np.arange(5) - 0.5, [])
    ax.tick_params(length=0)
figure.set_size_inches(6.2, 4.4)
figure

# %% [markdown]
# *Dark: the weight stays. `block:RxC` keeps or cuts R neurons by C inputs together,
# `2:4` keeps at most two of every four inputs of a neuron, `budget:2` lets at most two
# neurons keep any one input.*
#
# Count the masks, and 2:4 is near to scissors, while `block:2x1` and `block:1x2` allow
# as many as one another. Counting is not what decides.
#
# ## One question, six patterns
#
# Four inputs, the target $\max(x_1,0)$, a linear readout. How many neurons does it take
# until half of all networks hold a ticket? Where a pattern may keep single weights, or
# weights of several neurons together, `threshold` answers.

# %%
D, eps = 4, [1e-1, 1e-2, 1e-3]


def ask(pattern, readout="linear", target="axis"):
    return ltjax.Pruning(d=D, pattern=pattern, readout=readout, target=target)


def need(pattern, eps, n_max):
    problem = ask(pattern)
    return ltjax.threshold(problem, eps=eps, n_max=n_max, trials=100, key=key)


found = {
    "2:4": need("2:4", eps, 30),
    "block:2x1": need("block:2x1", eps[:1], 30),
    "budget:2": need("budget:2", eps[:2], 100),
}

# %% [markdown]
# Where a pattern keeps several inputs of one neuron together, there is a theorem. A
# block of $b$ inputs bends along a hyperplane of its $b$ inputs, nothing turns it, and
# in $b$ dimensions it takes about $\varepsilon^{-(b-1)}$ of them until one lies well
# (`nearest_normal`; for $b=2$ see notebook 3). Whole rows are blocks of all four.

# %%
fine = np.geomspace(3e-2, 1e-3, 30)
figure, (ax,) = drawing.panels()
for b, name in ((4, "rows"), (3, "block:1x3"), (2, "block:1x2")):
    least = [bounds.threshold(0.5, e, b) for e in fine]
    line = {"color": "#555555", "linestyle": drawing.LINES[4 - b]}
    ax.plot(fine, least, label=f"{name}: at least", **line)
for i, (name, brackets) in enumerate(found.items(), start=1):
    side = [t.eps * 1.12 ** (i - 2) for t in brackets]
    drawing.brackets(ax, side, brackets, i, f"{name}: bracket")
ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons for probability ½")
ax.invert_xaxis()
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
figure

# %% [markdown]
# *Both axes are logarithmic. Structure along one neuron's inputs (lines) costs a power
# of 1/ε, one more with each input. Structure across neurons costs a factor: `block:2x1`
# asks that two neurons be right at once. A budget of two neurons a sum costs about a
# root of 1/ε (PAT-5). 2:4 costs nothing that grows: it may keep single weights.*

# %%
at = eps[-1]
table = {"2:4": [f"at most {found['2:4'][-1].upper}"]}
for b, name in ((2, "block:1x2"), (3, "block:1x3"), (4, "rows")):
    table[name] = [f"at least {bounds.threshold(0.5, at, b):,}"]
pd.DataFrame.from_dict(table, orient="index", columns=[f"neurons at ε = {at:g}"])

# %% [markdown]
# ## A block is whole rows in fewer dimensions
#
# Why does $b$ count and not $d$? On inputs whose other coordinates are 0 a network of
# `block:1x2` is a network of whole rows with two inputs, and for this target those
# inputs are the ones that matter. So both questions have one answer, whatever $d$ is.

# %%
plane = ltjax.NeuronPruning(d=2, target="axis")
for name, problem in {
    "block:1x2, d = 4": ask("block:1x2"),
    "rows, d = 2": plane,
}.items():
    few = ltjax.estimate(problem, n=6, eps=0.5, trials=1000, key=key)
    print(f"{name:16} P(hit) in [{few.lower:.3f}, {few.upper:.3f}]")

# %% [markdown]
# ## Any direction
#
# Off the axes, with a ReLU at the output, each coordinate asks for neurons of its own,
# and 2:4 still keeps up with scissors.

# %%
for pattern in ("weights", "2:4"):
    problem = ask(pattern, readout="relu", target="generic")
    few = ltjax.estimate(problem, n=40, eps=0.01, trials=60, key=key)
    print(f"{pattern:8} P(hit) in [{few.lower:.2f}, {few.upper:.2f}]")

# %% [markdown]
# These are masks found: no method here excludes others, so the upper ends stay open.
#
# - `ltjax verify PAT-1 PAT-2 PAT-3 PAT-4 PAT-5` turns this notebook into verdicts.
# - A pattern of your own takes 15 lines: "Write a pattern" in the documentation.
