"""Compare convolutional networks honestly: data in, trained and evaluated networks and a report out."""
