"""What a network gains from knowing that neighbours belong together: MNIST-1D, in order and with shuffled positions."""
