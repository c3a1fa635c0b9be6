"""The gap: rows against single weights on one start network."""
