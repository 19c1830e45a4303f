"""What each kind of layer does to a shape and a receptive field, and what it costs: one function per kind."""
