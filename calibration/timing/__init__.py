"""When cues are really seen."""
