"""Look at images that the project has never seen, and propose a data configuration for them."""
