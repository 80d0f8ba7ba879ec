"""Decoders in files, and finding the one that fits."""
