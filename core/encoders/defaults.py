"""Names of the encoders that are taken where none is named."""

STARTER = "starter"
"""The encoder that was trained without labels and comes with the program."""

DEFAULT = "imagery"
"""The encoder of decoders where none is named, among those that come with the program."""
