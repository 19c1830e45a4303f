"""Networks: built from an architecture and its options, described in numbers, and checked against Keras."""
