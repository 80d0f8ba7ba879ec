"""Feedback tasks: cued trials in the subject's view, with targets, hits and a score."""
