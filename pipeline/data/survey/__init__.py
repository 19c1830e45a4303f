"""Inspect unknown images, and propose a data configuration for them."""
