# %% [markdown]
# # 3. The breakpoint problem, drawn
#
# Why are rows so bad at holding tickets (notebook 1)? A ReLU neuron bends along one
# line. Taking out neurons moves no line, and where the target bends, one of the random
# lines has to lie.

# %%
import tomllib

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import scipy.optimize

import ltjax
from ltjax import networks, sweeps
from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.search import plane as planar

matplotlib.rcParams.update(drawing.STYLE)
ltjax.use_cores()  # before the first computation
key = jax.random.key(0)

# %% [markdown]
# ## Kinks on the circle
#
# A network $\sum_i v_i\max(\langle u_i,x\rangle,0)$ in the plane, and the target
# $\max(\langle w,x\rangle,0)$. Neuron $i$ bends along the line through 0 orthogonal to
# $u_i$. All of it is seen on the unit circle: a line meets it in two opposite points.

# %%
network = networks.sample_network(jax.random.key(10), n=8, d=2)
w = np.array(networks.make_target("generic", d=2).w)

figure, (left, right) = drawing.panels(2)
around = np.linspace(0, 2 * np.pi, 200)
left.plot(np.cos(around), np.sin(around), color="#888888", linewidth=0.8)
for rows, look in ((network.u, {"color": "#0072B2"}), ([w], {"color": "k", "lw": 3})):
    for row in np.array(rows):
        end = np.array([row[1], -row[0]]) / np.linalg.norm(row)
        left.plot(*np.transpose([-end, end]), **look)
left.annotate("", w, (0, 0), arrowprops={"arrowstyle": "->"})
left.text(*(1.08 * w), "w")
left.set(aspect="equal", title="lines along which 8 neurons bend")
left.axis("off")
everything = np.ones(network.n, bool)
drawing.on_the_circle(right, network.u, network.v, w, everything, 0.0)
right.set(title="the whole network on the circle, cut open")
figure

# %% [markdown]
# *Left: thick, the target's line; thin, the neurons'. Right: target (solid) and network
# (dashed) over the angle from the target's line. Dots and ticks mark the kinks.*
#
# ## The kink lemma
#
# Suppose no neuron's line is within the angle α of the target's. Then near its kink the
# network is a smooth wave $a\cos t+b\sin t$, the target has a corner, and
#
# $$\sup|g-f|\ \ge\ \tfrac12\tan(\alpha/2),$$
#
# even if the output weights $v_i$ were free to choose. The proof looks at three points,
# $-\alpha$, 0 and α. Is it a good bound? Let linear programming find the best $v_i$.

# %%
rng = np.random.default_rng(1)


def best_weights(theta, alpha):
    """Best output weights for neurons that switch on at these angles; their error."""
    t = np.concatenate([np.linspace(0, 2 * np.pi, 240), [-alpha, alpha]])
    t = np.concatenate([t, theta, theta + np.pi])
    values, target = np.maximum(np.sin(t[:, None] - theta), 0), np.maximum(np.sin(t), 0)
    one = np.ones((len(t), 1))
    found = scipy.optimize.linprog(
        np.append(np.zeros(len(theta)), 1),
        A_ub=np.block([[values, -one], [-values, -one]]),
        b_ub=np.concatenate([target, -target]),
        bounds=[(None, None)] * len(theta) + [(0, None)],
    )
    return found.x[:-1], found.fun


def away(alpha, n=40):
    """Neurons none of which bends within alpha of the target's kink."""
    return rng.uniform(alpha, np.pi - alpha, n) + np.pi * rng.integers(0, 2, n)


figure, (left, right) = drawing.panels(2)
alpha, t = 0.6, np.linspace(-0.9, 0.9, 400)
theta = away(alpha)
weights, least = best_weights(theta, alpha)
g = np.maximum(np.sin(t[:, None] - theta), 0) @ weights
left.axvspan(-alpha, alpha, color="#eeeeee", zorder=0)
left.plot(t, np.maximum(np.sin(t), 0), "k-", label="target")
left.plot(t, g, **drawing.style(1, marker=""), label="best network")
three = np.array([-alpha, 0, alpha])
at = np.maximum(np.sin(three[:, None] - theta), 0) @ weights
left.vlines(three, np.maximum(np.sin(three), 0), at, color=drawing.COLOURS[2], lw=3)
left.set(title=f"no kink within α = {alpha}: error {least:.3f}", xlabel="t")
left.legend(loc="upper left")

for alpha in (0.05, 0.1, 0.2, 0.4, 0.8, 1.2):
    for _ in range(6):
        theta = away(alpha)
        random = right.plot(alpha, best_weights(theta, alpha)[1], "o", color="#56B4E9")
    theta = np.append(theta, [alpha, -alpha, alpha + np.pi, np.pi - alpha])
    edge = right.plot(alpha, best_weights(theta, alpha)[1], "kx", markersize=8)
