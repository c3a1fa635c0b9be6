"""Weight pruning: single weights may be cut, and a logarithmic number of neurons suffices."""
