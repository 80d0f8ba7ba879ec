"""Panels of the window: each is a file here, or comes from another package by entry point."""
