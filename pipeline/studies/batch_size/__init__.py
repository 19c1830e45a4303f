"""Batches of 32 or of 128 images? Accuracy, seconds and steps, with equal and with scaled learning rates."""
