"""Damage running commands at random moments, repeat them, and compare the results with an undisturbed run."""
