"""The commands that compose no configuration."""
