"""What may be configured: the schema, how it is read, and checked options of functions."""
