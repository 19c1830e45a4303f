"""The sweep that `benchmarks.sweeps` measures, as people would make it with what else there is."""
