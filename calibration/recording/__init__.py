"""A recording that cannot be lost: BIDS from the first sample, readable at every moment."""
