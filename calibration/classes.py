"""Classes that the program knows by name."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import InputError
from core.recordings import Recording
from core.suggestions import closest

CLASSES = ("left_hand", "right_hand", "feet", "tongue", "rest")
"""Events of these names are cues, as MOABB names its classes; in the order of a decoder."""

_MISSPELT = 0.8  # similarity from which on a name of a class is taken for a slip


def check_class(name: str, known: Sequence[str] = CLASSES) -> str:
    """Return the name of a class, unless it looks like a known one that was misspelt.

    Parameters
    ----------
    name : str
    known : sequence of str
        Names that it might have been meant to be.

    Raises
    ------
    InputError
    """
    if name not in known and (meant := closest(name, known, _MISSPELT)) is not None:
        raise InputError(
            f'There is no class "{name}". Did you mean "{meant}"? Classes that the program knows '
            f"are {', '.join(known)}; one of your own needs a name less like these."
        )
    return name


def cue_events(recordings: Sequence[Recording]) -> dict[str, str]:
    """Return the events to fit, label -> class, where labels are the classes' own names."""
    present = {event.label for recording in recordings for event in recording.events}
    return {name: name for name in CLASSES if name in present}
