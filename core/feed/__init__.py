"""From where samples come to where they are decoded: what of a signal is contiguous."""
