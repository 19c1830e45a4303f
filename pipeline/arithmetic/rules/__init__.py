"""The effect of each kind of layer on shape and receptive field, and its cost: one function per kind."""
