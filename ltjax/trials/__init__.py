"""Trials: which cells share a draw (plan.py), decided by the thousand (dispatch.py, decide.py), counted (counts.py)."""
