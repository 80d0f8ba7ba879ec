"""The screen that the operator sees while the cues go on."""
