"""A run in progress: the stream, what is learned from it, and how it ends."""
