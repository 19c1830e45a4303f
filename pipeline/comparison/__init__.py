"""From run folders to the values of a comparison."""
