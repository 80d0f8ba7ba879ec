"""The published linear probe of LaBraM on BCIC-2A, as it was published and as it should be."""
