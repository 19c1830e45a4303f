"""Predictions of trained networks and the metrics that score them."""