random[0].set_label("40 neurons")
edge[0].set_label("and lines at ±α")
alphas = np.geomspace(0.04, 1.5, 100)
right.plot(alphas, [bounds.kink_bound(a) for a in alphas], "k-", label="½·tan(α/2)")
right.set(xscale="log", yscale="log", xlabel="α", ylabel="best error")
right.legend(loc="upper left")
figure

# %% [markdown]
# *Left: the best of all output weights leave the same error (bars) at the three points
# of the proof. Right: forty random neurons never beat the bound, and with lines at ±α
# among them they attain it. The lemma is sharp.*
#
# ## A ticket
#
# Conversely, how does a hit look? The best of 200 networks of 17 neurons, real masks
# only.

# %%
problem = ltjax.NeuronPruning(readout="linear", target="generic")
ltjax.estimate(problem, n=17, eps=0.3, trials=200, key=key, witness="hits.npz")
hits = np.load("hits.npz")
best = hits["error"].argmin()
u, v, w, mask = (hits[name][best] for name in ("u", "v", "w", "mask"))

figure, (ax,) = drawing.panels()
drawing.on_the_circle(ax, u, v, w, mask, hits["error"][best])
ax.set_title(f"{mask.sum()} of 17 neurons, certified error {hits['error'][best]:.3f}")
ax.legend(loc="upper right")
figure

# %%
angles = np.sort(np.degrees(planar.kink_distance(planar.frame(u, v, w)[0])))
need = np.degrees(bounds.kink_angle(hits["error"][best]))
print(f"the lemma asks for a kink line within {need:.1f}° of the target's")
print("there are some at", ", ".join(f"{angle:.1f}°" for angle in angles[:3]))

# %% [markdown]
# ## How often is a line near enough?
#
# For an error of ε the lemma asks for a line within $\alpha=2\arctan(2\varepsilon)$.
# The lines of normal weights have uniform directions, so that none of $n$ is near with
# probability $(1-2\alpha/\pi)^n$, and
#
# $$P(\text{hit})\ \le\ 1-\Bigl(1-\frac{2\alpha}{\pi}\Bigr)^n
# \ \le\ \frac{8\varepsilon n}{\pi}.$$
#
# The middle term is no bound but the exact probability of an event, so draw it.

# %%
trials, n_max = 20_000, 120
n = np.arange(1, n_max + 1)


def nearest_line(key):
    """The angle of the nearest line among the first 1, 2, ..., n_max neurons."""
    net = networks.sample_network(key, n_max, 2)
    theta, _ = planar.frame(net.u, net.v, jnp.asarray(w))
    return jax.lax.cummin(planar.kink_distance(theta))


nearest = np.asarray(jax.vmap(nearest_line)(jax.random.split(key, trials)))

figure, (ax,) = drawing.panels()
for i, eps in enumerate((0.1, 0.03, 0.01)):
    events = (nearest <= bounds.kink_angle(eps)).sum(axis=0)
    look = drawing.style(i, linestyle="", markevery=6)
    ax.plot(n, events / trials, **look, label=f"ε = {eps}")
    exact = [bounds.kink_event(k, eps) for k in n]
    ax.plot(n, exact, color=drawing.COLOURS[i], linewidth=1)
    worst = np.abs(events / trials - exact).max()
    print(f"ε = {eps}: largest difference from the formula {worst:.4f}")
ax.set(xlabel="n", ylabel="P(a line within α)")
ax.legend(title="lines: formula")
figure

# %% [markdown]
# ## And the hits?
#
# A line in the right place is needed, not enough: a sweep over $n$ and ε, for both
# readouts.

# %%
spec = tomllib.loads("""
problem = "neuron-pruning"
readout = ["linear", "relu"]
n = [2, 4, 6, 8, 10, 12, 14, 17]
eps = [0.8, 0.5, 0.3]
trials = 160
seed = 0
""")
sweeps.run(sweeps.parse_spec(spec), "sweep.db")
cells = sweeps.load("sweep.db")

figure, axes = drawing.panels(2)
for ax, (readout, part) in zip(axes, cells.groupby("readout"), strict=True):
    for i, (eps, curve) in enumerate(part.groupby("eps", sort=False)):
        limits = curve["frequency"], curve["lower"], curve["upper"]
        drawing.band(ax, curve["n"], *limits, i, f"ε = {eps}")
    ax.set(title=f"readout {readout}", xlabel="n", ylim=(0, 1))
axes[0].set_ylabel("P(hit)")
axes[0].legend(loc="upper left")
figure

# %% [markdown]
# *Hit frequency in 160 trials in the band of its 99% interval. At such large ε it is
# the number of subsets that limits, and curves for different ε do not yet scale like
# 1/ε; for small ε the lines decide (notebook 1). What is fitted to large ε alone says
# nothing about small ε.*
#
# `ltjax verify NP-1 NP-2 NP-3 NP-4` turns this notebook into verdicts.
