"""Everything that goes wrong with a live stream, done to one on purpose."""
