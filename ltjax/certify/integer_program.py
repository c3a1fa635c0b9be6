"""Neuron pruning in the plane by integer programming: the exact reference, slow but a judge.

Binary m_i, and at every angle t of a finite set the tube lower(t) <= Σ m_i v_i σ(⟨u_i, x(t)⟩) <= upper(t).
Readout `linear`: the tube is sin⁺(t) ± ε. Readout `relu`: |σ(g) - sin⁺| <= ε says g <= sin⁺ + ε, and
says g >= sin - ε only where sin t > ε: elsewhere σ(g) >= 0 >= sin⁺ - ε already. So the problem is linear
in m for both readouts. The set of angles starts with all kinks and is refined by the worst point of each
mask found (cutting planes). It never contains more than the truth asks, so

* a mask whose exact error (over all angles, float64) is <= ε is a hit;
* an infeasible relaxation is a miss, by HiGHS: its word is that of floating point, with the tolerances below;
* anything else (a mask within rounding of ε, a time limit, a model that HiGHS refuses) is undecided.
"""

import dataclasses
import re
import warnings
from typing import Any

import numpy as np
import scipy.optimize

from ltjax import arguments
from ltjax.certify.errors import network as networks
from ltjax.certify.errors import plane as plane_error

ROW_TOLERANCE = 1e-6
"""HiGHS takes a row that is violated by less, and an integer that is off by less (`mip_feasibility_tolerance`)."""
DROPPED = 1e-9
"""HiGHS takes an entry of no larger size for zero (`small_matrix_value`)."""
REFUSED = 1e15
"""HiGHS refuses a model with an entry of this size (`large_matrix_value`)."""
INFEASIBLE = 8
"""HiGHS's own status of an infeasible model. SciPy's status 2 stands for a refused one, 2 in HiGHS, as well."""


@dataclasses.dataclass(frozen=True)
class MilpDecision:
    """Outcome of `decide`.

    Attributes:
        status: 1 hit, 0 undecided, -1 miss.
        mask: the last mask found, shape (n,), or None. For a hit, `error + margin <= eps`.
        error: its exact error, `margin` the rounding bound on that (NaN without a mask).
        rounds: integer programmes solved.
    """

    status: int
    mask: np.ndarray | None
    error: float
    margin: float
    rounds: int


