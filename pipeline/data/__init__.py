"""Images: where they come from, how they are divided, and the prepared data that the other stages read."""
