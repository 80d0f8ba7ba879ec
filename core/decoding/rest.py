"""What a decoder does at rest: how often it decides though nothing is imagined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from core.decoding.card import AT_REST, FALSE_ALARMS, IDLE_CLASS
from core.decoding.decoder import Decoder
from core.errors import InputError
from core.tensor_file import number

THRESHOLD = 0.5
"""Smallest probability for a decision, where nobody chose one."""

_LONGEST = 10_000  # thresholds of a curve
_MOST = 1e6  # false alarms a minute, and minutes


@dataclass(frozen=True)
class RestCurve:
    """False alarms at rest, and trials decided as asked, by the threshold of a decision.

    A false alarm is a decision for a class that begins while nothing is imagined, and another one
    for each window's length that it goes on.

    Attributes
    ----------
    thresholds : tuple of float
        Rising probabilities.
    alarms : tuple of float
        False alarms a minute at a threshold, or at any above it if those are more: never rising.
    hits : tuple of float
        Share of the trials that are decided as asked, at each threshold.
    minutes : float
        Of rest that they were counted in.
    """

    thresholds: tuple[float, ...]
    alarms: tuple[float, ...]
    hits: tuple[float, ...]
    minutes: float

    @property
    def least(self) -> float:
        """The fewest false alarms a minute that can be told from none: one in all of the rest."""
        return 1.0 / self.minutes

    def threshold_for(self, alarms: float) -> float:
        """Return the lowest threshold with at most so many false alarms a minute.

        Raises
        ------
        InputError
            If they are too few to be measured, or more at every threshold.
        """
        check_rate(alarms)
        if alarms < self.least:
            raise InputError(
                f"{alarms:g} false alarms a minute cannot be told from none in the "
                f"{self.minutes:.1f} min of rest that this decoder was fitted with; ask for "
                f"{np.ceil(100 * self.least) / 100:g} or more, or fit it on more recordings."
            )
        kept = np.flatnonzero(np.array(self.alarms) <= alarms)
        if not len(kept):
            raise InputError(
                f"This decoder has {self.alarms[-1]:.1f} false alarms a minute even at its highest "
                f"threshold; ask for more than {alarms:g}, or fit it with --idle-class."
            )
        return self.thresholds[int(kept[0])]

    def at(self, threshold: float) -> tuple[float, float]:
        """Return false alarms a minute and the share of hits at a threshold."""
        last = len(self.thresholds) - 1
        index = min(int(np.searchsorted(self.thresholds, threshold - 1e-9)), last)
        return self.alarms[index], self.hits[index]

    def words(self, threshold: float) -> str:
        """Say what to expect at a threshold, in one sentence."""
        alarms, hits = self.at(threshold)
        return (
            f"At rest about {alarms:.1f} false alarms a minute are expected with the threshold "
            f"{in_percent(threshold)}, at which {100 * hits:.0f} % of the trials are decided as "
            f"asked (both on what the head was not fitted on, at the decoder's own reference; "
            f"{self.minutes:.1f} min of rest)."
        )

    def as_facts(self) -> dict[str, Any]:
        """Return what a decoder's file keeps."""
        return {
            "minutes": round(self.minutes, 3),
            "thresholds": list(self.thresholds),
            "alarms_a_minute": [round(value, 3) for value in self.alarms],
            "hits": [round(value, 3) for value in self.hits],
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Read what a decoder's file keeps.

        Raises
        ------
        InputError, ValueError, TypeError, KeyError
            If it contradicts itself.
        """
        rows = [facts[name] for name in ("thresholds", "alarms_a_minute", "hits")]
        if not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
            raise ValueError("its curve of false alarms has rows of different lengths")
        if not 0 < len(rows[0]) <= _LONGEST:
            raise ValueError("its curve of false alarms is empty")
        thresholds, alarms, hits = (
            tuple(number(value, 0.0, most) for value in row)
            for row, most in zip(rows, (1.0, _MOST, 1.0), strict=True)
        )
        if (np.diff(thresholds) <= 0).any() or (np.diff(alarms) > 0).any():
            raise ValueError("its curve of false alarms is in no order")
        return cls(thresholds, alarms, hits, number(facts["minutes"], 1e-3, _MOST))


def in_percent(threshold: float) -> str:
    """Return a threshold in per cent, with as many digits as tell it from certainty."""
    digits = 0 if threshold < 0.99 or threshold >= 1.0 else int(np.ceil(-np.log10(1 - threshold)))
    return f"{100.0 * threshold:.{max(0, digits - 1)}f} %"


def rest_facts(
    curve: RestCurve | None, alarms: float | None = None, idle_class: str = ""
) -> dict[str, Any]:
    """Return what a decoder's file keeps of what it does at rest.

    Parameters
    ----------
    curve : RestCurve or None
        None where there is no rest to measure.
    alarms : float, optional
        False alarms a minute that its threshold is to keep.
    idle_class : str
        The class that means rest; empty for none.
    """
    return {
        **({} if curve is None else {AT_REST: curve.as_facts()}),
        **({} if alarms is None else {FALSE_ALARMS: alarms}),
        **({IDLE_CLASS: idle_class} if idle_class else {}),
    }


def without_rest(fit: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fit's facts for another head, whose false alarms nobody has counted."""
    return {name: value for name, value in fit.items() if name not in (AT_REST, FALSE_ALARMS)}


def curve_of(fit: Mapping[str, Any]) -> RestCurve | None:
    """Return the curve among a decoder's facts (`DecoderCard.fit`); None where there is none."""
    facts = fit.get(AT_REST)
    return None if facts is None else RestCurve.of_facts(facts)


def idle_class_of(decoder: Decoder) -> str:
    """Return the class that means rest; empty where a decoder has none."""
    name = decoder.facts.fit.get(IDLE_CLASS, "")
    return name if name in decoder.classes else ""


def threshold_at_rest(decoder: Decoder, alarms: float | None = None) -> float | None:
    """Return the threshold that keeps to so many false alarms a minute.

    Parameters
    ----------
    decoder : Decoder
    alarms : float, optional
        By default as many as were asked for when it was fitted; None if nobody asked.

    Raises
    ------
    InputError
        If nobody has counted its false alarms, or as `RestCurve.threshold_for`.
    """
    asked = decoder.facts.fit.get(FALSE_ALARMS) if alarms is None else alarms
    if asked is None:
        return None
    curve = curve_of(decoder.facts.fit)
    if curve is None:
        raise InputError(
            f"The false alarms of this decoder of subject {decoder.facts.subject} are unknown: "
            "they are counted by a fit (eegpt-calibrate fit) on recordings with pauses between "
            "the cues that last as long as a window. Give a --threshold instead."
        )
    return curve.threshold_for(float(asked))


def check_rate(alarms: float) -> float:
    """Return false alarms a minute, if they make sense.

    Raises
    ------
    InputError
        If they do not.
    """
    if not 0.0 < alarms <= 600.0:
        raise InputError(
            f"--false-alarms is {alarms:g} a minute; it must be more than 0 and at most 600."
        )
    return alarms


def check_facts(fit: Mapping[str, Any]) -> None:
    """Refuse what a decoder's file cannot say of rest.

    Raises
    ------
    InputError, ValueError, TypeError, KeyError
    """
    curve_of(fit)
    if fit.get(FALSE_ALARMS) is not None:
        check_rate(number(fit[FALSE_ALARMS], 0.0, _MOST))
    if not isinstance(fit.get(IDLE_CLASS, ""), str):
        raise ValueError("its idle class has no name")
