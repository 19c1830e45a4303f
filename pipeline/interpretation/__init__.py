"""Interpretation: what a trained network has learned."""
