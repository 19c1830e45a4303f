"""The arithmetic of convolutional networks: integers in, integers out, without TensorFlow."""
