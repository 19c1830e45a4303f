"""Sweeps of experiments on Optuna, in Hydra's words."""
