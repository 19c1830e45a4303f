"""Figures: each module gathers the values of a plot into a named tuple and draws it."""
