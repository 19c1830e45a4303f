"""Measure by simulation how often verdicts and confidence intervals are wrong."""
