"""What no program can know of a stream or a recording: said before a session and in its report."""

from __future__ import annotations

ELECTRODES = "Nothing in the signal proves that electrodes are where their names say."

NAMED = "Nothing in the signal proves that electrodes are where --channels names them."

UNIT_OF_FILES = (
    "A wrong unit (as the files, or --unit, say) is noticed from about a hundredfold on."
)


def doubts(channels_named: bool, unit: str, unit_given: bool) -> tuple[str, ...]:
    """Return what cannot be known of a stream, in sentences.

    Parameters
    ----------
    channels_named : bool
        Whether a person named its channels, instead of the stream.
    unit : str
        Of its electrodes.
    unit_given : bool
        Whether a person gave the unit, instead of the stream.
    """
    source = "--unit" if unit_given else "the stream"
    return (
        NAMED if channels_named else ELECTRODES,
        f"A wrong unit ({unit}, as {source} says) is noticed from about a hundredfold on.",
    )
