"""Rules: one function per kind of layer, which returns its effect on shape and receptive field, and its cost."""
