"""What a run leaves in its folder: settings, curves, checkpoints, pictures."""
