"""Weights in files: loading, saving and fetching them."""
