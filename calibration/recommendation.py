"""Go or redo: whether a calibration is worth decoding with, in plain words, from numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.fitting.origin import CENTRAL, EYES, REGRESSED, Origin
from core.fitting.trials.by_recording import ByRecording

NEXT = CLOSE, DECODE, AGAIN = "close", "decode", "again"
"""What can come after a session: the end, live decoding, another run."""

FEWEST_TRIALS = 8
"""Clean trials of a class below which a score says too little."""

BAD_SHARE = 0.25
"""Share of electrodes that may be bad."""

LOST_SHARE = 1 / 3
"""Share of trials that may be left out."""

RISING = 0.05
"""Gain over the last third of the trials from which on more of them are worth recording."""

ENOUGH = 0.9
"""Score from which on another run is not worth the person's time."""


@dataclass(frozen=True)
class CalibrationSummary:
    """What a recommendation rests on.

    Attributes
    ----------
    score : float
        Balanced accuracy on left-out trials.
    interval : tuple of float
        95 % interval of the score.
    chance : float
        95 % bound of guessing.
    trials : mapping of str to int
        Class -> clean trials.
    recall : mapping of str to float
        Class -> share of its trials that were decided rightly.
    rejected : int
        Trials left out.
    bad : mapping of str to str
        Electrode -> what is wrong with it ("flat").
    electrodes : int
        How many the decoder uses.
    curve : tuple of (int, float)
        Trials learned from and the score reached, in rising order; may be empty.
    origin : Origin or None
        Where the score comes from, if that is known.
    recordings : ByRecording or None
        How well the recordings alone tell the classes.
    """

    score: float
    interval: tuple[float, float]
    chance: float
    trials: Mapping[str, int]
    recall: Mapping[str, float]
    rejected: int
    bad: Mapping[str, str]
    electrodes: int
    curve: tuple[tuple[int, float], ...] = ()
    origin: Origin | None = None
    recordings: ByRecording | None = None


@dataclass(frozen=True)
class Recommendation:
    """Go or redo.

    Attributes
    ----------
    go : bool
    reasons : tuple of str
        Sentences; the first is the strongest.
    advice : tuple of str
        What would make the next calibration better; may be empty.
    """

    go: bool
    reasons: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def word(self) -> str:
        """The recommendation in one word."""
        return "Go" if self.go else "Redo"


def recommend(evidence: CalibrationSummary) -> Recommendation:
    """Weigh the evidence.

    Redo, if the score is within what guessing reaches, or that of central electrodes alone is; the
    recordings alone tell the classes as well; a class is hardly ever found, too few clean trials
    are left of a class, a third of the trials was lost, or a quarter of the electrodes is bad.
    Else go.
    """
    against = [
        *_score(evidence),
        *_central(evidence),
        *_recordings(evidence),
        *_classes(evidence),
        *_trials(evidence),
        *_electrodes(evidence),
    ]
    reasons = tuple(against) or (_for(evidence),)
    return Recommendation(not against, reasons, tuple(_advice(evidence)))


def words(name: str) -> str:
    """Return the name of a class as people say it."""
    return name.replace("_", " ")


def percent(share: float) -> str:
    """Return a share as a whole percentage."""
    return f"{100 * share:.0f} %"


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _score(evidence: CalibrationSummary) -> list[str]:
    if evidence.score > evidence.chance:
        return []
    return [
        f"{percent(evidence.score)} of the left-out trials were decided rightly; guessing alone "
        f"reaches up to {percent(evidence.chance)}, so nothing shows that this decoder knows more."
    ]


def _central(evidence: CalibrationSummary) -> list[str]:
    origin = evidence.origin
    central = None if origin is None else origin.check(CENTRAL)
    if origin is None or central is None or central.score > origin.chance:
        return []
    sentence = (
        f"Central electrodes alone decide {percent(central.score)} of the left-out trials rightly, "
        f"within what guessing reaches ({percent(origin.chance)}): the decoder may follow the "
        "eyes, the jaw or the sight of the cue, not the motor cortex"
    )
    eyes = origin.check(EYES)
    if eyes is not None and eyes.score > origin.chance:
        sentence += f" (frontal and temporal electrodes alone reach {percent(eyes.score)})"
    return [f"{sentence}."]


