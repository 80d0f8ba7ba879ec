"""The first screen: stream, channels, person."""
