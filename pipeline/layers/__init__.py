"""Keras layers that Keras lacks, and the output layer that every architecture shares."""
