"""What no program can know of a stream or a recording: said before a session and in its report."""

from __future__ import annotations

ELECTRODES = (
    "Electrodes are taken to be where their names say; nothing in the signal proves it, so compare "
    "names and cap."
)

NAMED = (
    "The channels are named by --channels; nothing in the signal proves that electrodes are where "
    "these names say, so compare them and the cap."
)

_UNNOTICED = "one that is wrong by less than about a hundredfold cannot be noticed."

UNIT_OF_FILES = f"The unit is taken as each file gives it; {_UNNOTICED}"


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
    source = "as --unit gives it" if unit_given else "as the stream gives it"
    return (
        NAMED if channels_named else ELECTRODES,
        f"The unit is {unit}, {source}; {_UNNOTICED}",
    )
