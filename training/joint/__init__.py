"""Heads trained on many people: their trials, their scores, and training through the encoder."""
