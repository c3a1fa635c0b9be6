"""Patterns between whole rows and single weights: what costs an exponential, and what a factor."""
