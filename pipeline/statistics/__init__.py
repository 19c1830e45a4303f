"""Statistical inference on a comparison: intervals, tests, verdicts and ranks."""
