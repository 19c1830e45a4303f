"""How sure a comparison is: intervals, tests, verdicts and ranks."""
