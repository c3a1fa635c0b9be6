# %% [markdown]
# # 7. A sweep, stopped and resumed
#
# A sweep asks many questions at once and keeps the answers in a file that survives any
# stop: Ctrl-C, a full disk, a machine that goes away. Started again with the same line
# it goes on, and ends with the same counts as if nothing had happened.

# %%
import jax
import matplotlib

import ltjax
from ltjax import sweeps
from ltjax.figures import style as drawing

matplotlib.rcParams.update(drawing.STYLE)
ltjax.use_cores()  # before the first computation

# %% [markdown]
# ## A grid of questions
#
# In a file it is TOML, and `ltjax sweep spec.toml --store results.db` runs it. In
# Python the same table is a dictionary. A list, or a table such as `range`, makes an
# option an axis.

# %%
table = {
    "problem": "subset-sum",
    "law": "uniform",
    "n": {"range": [4, 14, 2]},
    "eps": [1e-1, 3e-2, 1e-2],
    "trials": 20_000,
    "chunk": 1000,
    "seed": 0,
}
spec = sweeps.parse_spec(table)
tasks = spec.tasks()
print(f"{sum(len(task) for task in tasks)} cells in {len(tasks)} task")

# %% [markdown]
# A task is what one draw decides together: here all sizes and all precisions.
#
# ## Stopped
#
# `progress` is called whenever something is in the store. Here it plays the part of an
# impatient user, who stops after the first thousand trials.


# %%
def impatient(status):
    raise KeyboardInterrupt


try:
    sweeps.run(spec, "results.db", progress=impatient)
except KeyboardInterrupt:
    print("stopped")
half = sweeps.load("results.db")
print(f"{half.trials.sum():,} of {len(half) * 20_000:,} trials of cells are stored")

# %% [markdown]
# What is stored can be used: `load` gives a tidy frame, one row a cell, with intervals
# that hold however the trials' number came about.

# %%
columns = ["law", "n", "eps", "trials", "hits", "undecided", "lower", "upper"]
half[columns].iloc[::4].round(3)

# %% [markdown]
# ## Resumed
#
# The same line again. Only what is missing is computed.

# %%
summary = sweeps.run(spec, "results.db")
print(f"{summary.trials_added:,} trials added, {summary.cells_done} cells done")
again = sweeps.run(spec, "results.db")
print(f"once more: {again.trials_added} trials added")

# %%
figure, axes = drawing.panels(2)
whole = sweeps.load("results.db")
for ax, cells, title in zip(axes, (half, whole), ("stopped", "resumed"), strict=True):
    for i, (eps, curve) in enumerate(cells.groupby("eps", sort=False)):
        limits = curve["frequency"], curve["lower"], curve["upper"]
        drawing.band(ax, curve["n"], *limits, i, f"ε = {eps:g}")
    ax.set(title=title, xlabel="n", xlim=(3, 15), ylim=(0, 1))
axes[0].set_ylabel("P(hit)")
axes[1].legend(loc="upper left")
figure

# %% [markdown]
# *Bands: intervals of confidence 0.99.*
#
# ## The same counts
#
# Does it matter that it was stopped? A trial's draw depends on the cell, the seed and
# the trial's number alone. A run in one go, with other chunks, must give every count
# again.

# %%
sweeps.run(sweeps.parse_spec(table | {"chunk": 5000}), "other.db")
other = sweeps.load("other.db")
counts = ["law", "n", "eps", "trials", "hits", "misses", "undecided"]
print("the same counts:", whole[counts].equals(other[counts]))
assert whole[counts].equals(other[counts])

# %% [markdown]
# ## No more trials than needed
#
# `until` ends a cell when its interval is narrow enough. Where nearly all trials hit or
# nearly none do, few are enough.

# %%
changes = {"trials": 200_000, "until": "width=0.01", "n": [4, 8, 12], "chunk": 5000}
sparing = sweeps.parse_spec(table | changes)
summary = sweeps.run(sparing, "sparing.db")
print(f"{summary.saved:.0%} of the trials were not needed")
cells = sweeps.load("sparing.db")

figure, (ax,) = drawing.panels()
for i, (eps, curve) in enumerate(cells.groupby("eps", sort=False)):
    ax.plot(curve["n"], curve["trials"], **drawing.style(i), label=f"ε = {eps:g}")
ax.set(xlabel="n", ylabel="trials used", ylim=(0, None))
ax.legend()
figure

# %% [markdown]
# ## On a GPU, and on many machines
#
# Nothing in this notebook changes. Install JAX for the device, and a sweep uses it:
#
# ```console
# $ pip install 'ltjax[cluster]' 'jax[cuda12]'
# $ ltjax sweep spec.toml --store results.db --dry-run
# $ ltjax sweep spec.toml --store results.db --engine dask
# ```
#
# - `--dry-run` says what is planned: cells, time, and memory, of which a task never
#   takes more than there is (`memory = 8` in the spec sets another limit, in GiB).
# - `--engine dask` starts one worker a GPU, or one a core where there is none;
#   `--scheduler ADDRESS` takes a cluster of yours, under Slurm or on Kubernetes.
# - A store that was begun on a CPU may be continued on a GPU. Draws are the same bits.
#   Sums of float32 are exact on a lattice, so decisions of subset sums are the same
#   too; elsewhere a hit is bounded again on the host, wherever it was found.
# - The first job of a task compiles, which takes seconds; compiled programs are kept in
#   your cache folder. A GPU pays where a task has many trials.
#
# Which devices does JAX see here?

# %%
print(", ".join(sorted({device.platform for device in jax.devices()})))
