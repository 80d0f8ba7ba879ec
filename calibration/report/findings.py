"""Everything that a report shows, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.fitting import Fit
from calibration.recommendation import CalibrationSummary, Recommendation, recommend
from calibration.report.erd import BASELINE, SETTLED, Rhythms, rhythms
from calibration.report.patterns import Pattern, patterns
from calibration.report.scores import Estimate, Point, confusion, estimate, learning_curve
from calibration.report.time_frequency import (
    Spectra,
    TimeFrequency,
    spectra,
    time_frequency,
    time_frequency_numbers,
)
from core.fitting.trust import Trust
from core.fitting.views import HEADS, FeatureViews
from core.montage import match
from core.recordings import Recording
from core.signal.quality import QUALITIES, channel_quality
from core.signal.spectrum import BANDS

BAD = ("flat", "railed", "noisy")
"""Qualities that spoil an electrode; line noise is outside the decoder's band."""


@dataclass(frozen=True)
class Findings:
    """What a fit found.

    Attributes
    ----------
    fit : Fit
    files : tuple of str
        Names of the recordings, in the fit's order.
    recommendation : Recommendation
    estimates : dict of str to Estimate
        Candidate -> balanced accuracy on left-out trials.
    confusion : ndarray, shape (classes, classes)
        Shares of the decisions that `estimate` counts, by the class asked for.
    curve : tuple of Point
        Learning curve of `curve_head`.
    curve_head : str
    rhythms : Rhythms or None
    time_frequency : TimeFrequency or None
    spectra : Spectra or None
    patterns : tuple of Pattern
    quality : dict of str to dict of str to float
        Electrode -> quality -> share of the trials.
    """

    fit: Fit
    files: tuple[str, ...]
    recommendation: Recommendation
    estimates: dict[str, Estimate]
    confusion: np.ndarray
    curve: tuple[Point, ...]
    curve_head: str
    rhythms: Rhythms | None
    time_frequency: TimeFrequency | None
    spectra: Spectra | None
    patterns: tuple[Pattern, ...]
    quality: dict[str, dict[str, float]]

    @property
    def estimate(self) -> Estimate:
        """Of the decoder: where a head was chosen, of the choice."""
        return self.estimates[self.fit.selection.quoted]


def analyse(fit: Fit, recordings: Sequence[Recording]) -> Findings:
    """Look at a fit and the recordings it was made from.

    Parameters
    ----------
    fit : Fit
    recordings : sequence of Recording
        Those of the fit, in its order.
    """
    epochs, selection, settings = fit.epochs, fit.selection, fit.decoder.settings
    labels = epochs.labels
    estimates = {
        name: estimate(score.balanced_accuracy, epochs.independent)
        for name, score in selection.scores.items()
    }
    table = confusion(selection.score, labels, len(epochs.classes))
    head = _quick(selection.chosen)
    views = FeatureViews(epochs, settings.channels, settings.rate, None, taken=fit.taken)
    curve = learning_curve(views, head, int(fit.decoder.facts.fit.get("seed", 0)))
    quality = qualities(fit, recordings)
    counts = np.bincount(labels, minlength=len(epochs.classes))
    reached = estimates[selection.quoted]
    recommendation = recommend(
        CalibrationSummary(
            score=reached.score,
            interval=(reached.low, reached.high),
            chance=selection.chance,
            trials={name: int(n) for name, n in zip(epochs.classes, counts, strict=True)},
            recall={name: float(table[i, i]) for i, name in enumerate(epochs.classes)},
            rejected=len(fit.rejected),
            bad={name: kind for name, shares in quality.items() if (kind := worst(shares)) in BAD},
            electrodes=len(fit.electrodes),
            curve=tuple((point.trials, point.estimate.score) for point in curve),
            origin=fit.origin,
            recordings=fit.recordings,
        )
    )
    return Findings(
        fit=fit,
        files=tuple(recording.path.name for recording in recordings),
        recommendation=recommendation,
        estimates=estimates,
        confusion=table,
        curve=curve,
        curve_head=head,
        rhythms=rhythms(epochs, recordings, settings),
        time_frequency=time_frequency(epochs, recordings, settings),
        spectra=spectra(epochs, recordings, settings),
        patterns=patterns(epochs, selection, settings.rate),
        quality=quality,
    )


