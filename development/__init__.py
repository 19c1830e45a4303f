"""Tools for those who change this project; nothing of the product imports them."""
