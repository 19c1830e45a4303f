"""Kinds of pooling: accuracy against the number of training signals, and consistency under shifts of digits."""
