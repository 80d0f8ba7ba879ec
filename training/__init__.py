"""Offline pretraining and evaluation."""
