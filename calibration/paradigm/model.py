"""A paradigm: what a person is asked to do, when, and how it is marked. Data, not code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from core.settings import Settings, load_settings

Label = Literal["left_hand", "right_hand", "feet", "tongue", "rest"]
Corner = Literal["none", "top_left", "top_right", "bottom_left", "bottom_right"]

_PRACTICE = "practice_"


@dataclass(frozen=True)
class Code:
    """How a kind of event is marked.

    Attributes
    ----------
    name : str
        As in ``events.tsv``; a cue is named after its class, as MOABB names it.
    value : int
        The event code of the General Data Format (Schlögl, 2006) and of OpenViBE.
    words : str
        What happens, for ``events.json``.
    """

    name: str
    value: int
    words: str


EVENTS = {
    code.name: code
    for code in (
        Code("experiment_start", 32769, "The run begins"),
        Code("baseline_start", 32775, "The person rests with open eyes, looking at a cross"),
        Code("baseline_end", 32776, "The rest with open eyes ends"),
        Code("trial_start", 768, "A trial begins"),
        Code("cross", 786, "A fixation cross appears"),
        Code("beep", 785, "A short tone: the cue is about to come"),
        Code("left_hand", 769, "Cue: imagine moving the left hand"),
        Code("right_hand", 770, "Cue: imagine moving the right hand"),
        Code("feet", 771, "Cue: imagine moving both feet"),
        Code("tongue", 772, "Cue: imagine moving the tongue"),
        # GDF names four cues and numbers them on: 773 is the cue of a fifth class.
        Code("rest", 773, "Cue: do nothing"),
        Code("feedback", 781, "Feedback of the decoder is shown from here to the trial's end"),
        Code("trial_end", 800, "Imagery ends, and with it the trial"),
        Code("experiment_stop", 32770, "The run ends"),
    )
}
"""Every kind of event, by name."""

_UNKNOWN_CUE = 783  # GDF: a cue of no stated class, so that nobody takes practice for data


def event_code(name: str) -> Code:
    """Return how an event of that name is marked; ``practice_left_hand`` is a practice cue."""
    if name.startswith(_PRACTICE):
        words = EVENTS[name.removeprefix(_PRACTICE)].words
        return Code(name, _UNKNOWN_CUE, f"{words}; practice, not to be fitted")
    return EVENTS[name]


def cue_name(label: str, practice: bool) -> str:
    """Return the name of the cue of a class."""
    return f"{_PRACTICE}{label}" if practice else label


Seconds = Annotated[float, Field(ge=0.0, le=60.0)]


class Paradigm(Settings):
    """A run of cued imagery. Times in seconds.

    The defaults are the Graz paradigm as BCI Competition IV 2a timed it (Tangermann et al.,
    2012): a cross, the cue two seconds later for 1.25 s, imagery until four seconds after the
    cue, and a break. The tone comes a second before the cue, as in OpenViBE, so that what it
    evokes is over when imagery starts.
    """

    classes: Annotated[tuple[Label, ...], Field(strict=False, min_length=2, max_length=5)] = (
        "left_hand",
        "right_hand",
    )
    trials_per_class: Annotated[int, Field(ge=1, le=200)] = 20
    trials_per_block: Annotated[int, Field(ge=1, le=1000)] = 20
    practice_per_class: Annotated[int, Field(ge=0, le=20)] = 0
    instructions: Annotated[float, Field(ge=0.0, le=600.0)] = 8.0
    baseline: Annotated[float, Field(ge=0.0, le=600.0)] = 0.0
    cross: Annotated[float, Field(ge=0.2, le=60.0)] = 2.0
    beep_lead: Seconds = 1.0
    cue: Annotated[float, Field(ge=0.1, le=60.0)] = 1.25
    imagery: Annotated[float, Field(ge=0.5, le=60.0)] = 4.0
    break_shortest: Seconds = 1.5
    break_longest: Seconds = 3.5
    block_pause: Annotated[float, Field(ge=0.0, le=600.0)] = 8.0
    feedback: bool = False
    sound: bool = True
    photodiode: Corner = "bottom_left"
    photodiode_size: Annotated[int, Field(ge=10, le=400)] = 70

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes names one more than once: {', '.join(self.classes)}.")
        if self.cue > self.imagery:
            raise ValueError(
                f"cue is {self.cue:g} s and imagery {self.imagery:g} s; imagery counts from the "
                "cue on, so it cannot be shorter."
            )
        if self.beep_lead > self.cross:
            raise ValueError(
                f"beep_lead is {self.beep_lead:g} s and cross {self.cross:g} s; the tone comes "
                "while the cross is shown, so it cannot come earlier."
            )
        if self.break_shortest > self.break_longest:
            raise ValueError(
                f"break_shortest is {self.break_shortest:g} s, which is longer than break_longest "
                f"({self.break_longest:g} s)."
            )
        return self

    @property
    def trials(self) -> int:
        """Trials of a whole run, without practice."""
        return self.trials_per_class * len(self.classes)


def load_paradigm(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> Paradigm:
    """Return the Graz paradigm, changed by a YAML file and then by flags.

    Parameters
    ----------
    path : Path, optional
        YAML file with some of `Paradigm`'s fields.
    changes : mapping, optional
        Fields to change, such as ``ParadigmFlags(...).changes``; None changes nothing.

    Raises
    ------
    InputError
        If the file cannot be used, a key is misspelt or a value out of range.
    """
    return load_settings(Paradigm, path, changes)
