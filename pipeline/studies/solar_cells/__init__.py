"""Classify solar cells with a random split, as published, and with a split by module, which is harder."""
