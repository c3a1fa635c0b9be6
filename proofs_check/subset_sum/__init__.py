"""Random subset sum: how many random numbers it takes for their subset sums to reach a target."""
