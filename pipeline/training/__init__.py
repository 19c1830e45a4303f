"""Train one replicate or many. The same seed gives bit-identical weights, even after interruptions."""
