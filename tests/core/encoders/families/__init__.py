"""A tiny family of encoders for each context, of seeded random weights.

They prove the wall between encoders and the rest: each is a file, and a line in the registry.
"""
