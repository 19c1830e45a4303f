"""Count the weights of full, sparse and shared connectivity, and unroll convolutions into dense layers."""
