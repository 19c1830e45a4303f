"""Load images, split them, and write the prepared data that the other stages read."""
