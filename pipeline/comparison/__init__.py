"""Gather what a comparison of models needs."""
