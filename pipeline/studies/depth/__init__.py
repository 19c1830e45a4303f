"""How does accuracy depend on the receptive field? Depth, kernel size and dilation with equal numbers of parameters."""
