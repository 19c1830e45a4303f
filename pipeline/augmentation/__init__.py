"""Random changes of batches of training images."""
