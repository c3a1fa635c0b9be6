# %% [markdown]
# # 8. A ticket for a trained network
#
# Until now the target was one neuron. Here it is a network that was trained to read
# handwritten digits, and the ticket is a random network in which nothing was trained:
# parts were taken out of it until it reads digits too.

# %%
import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import pandas as pd
from sklearn.datasets import load_digits

import ltjax
from ltjax import tickets
from ltjax.figures import style as drawing

matplotlib.rcParams.update(drawing.STYLE)
ltjax.use_cores()  # before the first computation

# %% [markdown]
# ## The target
#
# 1797 images of 8 × 8 pixels, of which 360 are held back. One hidden layer of 16 units,
# trained by Adam for a second.

# %%
images, digit = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(images))
images, digit = images[order] / 16.0, digit[order]
seen, held = slice(None, -360), slice(-360, None)
x, y = jnp.asarray(images[seen], jnp.float32), jnp.asarray(digit[seen])


def network(params, x):
    return jax.nn.relu(x @ params["W1"].T + params["b1"]) @ params["W2"].T


def loss(params):
    logits = network(params, x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


first, second = jax.random.split(jax.random.key(0))
params = {
    "W1": jax.random.normal(first, (16, 64)) / 8.0,
    "b1": jnp.zeros(16),
    "W2": jax.random.normal(second, (10, 16)) / 4.0,
}
adam = optax.adamw(2e-2, weight_decay=1e-3)


@jax.jit
def train(params):
    def step(carry, _):
        params, state = carry
        change, state = adam.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, change), state), None

    return jax.lax.scan(step, (params, adam.init(params)), length=300)[0][0]


params = train(params)
np.savez("target.npz", **{name: np.asarray(array) for name, array in params.items()})

target = tickets.read_perceptron("target.npz")


def accuracy(values):
    return float(np.mean(values.argmax(axis=1) == digit[held]))


print(f"{target.size:,} weights; accuracy {accuracy(target(images[held])):.1%}")

# %% [markdown]
# A file of `W1, b1, W2, b2, …` is all that is needed. Networks from PyTorch, Equinox
# and Flax are written in two lines ("Tickets" in the documentation).
#
# ## The ticket
#
# Each weight of the target becomes a random subset sum (notebook 2): two layers of the
# start network stand for one, and a weight is the sum of those products $v_iu_{ij}$
# that the mask keeps. With 44 neurons for every input, nearly each weight has a subset
# within 0.02.

# %%
ticket = tickets.build(target, 0.02, redundancy=44, low=0.0, high=1.0)
ticket.save("ticket.npz", "target.npz")
proof = ticket.certificate
print(f"start network: {ticket.start.size:,} random weights, {ticket.kept:,} survive")
print(f"{proof.reached:.2%} of the weights are within 0.02 of the target's")

# %% [markdown]
# On the command line it is
# `ltjax ticket target.npz --eps 0.02 --auto --out ticket.npz`.
#
# ## Do not believe it
#
# The file holds masks and a seed. NumPy draws the start network again, and it takes
# nothing of ltjax to run it.


# %%
def pruned(path):
    """The matrices of the pruned random network, layer by layer."""
    t, matrices = np.load(path), []
    for i, (rows, columns) in enumerate(t["shapes"]):
        philox = np.random.Philox(key=np.array([t["seed"], i], np.uint64))
        bits = philox.random_raw(rows * columns) >> np.uint64(40)
        unit = (bits.astype(float) * 2.0**-23 - 1.0).reshape(rows, columns)
        mask = np.unpackbits(t[f"mask_{i + 1}"], axis=1, count=columns)
        matrices.append((t["centers"][i] + t["spreads"][i] * unit) * mask)
    return matrices


def run(matrices, x):
    for i, matrix in enumerate(matrices):
        if x.shape[1] < matrix.shape[1]:  # a bias is an input that is always 1
            x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        x = x @ matrix.T
        x = np.maximum(x, 0.0) if i + 1 < len(matrices) else x
    return x


matrices = pruned("ticket.npz")
print(f"accuracy of the ticket {accuracy(run(matrices, images[held])):.1%}")

# %%
print("layers of the start network:", [matrix.shape for matrix in matrices])
# Inputs are at least 0 here, so that of a first layer's rows only positive ones act.
W1 = np.concatenate([np.asarray(params["W1"]), np.asarray(params["b1"])[:, None]], 1)
ticket_W1 = matrices[1] @ np.maximum(matrices[0], 0.0)

figure, (left, right) = drawing.panels(2)
left.plot(W1.ravel(), ticket_W1.ravel(), ".", color=drawing.COLOURS[1], markersize=2)
left.set(xlabel="weight of the target", ylabel="sum of products kept", aspect="equal")
right.hist((ticket_W1 - W1).ravel(), 60, color="#888888")
for end in (-0.02, 0.02):
    right.axvline(end, color="k", linestyle=":", linewidth=1)
right.set(xlabel="difference", ylabel="weights of the first layer", yscale="log")
figure

# %% [markdown]
# *Left: all 1040 weights of the first layer. Right: how far off they are; dotted, what
# was asked for.*
#
# ## How far apart can the two be?
#
# Not on some images, but on all inputs in $[0,1]^{64}$: `bound` is certified, interval
# arithmetic on the host. `found` is what an adversary reaches by gradient ascent. The
# truth lies between them.

# %%
images_only = np.abs(run(matrices, images) - target(images)).max()
print(f"on all {len(images):,} images:  {images_only:.3f}")
print(f"found by an adversary: {proof.found:.3f}")
print(f"certified:             {proof.bound:.3f}")

again, wrong = tickets.check("ticket.npz")
print("checked again from the file:", wrong or "all that it says holds")
assert images_only <= proof.bound
assert proof.found <= proof.bound

# %%
apart = np.abs(run(matrices, images[held]) - target(images[held])).max(axis=1)
figure, axes = drawing.panels(3)
figure.set_size_inches(6.2, 2.7)
for ax, k in zip(axes, np.argsort(apart)[[-1, 180, 0]], strict=True):
    ax.imshow(images[held][k].reshape(8, 8), cmap="Greys")
    ours, theirs = (
        v[k].argmax() for v in (run(matrices, images[held]), target(images[held]))
    )
    ax.set_title(f"target {theirs}, ticket {ours}\napart {apart[k]:.3f}", fontsize=9)
    ax.axis("off")
figure

# %% [markdown]
# *The held-back image on which the two differ most, one in the middle, and the one on
# which they differ least.*
#
# ## What it costs
#
# Fewer neurons for each input leave more weights unreached, which the certificate
# lists. A pattern that hardware can use is 2:4 (notebook 5).

# %%
rows = {"weights, 44": ticket}
rows["weights, 28"] = tickets.build(target, 0.02, redundancy=28, low=0.0, high=1.0)
rows["2:4, 44"] = tickets.build(
    target, 0.02, redundancy=44, pattern="2:4", low=0.0, high=1.0
)
table = {}
for name, each in rows.items():
    each.save("other.npz", "target.npz")
    here = accuracy(run(pruned("other.npz"), images[held]))
    said = each.certificate
    table[name] = [
        each.start.size,
        f"{said.reached:.1%}",
        f"{said.bound:.2f}",
        f"{here:.1%}",
    ]
columns = ["start weights", "reached", "certified error", "accuracy"]
pd.DataFrame.from_dict(table, orient="index", columns=columns)

# %% [markdown]
# `--auto` on the command line, or `redundancy=None`, measures beforehand the least
# redundancy that reaches 99.9% of the weights.
