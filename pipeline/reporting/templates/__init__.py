"""Templates of reports, and how they are filled in."""
