"""Pretraining an encoder: settings, masks, schedule, objective, windows, checkpoints, the loop."""