def _rows(u: np.ndarray, v: np.ndarray, w: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of every neuron, and sin t, at the angles t of the target's frame."""
    x = np.cos(t)[:, None] * np.array([w[1], -w[0]]) + np.sin(t)[:, None] * w
    return np.maximum(x @ u.T, 0.0) * v, np.sin(t)


def _crests(u: np.ndarray, v: np.ndarray, w: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """On each piece of the masked network, the angle of the crest of (network - target), if inside."""
    along, across = u @ w, u[:, 0] * w[1] - u[:, 1] * w[0]
    line = np.mod(np.arctan2(-across, along), np.pi)
    ends = np.sort(np.concatenate([[0.0, np.pi], line, line + np.pi]))
    half = 0.5 * np.diff(np.append(ends, 2 * np.pi))
    middle = ends + half
    a_sin = np.cos(middle)[:, None] * np.array([w[1], -w[0]]) + np.sin(middle)[:, None] * w
    on = ((a_sin @ u.T) > 0.0) * (v * mask)
    b = on @ along - (np.sin(middle) > 0.0)
    a = on @ across
    shift = np.arctan2(b, a) - middle
    shift -= np.pi * np.round(shift / np.pi)
    return middle + np.clip(shift, -half, half)


def _infeasible(result: Any) -> bool:
    """Whether HiGHS itself called the model infeasible; SciPy passes its status on in the message only."""
    status = re.search(r"HiGHS Status (\d+)", str(result.message))
    return result.status == 2 and status is not None and int(status[1]) == INFEASIBLE


def _slack(scale: float, n: int) -> float:
    """By how much the tube is widened: more than HiGHS's tolerances may move a row, absolutely.

    A row may be violated, n integers be off by so much each, and n entries be dropped; entries add up to at most scale.
    The factor 4, of which 2 are used where the scale is 1, covers the rounding of the rows.
    """
    return 4.0 * ROW_TOLERANCE * scale + n * DROPPED


def decide(
    u: Any,
    v: Any,
    w: Any,
    eps: float,
    *,
    readout: str = "linear",
    rounds: int = 40,
    time_limit: float = 60.0,
    nodes: int | None = None,
) -> MilpDecision:
    """Decide exactly whether some subset of the neurons is within ε of σ(⟨w, ·⟩) on the unit disc.

    Args:
        u: rows, shape (n, 2).
        v: output weights, shape (n,).
        w: the target's direction, shape (2,).
        eps: the error asked for, above 0.
        readout: "linear" or "relu".
        rounds: most integer programmes.
        time_limit: seconds for each of them.
        nodes: most branches of each of them, in place of seconds, so that the machine decides nothing; None: no limit.

    Raises:
        ArgumentError: for an unknown readout, an eps or a time limit not above 0, or weights that
            `plane.exact_error` refuses.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    eps = arguments.real("eps", eps, above=0.0)
    rounds = arguments.whole("rounds", rounds, 1)
    options: dict[str, float] = {"time_limit": arguments.real("time_limit", time_limit, above=0.0)}
    if nodes is not None:
        options = {"node_limit": arguments.whole("nodes", nodes, 1)}
    u, v, w = (np.asarray(x, dtype=np.float64) for x in (u, v, w))
    # All neurons, to have the sizes checked of those that no mask met keeps, too.
    plane_error.exact_error(u, v, w, readout=readout)
    value, margin = plane_error.exact_error(u, v, w, np.zeros(v.shape, bool), readout=readout)
    if value + margin <= eps:
        return MilpDecision(1, np.zeros(v.shape, bool), value, margin, 0)
    # The size of v_i goes into the row: no product of the two overflows then that is not refused above.
    u, v, w = np.abs(v)[:, None] * u, np.sign(v), networks.direction("w", w)
    size = float(np.sum(networks.lengths(u)))
    if size >= REFUSED:
        return MilpDecision(0, None, float("nan"), float("nan"), 0)
    scale = 1.0 + size
    # Widened, so that "infeasible" holds for the true tube; masks in the widened rim come out undecided.
    slack = _slack(scale, v.size)
    # The empty mask stays in a tube so wide: then "infeasible" is rounding, and no miss.
    meaningful = eps + slack < 1.0
    across, along = u[:, 0] * w[1] - u[:, 1] * w[0], u @ w
    line = np.mod(np.arctan2(-across, along), np.pi)
    angles = np.concatenate([[0.0, np.pi], line, line + np.pi, np.arange(0.05, 2 * np.pi, 0.1)])
    mask, error, margin = None, float("nan"), float("nan")
    for count in range(1, rounds + 1):
        matrix, sine = _rows(u, v, w, angles)
        wanted = np.maximum(sine, 0.0)
        lower, upper = wanted - eps - slack, wanted + eps + slack
        if readout == "relu":
            lower = np.where(sine > eps + slack, lower, -np.inf)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # HiGHS reports tolerances that SciPy turns into warnings
            result = scipy.optimize.milp(
                c=np.zeros(v.size),
                integrality=np.ones(v.size),
                bounds=scipy.optimize.Bounds(0, 1),
                constraints=scipy.optimize.LinearConstraint(matrix, lower, upper),  # pyright: ignore[reportArgumentType]
                options=options,
            )
        if meaningful and _infeasible(result):
            return MilpDecision(-1, mask, error, margin, count)
        if result.x is None or not np.all(np.isfinite(result.x)):
            return MilpDecision(0, mask, error, margin, count)
        mask = result.x > 0.5
        error, margin = plane_error.exact_error(u, v, w, mask, readout=readout)
        if error + margin <= eps:
            return MilpDecision(1, mask, error, margin, count)
        # Cut: all of this mask's crests outside the tube become rows.
        crests = _crests(u, v, w, mask)
        matrix, sine = _rows(u, v, w, crests)
        g = matrix @ mask
        wanted = np.maximum(sine, 0.0)
        outside = (g > wanted + eps + slack) | ((g < wanted - eps - slack) & ((readout == "linear") | (sine > eps)))
        if not outside.any():
            if readout == "relu" and error > eps + 2 * slack:
                # The lower tube ends at sin t = ε, where no crest need lie: add those two angles once.
                edge = np.arcsin(min(1.0, eps + 2 * slack))
                if not np.isin(edge, angles):
                    angles = np.concatenate([angles, [edge, np.pi - edge]])
                    continue
            return MilpDecision(0, mask, error, margin, count)
        angles = np.concatenate([angles, crests[outside]])
    return MilpDecision(0, mask, error, margin, rounds)


__all__ = ["MilpDecision", "decide"]
