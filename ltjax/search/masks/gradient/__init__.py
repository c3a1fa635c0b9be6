"""Masks by gradient: what training finds, beside what exists. Hits only.

gates.py    scores as masks of a pattern, with gradients for what is cut
descent.py  edge-popup and relaxed Bernoulli gates, on the smooth maximum of the error at points
"""

from ltjax.search.masks.gradient.descent import METHODS, train_masks
from ltjax.search.masks.gradient.gates import Gates, gates_for

__all__ = ["METHODS", "Gates", "gates_for", "train_masks"]
