"""Does the optimizer matter? SGD, momentum, Adam and cosine decay on the lecture's network, each with a chosen rate."""
