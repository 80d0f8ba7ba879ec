"""What a test part says: scores, comparisons, and the files that keep them."""