def _recordings(evidence: CalibrationSummary) -> list[str]:
    by_recording = evidence.recordings
    if by_recording is None or not by_recording.tied or evidence.interval[0] > by_recording.score:
        return []
    return [about_recordings(by_recording)]


def about_recordings(by_recording: ByRecording) -> str:
    """Say that classes go with recordings."""
    return (
        f"The classes lie in different recordings: which recording a trial is of tells its class "
        f"in {percent(by_recording.score)} already, so that the score cannot tell the classes from "
        "whatever else differed between the recordings. Record every class in every run."
    )


def _classes(evidence: CalibrationSummary) -> list[str]:
    # Half as often as guessing would find it: the decoder avoids this class.
    least = 0.5 / len(evidence.trials)
    return [
        f"{words(name).capitalize()} was hardly ever found: in {percent(share)} of its trials."
        for name, share in evidence.recall.items()
        if share <= least
    ]


def _trials(evidence: CalibrationSummary) -> list[str]:
    few = [f"{n} of {words(name)}" for name, n in evidence.trials.items() if n < FEWEST_TRIALS]
    cued = sum(evidence.trials.values()) + evidence.rejected
    reasons = []
    if few:
        reasons.append(
            f"Too few clean trials: {listed(few)}; with fewer than {FEWEST_TRIALS} of a class a "
            "score says little."
        )
    if evidence.rejected > LOST_SHARE * cued:
        reasons.append(f"{evidence.rejected} of {cued} trials had to be left out.")
    return reasons


def _electrodes(evidence: CalibrationSummary) -> list[str]:
    if len(evidence.bad) <= BAD_SHARE * evidence.electrodes:
        return []
    return [f"{len(evidence.bad)} of {evidence.electrodes} electrodes were bad most of the time."]


def _for(evidence: CalibrationSummary) -> str:
    sentence = (
        f"{percent(evidence.score)} of the left-out trials were decided rightly, and guessing "
        f"reaches up to {percent(evidence.chance)}"
    )
    if evidence.interval[0] > evidence.chance:
        return f"{sentence}: the whole interval of the score is above it."
    return f"{sentence}: better than guessing, though not by a wide margin."


def _eyes(origin: Origin) -> list[str]:
    without, whole = origin.check(REGRESSED), origin.checks[0]
    if without is None or without.score < max(whole.score, origin.chance):
        return []
    return [
        f"With {origin.eyes} taken out the score is no lower ({percent(without.score)}, before "
        f"{percent(whole.score)}): fit with --regress-eyes, and the decoder cannot follow the eyes."
    ]


def _advice(evidence: CalibrationSummary) -> list[str]:
    advice = [] if evidence.origin is None else [evidence.origin.sentence, *_eyes(evidence.origin)]
    if evidence.bad:
        named = [f"{name} ({quality})" for name, quality in sorted(evidence.bad.items())]
        shown = named if len(named) <= 6 else [*named[:5], f"{len(named) - 5} more"]
        advice.append(f"Check {listed(shown)} before the next run.")
    if len(evidence.curve) > 1:
        last = evidence.curve[-1]
        earlier = [point for point in evidence.curve[:-1] if point[0] <= last[0] * 2 / 3]
        before = earlier[-1] if earlier else evidence.curve[0]
        if last[1] - before[1] >= RISING and last[1] < ENOUGH:
            advice.append(
                f"The learning curve still rises, from {percent(before[1])} with {before[0]} "
                f"trials to {percent(last[1])} with {last[0]}: another run is likely to help."
            )
        elif evidence.score <= evidence.chance:
            advice.append(
                "The learning curve is flat: rather than more of the same, check the electrodes "
                "and practise feeling the movement instead of picturing it."
            )
    return advice
