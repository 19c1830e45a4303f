"""The chosen network at work: answers for new pictures, and checks whether they are to be trusted."""
