"""Does a deep network need a non-linear activation? Linear networks beside ReLU, and collapsed to one matrix."""
