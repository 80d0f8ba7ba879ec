"""What the windows of every program are made of."""
