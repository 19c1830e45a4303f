"""One module per page: it computes the numbers and the figures that the template of the same page shows."""
