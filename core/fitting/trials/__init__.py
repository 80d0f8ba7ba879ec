"""Cutting recordings into trials, and setting aside those that hold artifacts."""
