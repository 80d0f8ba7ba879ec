"""Stands for braindecode, which is an optional extra: the same interface, tiny models."""
