"""Train one replicate or many: same seed, same bits, however often it was interrupted."""
