"""Tools for developers of this project; `pipeline` does not import them."""
