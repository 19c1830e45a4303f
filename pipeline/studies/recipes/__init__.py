"""Does a repeated search select the same recipes? Learning rate and augmentation of the compared networks."""
