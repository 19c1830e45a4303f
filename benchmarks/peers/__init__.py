"""The sweep of `benchmarks.sweeps`, written with other tools."""
