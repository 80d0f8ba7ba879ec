"""What identifies a decoder and says how good it is: its encoder's pin, and its card."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from core.errors import one_line

if TYPE_CHECKING:
    from core.encoders import Encoder


CHOICE = "auto"
"""Name of the score in which the head was chosen again inside every fold."""

AT_REST = "at_rest"
"""Name in `DecoderCard.fit` of false alarms and hits by threshold."""

FALSE_ALARMS = "false_alarms"
"""Name in `DecoderCard.fit` of the false alarms a minute that its threshold is to keep."""

IDLE_CLASS = "idle_class"
"""Name in `DecoderCard.fit` of the class that means rest."""

OF_THE_HEAD = (
    "events",
    "labels_seen",
    "eyes_learned",
    "graph_tasks",
    "prior",
    "trust",
    "origin",
    AT_REST,
    FALSE_ALARMS,
    IDLE_CLASS,
)
"""Names in `DecoderCard.fit` of what was asked or found of the first task's head alone."""


@dataclass(frozen=True)
class EncoderPin:
    """Which encoder a decoder was fitted with.

    Attributes
    ----------
    source : str
        Its name for `core.encoders.load_encoder`, or the name of its file. A decoder file may say
        anything here, so that a path is never opened by it.
    label : str
        Its name for screens, with "untrained" in it where the weights are.
    sha256 : str
        Of its weights, whatever file they came in.
    """

    source: str
    label: str
    sha256: str

    @classmethod
    def of(cls, encoder: Encoder, source: Path | str) -> Self:
        """Return the pin of an encoder that was loaded from a source.

        Raises
        ------
        InputError
            If the encoder has no label that a file can keep.
        """
        from core.encoders.registry import is_name

        name = str(source) if is_name(str(source)) else Path(source).name
        return cls(one_line(name, 100), one_line(encoder.spec.label, 100), encoder.weights_sha256())


@dataclass(frozen=True)
class DecoderCard:
    """Where a decoder comes from and how good it was found to be.

    Attributes
    ----------
    subject, session : str
        BIDS labels without their prefix; the session may be empty.
    created : str
        UTC, ISO 8601.
    software : str
        Version that made it.
    recordings : dict of str to str
        File name -> SHA-256 of what it was fitted on.
    recorded_rate : float
        Rate in Hz of those recordings.
    head : str
        "prior", "riemann", "encoder", "hybrid", "graph" or "refined".
    trials : int
        Trials it was fitted on; 0 for one that knows the person's resting signal only.
    scores : dict of str to float
        Candidate -> cross-validated balanced accuracy.
    chance : float
        95 % chance bound of those scores.
    fit : dict
        Settings of the fit.
    artifacts : dict
        What is usual for each channel, as `core.decoding.artifacts` learned it; empty where it
        was not learned.
    """

    subject: str
    session: str
    created: str
    software: str
    recordings: dict[str, str]
    recorded_rate: float
    head: str
    trials: int
    scores: dict[str, float]
    chance: float
    fit: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Cross-validated balanced accuracy, the choice of the head cross-validated too.

        The best of several scores is too good, as it was chosen by the same trials. NaN where
        nobody scored it, as in an evaluation, which does so itself.
        """
        return self.scores.get(CHOICE, self.scores.get(self.head, float("nan")))

    @property
    def name(self) -> str:
        """What the head is called wherever people read it."""
        return one_line(self.fit.get("called", self.head), 60)
