"""Networks: build one from an architecture and its options, describe it in numbers, check the numbers with Keras."""
