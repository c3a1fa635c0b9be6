r"""PAT-1: A pattern is whole rows on the inputs that matter.

**Hypotheses.** A start network with $d$ inputs, readout linear or relu, any weights; a target that depends on the
inputs in $B$ alone, $|B|=b$.

**Statement.** To restrict a network to the inputs in $B$ moves no error upward. So on every draw the least error under
a pattern is that of whole rows in dimension $b$, wherever the pattern keeps all or nothing of each row in $B$ and may
cut all else: for blocks $1\times b$ with $B$ a block, whatever $d$; for any pattern that isolates an input, such as
2:4, with $b=1$.

**Source.** Worked out for this project; the ball's shadow on $B$ is a ball.

**Checked.** The two least errors, over all masks on either side, at points of the sphere and their shadows, agree to
rounding on every draw, and so do the decisions at three precisions. Rows in dimension $b+1$ do not.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.networks import random_directions, sample_weights
from ltjax.patterns import get_pattern
from ltjax.verify.claim import Claim, Control
from ltjax.verify.run import Run
from ltjax.verify.tests import Holds, Test

CASES = {"block:1x2": (4, 2, 3), "block:1x3": (6, 3, 3), "2:4": (4, 1, 2)}
"""By pattern: d, b and how many neurons."""
READOUTS = ("linear", "relu")
EPS = (0.7, 0.5, 0.35)
POINTS, TRIALS, EQUAL = 32, 2_000, 1e-9


def least_errors(u: Any, v: Any, w: Any, masks: Any, points: Any) -> Any:
    """The least error at the points of all these masks, by readout."""
    hidden = jnp.maximum(jnp.einsum("mnd,pd->mnp", jnp.where(masks, u, 0.0), points), 0.0)
    g, f = jnp.einsum("mnp,n->mp", hidden, v), jnp.maximum(points @ w, 0.0)
    return jnp.stack([jnp.min(jnp.max(jnp.abs(x - f), axis=1)) for x in (g, jnp.maximum(g, 0.0))])


def each(key: Any, name: str) -> Any:
    """Least errors of one draw, by readout: under the pattern, of rows on b inputs, of rows on b + 1; and under the
    pattern for a target that depends on all inputs."""
    d, b, n = CASES[name]
    key_weights, key_points, key_target, key_other = jax.random.split(key, 4)
    drawn = sample_weights(key_weights, n, d)
    some = random_directions(key_points, POINTS, d, drawn.u.dtype)
    w = jnp.pad(random_directions(key_target, 1, b, drawn.u.dtype)[0], (0, d - b))
    other = random_directions(key_other, 1, d, drawn.u.dtype)[0]
    # The points' shadows on the inputs that matter are among the points on either side.
    shadows = []
    for inputs in (b, b + 1):
        shadow = some * (np.arange(d) < inputs)
        shadows.append(shadow / jnp.linalg.norm(shadow, axis=1, keepdims=True))
    points, masks = jnp.concatenate([some, *shadows]), get_pattern(name).masks(n, d)

    def rows(inputs: int) -> Any:
        whole = get_pattern("rows").masks(n, inputs)
        return least_errors(drawn.u[:, :inputs], drawn.v, w[:inputs], whole, jnp.concatenate(shadows)[:, :inputs])

    near = get_pattern("rows").masks(n, b)
    found = [
        least_errors(drawn.u, drawn.v, w, masks, points),
        least_errors(drawn.u[:, :b], drawn.v, w[:b], near, shadows[0][:, :b]),
        rows(b + 1),
        least_errors(drawn.u, drawn.v, other, masks, points),
    ]
    return jnp.stack(found, axis=1)


@dataclasses.dataclass(frozen=True)
class Restriction(Claim):
    id = "PAT-1"
    controls = (
        Control("PAT-1-dimension", "the same, with rows in dimension $b+1$", {"more": 1}),
        Control("PAT-1-any-target", "the same, for a target that depends on all inputs", {"supported": 0}),
    )
    caption = (
        "Each draw's least error under a pattern against that of whole rows: in dimension b on the diagonal (dark), in "
        "dimension b + 1 off it (light). Readout linear."
    )

    more: int = 0
    """Rows are compared in dimension b and so many more."""
    supported: int = 1
    """1: the target depends on b inputs alone."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {}
        for name, (d, b, n) in CASES.items():
            what: dict[str, Any] = {"problem": f"all masks, {name}", "d": d, "b": b, "law": "normal", "n": n}
            found[name] = run.each(partial(each, name=name), TRIALS, block=64, float64=True, **what)
        return {"found": found}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = []
        for name, errors in data["found"].items():
            for i, readout in enumerate(READOUTS):
                pattern, rows = errors[:, i, 0 if self.supported else 3], errors[:, i, 1 + self.more]
                where, off = f"{name}, {readout}", np.abs(pattern - rows)
                numbers = {"draws": len(off), "largest difference": float(np.max(off))}
                tests.append(
                    Holds(f"{where}: the same least error on every draw", bool(np.all(off <= EQUAL)), False, numbers)
                )
                for e in EPS:
                    clear = np.abs(rows - e) > EQUAL
                    differ = int(np.sum(((pattern <= e) != (rows <= e)) & clear))
                    hits = int(np.sum(rows <= e))
                    tests.append(
                        Holds(
                            f"{where}, ε = {e:g}: the same decision",
                            differ == 0,
                            False,
                            {"hits": hits, "differ": differ},
                        )
                    )
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, axes = drawing.panels(2)
        for ax, (name, errors) in zip(axes, list(data["found"].items())[:2], strict=True):
            pattern, rows, wide = errors[:400, 0, :3].T
            ax.plot(wide, pattern, ".", color="#bbbbbb", markersize=3, label="rows in dimension b + 1")
            ax.plot(rows, pattern, ".", color="#0072b2", markersize=3, label="rows in dimension b")
            ax.set(xlabel="least error of whole rows", ylabel=f"least error under {name}")
            ax.legend()
        return figure
