"""The paradigm's settings as flags of the command line, without loading what checks them.

They are written out rather than generated from `calibration.paradigm.model.Paradigm`: importing
pydantic and building the model doubles the processor time of ``eegpt-calibrate --help``, of which
each answer has 0.3 s; a flag that is not given must leave what a file says, so none may carry the
model's default; and switches are on or off here. A test compares names and the defaults in the help
with the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ParadigmFlags:
    """Changes to the paradigm; what is not given is as in the paradigm's file. Times in seconds."""

    classes: tuple[str, ...] | None = None
    """Two to five of left_hand, right_hand, feet, tongue, rest (left_hand right_hand)."""
    trials_per_class: int | None = None
    """Trials of each class (20)."""
    trials_per_block: int | None = None
    """Trials between two pauses (20)."""
    practice_per_class: int | None = None
    """Trials of each class to practise first; they are not fitted (0)."""
    instructions: float | None = None
    """How long the instructions stand before the first trial (8)."""
    baseline: float | None = None
    """Rest with open eyes before the first trial; 60 is usual (0)."""
    cross: float | None = None
    """From the cross to the cue (2)."""
    beep_lead: float | None = None
    """From the tone to the cue (1)."""
    cue: float | None = None
    """How long the arrow is shown (1.25)."""
    imagery: float | None = None
    """From the cue to the end of imagery (4)."""
    break_shortest: float | None = None
    """Shortest break between two trials (1.5)."""
    break_longest: float | None = None
    """Longest break between two trials (3.5)."""
    block_pause: float | None = None
    """Pause between two blocks; Space makes it longer (8)."""
    feedback: Literal["on", "off"] | None = None
    """Show what the decoder so far makes of each trial (off)."""
    sound: Literal["on", "off"] | None = None
    """Sound a tone before each cue (on)."""
    photodiode: str | None = None
    """Corner of the square for a photodiode: top_left, top_right, bottom_left, bottom_right or
    none (bottom_left)."""
    photodiode_size: int | None = None
    """Side of that square in pixels (70)."""

    @property
    def changes(self) -> dict[str, Any]:
        """The fields to change, as the paradigm has them; None changes nothing."""
        switches = {"on": True, "off": False}
        return {
            name: switches.get(value, value) if isinstance(value, str) else value
            for name, value in vars(self).items()
        }
