"""Arithmetic of convolutional networks: sizes, parameters, costs and receptive fields, without TensorFlow."""
