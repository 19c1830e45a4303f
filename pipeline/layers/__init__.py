"""Layers that Keras lacks, and groups of layers that several architectures share."""
