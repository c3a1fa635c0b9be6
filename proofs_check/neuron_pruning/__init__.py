"""Neuron pruning: whole rows have to wait for a random bend in the right place."""
