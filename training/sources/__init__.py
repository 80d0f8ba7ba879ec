"""Recordings of published data sets, and of any file, for a window store."""
