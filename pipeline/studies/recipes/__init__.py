"""Which learning rate and augmentation suit each compared network? A search on images that are never tested."""
