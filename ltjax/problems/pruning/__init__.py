"""Pruning: does a random two-layer ReLU network hold one within ε of a target, with nothing trained?

One question with a pattern: `Pruning`. Two patterns have names of their own: `NeuronPruning` takes out whole rows,
`WeightPruning` cuts single weights.
"""

from ltjax.problems.pruning.base import *  # noqa: F403
from ltjax.problems.pruning.neurons import *  # noqa: F403
from ltjax.problems.pruning.weights import *  # noqa: F403
