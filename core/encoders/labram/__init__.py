"""LaBraM (Jiang et al. 2024, ICLR): a token for each electrode and second, of the whole window."""