def qualities(fit: Fit, recordings: Sequence[Recording]) -> dict[str, dict[str, float]]:
    """Return in which share of the trials each electrode was good, flat, railed ..."""
    channels = fit.decoder.settings.channels
    seconds = fit.decoder.window / fit.decoder.settings.rate
    trials = [*fit.epochs.trials, *(rejection.trial for rejection in fit.rejected)]
    judged = []
    for trial in trials:
        recording = recordings[trial.recording]
        start = max(round(trial.onset * recording.rate), 0)
        samples = recording.samples_uv[start : start + round(seconds * recording.rate)]
        if len(samples) >= recording.rate:  # a second, for a judgement
            picks = list(match(recording.labels, channels).indices)
            judged.append(channel_quality(samples[:, picks], recording.rate))
    return {
        name: {
            quality: float(np.mean([row[i] == quality for row in judged])) for quality in QUALITIES
        }
        for i, name in enumerate(channels)
    }


def worst(shares: Mapping[str, float]) -> str:
    """Return what an electrode was in at least half of the trials, "good" if nothing else."""
    quality = max((name for name in shares if name != "good"), key=shares.__getitem__)
    return quality if shares[quality] >= 0.5 else "good"


def numbers(findings: Findings) -> dict[str, Any]:
    """Return the findings as plain numbers and texts, for JSON."""
    fit, recommendation = findings.fit, findings.recommendation
    return {
        "recommendation": {
            "go": recommendation.go,
            "reasons": recommendation.reasons,
            "advice": recommendation.advice,
        },
        "quoted": fit.selection.quoted,
        "scores": {
            name: {"score": accuracy.score, "interval": (accuracy.low, accuracy.high)}
            for name, accuracy in findings.estimates.items()
        },
        "chance": fit.selection.chance,
        "origin": fit.decoder.facts.fit.get("origin"),
        "at_rest": None if fit.rest is None else fit.rest.as_facts(),
        "confusion": findings.confusion.tolist(),
        "trust": _trust_numbers(fit.trust),
        "learning_curve": {
            "head": findings.curve_head,
            "points": [
                {
                    "trials": point.trials,
                    "score": point.estimate.score,
                    "interval": (point.estimate.low, point.estimate.high),
                }
                for point in findings.curve
            ],
        },
        "rhythms": _rhythm_numbers(findings.rhythms),
        "time_frequency": time_frequency_numbers(findings.time_frequency),
        "patterns": [
            {
                "class": pattern.label,
                "power": "more" if pattern.more else "less",
                "strength": pattern.strength,
                "topography": _by_name(fit.decoder.settings.channels, pattern.topography),
            }
            for pattern in findings.patterns
        ],
        "rejected": [
            {
                "trial": rejection.trial.number,
                "recording": findings.files[rejection.trial.recording],
                "onset_s": rejection.trial.onset,
                "class": rejection.trial.label,
                "reason": rejection.reason,
            }
            for rejection in fit.rejected
        ],
        "quality": findings.quality,
    }


def _trust_numbers(trust: Trust | None) -> dict[str, Any] | None:
    if trust is None:
        return None
    known = trust.curve.counts > 0
    return trust.as_facts() | {
        "bin": np.flatnonzero(known).tolist(),
        "decisions": trust.curve.counts[known].tolist(),
        "confidence": trust.curve.confidence[known].tolist(),
        "accuracy": trust.curve.accuracy[known].tolist(),
    }


def _rhythm_numbers(erd: Rhythms | None) -> dict[str, Any] | None:
    if erd is None:
        return None
    return {
        "baseline_s": BASELINE,
        "averaged_from_s": SETTLED,
        "change_percent": {
            band: {
                name: _by_name(erd.channels, erd.maps[i, j]) for j, name in enumerate(erd.classes)
            }
            for i, band in enumerate(BANDS)
        },
    }


def _by_name(channels: Sequence[str], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(v), 3) for name, v in zip(channels, values, strict=True)}


def _quick(chosen: str) -> str:
    """Return the chosen head, or the first that needs no encoder: it is fitted many times."""
    if "tokens" not in HEADS.get(chosen, ("tokens",)):
        return chosen
    return next(head for head, views in HEADS.items() if "tokens" not in views)
